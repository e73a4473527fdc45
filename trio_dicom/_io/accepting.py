"""The acceptor's side of one connection: a peer has called us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_dicom._io.lifetime import closed_on_failure, running
from trio_dicom._io.link import Acceptance, Link
from trio_dicom._io.transport import NetworkStream
from trio_dicom.errors import ConnectFailed, ConnectTimeout, LocalProtocolError

if TYPE_CHECKING:
    import trio

    from trio_dicom._io.events import EventTakers
    from trio_dicom.handler import ConnectionHandler
    from trio_dicom.instrument import Instrument
    from trio_dicom.options import ConnectionOptions

__all__ = ["serve"]


async def serve(
    stream: trio.abc.Stream,
    *,
    acceptance: Acceptance,
    handler: ConnectionHandler,
    events: EventTakers,
    options: ConnectionOptions,
    instrument: Instrument | None = None,
) -> Exception | None:
    """Serve the one association of ``stream`` until it ends, and close it.

    Bounded by ``Timeouts``: ``artim`` for the request and for the peer to hang up, ``idle`` for
    its silence in between.

    Args:
        stream: On which nothing was said yet.
        acceptance: Whom to let in, and what to agree to.
        handler: Told what happens; answers the peer's requests.
        events: Those who are asked before the handler.
        options: Timeouts, limits and the like.
        instrument: Watches the wire.

    Returns:
        Why it ended, or None when that was orderly.
    """
    async with closed_on_failure(stream):  # of the instrument
        link = Link.create(NetworkStream(stream), options, handler, instrument, acceptance)
    link.events = events
    try:
        async with running(link, why="whoever accepted it has closed"):
            link.listener.start()
            await link.closed.wait()
    except (ConnectFailed, ConnectTimeout, LocalProtocolError) as error:  # its certificate
        return error
    return None if link.ending is None else link.ending.exception
