"""Other people's clients, for the archive on its port."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio
from pydicom.uid import CTImageStorage
from pynetdicom import AE, build_role
from pynetdicom.association import Association

from tests.interop.programs import program
from trio_dicom.testing import MemoryArchive

__all__ = ["client_says", "with_pynetdicom"]


async def client_says(
    name: str, archive: MemoryArchive, *arguments: str | Path, cwd: Path | None = None
) -> str:
    """What one of DCMTK's clients says; it must succeed."""
    command = [
        program(name, package="dcmtk"),
        "-aec",
        archive.ae_title,
        archive.host,
        str(archive.port),
    ]
    with trio.fail_after(60):
        done = await trio.run_process(
            [*command, *map(str, arguments)],
            check=False,
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            cwd=cwd,
        )
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output
    return output


async def with_pynetdicom(
    archive: MemoryArchive,
    use: Callable[[Association], Any],
    *contexts: tuple[str, str],
    handlers: list[Any] | None = None,
) -> Any:
    """What ``use`` returns of a pynetdicom association; it runs in a thread."""
    entity = AE()
    for abstract, transfer in contexts:
        entity.add_requested_context(abstract, transfer)
    roles = [build_role(uid, scp_role=True) for uid, _ in contexts if uid == CTImageStorage]

    def run() -> Any:
        association = entity.associate(
            archive.host, archive.port, ext_neg=roles, evt_handlers=handlers or []
        )
        assert association.is_established
        try:
            return use(association)
        finally:
            association.release()

    with trio.fail_after(60):
        return await trio.to_thread.run_sync(run)
