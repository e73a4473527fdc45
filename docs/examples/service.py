"""A service inside a larger Trio program: it does what a worklist asks for and stores the results.

python service.py WORKLIST_HOST WORKLIST_PORT ARCHIVE_HOST ARCHIVE_PORT
"""

import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeAlias, TypeVar

import trio
from attrs import define, field
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from trio_dicom import (
    Association,
    AssociationRejected,
    CFindResponse,
    ConnectFailed,
    ConnectionEnded,
    NoAcceptedContext,
    OperationTimeout,
    PDUError,
    PresentationContext,
    RemoteProtocolError,
    StatusError,
    open_association,
)
from trio_dicom.sop_classes import MODALITY_WORKLIST

T = TypeVar("T")
Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[Association]]
Acquire: TypeAlias = Callable[[Dataset], Awaitable[Dataset]]

logger = logging.getLogger("service")

# [retry
# What a peer can do to us, and may not do the next time. The rest are bugs, ours to mend.
PEER_FAILED = (
    ConnectFailed,
    AssociationRejected,
    NoAcceptedContext,
    ConnectionEnded,
    OperationTimeout,
    RemoteProtocolError,
    PDUError,
    StatusError,
)


async def until_it_works(peer: str, attempt: Callable[[], Awaitable[T]], longest: float) -> T:
    """Try until the peer lets it succeed, with pauses that grow to ``longest`` seconds."""
    pause = 1.0
    while True:
        try:
            return await attempt()
        except PEER_FAILED as error:
            logger.warning("%s failed, next try in %g s: %s", peer, pause, error)
        await trio.sleep(pause)
        pause = min(2 * pause, longest)
        # retry]


# [read
def read_item(match: CFindResponse) -> Dataset | None:
    """The item of a match, or None if nobody can read it.

    The next look would find it as it is. So it is logged, without a word of what is in it, and
    the others are done.
    """
    try:
        item = match.identifier
        for _ in item.iterall():
            pass  # only now are the values converted, the ones of each sequence, too
        key_of(item)
    except Exception as error:  # noqa: BLE001 - pydicom has many for what a peer may write
        kind = type(error).__name__
        logger.error("the worklist has an item that cannot be read: %s", kind)  # noqa: TRY400
        return None
    return item
    # read]


# [service
@define(eq=False)
class Service:
    """Looks for new steps in a worklist, has them done, and stores the results.

    Attributes:
        worklist: Opens an association with the worklist server.
        archive: Opens an association with the archive.
        acquire: Does a step, and returns the instance that came of it.
        every: Seconds between two looks at the worklist.
        longest_pause: Seconds between two tries, at most, while a peer is away.
        most_unsent: How many results may wait for the archive; then no more work is taken.
        unsent: Results that the archive has not got yet, by SOP Instance UID.
        refused: Results that it does not want, likewise.
    """

    worklist: Opening
    archive: Opening
    acquire: Acquire
    every: float = 60.0
    longest_pause: float = 60.0
    most_unsent: int = 100
    unsent: dict[str, Dataset] = field(factory=dict[str, Dataset])
    refused: dict[str, Dataset] = field(factory=dict[str, Dataset])
    _done: set[str] = field(factory=set[str], init=False)
    _more: trio.Event = field(factory=trio.Event, init=False)

    async def run(self) -> None:
        """Work until you are cancelled. What is in ``unsent`` then is yours to keep."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_for_work)
            nursery.start_soon(self._store_results)

    async def _look_for_work(self) -> None:
        while True:
            if len(self.unsent) < self.most_unsent:
                look = self._new_steps
                for item in await until_it_works("the worklist", look, self.longest_pause):
                    instance = await self.acquire(item)
                    self._done.add(key_of(item))
                    self.unsent[instance.SOPInstanceUID] = instance
                    self._more.set()
            await trio.sleep(self.every)

    async def _new_steps(self) -> list[Dataset]:
        async with (
            self.worklist() as association,
            association.c_find(worklist_query(), model=MODALITY_WORKLIST) as matches,
        ):
            items = [read_item(match) async for match in matches]
        return [item for item in items if item is not None and key_of(item) not in self._done]

    async def _store_results(self) -> None:
        while True:
            await self._more.wait()
            self._more = trio.Event()
            await until_it_works("the archive", self._store_unsent, self.longest_pause)

    async def _store_unsent(self) -> None:
        """Store all that there is on one association. A second try goes on where it ended."""
        async with self.archive() as association:
            for uid, instance in list(self.unsent.items()):
                response = await association.c_store(instance)
                if response.status.code in OUT_OF_RESOURCES:
                    response.raise_for_status()  # it may have room later
                if response.status.is_failure:
                    logger.error("the archive refuses %s: %s", uid, response.status)
                    self.refused[uid] = instance
                del self.unsent[uid]
                # service]


OUT_OF_RESOURCES = range(0xA700, 0xA800)


def key_of(item: Dataset) -> str:
    step = next(iter(item.get("ScheduledProcedureStepSequence") or [Dataset()]))
    return f"{item.get('StudyInstanceUID')} {step.get('ScheduledProcedureStepID')}"


def worklist_query() -> Dataset:
    step = Dataset()
    for keyword in ("Modality", "ScheduledProcedureStepID", "ScheduledStationAETitle"):
        setattr(step, keyword, "")
    query = Dataset()
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber"):
        setattr(query, keyword, "")
    query.ScheduledProcedureStepSequence = [step]
    return query


async def acquire(item: Dataset) -> Dataset:
    """Stands for the work: a small black image of the patient in question."""
    await trio.sleep(0.1)
    image = Dataset()
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.SOPInstanceUID = generate_uid()
    image.SeriesInstanceUID = generate_uid()
    for keyword in ("SpecificCharacterSet", "PatientName", "PatientID", "StudyInstanceUID"):
        if keyword in item:
            image[keyword] = item[keyword]
    image.Modality = "OT"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.PixelData = bytes(64)
    return image


# [application
async def main(worklist: tuple[str, int], archive: tuple[str, int]) -> dict[str, Dataset]:
    service = Service(
        worklist=partial(open_association, *worklist, contexts=[MODALITY_WORKLIST]),
        archive=partial(
            open_association, *archive, contexts=[PresentationContext(SecondaryCaptureImageStorage)]
        ),
        acquire=acquire,
    )
    async with trio.open_nursery() as nursery:  # the program's own, with all else that it does
        nursery.start_soon(service.run)
        nursery.start_soon(tell_how_it_goes, service)
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            await anext(signals)
        nursery.cancel_scope.cancel()
    return service.unsent


async def tell_how_it_goes(service: Service) -> None:
    while True:
        await trio.sleep(60)
        logger.info("%d unsent, %d refused", len(service.unsent), len(service.refused))
        # application]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    worklist, archive = (sys.argv[1], int(sys.argv[2])), (sys.argv[3], int(sys.argv[4]))
    print(len(trio.run(main, worklist, archive)), "results were not stored")
