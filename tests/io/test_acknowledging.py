"""When what came is acknowledged at once, and when our next word does it."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.io.talking import Call, find_request, talking
from trio_dicom import CEchoRequest, CFindRequest, NetworkStream, response_to
from trio_dicom.lowlevel import DataTransfer, PresentationDataValue, encode_command


@pytest.fixture
def acknowledged(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether it was asked for, receive by receive."""
    asked: list[bool] = []
    really = NetworkStream.receive_some

    async def noting(self: NetworkStream, *, acknowledge: bool = True) -> Any:
        asked.append(acknowledge)
        return await really(self, acknowledge=acknowledge)

    monkeypatch.setattr(NetworkStream, "receive_some", noting)
    return asked


async def test_until_there_is_an_association_all_is_acknowledged_at_once(
    acknowledged: list[bool],
) -> None:
    async with talking():
        await trio.testing.wait_all_tasks_blocked()
        # Then the next word is ours.
        assert acknowledged == [True, False]


async def test_what_is_half_here_is_acknowledged_at_once(acknowledged: list[bool]) -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CEchoRequest)
        acknowledged.clear()
        command = encode_command(response_to(request, 0x0000), has_data_set=False)
        pdv = PresentationDataValue(context_id=1, is_command=True, is_last=True, data=command)
        answer = DataTransfer((pdv,)).encode()
        await peer.send_bytes(answer[:6])
        await trio.testing.wait_all_tasks_blocked()
        await peer.send_bytes(answer[6:])
        assert await call.status() == 0x0000
        await trio.testing.wait_all_tasks_blocked()
        assert acknowledged == [True, False]


async def test_while_more_answers_follow_each_is_acknowledged_at_once(
    acknowledged: list[bool],
) -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, find_request())
        request = await peer.expect_message(CFindRequest)
        acknowledged.clear()
        await peer.reply(request, 0xFF00)
        await trio.testing.wait_all_tasks_blocked()
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000
        await trio.testing.wait_all_tasks_blocked()
        assert acknowledged == [True, False]


async def test_over_tls_all_is_acknowledged_at_once(
    acknowledged: list[bool],
) -> None:
    # Its own messages, such as session tickets, are none of ours, and are held back likewise.
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        connection.network_stream.is_tls = True
        for _ in range(2):
            call = await Call.begin(nursery, connection, CEchoRequest())
            await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
            assert await call.status() == 0x0000
        await trio.testing.wait_all_tasks_blocked()
        assert acknowledged[-2:] == [True, True]
