"""A receiver that is killed in the middle of its work, and started again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import define, field

from tests.faults.keeping import Instance, half_files, instance, kept, lost, strange
from tests.operations.calling import CONTEXTS
from trio_dicom import ConnectFailed, ConnectionEnded, open_association

SEED = 20_260_501
PEERS = 8
EACH = 20  # instances of a peer
RECEIVER = """
import sys, trio
from trio_dicom import Inbox, open_receiver

async def main():
    inbox = Inbox(sys.argv[1], durable=sys.argv[2] == "durable")
    async with open_receiver(into=inbox) as receiver:
        print(receiver.port, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


@asynccontextmanager
async def receiving(folder: Path, how: str) -> AsyncGenerator[tuple[trio.Process, int], None]:
    """A receiver in a process of its own, and its port."""
    command = [sys.executable, "-c", RECEIVER, str(folder), how]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        with trio.fail_after(60):
            line = await process.stdout.receive_some()
        yield process, int(line)
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            await process.stdout.aclose()


@define(eq=False)
class Work:
    """What peers have to bring, however often the receiver is killed.

    Attributes:
        open: What nobody has acknowledged, by peer.
        acknowledged: What the receiver said is stored.
        bytes_left: Bytes until it is killed.
    """

    open: list[list[Instance]]
    acknowledged: list[Instance] = field(factory=list[Instance])

    async def bring(self, port: int, peer: int, kill: trio.Process | None, after: int) -> None:
        """Bring what is left; kill the receiver when so many are acknowledged in all."""
        instances = self.open[peer]
        try:
            async with open_association("127.0.0.1", port, contexts=CONTEXTS) as association:
                while instances:
                    response = await association.send_request(instances[0].request)
                    assert response.status.is_success
                    self.acknowledged.append(instances.pop(0))
                    if kill is not None and len(self.acknowledged) >= after:
                        kill.send_signal(signal.SIGKILL)
        except (ConnectionEnded, ConnectFailed):
            assert kill is not None


async def test_what_was_acknowledged_is_there_and_nothing_half_has_a_name(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    folder = tmp_path / "in"
    offered = [
        [instance(f"1.{peer}.{number}", dice.randrange(0, 400_000, 2)) for number in range(EACH)]
        for peer in range(PEERS)
    ]
    everything = [it for instances in offered for it in instances]
    work = Work([list(instances) for instances in offered])
    half = 0
    after = 0
    for how in ("quick", "durable"):
        after += dice.randrange(1, PEERS * EACH // 3)
        async with receiving(folder, how) as (process, port), trio.open_nursery() as nursery:
            for peer in range(PEERS):
                nursery.start_soon(work.bring, port, peer, process, after)
        found = kept(folder)
        assert lost(work.acknowledged, found) == [], f"seed {SEED}"
        assert strange(everything, found) == [], f"seed {SEED}"
        half = len(half_files(folder))
        # They are of instances that were arriving: no more than those.
        assert all(name.startswith(".trio_dicom-") for name in half_files(folder))
    async with receiving(folder, "quick") as (_, port), trio.open_nursery() as nursery:
        for peer in range(PEERS):
            nursery.start_soon(work.bring, port, peer, None, 0)
    assert len(work.acknowledged) == len(everything)
    assert lost(everything, kept(folder)) == []
    assert len(half_files(folder)) == half  # what a killed one left is not touched
    sys.stdout.write(
        f"seed {SEED}: killed twice among {len(everything)} instances, {half} half files\n"
    )
