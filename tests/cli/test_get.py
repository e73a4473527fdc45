"""``trio-dicom get``: what comes, where it goes, and what is said when it does not come."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from tests.cli.conftest import Command
from tests.cli.servers import listening
from tests.cli.test_process import environment, into_full, trio_dicom_command
from tests.interop.series import STUDY, data_set_in, write_study
from tests.operations.getting import begin_to_send, files_in, send
from tests.operations.test_inbox import disk_with_room_for
from trio_dicom import (
    CFindRequest,
    contexts_for_files,
    open_association,
)
from trio_dicom.testing import ConversationOver, MemoryArchive, ScriptedPeer, open_archive

JPEG = "SC_rgb_jpeg_dcmtk.dcm"


@pytest.fixture
async def archive(pydicom_files: Path, tmp_path: Path) -> AsyncGenerator[MemoryArchive, None]:
    """An archive with a study of six images, and with one that is compressed."""
    folder = tmp_path / "study"
    folder.mkdir()
    files = [*write_study(pydicom_files / "CT_small.dcm", folder), pydicom_files / JPEG]
    async with open_archive() as archive:
        async with open_association(
            archive.host, archive.port, contexts=await contexts_for_files(files)
        ) as association:
            for file in files:
                await association.c_store(file)
        yield archive


async def test_a_study_comes_and_every_file_is_named(
    archive: MemoryArchive, command: Command, tmp_path: Path
) -> None:
    into = tmp_path / "a" / "inbox"
    ran = await command("get", archive.address, "-k", f"StudyInstanceUID={STUDY}", "--into", into)
    assert ran.code == 0
    assert ran.err == ""
    *lines, summary, end = ran.out.splitlines()
    assert sorted(lines) == [f"received  {into / name}" for name in files_in(into)]
    assert len(lines) == 6
    assert summary.startswith("6 received: 232.0 kB in ")
    assert end == "The peer sent 6"
    for number in range(1, 7):
        original = tmp_path / "study" / f"{number}.dcm"
        came = into / f"{dcmread(original).SOPInstanceUID}.dcm"
        assert data_set_in(came) == data_set_in(original)


@pytest.mark.parametrize(
    "keys, count",
    [
        ([f"StudyInstanceUID={STUDY}", f"SeriesInstanceUID={STUDY}.1"], 3),
        ([f"0020000D={STUDY}", f"SOPInstanceUID={STUDY}.1.2\\{STUDY}.2.3"], 2),
        (["PatientID=STUDY"], 6),
        ([f"StudyInstanceUID={STUDY}", "QueryRetrieveLevel=STUDY"], 6),
    ],
)
async def test_the_deepest_key_says_what_it_is_about(
    archive: MemoryArchive, command: Command, tmp_path: Path, keys: list[str], count: int
) -> None:
    arguments = [it for key in keys for it in ("-k", key)]
    ran = await command("get", archive.address, *arguments, "--into", tmp_path / "in", "--json")
    assert ran.code == 0, ran.err
    *instances, end = ran.records
    assert len(instances) == count == len(files_in(tmp_path / "in"))
    assert end == {
        "status": 0,
        "kind": "success",
        "meaning": None,
        "error": None,
        "remaining": None,
        "completed": count,
        "failed": 0,
        "warning": 0,
    }
    for instance in instances:
        uid = instance["sop_instance_uid"]
        assert instance == {
            "path": str(tmp_path / "in" / f"{uid}.dcm"),
            "sop_class_uid": CTImageStorage,
            "sop_instance_uid": uid,
            "transfer_syntax": ExplicitVRLittleEndian,
            "bytes": 38674,
        }


@pytest.mark.scenario("B21")
async def test_what_is_compressed_comes_as_it_is_stored(
    archive: MemoryArchive, command: Command, pydicom_files: Path, tmp_path: Path
) -> None:
    study = dcmread(pydicom_files / JPEG).StudyInstanceUID
    key = f"StudyInstanceUID={study}"
    ran = await command("get", archive.address, "-k", key, "--into", tmp_path / "in", "--json")
    assert ran.code == 0, ran.err
    instance, _ = ran.records
    assert instance["transfer_syntax"] == JPEGBaseline8Bit
    assert data_set_in(Path(instance["path"])) == data_set_in(pydicom_files / JPEG)


async def test_what_is_there_is_replaced_kept_or_joined(
    archive: MemoryArchive, command: Command, tmp_path: Path
) -> None:
    into = tmp_path / "in"
    key = f"SOPInstanceUID={STUDY}.1.2"
    get = ("get", archive.address, "-k", f"StudyInstanceUID={STUDY}", "-k", key, "--into", into)
    path = into / f"{STUDY}.1.2.dcm"
    into.mkdir()
    path.write_bytes(b"\0" * 128 + b"DICM")
    assert (await command(*get, "--on-exists", "rename")).code == 0
    assert files_in(into) == [f"{STUDY}.1.2-1.dcm", path.name]
    assert (await command(*get)).code == 0
    assert path.read_bytes() == path.with_name(f"{STUDY}.1.2-1.dcm").read_bytes()
    assert (await command(*get, "--on-exists", "keep")).code == 0
    assert (await command(*get, "--on-exists", "panic")).code == 2


# --- what does not come ----------------------------------------------------------------


async def test_of_a_study_that_nobody_knows_nothing_comes(
    archive: MemoryArchive, command: Command, tmp_path: Path
) -> None:
    key = "StudyInstanceUID=1.2.3.4.5"
    ran = await command("get", archive.address, "-k", key, "--into", tmp_path / "in")
    assert ran.code == 1
    assert ran.out == "The peer sent 0\n"
    assert ran.err == "The peer knows of nothing that matches.\n"


async def test_a_full_disk_is_said_and_what_fits_is_kept(
    archive: MemoryArchive, command: Command, tmp_path: Path
) -> None:
    key = f"StudyInstanceUID={STUDY}"
    with disk_with_room_for(10_000):
        ran = await command("get", archive.address, "-k", key, "--into", tmp_path / "in")
    assert ran.code == 1
    assert "The peer sent 0 and failed to send 6: A702H (failure" in ran.out
    assert ran.err.count("did not keep an instance of") == 6
    assert "File too large" in ran.err
    assert files_in(tmp_path / "in") == []


@pytest.mark.parametrize("option", ["--json", "--level=study"])
async def test_an_output_that_cannot_be_written_ends_it(
    archive: MemoryArchive, tmp_path: Path, option: str
) -> None:
    get = ("get", archive.address, "-k", f"StudyInstanceUID={STUDY}", "--into", tmp_path / "in")
    assert await trio.to_thread.run_sync(into_full, *get, option) == (
        1,
        "trio-dicom: standard output cannot be written: No space left on device.\n",
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "say with -k what to send"),
        (["-k", "PatientName=DOE*"], "say with -k what to send"),
        (["-k", "StudyInstanceUID="], "say with -k what to send"),
        (["-k", "StudyInstanceUID=*"], "StudyInstanceUID has a wildcard"),
        (["-k", "PatientID=A?"], "PatientID has a wildcard"),
        (["-k", "Stdy=1"], "no attribute that the dictionary has"),
        (["-k", "PatientID=1", "--level", "STUDY", "-k", "0008,0052=IMAGE"], "different things"),
        (["-k", "PatientID=1", "--model", "x"], "--model"),
        (["-k", "PatientID=1", "--into", "{file}"], "cannot be used"),
    ],
)
async def test_mistakes_are_found_before_anything_is_sent(
    command: Command, tmp_path: Path, arguments: list[str], words: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    filled = [it.format(file=file) for it in arguments]
    into = [] if "--into" in arguments else ["--into", tmp_path / "in"]
    ran = await command("get", "NOBODY@127.0.0.1:1", *filled, *into)
    assert ran.code == 2
    assert words in ran.err


async def test_a_directory_must_be_named(command: Command) -> None:
    ran = await command("get", "NOBODY@127.0.0.1:1", "-k", "PatientID=1")
    assert ran.code == 2
    assert "--into" in ran.err


async def test_a_peer_that_is_not_there_is_told_from_a_mistake(
    command: Command, tmp_path: Path
) -> None:
    ran = await command("get", "NOBODY@127.0.0.1:1", "-k", "PatientID=1", "--into", tmp_path)
    assert ran.code == 3
    assert "could not connect" in ran.err


@pytest.mark.parametrize(
    ("number", "exit_code", "word"),
    [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")],
)
async def test_a_signal_leaves_what_is_complete_and_nothing_else(
    tmp_path: Path, number: int, exit_code: int, word: bytes
) -> None:
    heard: list[type] = []

    async def behave(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        proposed = await peer.accept()
        with suppress(ConversationOver):
            request = await peer.receive_message()
            if isinstance(request, CFindRequest):
                await peer.reply(request, 0x0000)
                await peer.receive_message()
            (context, *_) = [it for it in proposed.contexts if it.abstract_syntax == CTImageStorage]
            await send(peer, context_id=context.context_id)
            await begin_to_send(peer, "1.2.4", number=2, context_id=context.context_id)
            heard.append(type(await peer.receive_pdu()))

    async with listening(behave) as address:
        process = await trio.lowlevel.open_process(
            trio_dicom_command("get", address, "-k", "PatientID=1", "--into", tmp_path),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with trio.fail_after(30):
            async with process.stdout, process.stderr:
                said = await process.stdout.receive_some()
                process.send_signal(number)
                said += b"".join([data async for data in process.stdout])
                complaint = b"".join([data async for data in process.stderr])
                code = await process.wait()
    assert code == exit_code
    received, summary = said.decode().splitlines()
    assert received == f"received  {tmp_path / '1.2.3.dcm'}"
    assert summary.startswith("1 received: ")
    assert complaint == b"trio-dicom: " + word + b"\n"
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    assert len(heard) <= 1  # C-CANCEL or A-ABORT, if it came so far
