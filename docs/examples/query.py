"""Queries of all kinds, on an association that somebody else has opened."""

from pydicom import Dataset

from trio_dicom import Association, QueryExtension, StatusError, open_association
from trio_dicom.sop_classes import MODALITY_WORKLIST, PATIENT_ROOT_FIND, STUDY_ROOT_FIND


# [first
async def first_studies(association: Association, name: str, limit: int) -> list[Dataset]:
    query = Dataset()
    query.PatientName = name
    query.StudyInstanceUID = ""
    studies: list[Dataset] = []
    async with association.c_find(query, level="STUDY") as matches:
        async for match in matches:
            studies.append(match.identifier)
            if len(studies) == limit:
                break  # leaving the block tells the peer to stop
    return studies
    # first]


# [levels
async def series_of(association: Association, name: str) -> list[Dataset]:
    query = Dataset()
    query.PatientName = name
    query.StudyInstanceUID = ""
    async with association.c_find(query, level="STUDY") as matches:
        studies = [match.identifier async for match in matches]

    series: list[Dataset] = []
    for study in studies:
        query = Dataset()
        query.StudyInstanceUID = study.StudyInstanceUID
        query.SeriesInstanceUID = ""
        query.Modality = ""
        async with association.c_find(query, level="SERIES") as matches:
            series += [match.identifier async for match in matches]
    return series
    # levels]


# [worklist
async def worklist(association: Association, modality: str, day: str) -> list[str]:
    step = Dataset()
    step.Modality = modality
    step.ScheduledProcedureStepStartDate = day
    step.ScheduledProcedureStepStartTime = ""
    query = Dataset()
    query.PatientName = ""
    query.PatientID = ""
    query.AccessionNumber = ""
    query.ScheduledProcedureStepSequence = [step]

    async with association.c_find(query, model=MODALITY_WORKLIST) as matches:
        return [str(match.identifier.PatientName) async for match in matches]
    # worklist]


# [incomplete
async def print_names(association: Association, query: Dataset) -> None:
    found = 0
    try:
        async with association.c_find(query) as matches:
            async for match in matches:
                print(match.identifier.PatientName)
                found += 1
    except StatusError as error:
        print(f"these {found} are not all: {error.status}")
    # incomplete]


# [unchecked
async def print_whatever_comes(association: Association, query: Dataset) -> None:
    async with association.c_find(query, check=False) as matches:
        async for match in matches:
            print(match.identifier.PatientName)
        print(f"the end: {matches.status}")
    # unchecked]


async def main(host: str, port: int) -> str:
    # [extended
    wish = QueryExtension(fuzzy_names=True, timezone=True)
    async with open_association(
        host, port, contexts=[PATIENT_ROOT_FIND, STUDY_ROOT_FIND], extended=[wish]
    ) as association:
        agreed = association.query_extension()
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.PatientName = "Meier" if agreed.fuzzy_names else "Me?er*"
        if agreed.timezone:
            query.TimezoneOffsetFromUTC = "+0100"
        async with association.c_find(query) as matches:
            await matches.final()
    # extended]
    return str(matches.status)
