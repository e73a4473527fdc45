"""The receiver, fed with what may or may not be a client's bytes."""

from __future__ import annotations

from functools import cache

from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.faults.keeping import Instance, instance
from tests.fuzz.lockstep import (
    A_LOT,
    DRIBBLED,
    HOW,
    LIMITS,
    Lockstep,
    folder,
    no_bugs,
    run,
    stream_of,
    written,
)
from tests.operations.calling import CONTEXTS
from trio_dicom import (
    AbortSource,
    CEchoRequest,
    CFindRequest,
    ConnectionOptions,
    CStoreResponse,
    Inbox,
    Limits,
    NEventReportRequest,
    Request,
    open_receiver,
    propose,
)
from trio_dicom._operations.inbox import file_name
from trio_dicom.lowlevel import (
    Abort,
    DataTransfer,
    MessageAssembler,
    ReleaseRequest,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT
from trio_dicom.testing import message_bytes

__all__ = ["client_streams", "receiver"]

OPTIONS = ConnectionOptions(limits=LIMITS, max_length=4096)
LONGEST = 2_000  # seconds


def receiver(data: bytes) -> int:
    """Whatever a client says, it is served to an end, and what is said to be stored is there.

    Returns:
        How many instances were said to be stored.
    """
    stream = stream_of(data)
    with no_bugs(), folder() as inbox:

        async def main() -> None:
            async with open_receiver(into=Inbox(inbox), options=OPTIONS) as ours:
                await ours.serve(stream)
                assert ours.associations == 0

        run(main, within=LONGEST)
        assert stream.is_closed
        stored = _stored(stream)
        names = {path.name for path in inbox.iterdir() if not path.name.startswith(".")}
        assert stored <= names, f"said to be stored: {stored - names}"
    return len(stored)


def _stored(stream: Lockstep) -> set[str]:
    """The names of the files that it says are there now."""
    assembler = MessageAssembler(Limits())
    names: set[str] = set()
    for pdu in written(stream):
        for pdv in pdu.pdvs if isinstance(pdu, DataTransfer) else ():
            message = assembler.feed(pdv, ExplicitVRLittleEndian)
            if isinstance(message, CStoreResponse) and message.status.code == 0x0000:
                assert message.sop_instance_uid is not None
                names.add(file_name(message.sop_instance_uid))
    return names


# --- seeds --------------------------------------------------------------------------------


@cache
def client_streams() -> tuple[bytes, ...]:
    """What clients say to a receiver, in order and not."""
    request = propose(contexts=[*CONTEXTS, STORAGE_COMMITMENT]).encode()
    echo = _message(CEchoRequest(message_id=1), 1)
    small, large = instance("1.2.1", 100, message_id=2), instance("1.2.2", 9000, message_id=3)
    instances = _store(small) + _store(large)
    report = NEventReportRequest(
        sop_class_uid=STORAGE_COMMITMENT.abstract_syntax,
        sop_instance_uid="1.2.840.10008.1.20.1.1",
        message_id=4,
        event_type_id=1,
        data_set=_transaction(),
    )
    find = CFindRequest(sop_class_uid=CTImageStorage, message_id=5, data_set=_transaction())
    abort = Abort(AbortSource.USER).encode()
    return (
        HOW + request + echo + instances + _message(report, 5) + ReleaseRequest().encode(),
        HOW + request + _store(large)[:-500] + abort,
        b"\6\0" + request + instances,  # all at once
        HOW + request + _message(find, 1) + _message(report, 1) + abort,
        b"\2\1" + request + instances,  # and reads nothing
        HOW + request + _store(instance("../../x", 2, message_id=6)),
        DRIBBLED + request + A_LOT,
        HOW + abort,
    )


def _message(message: Request, context_id: int) -> bytes:
    return message_bytes(
        message,
        context_id=context_id,
        transfer_syntax=ExplicitVRLittleEndian,
        max_fragment=1024,
    )


def _store(it: Instance) -> bytes:
    return message_bytes(
        it.request, context_id=3, transfer_syntax=ExplicitVRLittleEndian, max_fragment=1024
    )


def _transaction() -> Dataset:
    data_set = Dataset()
    data_set.TransactionUID = "1.2.9"
    return data_set
