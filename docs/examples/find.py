"""List the studies of an archive: python find.py HOST PORT"""

import sys

import trio
from pydicom import Dataset

from trio_dicom import open_association
from trio_dicom.sop_classes import STUDY_ROOT_FIND


async def main(host: str, port: int) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientName = "*"
    query.StudyInstanceUID = ""  # empty: every value matches, and we want to know it
    query.StudyDate = ""

    async with (
        open_association(
            host, port, called_ae="ARCHIVE", contexts=[STUDY_ROOT_FIND]
        ) as association,
        association.c_find(query) as matches,
    ):
        async for match in matches:
            study = match.identifier
            print(*map(study.get, ("StudyDate", "PatientName", "StudyInstanceUID")))


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))
