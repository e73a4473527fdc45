"""What tests of storage commitment share: requests that came, and reports on them."""

from __future__ import annotations

from pydicom import Dataset

from trio_dicom import (
    InstanceReference,
    NActionRequest,
    NEventReportRequest,
    NEventReportResponse,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT
from trio_dicom.testing import ScriptedPeer

__all__ = ["CT", "ONE", "PUSH_MODEL", "THE_INSTANCE", "TWO", "answer_of", "asked", "report"]


CT = "1.2.840.10008.5.1.4.1.1.2"
PUSH_MODEL = str(STORAGE_COMMITMENT.abstract_syntax)
THE_INSTANCE = "1.2.840.10008.1.20.1.1"
ONE, TWO = InstanceReference(CT, "1.2.3.1"), InstanceReference(CT, "1.2.3.2")


def report(
    transaction_uid: str,
    committed: tuple[InstanceReference, ...] = (ONE, TWO),
    failed: dict[InstanceReference, int] | None = None,
    *,
    message_id: int = 7,
    event_type_id: int | None = None,
    **attributes: str,
) -> NEventReportRequest:
    information = Dataset()
    information.TransactionUID = transaction_uid
    if committed:
        information.ReferencedSOPSequence = [it.data_set() for it in committed]
    if failed:
        items = [it.data_set() for it in failed]
        for item, reason in zip(items, failed.values(), strict=True):
            item.FailureReason = reason
        information.FailedSOPSequence = items
    for keyword, value in attributes.items():
        setattr(information, keyword, value)
    return NEventReportRequest(
        sop_class_uid=PUSH_MODEL,
        sop_instance_uid=THE_INSTANCE,
        event_type_id=event_type_id or (2 if failed else 1),
        message_id=message_id,
        data_set=information,
    )


async def asked(peer: ScriptedPeer) -> tuple[NActionRequest, str]:
    """The request, and its transaction UID."""
    request = await peer.expect_message(NActionRequest)
    assert request.action_information is not None
    return request, request.action_information.TransactionUID


async def answer_of(peer: ScriptedPeer, event: NEventReportRequest) -> int:
    """The status with which a report is answered."""
    await peer.send_message(event, context_id=1)
    return (await peer.expect_message(NEventReportResponse)).status.code
