"""An association to retrieve on, its peer in the hands of the test, and instances to send."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import define, field
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.io.talking import talking
from trio_dicom import (
    Association,
    CGetRequest,
    CGetResponse,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    PresentationContext,
    Retrieval,
    response_to,
)
from trio_dicom._operations.inbox import Into
from trio_dicom.lowlevel import encode_data_set
from trio_dicom.sop_classes import STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION, storage_contexts
from trio_dicom.testing import ScriptedPeer, message_bytes

__all__ = [
    "CONTEXTS",
    "CT_ID",
    "Taker",
    "begin_to_send",
    "bring",
    "c_store",
    "ct",
    "files_in",
    "getting",
    "pdus_of",
    "retrieving",
    "send",
    "study_query",
    "uids_of",
]

CONTEXTS = (STUDY_ROOT_GET, *storage_contexts(CTImageStorage), STUDY_ROOT_FIND, VERIFICATION)
CT_ID = 3


@asynccontextmanager
async def getting(
    contexts: Iterable[PresentationContext] = CONTEXTS, **talk: Any
) -> AsyncGenerator[tuple[Association, ScriptedPeer], None]:
    """An association, and its peer, who obliges when the block ends in order.

    Args:
        contexts: What to propose.
        **talk: As for ``talking``.
    """
    async with talking(contexts=contexts, **talk) as (connection, peer):
        assert connection.association is not None
        yield Association(connection, connection.association), peer


@asynccontextmanager
async def retrieving(
    into: Into | None, **talk: Any
) -> AsyncGenerator[tuple[Retrieval[CGetResponse], ScriptedPeer], None]:
    """A C-GET whose request the peer has got; it ends with success, after the block.

    Args:
        into: Where the instances go.
        **talk: As for ``talking``.
    """
    async with (
        getting(**talk) as (association, peer),
        association.c_get(study_query(), into=into) as retrieval,
    ):
        request = await peer.expect_message(CGetRequest)
        yield retrieval, peer
        await peer.reply(request, 0x0000)
        await retrieval.final()


def study_query(study: str = "1.2") -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = study
    return query


def ct(uid: str = "1.2.3", *, size: int = 100, **elements: Any) -> EncodedDataSet:
    """An instance with pixel data of ``size`` bytes, which is even."""
    data_set = Dataset()
    data_set.update({"SOPClassUID": CTImageStorage, **elements})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about UIDs that are none
        data_set.SOPInstanceUID = uid
    data_set.add_new("PixelData", "OW", bytes(size))
    return EncodedDataSet(encode_data_set(data_set, ExplicitVRLittleEndian), ExplicitVRLittleEndian)


def c_store(uid: str, number: int, **fields: Any) -> CStoreRequest:
    fields = {"sop_class_uid": CTImageStorage, "data_set": ct(uid), **fields}
    return CStoreRequest(message_id=number, sop_instance_uid=uid, **fields)


async def send(
    peer: ScriptedPeer,
    uid: str = "1.2.3",
    *,
    number: int = 1,
    context_id: int = CT_ID,
    **fields: Any,
) -> CStoreResponse:
    """Send an instance, and receive what becomes of it.

    Args:
        peer: Who sends it.
        uid: The SOP instance UID of the request, and of the data set if ``fields`` has none.
        number: The message ID.
        context_id: On which context.
        **fields: More fields of the request.
    """
    request = c_store(uid, number, **fields)
    await peer.send_message(request, context_id=context_id)
    answer = await peer.expect_message(CStoreResponse)
    assert peer.last_context_id == context_id
    assert answer.message_id_being_responded_to == number
    return answer


async def begin_to_send(
    peer: ScriptedPeer,
    uid: str = "1.2.3",
    *,
    number: int = 1,
    size: int = 3_000_000,
    context_id: int = CT_ID,
) -> bytes:
    """Send all but the last PDU of an instance, and give that one.

    Args:
        peer: Who sends it.
        uid: Its SOP instance UID.
        number: The message ID.
        size: The bytes of its pixel data: more than is written to the disk at once.
        context_id: On which context.
    """
    *pdus, last = pdus_of(
        c_store(uid, number, data_set=ct(uid, size=size)), 65_536, context_id=context_id
    )
    await peer.send_bytes(b"".join(pdus))
    return last


def pdus_of(request: CStoreRequest, max_fragment: int, *, context_id: int = CT_ID) -> list[bytes]:
    """The PDUs that carry an instance.

    Args:
        request: With it.
        max_fragment: Bytes of the longest fragment.
        context_id: On which context.
    """
    whole = message_bytes(
        request,
        context_id=context_id,
        transfer_syntax=ExplicitVRLittleEndian,
        max_fragment=max_fragment,
    )
    pdus: list[bytes] = []
    while whole:
        length = 6 + int.from_bytes(whole[2:6], "big")
        pdus.append(whole[:length])
        whole = whole[length:]
    return pdus


async def bring(
    peer: ScriptedPeer, *uids: str, status: int | None = 0x0000, **fields: Any
) -> CGetRequest:
    """Expect a C-GET, and answer it with instances, a pending response after each, and the end.

    Args:
        peer: Who answers.
        *uids: The instances.
        status: The final status; None to say nothing final yet.
        **fields: More fields of the final response.
    """
    request = await peer.expect_message(CGetRequest)
    for number, uid in enumerate(uids, start=1):
        answer = await send(peer, uid, number=number)
        assert answer.status.is_success
        await peer.reply(
            request, 0xFF00, remaining=len(uids) - number, completed=number, failed=0, warning=0
        )
    if status is not None:
        await peer.reply(request, status, **fields)
    return request


def files_in(directory: Path) -> list[str]:
    """The names of all files in a directory, hidden ones as well, in order."""
    return sorted(path.name for path in directory.iterdir())


def uids_of(retrieval: Retrieval[CGetResponse]) -> list[str]:
    """The instances that came, in order."""
    return [it.sop_instance_uid for it in retrieval.instances]


@define(eq=False)
class Taker:
    """Takes instances in memory.

    Attributes:
        status: What it answers.
        uids: What it was given, in order.
    """

    status: int = 0x0000
    uids: list[str] = field(factory=list[str])

    async def c_store_sink(self, request: CStoreRequest) -> None:
        """No file."""

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.uids.append(request.sop_instance_uid)
        return response_to(request, self.status)
