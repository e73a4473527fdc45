"""A release while a message is still being written whose answer came early."""

from __future__ import annotations

import trio
from trio.testing import wait_all_tasks_blocked

from tests.io.recording import Recorder
from tests.io.talking import CT_ID, Call, store_request, talking
from trio_dicom import CStoreRequest, CStoreResponse
from trio_dicom.lowlevel import ReleaseRequest, ReleaseResponse


async def test_the_rest_of_the_message_goes_out_before_the_release() -> None:
    recorder = Recorder()
    async with (
        talking(handler=recorder, capacity=300) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, store_request(600))
        answer = CStoreResponse(message_id_being_responded_to=1, status=0x0000)
        await peer.send_message(answer, context_id=CT_ID)
        assert await call.status() == 0x0000
        nursery.start_soon(connection.send_association_release_request)
        await wait_all_tasks_blocked()
        stored = await peer.expect_message(CStoreRequest)
        assert len(stored.data_set or b"") == 600
        await peer.expect(ReleaseRequest)
        await peer.send(ReleaseResponse())
        await peer.aclose()
    assert recorder.told_of_the_end is None
