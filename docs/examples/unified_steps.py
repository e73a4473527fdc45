"""Work on the unified procedure steps of a peer: python unified_steps.py HOST PORT"""

import sys
from datetime import datetime

import trio
from pydicom import Dataset

from trio_dicom import (
    CodedEntry,
    PerformedWork,
    StatusError,
    UnifiedWorklist,
    UPSState,
    open_association,
    ups_events,
)
from trio_dicom.sop_classes import UPS_CLASSES


# [work
async def work(host: str, port: int) -> None:
    """Do what there is to do."""
    async with open_association(host, port, contexts=UPS_CLASSES) as association:
        worklist = UnifiedWorklist(association)
        async with worklist.search(state=UPSState.SCHEDULED) as steps:
            found = [step async for step in steps]
        for step in found:
            try:
                claimed = await worklist.claim(step.sop_instance_uid)
            except StatusError:
                continue  # somebody else was faster
            started = datetime.now().astimezone()
            await worklist.report_progress(claimed, 50, "half of it")

            # ... the work ...

            performed = PerformedWork(
                started=started,
                ended=datetime.now().astimezone(),
                workitem=step.workitem or CodedEntry("DONE", "99LOCAL", "Something"),
                stations=[CodedEntry("WS1", "99LOCAL", "Workstation 1")],
            )
            await worklist.complete(claimed, performed)
    # work]


# [watch
async def watch(host: str, port: int, watching: trio.Event) -> None:
    """Put a step on the worklist and watch it until it is done."""
    async with open_association(
        host, port, calling_ae="WATCHER", contexts=UPS_CLASSES
    ) as association:
        worklist = UnifiedWorklist(association)
        attributes = Dataset()
        attributes.ProcedureStepLabel = "Plan the treatment"
        attributes.PatientID = "42"
        step = await worklist.create(attributes)
        with ups_events(association) as events:
            await worklist.subscribe(step.sop_instance_uid)
            watching.set()
            async for event in events:
                print(event)
                if getattr(event, "state", None) is UPSState.COMPLETED:
                    return
    # watch]


async def main(host: str, port: int) -> None:
    async with trio.open_nursery() as nursery:
        watching = trio.Event()
        nursery.start_soon(watch, host, port, watching)
        await watching.wait()
        await work(host, port)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))
