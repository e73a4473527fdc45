"""A peer that does whatever it is asked for, at once and in full."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from attrs import define, field
from pydicom import Dataset

from tests.operations.committing import report
from tests.operations.getting import c_store
from trio_dicom import (
    CCancelRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreResponse,
    InstanceReference,
    Message,
    NActionRequest,
    NCreateRequest,
    Request,
)
from trio_dicom.lowlevel import Abort
from trio_dicom.sop_classes import STORAGE_COMMITMENT
from trio_dicom.testing import ConversationEnd, ConversationOver, ScriptedPeer

__all__ = ["BROUGHT", "FILM_BOX", "Deliver", "ObligingPeer"]

FILM_BOX = "1.2.840.10008.5.1.1.2"
_IMAGE_BOX = "1.2.840.10008.5.1.1.4"
BROUGHT = ("1.2.3", "1.2.4")  # the instances that a C-GET or C-MOVE brings
_CT = "1.2.840.10008.5.1.4.1.1.2"

Deliver = Callable[[CMoveRequest, str], Awaitable[None]]
"""Brings an instance, named last, where a C-MOVE wants it."""


@define(eq=False)
class ObligingPeer:
    """Serves one association over ``peer`` until it ends, however it ends.

    Attributes:
        peer: The far end.
        deliver: Brings the instances of a C-MOVE; None where they go nowhere.
        window: Operations invoked and performed to grant; None grants no item.
    """

    peer: ScriptedPeer
    deliver: Deliver | None = None
    window: tuple[int, int] | None = None
    _retrieve: CGetRequest | None = None
    _left: list[str] = field(factory=list[str])

    async def serve(self) -> None:
        try:
            await self.peer.accept(window=self.window, max_length=1024)
            while True:
                await self._take(await self.peer.receive_message())
        except ConversationOver as over:
            if over.how is ConversationEnd.RELEASED:
                await self._await_the_end()
        except trio.ClosedResourceError:
            pass  # it hung up while we were answering
        await self.peer.aclose()

    async def _await_the_end(self) -> None:
        """The other side has got its release, and may abort all the same if it is cancelled."""
        try:
            pdu = await self.peer.receive_pdu()
        except ConversationOver:
            return
        assert isinstance(pdu, Abort), pdu

    async def _take(self, message: Message) -> None:
        match message:
            case CFindRequest():
                for name in ("Doe^Jane", "Doe^John"):
                    match_ = Dataset()
                    match_.PatientName = name
                    await self.peer.reply(message, 0xFF00, data_set=match_)
                await self.peer.reply(message, 0x0000)
            case CGetRequest():
                self._retrieve, self._left = message, list(BROUGHT)
                await self._bring_next()
            case CStoreResponse():
                if self._retrieve is not None:
                    await self.peer.reply(self._retrieve, 0xFF00, remaining=len(self._left))
                    await self._bring_next()
            case CCancelRequest():
                if self._retrieve is not None:
                    retrieve, self._retrieve = self._retrieve, None
                    await self.peer.reply(retrieve, 0xFE00)
            case CMoveRequest():
                if self.deliver is not None:
                    await self.deliver(message, BROUGHT[0])
                    await self.peer.reply(message, 0xFF00)
                await self.peer.reply(message, 0x0000)
            case NCreateRequest(sop_class_uid=sop_class) if sop_class == FILM_BOX:
                film = Dataset()
                film.ReferencedImageBoxSequence = [InstanceReference(_IMAGE_BOX, "1.5").data_set()]
                await self.peer.reply(message, 0x0000, sop_instance_uid="1.4", data_set=film)
            case NActionRequest() if message.sop_class_uid == STORAGE_COMMITMENT.abstract_syntax:
                information = message.action_information
                assert information is not None
                items = information.ReferencedSOPSequence
                committed = tuple(InstanceReference.in_item(item) for item in items)
                await self.peer.reply(message, 0x0000)
                event = report(information.TransactionUID, committed)
                await self.peer.send_message(event)
            case Request():
                await self.peer.reply(message, 0x0000)
            case _:
                pass

    async def _bring_next(self) -> None:
        assert self._retrieve is not None
        if not self._left:
            retrieve, self._retrieve = self._retrieve, None
            await self.peer.reply(retrieve, 0x0000, completed=len(BROUGHT), failed=0, warning=0)
            return
        uid = self._left.pop(0)
        await self.peer.send_message(
            c_store(uid, len(BROUGHT) - len(self._left)), context_id=self._context_of(_CT)
        )

    def _context_of(self, abstract_syntax: str) -> int:
        assert self.peer.request is not None
        contexts = self.peer.request.contexts
        return next(it.context_id for it in contexts if it.abstract_syntax == abstract_syntax)
