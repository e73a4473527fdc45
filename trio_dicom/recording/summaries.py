"""What a PDU says, in the plain values of JSON: no patient and no secret is in it."""

from __future__ import annotations

from typing import Any, TypeAlias, assert_never, cast

from attrs import define, field

from trio_dicom._dimse.base import Message, Response
from trio_dicom._dimse.message import decode_command
from trio_dicom._wire.data import PresentationDataValue
from trio_dicom._wire.items import UnknownItem
from trio_dicom._wire.pdus import (
    Abort,
    AssociationAccept,
    AssociationReject,
    AssociationRequest,
    DataTransfer,
    Pdu,
    ReleaseRequest,
    ReleaseResponse,
)
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    OperationsWindow,
    RoleSelection,
    UserIdentity,
    UserIdentityAnswer,
    UserItem,
)
from trio_dicom.errors import PDUError

__all__ = ["Summaries", "Summary"]

Summary: TypeAlias = dict[str, Any]

# What a peer says in its own words may name a patient.
_UNSAID = frozenset({"error_comment"})


@define(eq=False)
class Summaries:
    """Reads the PDUs of one side, in their order: a command set may come in several."""

    _command: bytearray = field(factory=bytearray, init=False, repr=False)

    def of(self, pdu: Pdu) -> Summary:
        """What the next PDU says."""
        match pdu:
            case DataTransfer(pdvs=pdvs):
                return {"fragments": [self._fragment(it) for it in pdvs]}
            case AssociationRequest():
                contexts: list[Summary] = [
                    {
                        "id": it.context_id,
                        "abstract_syntax": it.abstract_syntax,
                        "transfer_syntaxes": list(it.transfer_syntaxes),
                    }
                    for it in pdu.contexts
                ]
                return _associate(pdu, contexts)
            case AssociationAccept():
                contexts = [
                    {
                        "id": it.context_id,
                        "result": it.result.words,
                        "transfer_syntax": it.transfer_syntax,
                    }
                    for it in pdu.contexts
                ]
                return _associate(pdu, contexts)
            case AssociationReject(result=result, reason=reason):
                return {
                    "result": result.words,
                    "source": reason.source.words,
                    "reason": reason.words,
                }
            case Abort(source=source, reason=reason):
                return {"source": source.words, "reason": reason.words}
            case ReleaseRequest() | ReleaseResponse():
                return {}
            case _:
                assert_never(pdu)

    def _fragment(self, pdv: PresentationDataValue) -> Summary:
        summary: Summary = {
            "context": pdv.context_id,
            "of": "command set" if pdv.is_command else "data set",
            "length": len(pdv.data),
            "is_last": pdv.is_last,
        }
        if pdv.is_command:
            self._command += pdv.data
            if pdv.is_last:
                whole, self._command = self._command, bytearray()
                summary["message"] = _message(whole)
        return summary


def _message(command_set: bytearray) -> Summary:
    try:
        command = decode_command(command_set)
    except PDUError as error:
        return {"broken": str(error)}
    message = command.message
    summary: Summary = {"name": message.command_field.name.replace("_", "-")}
    for row in message.rows:
        if row.name not in _UNSAID and (value := _plain(message, row.name)) is not None:
            summary[row.name] = value
    if isinstance(message, Response):
        summary |= {"kind": message.status.kind.value, "meaning": message.status.meaning or None}
    summary["has_data_set"] = command.has_data_set
    return summary


def _plain(message: Message, name: str) -> Any:
    if name == "status" and isinstance(message, Response):
        return message.status.code
    value: Any = getattr(message, name)
    if isinstance(value, tuple):  # of tags
        return [f"{int(it):08X}" for it in cast("tuple[int, ...]", value)] or None
    return value


def _associate(pdu: AssociationRequest | AssociationAccept, contexts: list[Summary]) -> Summary:
    summary: Summary = {
        "calling_ae": pdu.calling_ae,
        "called_ae": pdu.called_ae,
        "contexts": contexts,
    }
    for item in pdu.user_information:
        name, value = _user_item(item)
        if isinstance(value, list):
            summary.setdefault(name, []).extend(value)
        else:
            summary[name] = value
    return summary


def _user_item(item: UserItem) -> tuple[str, Any]:
    """Its name and value; a list where there may be several."""
    match item:
        case MaximumLength(max_length=length):
            return "max_length", length
        case ImplementationClassUID(uid=uid):
            return "implementation_class_uid", uid
        case ImplementationVersionName():
            return "implementation_version_name", item.name
        case OperationsWindow(invoked=invoked, performed=performed):
            return "window", {"invoked": invoked, "performed": performed}
        case RoleSelection(sop_class_uid=uid, scu=scu, scp=scp):
            return "roles", [{"sop_class_uid": uid, "scu": scu, "scp": scp}]
        case ExtendedNegotiation(sop_class_uid=uid, application_information=information):
            return "extended", [
                {"sop_class_uid": uid, "application_information": information.hex()}
            ]
        case CommonExtendedNegotiation(sop_class_uid=uid):
            related = {
                "service_class_uid": item.service_class_uid,
                "related_general_sop_class_uids": list(item.related_general_sop_class_uids),
            }
            return "common_extended", [{"sop_class_uid": uid, **related}]
        case UserIdentity(identity_type=kind):  # which is all that may be told
            return "user_identity", kind.name.lower().replace("_", " ")
        case UserIdentityAnswer():
            return "user_identity", "answered"
        case UnknownItem(item_type=item_type):
            return "unknown_items", [f"{item_type:02X}H"]
        case _:
            assert_never(item)
