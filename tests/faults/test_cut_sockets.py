"""Real sockets, cut at random: what is said to be stored is stored, and a server goes on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import trio
from attrs import define, field
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.faults.conversing import descriptors
from tests.faults.cutting import EVERYWHERE
from tests.interop.peers import storescp
from tests.io.arriving import is_clean, names_in
from tests.io.writing import eventually
from tests.operations.storing import ct_file
from trio_dicom import (
    ConnectFailed,
    ConnectionEnded,
    ConnectionOptions,
    Delivery,
    OperationTimeout,
    PresentationContext,
    RemoteProtocolError,
    StoreResult,
    Timeouts,
    open_association,
    open_receiver,
)
from trio_dicom.testing import Cut, Fault, FaultyProxy, open_faulty_proxy, random_faults

pytestmark = [pytest.mark.scenario("B39"), pytest.mark.pitfall(5)]

CONTEXTS = [PresentationContext(CTImageStorage, (ExplicitVRLittleEndian,))]
OPTIONS = ConnectionOptions(
    timeouts=Timeouts(
        connect=5, associate=0.2, idle=0.2, release=0.2, abort=0.1, artim=0.2, callbacks=1
    ),
    max_fragment_pdu=1024,
)
LENGTH = 9000  # about as many bytes as the client sends
INSTANCES = 4
TIMES = (
    {"cuts": 600, "faults of every kind": 200}
    if EVERYWHERE
    else {
        "cuts": 60,
        "faults of every kind": 15,
    }
)


def cuts(number: int, *, is_sending: bool) -> list[Fault]:
    """One cut for each connection, in one direction or the other, one way or the other."""
    drawn = random.Random(number)
    is_sent = drawn.random() < 0.7
    how = drawn.choice(("eof", "reset"))
    at = drawn.randrange(LENGTH if is_sent else 400)
    return [Cut(at, how)] if is_sent is is_sending else []


def files_for(folder: Path, number: int) -> list[Path]:
    """Instances that no other connection stores: to replace one may be to lose it."""
    first = number * INSTANCES
    return [ct_file(folder, first + it, size=1800) for it in range(1, INSTANCES + 1)]


@define(eq=False)
class Tally:
    """What became of the instances that were sent.

    Attributes:
        stored: Those of which the peer has said that it has them.
        unknown: Those that it may have: they went out, and it did not say.
        whole: How many runs were not disturbed at all.
    """

    stored: set[str] = field(factory=set[str])
    unknown: set[str] = field(factory=set[str])
    whole: int = 0

    def note(self, result: StoreResult) -> None:
        uid = str(result.sop_instance_uid)
        if result.status is not None and result.status.is_success:
            self.stored.add(uid)
        elif result.delivery is not Delivery.NOT_SENT:
            self.unknown.add(uid)


async def store_all(proxy: FaultyProxy, called_ae: str, paths: list[Path], tally: Tally) -> None:
    """Store over a link that may break, and note what became of what."""
    try:
        async with open_association(
            proxy.host, proxy.port, called_ae=called_ae, contexts=CONTEXTS, options=OPTIONS
        ) as association:
            async with association.c_store_many(paths) as results:
                async for result in results:
                    tally.note(result)
            await association.release()
            tally.whole += 1
    except (ConnectFailed, ConnectionEnded, OperationTimeout, RemoteProtocolError):
        pass


@pytest.mark.parametrize("kind", ["cuts", "faults of every kind"])
async def test_our_receiver_has_what_its_peers_were_told(kind: str, tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    whole = 0
    async with open_receiver(into=inbox, max_associations=1, options=OPTIONS) as receiver:
        opened = descriptors()

        def faults(number: int, *, is_sending: bool) -> list[Fault]:
            if kind == "cuts":
                return cuts(number, is_sending=is_sending)
            return list(random_faults(2 * number + is_sending, LENGTH if is_sending else 400))

        async with open_faulty_proxy(
            receiver.host,
            receiver.port,
            sending=lambda number: faults(number, is_sending=True),
            receiving=lambda number: faults(number, is_sending=False),
        ) as proxy:
            for number in range(TIMES[kind]):
                tally = Tally()
                with trio.fail_after(20):
                    await store_all(proxy, "TRIO_DICOM", files_for(tmp_path, number), tally)
                    await eventually(lambda: not receiver._guests)
                whole += tally.whole
                names = {name.removesuffix(".dcm") for name in names_in(inbox)}
                assert is_clean(inbox, *names_in(inbox)), f"connection {number}"
                assert tally.stored <= names, f"connection {number}"
                if kind == "cuts":  # a byte that was changed may be one of the UID
                    assert names <= tally.stored | tally.unknown, f"connection {number}"
                for path in inbox.iterdir():
                    dcmread(path)
                    path.unlink()
        await eventually(lambda: descriptors() <= opened)
        async with open_association(
            receiver.host, receiver.port, contexts=CONTEXTS, options=OPTIONS
        ) as association:
            last = files_for(tmp_path, TIMES[kind])[0]
            assert (await association.c_store(last)).status.is_success
    print(f"{TIMES[kind]} connections over loopback with {kind}, {whole} of them undisturbed")


@pytest.mark.interop
async def test_storescp_has_what_its_client_was_told(tmp_path: Path, dcmtk: None) -> None:
    (tmp_path / "stored").mkdir()
    total, whole = Tally(), 0
    async with storescp(tmp_path / "stored") as peer:
        opened = descriptors()
        async with open_faulty_proxy(
            peer.host,
            peer.port,
            sending=lambda number: cuts(number, is_sending=True),
            receiving=lambda number: cuts(number, is_sending=False),
        ) as proxy:
            for number in range(TIMES["cuts"]):
                tally = Tally()
                with trio.fail_after(20):
                    await store_all(proxy, peer.ae_title, files_for(tmp_path, number), tally)
                total.stored |= tally.stored
                whole += tally.whole
        await eventually(lambda: descriptors() <= opened)
        async with open_association(
            peer.host, peer.port, called_ae=peer.ae_title, contexts=CONTEXTS
        ) as association:
            last = files_for(tmp_path, TIMES["cuts"])[0]
            assert (await association.c_store(last)).status.is_success
        stored = {dcmread(path).SOPInstanceUID for path in peer.stored()}
        assert total.stored <= stored
    print(f"{TIMES['cuts']} connections to storescp with cuts, {whole} of them undisturbed")
