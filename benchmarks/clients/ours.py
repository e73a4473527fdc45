"""trio_dicom: whichever is the first on the path."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import trio
from pydicom import Dataset, dcmread

import trio_dicom
from trio_dicom import Association, contexts_for_files, open_association
from trio_dicom.sop_classes import STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION, storage_contexts

Job = dict[str, Any]
Work = Callable[[], int]

print(f"trio_dicom of {trio_dicom.__file__}", file=sys.stderr)


def _opening(job: Job, contexts: Any) -> AbstractAsyncContextManager[Association]:
    return open_association(
        job["host"],
        job["port"],
        called_ae=job["called_ae"],
        contexts=contexts,
        tls=ssl.create_default_context(cafile=job["ca"]) if job["ca"] else None,
        max_operations_invoked=job["window"],
    )


def store(job: Job) -> Work:
    """Files, on one association or several side by side."""

    async def one(paths: list[str]) -> None:
        contexts = await contexts_for_files(paths)
        async with _opening(job, contexts) as association:
            # An older version to compare with may not have it.
            if job["open"] == 1 and hasattr(association, "c_store_many"):
                await _many(association, paths)
            else:
                await _from_tasks(association, paths)

    async def _many(association: Association, paths: list[str]) -> None:
        async with association.c_store_many(paths) as results:
            async for result in results:
                if result.response is None:
                    raise RuntimeError(f"{result.source} was not stored: {result.error}")
                result.response.raise_for_status()

    async def _from_tasks(association: Association, paths: list[str]) -> None:
        waiting = iter(paths)

        async def store_some() -> None:
            for path in waiting:
                (await association.c_store(path)).raise_for_status()

        async with trio.open_nursery() as nursery:
            for _ in range(job["open"]):
                nursery.start_soon(store_some)

    async def main() -> int:
        count = job["associations"]
        if count == 1:
            await one(job["paths"])
        else:
            async with trio.open_nursery() as nursery:
                for number in range(count):
                    nursery.start_soon(one, job["paths"][number::count])
        return len(job["paths"])

    return lambda: trio.run(main)


def store_memory(job: Job) -> Work:
    """Data sets that are in memory."""
    data_sets = [dcmread(path) for path in job["paths"]]

    async def main() -> int:
        classes = {data_set.SOPClassUID for data_set in data_sets}
        async with _opening(job, storage_contexts(classes)) as association:
            for data_set in data_sets:
                (await association.c_store(data_set)).raise_for_status()
        return len(data_sets)

    return lambda: trio.run(main)


def find(job: Job) -> Work:
    """A query, and an element of each match."""
    query = Dataset()
    for keyword in job["keys"]:
        setattr(query, keyword, "")

    async def main() -> int:
        done = 0
        async with (
            _opening(job, [STUDY_ROOT_FIND]) as association,
            association.c_find(query, level="STUDY") as matches,
        ):
            async for match in matches:
                done += bool(match.identifier.PatientID)
        return done

    return lambda: trio.run(main)


def get(job: Job) -> Work:
    """A study to disk."""
    query = Dataset()
    query.StudyInstanceUID = job["study_uid"]
    contexts = [STUDY_ROOT_GET, *storage_contexts(job["sop_class"])]

    async def main() -> int:
        done = 0
        async with (
            _opening(job, contexts) as association,
            association.c_get(query, level="STUDY", into=job["target"]) as retrieval,
        ):
            async for step in retrieval:
                done = step.completed or done
        return done

    return lambda: trio.run(main)


def echo(job: Job) -> Work:
    """C-ECHO after C-ECHO on one association."""

    async def main() -> int:
        async with _opening(job, [VERIFICATION]) as association:
            for _ in range(job["count"]):
                (await association.c_echo()).raise_for_status()
        return int(job["count"])

    return lambda: trio.run(main)


def associate(job: Job) -> Work:
    """Associations, one after another or several side by side, with an echo each."""

    async def main() -> int:
        waiting = iter(range(job["count"]))

        async def some() -> None:
            for _ in waiting:
                async with _opening(job, [VERIFICATION]) as association:
                    (await association.c_echo()).raise_for_status()

        async with trio.open_nursery() as nursery:
            for _ in range(job["open"]):
                nursery.start_soon(some)
        return int(job["count"])

    return lambda: trio.run(main)


ACTIONS = {
    "store": store,
    "store_memory": store_memory,
    "find": find,
    "get": get,
    "echo": echo,
    "associate": associate,
}
