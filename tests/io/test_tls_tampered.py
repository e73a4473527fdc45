"""Somebody sits on the wire of a TLS connection: flips a byte, cuts it, or lets nothing through."""

from __future__ import annotations

import os
import ssl
import sys
from contextlib import suppress
from enum import Enum

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from tests.io.authorities import Authority
from tests.io.recording import CONTEXTS, Recorder
from trio_dicom import (
    ConnectFailed,
    ConnectionLost,
    ConnectionOptions,
    OperationTimeout,
    Timeouts,
    TrioDicomError,
    open_association,
)
from trio_dicom.testing import ScriptedPeer, memory_link

OURS = Authority()
SERVER = OURS.server(asks=True)
LEAF = OURS.leaf("client.example")
V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
CLIENTS = {version: OURS.client(LEAF, least=version, most=version) for version in (V1_2, V1_3)}

OPTIONS = ConnectionOptions(
    timeouts=Timeouts(connect=3, associate=4, idle=5, release=6, abort=1, callbacks=1)
)
LONGEST = 3 + 4 + 5 + 6 + 1

# Every byte of the conversation, where there is time.
STEP = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 97


class Deed(Enum):
    """What is done to a byte."""

    FLIP = "flip"
    CUT = "cut"
    STALL = "stall"


@define(eq=False)
class Wire:
    """Carries one direction, until the byte at ``at``.

    Attributes:
        deed: What happens to it then.
        at: Which byte that is; None for none.
        carried: How many bytes came.
    """

    deed: Deed
    at: int | None
    carried: int = field(default=0, init=False)

    async def carry(self, source: trio.abc.ReceiveStream, to: trio.abc.HalfCloseableStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := bytearray(await source.receive_some()):
                begin, self.carried = self.carried, self.carried + len(data)
                if self.at is not None and begin <= self.at < self.carried:
                    if self.deed is Deed.FLIP:
                        data[self.at - begin] ^= 0x20
                    else:
                        await to.send_all(data[: self.at - begin])
                        if self.deed is Deed.STALL:
                            await trio.sleep_forever()
                        break
                await to.send_all(data)
            await to.send_eof()


async def peer(stream: trio.abc.Stream) -> None:
    """An obliging one, who may see his connection break."""
    tls = trio.SSLStream(stream, SERVER, server_side=True, https_compatible=True)
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError, AssertionError):
        it = ScriptedPeer(tls)
        await it.accept()
        await it.serve_until_closed()
    await trio.aclose_forcefully(tls)


@define(eq=False)
class Outcome:
    """What came of a conversation.

    Attributes:
        error: What was raised, or None.
        echoed: Whether the C-ECHO was answered.
        seconds: How long it took.
        told: What the handler was told.
    """

    error: TrioDicomError | None
    echoed: bool
    seconds: float
    told: Recorder


async def converse(
    patch: pytest.MonkeyPatch, version: ssl.TLSVersion, there: Wire, back: Wire
) -> Outcome:
    """Associate, echo and release over these wires."""
    ours, near = memory_link()
    far, theirs = memory_link()

    async def connect(*_: object, **__: object) -> trio.abc.Stream:
        return ours

    patch.setattr(trio, "open_tcp_stream", connect)
    began, recorder, echoed, error = trio.current_time(), Recorder(), False, None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(there.carry, near, far)
        nursery.start_soon(back.carry, far, near)
        nursery.start_soon(peer, theirs)
        try:
            async with open_association(
                "localhost",
                contexts=CONTEXTS,
                tls=CLIENTS[version],
                options=OPTIONS,
                handler=recorder,
            ) as association:
                echoed = (await association.c_echo()).status.is_success
                assert echoed
        except TrioDicomError as raised:
            error = raised
        seconds = trio.current_time() - began
        nursery.cancel_scope.cancel()
    return Outcome(error, echoed, seconds, recorder)


@pytest.mark.pitfall(23)
@pytest.mark.parametrize("version", [V1_2, V1_3])
@pytest.mark.parametrize("deed", Deed)
async def test_every_tampering_ends_in_time_and_in_an_error_of_ours(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, deed: Deed, version: ssl.TLSVersion
) -> None:
    whole = [Wire(deed, None), Wire(deed, None)]
    undisturbed = await converse(monkeypatch, version, *whole)
    assert undisturbed.error is None
    assert undisturbed.echoed
    cases, errors = 0, dict[str, int]()
    for direction, wire in enumerate(whole):
        for at in range(0, wire.carried, STEP):
            wires = [Wire(deed, None), Wire(deed, None)]
            wires[direction].at = at
            outcome = await converse(monkeypatch, version, *wires)
            where = f"{deed.value} at byte {at} {'to us' if direction else 'from us'}"
            check(outcome, deed, where)
            cases += 1
            name = type(outcome.error).__name__
            errors[name] = errors.get(name, 0) + 1
    sys.stdout.write(f"{deed.value}, {version.name}: {cases} bytes: {errors}\n")


def check(outcome: Outcome, deed: Deed, where: str) -> None:
    assert outcome.seconds <= LONGEST, where
    assert outcome.told.names.count("connection_closed") <= 1, where
    assert outcome.told.names.count("request_completed") == outcome.echoed, where
    match outcome.error:
        case None:  # it was in what comes after the answer to our release, which nobody needs
            assert outcome.echoed, where
        case OperationTimeout():  # also where the length of a record was changed
            assert deed is not Deed.CUT, where
        case ConnectFailed() | ConnectionLost():
            assert deed is not Deed.STALL, where
            assert outcome.seconds <= OPTIONS.timeouts.abort, where
        case error:
            raise AssertionError(f"{where}: {error!r}")
