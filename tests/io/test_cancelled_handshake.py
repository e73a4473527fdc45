"""A TLS handshake cancelled at any step of any task: nothing stays open, and nothing hangs."""

from __future__ import annotations

import sys
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from tests.faults.cancelling import StepCanceller, at_every_step
from tests.interop.certificates import Certificates
from trio_dicom import open_connection
from trio_dicom.testing import LinkEnd, memory_link


@pytest.mark.scenario("B46", "B49")
def test_a_tls_handshake_cancelled_at_any_step_leaves_nothing_open(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(stream: trio.abc.Stream) -> None:
        """The peer, who does not mind."""
        server = trio.SSLStream(stream, certificates.server_context(), server_side=True)
        with suppress(trio.BrokenResourceError):
            await server.do_handshake()
        await trio.aclose_forcefully(stream)

    async def connect_and_leave() -> None:
        tls = certificates.client_context()
        async with open_connection("localhost", 104, tls=tls):
            pass

    async def once(canceller: StepCanceller) -> None:
        opened: list[LinkEnd] = []
        async with trio.open_nursery() as nursery:

            async def connect(*_: object, **__: object) -> LinkEnd:
                ours, theirs = memory_link()
                opened.append(ours)
                nursery.start_soon(refuse, theirs)
                return ours

            monkeypatch.setattr(trio, "open_tcp_stream", connect)
            await canceller.run(connect_and_leave)
            assert all(end._is_closed for end in opened)

    async def main() -> int:
        return await at_every_step(once)

    steps = trio.run(main, clock=MockClock())
    assert steps > 5
    sys.stdout.write(f"{steps} steps cancelled\n")
