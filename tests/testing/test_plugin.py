"""The fixtures of the kit, as a project of somebody else has them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from pydicom import dcmread
from pydicom.uid import CTImageStorage, EncapsulatedPDFStorage, MRImageStorage, RTDoseStorage
from trio.testing import MockClock

from tests.testing.builders import query
from trio_dicom import (
    Association,
    CEchoRequest,
    ResponseTimeout,
    open_association,
    propose,
    wrap_stream,
)
from trio_dicom.sop_classes import MODALITY_WORKLIST, VERIFICATION
from trio_dicom.testing import (
    COMMON_CONTEXTS,
    LinkEnd,
    MemoryArchive,
    NoAnswer,
    ScriptedPeer,
)

DicomFiles = Callable[..., list[Path]]
Play = Callable[..., LinkEnd]


async def test_the_association_does_what_the_archive_can(
    dicom_archive: MemoryArchive,
    dicom_association: Association,
    dicom_files: DicomFiles,
    tmp_path: Path,
    autojump_clock: MockClock,
) -> None:
    association = dicom_association
    assert (await association.c_echo()).status.is_success
    files = [
        file
        for sop_class in (CTImageStorage, MRImageStorage, RTDoseStorage, EncapsulatedPDFStorage)
        for file in dicom_files(2, sop_class=sop_class)
    ]
    for file in files:
        assert (await association.c_store(file)).status.is_success
    assert len(dicom_archive.instances) == 8
    async with association.c_find(query("STUDY", StudyInstanceUID="")) as matches:
        studies = [it.identifier.StudyInstanceUID async for it in matches]
    assert len(studies) == 4
    fetched = []
    for study in studies:
        keys = query("STUDY", StudyInstanceUID=study)
        async with association.c_get(keys, into=tmp_path / "fetched") as retrieval:
            async for _ in retrieval:
                pass
        fetched += [it.path for it in retrieval.instances]
    assert [dcmread(it) for it in fetched] == [dcmread(it) for it in files]
    assert trio.current_time() < 1, "nothing took its time, and no thread let the clock run"


def test_the_contexts_leave_room_for_the_classes_of_a_test_of_ones_own() -> None:
    assert len({it.abstract_syntax for it in COMMON_CONTEXTS}) == len(COMMON_CONTEXTS) < 64
    assert MODALITY_WORKLIST in COMMON_CONTEXTS


async def test_every_one_of_the_contexts_is_accepted(dicom_association: Association) -> None:
    accepted = dicom_association.negotiated.accepted_contexts
    assert len(accepted) == len(COMMON_CONTEXTS)


async def test_the_archive_on_its_port_is_the_one_in_memory(
    dicom_archive: MemoryArchive, dicom_server: MemoryArchive, dicom_files: DicomFiles
) -> None:
    assert dicom_server is dicom_archive
    [file] = dicom_files()
    async with open_association(
        dicom_server.host, dicom_server.port, contexts=COMMON_CONTEXTS
    ) as association:
        await association.c_store(file)
    assert len(dicom_archive.instances) == 1


async def test_the_clock_jumps_where_nobody_works(
    dicom_archive: MemoryArchive, dicom_association: Association, autojump_clock: MockClock
) -> None:
    dicom_archive.faults.append(NoAnswer(CEchoRequest))
    with pytest.raises(ResponseTimeout):
        await dicom_association.c_echo(idle_timeout=200)
    assert trio.current_time() == pytest.approx(200, abs=1)


async def test_the_clock_stands_still_where_only_files_are_asked_for(
    dicom_files: DicomFiles, autojump_clock: MockClock
) -> None:
    [file] = dicom_files(size=1_000_000)
    with trio.fail_after(0.01):
        for _ in range(20):
            assert len(await trio.Path(file).read_bytes()) > 1_000_000
    assert trio.current_time() == 0


def test_files_can_be_had_without_trio(dicom_files: DicomFiles) -> None:
    assert [dcmread(it).SOPClassUID for it in dicom_files(2)] == [CTImageStorage] * 2


def test_no_call_makes_the_files_of_another_one_but_by_its_seed(dicom_files: DicomFiles) -> None:
    calls = [dicom_files(2, seed=1), *(dicom_files(2) for _ in range(3)), dicom_files(2, seed=7)]
    assert len({file for files in calls for file in files}) == 10
    assert dicom_files(2, seed=1) == calls[0]


async def test_a_script_is_played_at_the_other_end(scripted_peer: Play) -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0122)

    async with wrap_stream(scripted_peer(script)) as connection:
        await connection.send_association_request(propose(contexts=[VERIFICATION]))
        async with connection.open_request(CEchoRequest()) as responses:
            assert (await responses.final()).status.code == 0x0122


# --- in a project of somebody else -------------------------------------------------------

HEAD = """
import pytest, trio, trio.testing
from trio_dicom import CEchoRequest, propose, wrap_stream
from trio_dicom.sop_classes import VERIFICATION

pytest_plugins = ["trio_dicom.testing.plugin"]

async def echo(stream):
    async with wrap_stream(stream) as connection:
        await connection.send_association_request(propose(contexts=[VERIFICATION]))
        async with connection.open_request(CEchoRequest()) as responses:
            return (await responses.final()).status

async def script(peer):
    await peer.accept()
    await peer.expect_message(CEchoRequest, message_id=99)
"""

FAILING = {
    "a script that expects another thing": (
        "async def test_it(scripted_peer):\n    await echo(scripted_peer(script))\n",
        ["*AssertionError: CEchoRequest is not what was expected:*", "*expected 99, but got 1*"],
    ),
    "a script that got less than it expects": (
        """
async def test_it(scripted_peer):
    async with wrap_stream(scripted_peer(script)) as connection:
        await connection.send_association_request(propose(contexts=[VERIFICATION]))
""",
        ["*ConversationOver: expected CEchoRequest, but the other side asked for release*"],
    ),
    "a script that is left at the very end": (
        "async def test_it(scripted_peer):\n    await scripted_peer(script).aclose()\n",
        ["*ConversationOver: expected AssociationRequest, but the other side closed*"],
    ),
    "two scripts at once": (
        """
async def test_it(scripted_peer, nursery):
    failed = trio.Event()

    async def fail(peer):
        await failed.wait()
        raise AssertionError("one of two")

    streams = [scripted_peer(fail) for _ in range(2)]
    await trio.testing.wait_all_tasks_blocked()
    failed.set()
    await trio.sleep_forever()
""",
        ["* | AssertionError: one of two", "* | AssertionError: one of two"],
    ),
    "a script that fails by pytest": (
        """
async def test_it(scripted_peer):
    async def fail(peer):
        await peer.accept()
        pytest.fail("says the script")

    await echo(scripted_peer(fail))
""",
        ["*Failed: says the script*"],
    ),
    "a script that nobody speaks to": (
        "async def test_it(scripted_peer):\n    scripted_peer(script)\n",
        ["*a script has met nobody:*", "*script still expects AssociationRequest, and nothing*"],
    ),
    "a test whose script nobody speaks to": (
        """
async def test_it(scripted_peer):
    scripted_peer(script)
    raise LookupError("of the test")
""",
        ["*LookupError: of the test*"],
    ),
    "the test itself": (
        """
async def test_it(dicom_association, autojump_clock):
    status = (await dicom_association.c_echo()).status
    assert not status.is_success
""",
        ["*assert not status.is_success*"],
    ),
    "the nursery of the test": (
        """
async def test_it(dicom_association, nursery):
    async def fail():
        await dicom_association.c_echo()
        raise LookupError("of a task")

    nursery.start_soon(fail)
    await trio.sleep_forever()
""",
        ["*LookupError: of a task*"],
    ),
}


@pytest.mark.parametrize(("test", "lines"), FAILING.values(), ids=FAILING)
def test_what_fails_is_told_alone(pytester: pytest.Pytester, test: str, lines: list[str]) -> None:
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makepyfile(HEAD + test)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(lines)
    result.stdout.no_fnmatch_line("*errors in async test and trio fixtures*")
    result.stdout.no_fnmatch_line("*ConnectionLost*")
    if "met nobody" not in "".join(lines):
        result.stdout.no_fnmatch_line("*met nobody*")


def test_a_script_can_skip_its_test(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makepyfile(
        HEAD
        + """
async def test_it(scripted_peer):
    async def skip(peer):
        await peer.accept()
        pytest.skip("says the script")

    await echo(scripted_peer(skip))
"""
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(skipped=1)


def test_a_script_that_never_rests_does_not_keep_its_test_from_ending(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_dicom.testing.serving._MOMENT", 0.02)
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makepyfile(
        HEAD
        + """
async def test_it(scripted_peer, autojump_clock):
    async def poll(peer):
        await peer.accept()
        while True:
            await trio.lowlevel.checkpoint()

    stream = scripted_peer(poll)
    await stream.send_all(propose(contexts=[VERIFICATION]).encode())
    await stream.receive_some()
"""
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_plugin_imports_the_kit_only_when_it_is_used() -> None:
    code = (
        "import sys, pytest, trio.testing, trio_dicom\n"
        "before = set(sys.modules)\n"
        "import trio_dicom.testing.plugin\n"
        "more = set(sys.modules) - before\n"
        "assert more == {'trio_dicom.testing', 'trio_dicom.testing.plugin'}, more\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_fixture_has_the_name_of_another_plugins(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makepyfile(HEAD)
    shown = pytester.runpytest_inprocess("--fixtures").stdout.str()
    names = [
        line.split(" ")[0]
        for line in shown.splitlines()
        if line and not line.startswith((" ", "-", "=")) and "--" in line
    ]
    ours = {"dicom_archive", "dicom_association", "dicom_files", "dicom_server", "scripted_peer"}
    assert ours <= set(names)
    assert len(names) == len(set(names))
