"""A peer releases its association with a receiver that still owes it answers."""

from __future__ import annotations

import pytest
import trio
from pydicom.uid import CTImageStorage
from trio.testing import MockClock

from tests.operations.calling import Keeper, bringing, receiving
from tests.operations.getting import ct
from trio_dicom import ConnectionOptions, CStoreRequest, CStoreResponse, Timeouts
from trio_dicom.lowlevel import ReleaseRequest, ReleaseResponse
from trio_dicom.testing import ScriptedPeer


class Slow(Keeper):
    """Keeps instances, one after the other, each so many seconds later."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        await trio.sleep(self.seconds)
        return await super().on_c_store_request(request)


async def bring(peer: ScriptedPeer, *uids: str) -> None:
    """Send instances and the request for release, without waiting for an answer."""
    for number, uid in enumerate(uids, 1):
        request = CStoreRequest(
            message_id=number, sop_class_uid=CTImageStorage, sop_instance_uid=uid, data_set=ct(uid)
        )
        await peer.send_message(request, context_id=3)
    await peer.send(ReleaseRequest())


@pytest.mark.parametrize("count", [1, 3])
async def test_answers_that_are_soon_there_go_out_before_that_to_the_release(
    count: int, autojump_clock: MockClock
) -> None:
    keeper, uids = Slow(0.3), [f"1.2.{number}" for number in range(count)]
    async with receiving(keeper) as receiver, bringing(receiver) as peer:
        await bring(peer, *uids)
        for uid in uids:
            await peer.expect_message(CStoreResponse, status=0, sop_instance_uid=uid)
        await peer.expect(ReleaseResponse)
        assert trio.current_time() == pytest.approx(0.3 * count)
        await peer.aclose()
    assert keeper.uids == uids


async def test_an_answer_that_takes_longer_is_not_waited_for(autojump_clock: MockClock) -> None:
    async with receiving(Slow(100)) as receiver, bringing(receiver) as peer:
        await bring(peer, "1.2.3")
        await peer.expect(ReleaseResponse)
        assert trio.current_time() == pytest.approx(1)
        await peer.aclose()


async def test_the_time_to_close_the_transport_begins_with_the_answer(
    autojump_clock: MockClock,
) -> None:
    options = ConnectionOptions(timeouts=Timeouts(abort=10, artim=5))
    async with receiving(Slow(8), options=options) as receiver, bringing(receiver) as peer:
        await bring(peer, "1.2.3")
        await peer.expect_message(CStoreResponse, status=0)
        await peer.expect(ReleaseResponse)
        assert trio.current_time() == pytest.approx(8)
        await peer.expect_closed()
        assert trio.current_time() == pytest.approx(13)


async def test_an_instance_of_which_the_rest_is_missing_is_not_waited_for(
    autojump_clock: MockClock,
) -> None:
    async with receiving() as receiver, bringing(receiver) as peer:
        request = CStoreRequest(
            message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid="1.2", data_set=ct("1.2")
        )
        await peer.send_message(request, context_id=3, is_last=False)
        await bring(peer)
        await peer.expect(ReleaseResponse)
        assert trio.current_time() == 0
        await peer.aclose()


async def test_who_releases_and_hangs_up_is_not_waited_for(autojump_clock: MockClock) -> None:
    async with receiving(Slow(0.5)) as receiver, bringing(receiver) as peer:
        await bring(peer, "1.2.3")
        await peer.aclose()
        await trio.sleep(0.1)
        assert receiver.associations == 0
