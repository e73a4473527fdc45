"""A receiver that is cancelled at any step, also while it opens, leaves no port open."""

from __future__ import annotations

import socket
import sys

import pytest
import trio
from trio.testing import MockClock

from tests.faults.cancelling import StepCanceller, at_every_step
from tests.faults.conversing import descriptors
from trio_dicom import open_receiver

ADDRESSES = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


class ThreeAddresses(trio.abc.HostnameResolver):
    async def getaddrinfo(self, host: object, port: object, *_: object, **__: object) -> object:
        await trio.lowlevel.checkpoint()
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in ADDRESSES]

    async def getnameinfo(self, *_: object) -> tuple[str, str]:
        raise NotImplementedError


async def listen() -> None:
    async with open_receiver(into=None, host="three.example"):
        await trio.lowlevel.checkpoint()


@pytest.mark.scenario("B46", "B49")
def test_a_receiver_at_a_name_with_several_addresses_leaves_none_open() -> None:
    async def once(canceller: StepCanceller) -> None:
        opened = descriptors()
        await canceller.run(listen)
        assert descriptors() == opened

    async def main() -> int:
        trio.socket.set_custom_hostname_resolver(ThreeAddresses())
        return await at_every_step(once)

    steps = trio.run(main, clock=MockClock())
    assert steps > 5
    sys.stdout.write(f"{steps} steps cancelled\n")
