"""Several studies at a time: python moves.py HOST PORT RECEIVE_PORT STUDY..."""

import sys

import trio
from pydicom import Dataset

from trio_dicom import Receiver, open_association, open_receiver
from trio_dicom.sop_classes import STUDY_ROOT_MOVE


async def fetch(host: str, port: int, study: str, receiver: Receiver) -> None:
    query = Dataset()
    query.StudyInstanceUID = study
    async with (
        open_association(
            host, port, called_ae="ARCHIVE", calling_ae="BENCH", contexts=[STUDY_ROOT_MOVE]
        ) as association,
        association.c_move(
            query, level="STUDY", into=f"inbox/{study}", receiver=receiver
        ) as retrieval,
    ):
        await retrieval.final()
    print(study, len(retrieval.instances))


async def main(host: str, port: int, receive_port: int, *studies: str) -> None:
    async with (
        open_receiver(receive_port, into=None, ae_title="BENCH") as receiver,
        trio.open_nursery() as nursery,
    ):
        for study in studies:
            nursery.start_soon(fetch, host, port, study, receiver)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
