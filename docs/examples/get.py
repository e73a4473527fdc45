"""Fetch a study as it is stored: python get.py HOST PORT STUDY DIRECTORY"""

import sys

import trio
from pydicom import Dataset

from trio_dicom import open_association
from trio_dicom.sop_classes import STUDY_ROOT_FIND, STUDY_ROOT_GET, storage_contexts


async def main(host: str, port: int, study: str, directory: str) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = study
    query.SOPClassesInStudy = ""
    classes: list[str] = []
    async with (
        open_association(
            host, port, called_ae="ARCHIVE", contexts=[STUDY_ROOT_FIND]
        ) as association,
        association.c_find(query) as matches,
    ):
        async for match in matches:
            found = match.identifier.get("SOPClassesInStudy") or []
            classes += [found] if isinstance(found, str) else found

    # Of what the archive does not tell, the usual classes may come, uncompressed.
    expected = storage_contexts(classes, as_stored=True) if classes else storage_contexts()
    del query.SOPClassesInStudy  # a retrieve takes unique keys alone
    async with (
        open_association(
            host, port, called_ae="ARCHIVE", contexts=[STUDY_ROOT_GET, *expected]
        ) as association,
        association.c_get(query, into=directory) as retrieval,
    ):
        async for step in retrieval:
            print(step.completed, "came,", step.remaining, "to come")
    for instance in retrieval.instances:
        print(instance.path.name, instance.transfer_syntax.name)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
