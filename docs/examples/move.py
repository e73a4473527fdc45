"""Have an archive send a study here: python move.py HOST PORT STUDY DIRECTORY"""

import sys

import trio
from pydicom import Dataset

from trio_dicom import open_association
from trio_dicom.sop_classes import STUDY_ROOT_MOVE


async def main(host: str, port: int, study: str, directory: str, receive_port: int = 11112) -> None:
    query = Dataset()
    query.StudyInstanceUID = study
    async with (
        open_association(
            host, port, called_ae="ARCHIVE", calling_ae="BENCH", contexts=[STUDY_ROOT_MOVE]
        ) as association,
        association.c_move(
            query, level="STUDY", into=directory, receive_port=receive_port
        ) as retrieval,
    ):
        async for step in retrieval:
            print(step.completed, "came,", step.remaining, "to come")
    for instance in retrieval.instances:
        print(instance.path.name)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
