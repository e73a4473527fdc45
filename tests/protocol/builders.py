"""Associations to test with, made of as few words as possible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian

from trio_dicom._dimse.c_messages import CEchoRequest, CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.message import Message, encode_command
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom._protocol.events import Event
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.negotiation import answer, propose
from trio_dicom._protocol.states import Role
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.items import AnsweredContext, ProposedContext
from trio_dicom._wire.user_items import UserItem
from trio_dicom.errors import RemoteProtocolError
from trio_dicom.options import Limits
from trio_dicom.reasons import AbortReason, AbortSource, ContextResult

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"

ECHO_CONTEXT = PresentationContext(VERIFICATION)
REQUEST = propose(contexts=[ECHO_CONTEXT])
TWO = propose(contexts=[ECHO_CONTEXT, PresentationContext(CT)])


def accept_first(proposed: ProposedContext) -> tuple[ContextResult, str | None]:
    return ContextResult.ACCEPTANCE, proposed.transfer_syntaxes[0]


def refuse_all(proposed: ProposedContext) -> tuple[ContextResult, str | None]:
    return ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, None


ACCEPT = answer(REQUEST, supported=accept_first)


def accepting(
    *contexts: AnsweredContext, user_information: tuple[UserItem, ...] = ()
) -> AssociationAccept:
    """An A-ASSOCIATE-AC of a peer that may say whatever it likes."""
    return AssociationAccept(
        called_ae="", calling_ae="", contexts=contexts, user_information=user_information
    )


def accepted(context_id: int, transfer_syntax: str = EXPLICIT) -> AnsweredContext:
    return AnsweredContext(
        context_id=context_id, result=ContextResult.ACCEPTANCE, transfer_syntax=transfer_syntax
    )


def refused(context_id: int, result: ContextResult = ContextResult.NO_REASON) -> AnsweredContext:
    return AnsweredContext(context_id=context_id, result=result, transfer_syntax=None)


def context(
    context_id: int,
    abstract_syntax: str,
    transfer_syntax: str | None,
    *,
    as_scu: bool = True,
    as_scp: bool = False,
) -> NegotiatedContext:
    """A context that was accepted in ``transfer_syntax``, or refused."""
    return NegotiatedContext(
        context_id=context_id,
        abstract_syntax=UID(abstract_syntax),
        proposed=(UID(transfer_syntax or EXPLICIT),),
        result=ContextResult.ACCEPTANCE if transfer_syntax else ContextResult.USER_REJECTION,
        transfer_syntax=UID(transfer_syntax) if transfer_syntax else None,
        as_scu=as_scu,
        as_scp=as_scp,
    )


def events_of(machine: AssociationMachine, *chunks: bytes) -> list[Event]:
    """What the machine reports for these bytes."""
    events: list[Event] = []
    for chunk in chunks:
        machine.receive_data(chunk)
        while (event := machine.next_event()) is not None:
            events.append(event)
    return events


def event_of(machine: AssociationMachine, chunk: bytes) -> Event:
    """The one thing that the machine reports for these bytes."""
    (event,) = events_of(machine, chunk)
    return event


def established(
    role: Role,
    *,
    request: AssociationRequest = REQUEST,
    accept: AssociationAccept | None = None,
    limits: Limits | None = None,
) -> AssociationMachine:
    """A machine with an association, everything before it consumed."""
    machine = AssociationMachine(role, limits=limits or Limits())
    accept = accept or answer(request, supported=accept_first)
    if role is Role.REQUESTOR:
        machine.send(request)
        event_of(machine, accept.encode())
    else:
        event_of(machine, request.encode())
        machine.send(accept)
    return machine


def connected(
    contexts: Iterable[PresentationContext] = (ECHO_CONTEXT,),
    **options: int,
) -> tuple[AssociationMachine, AssociationMachine]:
    """A requestor and an acceptor with an association between them."""
    request = propose(contexts=contexts, **options)
    accept = answer(request, supported=accept_first)
    return (
        established(Role.REQUESTOR, request=request, accept=accept),
        established(Role.ACCEPTOR, request=request, accept=accept),
    )


def sent(machine: AssociationMachine, context_id: int, message: Message) -> bytes:
    """A message as ``machine`` puts it on the wire; its data set is encoded already."""
    data = message.data_set
    assert data is None or isinstance(data, EncodedDataSet)
    has_data_set = data is not None
    command = encode_command(message, has_data_set=has_data_set)
    pieces = machine.fragment(context_id, command, is_command=True, is_last=True)
    if data is not None:
        pieces += machine.fragment(context_id, bytes(data.data), is_command=False, is_last=True)
    return b"".join(pieces)


def p_data(*pdvs: PresentationDataValue) -> bytes:
    return DataTransfer(pdvs).encode()


def pdv(
    data: bytes, *, context_id: int = 1, is_command: bool = True, is_last: bool = True
) -> PresentationDataValue:
    return PresentationDataValue(
        context_id=context_id, is_command=is_command, is_last=is_last, data=data
    )


def encoded(data: bytes = b"\x08\0\x18\0UI\x02\x001\0") -> EncodedDataSet:
    return EncodedDataSet(data, ExplicitVRLittleEndian)


def ids(contexts: Sequence[ProposedContext]) -> list[int]:
    return [it.context_id for it in contexts]


ECHO = CEchoRequest(message_id=7)
ECHO_COMMAND = encode_command(ECHO, has_data_set=False)
STORE = CStoreRequest(message_id=9, sop_class_uid=CT, sop_instance_uid="1.2.3", data_set=encoded())
STORE_COMMAND = encode_command(STORE, has_data_set=True)
BY_USER = Abort(AbortSource.USER).encode()


def by_provider(reason: AbortReason) -> bytes:
    return Abort(AbortSource.PROVIDER, reason).encode()


INVALID = by_provider(AbortReason.INVALID_PDU_PARAMETER_VALUE)


def fault_of(machine: AssociationMachine, *chunks: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        events_of(machine, *chunks)
    return caught.value
