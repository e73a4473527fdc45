"""Mixed work on many associations, some of them over links that break."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path

import trio
from attrs import define, field
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.soak.breaking import Breaking
from tests.soak.ledger import Ledger
from trio_dicom import (
    Association,
    ConnectionOptions,
    PresentationContext,
    Receiver,
    Timeouts,
    TrioDicomError,
    open_association,
)
from trio_dicom.sop_classes import (
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)
from trio_dicom.testing import FaultyProxy

__all__ = ["Place", "Work"]

WORKERS = 8
CT = PresentationContext(CTImageStorage, (ExplicitVRLittleEndian,), scu_role=True, scp_role=True)
PATIENT = Timeouts(idle=30, move_idle=30, associate=30, connect=30, release=30)
# Over a link that breaks nobody answers, and there are minutes for an hour's work.
IMPATIENT = Timeouts(
    idle=0.5, move_idle=0.5, associate=0.5, connect=5, release=0.5, abort=0.2, cancel_grace=0.5
)


@define(eq=False, kw_only=True)
class Place:
    """Where there is work.

    Attributes:
        name: What it is called in the numbers.
        ae_title: What it wants to be called.
        port: Its port on loopback.
        faulty: Another one, over which links break.
        breaking: How they do.
        receiver: The receiver of ours that has to do with it, if one has.
        ledger: What it was offered, if it takes instances here.
        query: For the study that it has, if it is an archive.
        instances: How many instances that has.
        moves_to: The AE title of a receiver of ours that it knows, in whose folder they arrive.
    """

    name: str
    ae_title: str
    port: int
    faulty: FaultyProxy
    breaking: Breaking
    receiver: Receiver | None = None
    ledger: Ledger | None = None
    query: Dataset | None = None
    instances: int = 0
    moves_to: str = ""


@define(eq=False)
class Work:
    """Does it, and counts.

    Attributes:
        places: Where.
        folder: For what C-GETs bring.
        seed: Of the dice.
        faulty: Which part of the associations goes over links that break.
        done: Operations that ended well, by kind and place.
        failed: Associations that did not, by the error.
        operations: How many were begun.
        associations: How many were opened or tried.
        unexpected: Errors where nothing was broken.
    """

    places: Sequence[Place]
    folder: Path
    seed: int
    faulty: float
    done: Counter[str] = field(factory=Counter[str])
    failed: Counter[str] = field(factory=Counter[str])
    operations: int = 0
    associations: int = 0
    unexpected: list[str] = field(factory=list[str])
    _numbers: count[int] = field(factory=lambda: count(1))

    async def round(self, associations: int, each: int) -> None:
        """Open so many associations, with so many operations on each."""
        left = iter(range(self.associations, self.associations + associations))

        async def work() -> None:
            for number in left:
                await self._associate(random.Random(f"{self.seed} {number}"), each)

        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(work)

    def check(self) -> None:
        """Compare what was reported in this round with what is there.

        Raises:
            AssertionError: They differ.
        """
        for place in self.places:
            if place.ledger is not None:
                place.ledger.check()
        for folder in self.folder.iterdir():
            _remove(folder)

    async def _associate(self, dice: random.Random, each: int) -> None:
        place = dice.choice(self.places)
        is_faulty = dice.random() < self.faulty
        self.associations += 1
        try:
            async with open_association(
                "127.0.0.1",
                place.faulty.port if is_faulty else place.port,
                called_ae=place.ae_title,
                calling_ae="SOAK",
                contexts=[VERIFICATION, CT, STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE],
                options=ConnectionOptions(
                    timeouts=IMPATIENT if is_faulty else PATIENT, on_timeout="abort"
                ),
            ) as association:
                for _ in range(each):
                    await self._operate(association, place, dice)
        except TrioDicomError as error:
            self.failed[type(error).__name__] += 1
            if not is_faulty:
                self.unexpected.append(f"{place.name}: {error!r}")

    async def _operate(self, association: Association, place: Place, dice: random.Random) -> None:
        kinds: list[Callable[[Association, Place], Awaitable[str]]] = [self._echo]
        if place.ledger is not None:
            kinds += [self._store] * 4
        if place.query is not None:
            kinds += [self._find] * 3 + [self._get]
        if place.moves_to:
            kinds.append(self._move)
        self.operations += 1
        kind = await dice.choice(kinds)(association, place)
        self.done[f"{kind} {place.name}"] += 1

    async def _echo(self, association: Association, place: Place) -> str:
        (await association.c_echo()).raise_for_status()
        return "C-ECHO"

    async def _store(self, association: Association, place: Place) -> str:
        assert place.ledger is not None
        number = next(self._numbers)
        it = place.ledger.offer(number)
        try:
            (await association.connection.ask(it.request)).raise_for_status()
        except TrioDicomError:
            place.ledger.failed.add(number)
            raise
        place.ledger.stored.add(number)
        return "C-STORE"

    async def _find(self, association: Association, place: Place) -> str:
        assert place.query is not None
        async with association.c_find(place.query) as matches:
            found = [match.identifier async for match in matches]
        assert len(found) == place.instances
        return "C-FIND"

    async def _get(self, association: Association, place: Place) -> str:
        assert place.query is not None
        folder = self.folder / str(next(self._numbers))
        async with association.c_get(place.query, into=folder) as retrieval:
            final = await retrieval.final()
        assert len(list(folder.glob("*.dcm"))) == place.instances == final.completed
        return "C-GET"

    async def _move(self, association: Association, place: Place) -> str:
        assert place.query is not None
        async with association.c_move(place.query, destination=place.moves_to) as retrieval:
            final = await retrieval.final()
        assert final.completed == place.instances
        return "C-MOVE"


def _remove(folder: Path) -> None:
    """What a C-GET brought: whole files alone, whatever became of it."""
    for path in folder.iterdir():
        assert path.suffix == ".dcm", f"a half file is left: {path}"
        path.unlink()
    folder.rmdir()
