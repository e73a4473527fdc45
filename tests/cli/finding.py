"""A server that answers one query with what a test makes up."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import trio
from attrs import define, field
from pydicom import Dataset

from tests.cli.servers import listening
from trio_dicom import CFindRequest, EncodedDataSet, Message
from trio_dicom.testing import ConversationOver, ScriptedPeer

__all__ = ["Finder", "finder"]


@define(eq=False, kw_only=True)
class Finder:
    """What it was asked, and what else it heard.

    Attributes:
        address: As the command line takes it: ``AET@host:port``.
        requests: The queries that came.
        later: What came after them.
    """

    address: str = ""
    requests: list[CFindRequest] = field(factory=list)
    later: list[Message] = field(factory=list)

    @property
    def query(self) -> Dataset:
        """The keys of the only query."""
        (request,) = self.requests
        assert request.identifier is not None
        return request.identifier


@asynccontextmanager
async def finder(
    *matches: Dataset | EncodedDataSet | None,
    pending: int = 0xFF00,
    status: int = 0x0000,
    comment: str | None = None,
    seconds: float = 0.0,
    refuse: tuple[str | int, ...] = (),
    hangs_up: bool = False,
) -> AsyncGenerator[Finder, None]:
    """A server that answers every query alike.

    Args:
        *matches: What it finds.
        pending: The status that comes with each.
        status: The final status.
        comment: And its comment.
        seconds: How long it takes for each match.
        refuse: SOP classes that it does not take.
        hangs_up: Whether it closes the connection instead of a final status.
    """
    found = Finder()

    async def behave(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        await peer.accept(refuse=refuse)
        request = await peer.expect_message(CFindRequest)
        found.requests.append(request)
        for match in matches:
            await trio.sleep(seconds)
            await peer.reply(request, pending, data_set=match)
        if hangs_up:
            return
        await peer.reply(request, status, error_comment=comment)
        found.later.append(await peer.receive_message())

    async def serve(stream: trio.SocketStream) -> None:
        with suppress(ConversationOver):
            await behave(stream)

    async with listening(serve) as found.address:
        yield found
