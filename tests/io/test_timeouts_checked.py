"""A timeout that is none fails the call that it was given to, and nothing else."""

from __future__ import annotations

from math import nan
from typing import Any

import pytest

from tests.io.talking import ask, talking
from trio_dicom import CEchoRequest, ClientConnection, LocalProtocolError


@pytest.mark.parametrize("seconds", ["5", "x", nan, b"", [1]])
@pytest.mark.parametrize("name", ["idle_timeout", "timeout"])
@pytest.mark.parametrize("how", [ClientConnection.send_request, ClientConnection.ask, ask])
async def test_a_timeout_that_is_no_number_fails_its_own_call_alone(
    how: Any, name: str, seconds: Any
) -> None:
    async with talking() as (connection, peer):
        with pytest.raises(LocalProtocolError, match=f"^{name} is a number of seconds"):
            await how(connection, CEchoRequest(), **{name: seconds})
        await connection.send_request(CEchoRequest())
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        await connection.wait_send_queue_empty()


@pytest.mark.parametrize("seconds", [1, 2.5, True])
async def test_any_real_number_will_do(seconds: float) -> None:
    async with talking() as (connection, peer):
        await connection.send_request(CEchoRequest(), timeout=seconds, idle_timeout=seconds)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        await connection.wait_send_queue_empty()
