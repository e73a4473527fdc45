"""List the studies of an archive: python find.py HOST PORT"""

import sys

import trio
from pydicom import Dataset

from trio_dicom import CFindRequest, open_association
from trio_dicom.sop_classes import STUDY_ROOT_FIND


async def main(host: str, port: int) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientName = "*"
    query.StudyInstanceUID = ""  # empty: every value matches, and we want to know it
    query.StudyDate = ""
    request = CFindRequest(sop_class_uid=STUDY_ROOT_FIND.abstract_syntax, data_set=query)

    async with (
        open_association(
            host, port, called_ae="ARCHIVE", contexts=[STUDY_ROOT_FIND]
        ) as association,
        association.open_request(request) as responses,
    ):
        async for response in responses:
            if study := response.decoded_data_set():
                print(*map(study.get, ("StudyDate", "PatientName", "StudyInstanceUID")))
        final = await responses.final()
        final.raise_for_status()


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))
