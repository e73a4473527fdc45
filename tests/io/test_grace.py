"""How long the peer has to end what was cancelled."""

from __future__ import annotations

import pytest
import trio
from pydicom import Dataset
from trio.testing import MockClock

from tests.io.recording import FIND
from tests.io.talking import find_request, talking
from trio_dicom import (
    CCancelRequest,
    CFindRequest,
    ConnectionOptions,
    Timeouts,
    response_to,
)
from trio_dicom.lowlevel import DataTransfer, Pdu
from trio_dicom.testing import ScriptedPeer

GRACE = 3
FIND_ID = 5


def ends_a_data_set(pdu: Pdu) -> bool:
    last = pdu.pdvs[-1] if isinstance(pdu, DataTransfer) else None
    return last is not None and last.is_last and not last.is_command


async def read_slowly(peer: ScriptedPeer, done: trio.Event) -> None:
    pdu = await peer.receive_pdu()
    while not ends_a_data_set(pdu):
        await trio.sleep(0.2)
        pdu = await peer.receive_pdu()
    done.set()


@pytest.mark.scenario("B48", "B66")
async def test_the_grace_begins_when_the_message_is_written_and_not_before(
    autojump_clock: MockClock,
) -> None:
    query = Dataset()
    query.ImageComments = "x" * 10_000
    request = CFindRequest(sop_class_uid=FIND, data_set=query, message_id=1)
    options = ConnectionOptions(timeouts=Timeouts(cancel_grace=GRACE), max_fragment_pdu=100)
    async with (
        talking(options=options, capacity=200) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        has_read_it = trio.Event()
        nursery.start_soon(read_slowly, peer, has_read_it)
        with trio.move_on_after(1):
            await connection.send_request(request)
            raise AssertionError("it takes 20 s")
        await has_read_it.wait()
        assert trio.current_time() > 4 * GRACE
        assert connection.can_still_process_p_data_tf
        cancel = await peer.expect_message(CCancelRequest)
        assert cancel.message_id_being_responded_to == 1
        await peer.send_message(response_to(request, 0xFE00), context_id=FIND_ID)
        await connection.wait_send_queue_empty()


@pytest.mark.scenario("B48")
async def test_a_peer_that_ignores_the_cancellation_keeps_the_slot_for_the_grace_only(
    autojump_clock: MockClock,
) -> None:
    options = ConnectionOptions(timeouts=Timeouts(cancel_grace=GRACE))
    async with talking(options=options) as (connection, peer):
        async with connection.open_request(find_request()):
            await peer.expect_message(CFindRequest)
        await peer.expect_message(CCancelRequest)
        begun = trio.current_time()
        await connection.send_request(find_request("next"))
        assert trio.current_time() - begun == GRACE
        await peer.reply(await peer.expect_message(CFindRequest), 0x0000)
