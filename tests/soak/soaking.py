"""A whole soak: the peers, the rounds, the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import define, field
from pydicom import Dataset
from pydicom.uid import CTImageStorage
from trio.testing import wait_all_tasks_blocked

from tests.interop import peers
from tests.interop.programs import program
from tests.soak.breaking import Breaking, How
from tests.soak.ledger import Ledger
from tests.soak.measuring import Sample, growth, sample
from tests.soak.work import CT, Place, Work
from trio_dicom import Inbox, open_association, open_receiver

__all__ = ["Soak", "has_dcmtk", "soak"]

STUDY = "1.2.826.0.1.3680043.10.9"
INSTANCES = 4  # of the study that the archive has
_OVER = 1.1  # because links break before all is done


@define(eq=False)
class Soak:
    """How it went.

    Attributes:
        work: What was done.
        samples: What the process had after each round.
    """

    work: Work
    samples: list[Sample] = field(factory=list[Sample])

    @property
    def broken(self) -> Counter[How]:
        """How many links have broken in which way."""
        return sum((it.breaking.met(it.faulty) for it in self.work.places), start=Counter[How]())

    def check(self, *, memory: bool) -> None:
        """See that nothing grew and nothing failed that was not broken.

        Args:
            memory: As for ``growth``.
        """
        assert self.work.unexpected == []
        assert growth(self.samples, memory=memory) == []

    def numbers(self) -> str:
        """What is to be told."""
        work = self.work
        lines = [
            f"seed {work.seed}: {work.operations} operations on {work.associations} associations",
            "ended well: " + _listed(dict(sorted(work.done.items()))),
            "ended with: " + _listed(dict(sorted(work.failed.items()))),
            "links that broke: " + _listed({it.value: n for it, n in self.broken.items()}),
            f"after the first round: {self.samples[0]}",
            f"after half of them: {self.samples[len(self.samples) // 2]}",
            f"at the end: {self.samples[-1]}",
        ]
        return "\n".join(lines)


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in numbers.items()) or "nothing"


def has_dcmtk() -> bool:
    """Whether DCMTK's servers are installed."""
    try:
        for name in ("storescp", "dcmqrscp"):
            program(name, package="dcmtk")
    except pytest.skip.Exception:
        return False
    return True


async def soak(
    folder: Path,
    *,
    operations: int,
    associations: int,
    rounds: int,
    seed: int,
    faulty: float,
    dcmtk: bool,
    report: Callable[[str], object],
) -> Soak:
    """Do ``operations`` on ``associations`` with our receiver, and with DCMTK if it is there.

    Args:
        folder: For everything, empty.
        operations: About how many.
        associations: About how many.
        rounds: How many times everything comes to rest, is compared and measured.
        seed: Of the dice.
        faulty: Which part of the associations goes over links that break.
        dcmtk: Whether storescp and dcmqrscp take part.
        report: Called with a line after each round.
    """
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(_receiver(folder, seed))]
        if dcmtk:
            places.append(await stack.enter_async_context(_storescp(folder, seed)))
            places.append(await stack.enter_async_context(_dcmqrscp(folder, seed)))
        (folder / "got").mkdir()
        work = Work(places, folder / "got", seed, faulty)
        result = Soak(work)
        each = round(_OVER * operations / associations)
        for number in range(rounds):
            await work.round(associations // rounds, each)
            await _rest(places)
            work.check()
            result.samples.append(sample())
            report(f"round {number + 1}: {work.operations} operations, {result.samples[-1]}")
        return result


async def _rest(places: list[Place]) -> None:
    """Return when nothing goes on any more that ends by itself."""
    with trio.fail_after(30):
        while any(map(_is_busy, places)):
            await wait_all_tasks_blocked(0.01)
        await wait_all_tasks_blocked(0.3)


def _is_busy(place: Place) -> bool:
    receiving = place.receiver is not None and place.receiver.associations > 0
    return receiving or place.faulty.links > 0


@asynccontextmanager
async def _receiver(folder: Path, seed: int) -> AsyncGenerator[Place, None]:
    inbox, breaking = folder / "receiver", Breaking(seed)
    async with (
        open_receiver(into=inbox, ae_title="RECEIVER") as receiver,
        breaking.proxy(receiver.port) as faulty,
    ):
        yield Place(
            name="receiver",
            ae_title="RECEIVER",
            port=receiver.port,
            faulty=faulty,
            breaking=breaking,
            receiver=receiver,
            ledger=Ledger(inbox, is_strict=True),
        )


@asynccontextmanager
async def _storescp(folder: Path, seed: int) -> AsyncGenerator[Place, None]:
    inbox, breaking = folder / "storescp", Breaking(seed + 1)
    inbox.mkdir()
    async with (
        peers.storescp(inbox) as peer,
        breaking.proxy(peer.port) as faulty,
    ):
        yield Place(
            name="storescp",
            ae_title=peer.ae_title,
            port=peer.port,
            faulty=faulty,
            breaking=breaking,
            ledger=Ledger(inbox, is_strict=False),
        )


@asynccontextmanager
async def _dcmqrscp(folder: Path, seed: int) -> AsyncGenerator[Place, None]:
    archive, breaking = folder / "dcmqrscp", Breaking(seed + 2)
    archive.mkdir()
    async with (
        open_receiver(into=Inbox(folder / "moved"), ae_title="MOVED") as receiver,
        peers.dcmqrscp(archive, move_to={"MOVED": receiver.port}) as peer,
        breaking.proxy(peer.port) as faulty,
    ):
        async with open_association(
            "127.0.0.1", peer.port, called_ae=peer.ae_title, contexts=[CT]
        ) as association:
            for number in range(INSTANCES):
                (await association.c_store(_image(number))).raise_for_status()
        query = Dataset()
        query.QueryRetrieveLevel = "IMAGE"
        query.StudyInstanceUID = STUDY
        query.SeriesInstanceUID = f"{STUDY}.1"
        query.SOPInstanceUID = ""
        yield Place(
            name="dcmqrscp",
            ae_title=peer.ae_title,
            port=peer.port,
            faulty=faulty,
            breaking=breaking,
            query=query,
            instances=INSTANCES,
            moves_to="MOVED",
            receiver=receiver,
        )


def _image(number: int) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = f"{STUDY}.1.{number}"
    data_set.PatientName = "Soak"
    data_set.PatientID = "SOAK"
    data_set.StudyInstanceUID = STUDY
    data_set.SeriesInstanceUID = f"{STUDY}.1"
    data_set.Modality = "CT"
    data_set.InstanceNumber = number
    data_set.add_new("PixelData", "OW", bytes(20_000))
    return data_set
