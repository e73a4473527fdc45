"""Peers that call a receiver of ours, over links in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.operations.getting import ct
from trio_dicom import (
    Association,
    CStoreRequest,
    CStoreResponse,
    PresentationContext,
    Receiver,
    open_receiver,
    propose,
    response_to,
    wrap_stream,
)
from trio_dicom._io.lifetime import peeled
from trio_dicom.lowlevel import AssociationAccept
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import ScriptedPeer, memory_link

__all__ = ["CONTEXTS", "Keeper", "bringing", "calling", "knocking", "offer", "receiving"]

CONTEXTS = (VERIFICATION, PresentationContext(CTImageStorage, (ExplicitVRLittleEndian,)))


@define(eq=False)
class Keeper:
    """Keeps instances in memory.

    Attributes:
        status: What it answers.
        uids: What it was given, in order.
        requests: With what.
    """

    status: int = 0x0000
    uids: list[str] = field(factory=list[str])
    requests: list[CStoreRequest] = field(factory=list[CStoreRequest])

    async def c_store_sink(self, request: CStoreRequest) -> int | None:
        """No file."""

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.uids.append(request.sop_instance_uid)
        self.requests.append(request)
        return response_to(request, self.status)


@asynccontextmanager
async def receiving(into: Any = None, **settings: Any) -> AsyncGenerator[Receiver, None]:
    """A receiver, with a keeper of its own unless ``into`` is given."""
    async with open_receiver(into=Keeper() if into is None else into, **settings) as receiver:
        yield receiver


@asynccontextmanager
async def calling(
    receiver: Receiver,
    contexts: Iterable[PresentationContext] = CONTEXTS,
    *,
    calling_ae: str = "ARCHIVE",
    called_ae: str = "TRIO_DICOM",
    **proposal: Any,
) -> AsyncGenerator[Association, None]:
    """An association of a peer with ``receiver``.

    Args:
        receiver: Whom it calls.
        contexts: What it proposes.
        calling_ae: What it calls itself.
        called_ae: What it calls the receiver.
        **proposal: As for ``propose``; ``handler`` as for ``wrap_stream``.
    """
    ours, theirs = memory_link()
    handler = proposal.pop("handler", None)
    with peeled():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receiver.serve, theirs)
            async with wrap_stream(ours, handler=handler) as connection:
                request = propose(
                    calling_ae=calling_ae, called_ae=called_ae, contexts=contexts, **proposal
                )
                negotiated = await connection.send_association_request(request)
                yield Association(connection, negotiated)


@asynccontextmanager
async def knocking(receiver: Receiver) -> AsyncGenerator[ScriptedPeer, None]:
    """A connection to ``receiver`` on which nothing was said yet."""
    ours, theirs = memory_link()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(receiver.serve, theirs)
        yield ScriptedPeer(ours)
        ours.close()


@asynccontextmanager
async def bringing(receiver: Receiver) -> AsyncGenerator[ScriptedPeer, None]:
    """A peer in the hands of the test that has an association with ``receiver``."""
    async with knocking(receiver) as peer:
        await peer.send(propose(contexts=CONTEXTS, calling_ae="ARCHIVE"))
        await peer.expect(AssociationAccept)
        yield peer


async def offer(association: Association, uid: str = "1.2.3", **fields: Any) -> CStoreResponse:
    """The answer to an instance that the peer brings."""
    fields = {"sop_class_uid": CTImageStorage, "data_set": ct(uid), **fields}
    response = await association.send_request(CStoreRequest(sop_instance_uid=uid, **fields))
    assert isinstance(response, CStoreResponse)
    return response
