"""A strict script takes what other people's clients send: what it refuses is no matter of taste."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom import dcmread
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage
from pynetdicom import AE
from pynetdicom.association import Association

from tests.interop.programs import program
from tests.testing.builders import query
from trio_dicom.sop_classes import (
    MPPS,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)
from trio_dicom.testing import ScriptedPeer, ScriptedServer, open_scripted_server

pytestmark = pytest.mark.interop


@pytest.fixture(name="server")
async def server_fixture() -> AsyncGenerator[ScriptedServer, None]:
    """A script that says success to everything, and fails at what breaks a rule."""
    async with open_scripted_server(ScriptedPeer.serve_until_closed) as server:
        yield server


KEYS = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3")


@pytest.mark.usefixtures("dcmtk")
@pytest.mark.parametrize(
    "command",
    [
        ("echoscu",),
        ("storescu", "CT_small.dcm", "rtplan.dcm"),
        ("findscu", "-S", *KEYS),
        ("getscu", "-S", *KEYS),
        ("movescu", "-S", "-aem", "SOMEBODY", *KEYS),
    ],
    ids=lambda command: command[0],
)
async def test_dcmtk_breaks_no_rule(
    server: ScriptedServer, pydicom_files: Path, command: tuple[str, ...]
) -> None:
    name, *arguments = command
    with trio.fail_after(60):
        done = await trio.run_process(
            [
                program(name, package="dcmtk"),
                *(it for it in arguments if not it.endswith(".dcm")),
                *(server.host, str(server.port)),
                *(str(pydicom_files / it) for it in arguments if it.endswith(".dcm")),
            ],
            check=False,
            capture_stdout=True,
            stderr=subprocess.STDOUT,
        )
    assert done.returncode == 0, done.stdout.decode(errors="replace")


async def test_pynetdicom_breaks_no_rule(server: ScriptedServer, pydicom_files: Path) -> None:
    entity = AE()
    for context in (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE, MPPS):
        entity.add_requested_context(context.abstract_syntax)
    entity.add_requested_context(CTImageStorage)

    def run() -> int:
        association = entity.associate(server.host, server.port)
        assert association.is_established
        statuses = [*use(association)]
        association.release()
        return len(statuses)

    def use(association: Association) -> Any:
        keys, step = query("STUDY"), MPPS.abstract_syntax
        find, get, move = (
            it.abstract_syntax for it in (STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE)
        )
        yield association.send_c_echo()
        yield association.send_c_store(dcmread(pydicom_files / "CT_small.dcm"))
        yield from association.send_c_find(keys, find)
        yield from association.send_c_get(keys, get)
        yield from association.send_c_move(keys, "SOMEBODY", move)
        yield association.send_n_create(keys, step, "1.2.3")
        yield association.send_n_set(keys, step, "1.2.3")
        yield association.send_n_get([Tag("SpecificCharacterSet")], step, "1.2.3")
        yield association.send_n_action(keys, 1, step, "1.2.3")
        yield association.send_n_event_report(keys, 1, step, "1.2.3")
        yield association.send_n_delete(step, "1.2.3")

    with trio.fail_after(60):
        assert await trio.to_thread.run_sync(run) == 11
