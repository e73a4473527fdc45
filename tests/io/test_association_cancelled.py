"""Who stops to wait for his association leaves none that is half asked for."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.io.recording import REQUEST, Recorder, connected
from trio_dicom import AbortSource, AssociationAborted, CEchoRequest
from trio_dicom.lowlevel import Abort, AssociationRequest


@pytest.mark.scenario("B49")
async def test_a_cancelled_association_request_aborts(autojump_clock: MockClock) -> None:
    recorder = Recorder()
    async with connected(handler=recorder) as (connection, peer, _):
        with trio.move_on_after(1) as scope:
            await connection.send_association_request(REQUEST)
        assert scope.cancelled_caught
        await peer.expect(AssociationRequest)
        assert (await peer.expect(Abort)).source is AbortSource.USER
        assert connection.association is None
        with pytest.raises(AssociationAborted, match="the association request was cancelled"):
            await connection.send_request(CEchoRequest())
    assert recorder.names == ["connection_closed"]
