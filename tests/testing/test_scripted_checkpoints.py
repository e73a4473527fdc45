"""To take what has come already is a checkpoint as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from trio.testing import assert_checkpoints

from trio_dicom.lowlevel import ReleaseResponse
from trio_dicom.testing import ScriptedPeer, memory_link


@pytest.mark.parametrize(
    "take", [ScriptedPeer.receive_pdu, lambda peer: peer.expect(ReleaseResponse)]
)
async def test_a_pdu_that_is_here_is_taken_at_a_checkpoint(
    take: Callable[[ScriptedPeer], Awaitable[object]],
) -> None:
    ours, theirs = memory_link()
    peer = ScriptedPeer(theirs)
    await ours.send_all(ReleaseResponse().encode() * 2)
    await peer.receive_pdu()
    with assert_checkpoints():
        await take(peer)
