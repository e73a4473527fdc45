"""Tell a department that a scheduled step was done: python performed_step.py HOST PORT"""

import sys

import trio
from pydicom import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from trio_dicom import (
    CodedEntry,
    InstanceReference,
    PerformedSeries,
    PerformedStep,
    complete_performed_step,
    create_performed_step,
    discontinue_performed_step,
    open_association,
)
from trio_dicom.sop_classes import MODALITY_WORKLIST, MPPS


def worklist_query() -> Dataset:
    step = Dataset()
    for keyword in ("Modality", "ScheduledProcedureStepID", "ScheduledProcedureStepDescription"):
        setattr(step, keyword, "")
    query = Dataset()
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber"):
        setattr(query, keyword, "")
    query.ScheduledProcedureStepSequence = [step]
    return query


# [done
async def main(host: str, port: int, *, fails: bool = False) -> PerformedStep:
    contexts = [MODALITY_WORKLIST, MPPS]
    async with open_association(host, port, calling_ae="CT1", contexts=contexts) as association:
        async with association.c_find(worklist_query(), model=MODALITY_WORKLIST) as matches:
            item = (await matches.receive()).identifier

        more = Dataset()  # besides what the worklist item says
        more.PerformedProcedureStepID = "PPS1"
        more.PerformedStationName = "CT in room 1"
        step = await create_performed_step(association, more, scheduled=item)

        # ... the acquisition ...

        images = [] if fails else [InstanceReference(CTImageStorage, generate_uid())]
        series = PerformedSeries(
            series_instance_uid=generate_uid(),
            protocol_name="Head routine",
            retrieve_ae="ARCHIVE",
            images=images,
        )
        if fails:
            reason = CodedEntry("110501", "DCM", "Equipment failure")
            return await discontinue_performed_step(association, step, reason, series=[series])
        return await complete_performed_step(association, step, [series])
    # done]


if __name__ == "__main__":
    print(trio.run(main, sys.argv[1], int(sys.argv[2])))
