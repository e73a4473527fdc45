"""Scripts that are played: to their end, and beside a block that they fail if nobody meets them."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

import trio
from attrs import define, field

from trio_dicom.testing.calling import Serve
from trio_dicom.testing.scripted import ScriptedPeer
from trio_dicom.testing.serving import Serving, serving

__all__ = ["Script", "Stage", "playing", "staging"]

Script: TypeAlias = Callable[[ScriptedPeer], Awaitable[object]]
"""What a scripted peer does with its peer, from the first byte on."""

_ARTIM: Final = 30.0  # seconds for the other side to hang up when we have ended it (PS3.8 9.1.5)


def playing(script: Script) -> Serve:
    """What serves a stream by playing ``script`` on it, wherever the kit wants to have that.

    ::

        async with open_memory_association(playing(script), contexts=contexts) as association:
            ...

    When the script is over the other side may ask for release, which is granted, abort, or hang
    up; then the stream is closed. Where the script has ended the conversation itself, what still
    comes is dropped until the other side hangs up, for 30 seconds at most. When the script fails
    the stream is not closed: whoever started it has to hear of that before the other side hears
    that nobody is there any more.

    Args:
        script: Called with the peer.
    """

    async def serve(stream: trio.abc.Stream) -> None:
        await _play(script, ScriptedPeer(stream))

    return serve


async def _play(script: Script, peer: ScriptedPeer) -> None:
    await script(peer)
    with (
        suppress(trio.ClosedResourceError),  # the script has closed it
        trio.move_on_after(_ARTIM if peer.has_ended else math.inf),
    ):
        await peer.expect_end()
    await peer.aclose()


@define(eq=False)
class Stage:
    """Where scripts are played beside a block.

    Attributes:
        serving: The block.
    """

    serving: Serving
    # What is not over.
    _played: list[tuple[Script, ScriptedPeer]] = field(
        factory=list[tuple[Script, ScriptedPeer]], init=False
    )

    async def play(self, script: Script, stream: trio.abc.Stream) -> None:
        """Play ``script`` on ``stream``, and close it; the block is cancelled if that fails."""
        peer = ScriptedPeer(stream)
        self._played.append(played := (script, peer))

        async def play_and_note(peer: ScriptedPeer) -> None:
            await script(peer)
            self._played.remove(played)

        await self.serving.run(lambda _stream: _play(play_and_note, peer), stream)

    def left_alone(self, unplayed: Iterable[Script] = ()) -> AssertionError | None:
        """The error to raise at the end of the block, once it has settled, if a script met nobody.

        That is one that waits for its first byte. One that waits for more is of no account: not
        every test has its conversation to the end.

        Args:
            unplayed: Scripts that should have been played, too.
        """
        lines = [
            f"{_name_of(script)} still expects {peer.awaited}, and nothing came"
            for script, peer in self._played
            if peer.awaited is not None and not peer.received
        ]
        lines += [f"no connection came for {_name_of(script)}" for script in unplayed]
        if not lines or self.serving.failures:  # which say more
            return None
        return AssertionError("\n  ".join(["a script has met nobody:", *lines]))


@asynccontextmanager
async def staging() -> AsyncGenerator[Stage, None]:
    """A block with scripts beside it, which are cancelled at its end. It raises as ``serving``."""
    async with serving() as beside:
        yield Stage(beside)


def _name_of(script: Script) -> str:
    return getattr(script, "__name__", repr(script))
