"""What -v and ``--record`` write, and how ``trio-dicom trace`` shows it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from pydicom import dcmread

from tests.cli.conftest import Command
from tests.interop.certificates import Certificates
from tests.interop.programs import free_port
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from trio_dicom.recording import Record, Recording, RecordKind, Side, read_recording
from trio_dicom.testing import open_archive

WORTH = b"something of worth\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


def recorded() -> Iterator[Path]:
    """What is in the current directory."""
    return Path.cwd().glob("*")


async def test_with_v_a_command_records_in_the_current_directory_and_says_where(
    command: Command, peer: PynetdicomPeer
) -> None:
    ran = await command("echo", peer.address, "-v")
    assert ran.code == 0
    (file,) = recorded()
    assert file.match("trio-dicom-*-*-*.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"Recording the conversation in {file.name}.\n" in ran.err
    assert "CEchoRequest" in ran.err
    shown = await command("trace", file)
    assert shown.code == 0
    assert shown.err == ""
    said = [line.split()[3] for line in shown.out.splitlines() if not line.startswith(" " * 17)]
    assert said == [
        *("connection", "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "C-ECHO-RQ", "C-ECHO-RSP"),
        *("A-RELEASE-RQ", "A-RELEASE-RP", "closed"),
    ]
    assert f"to 127.0.0.1:{peer.port} at 20" in shown.out


async def test_record_names_the_file_and_logs_nothing(
    command: Command, peer: PynetdicomPeer, path: Path
) -> None:
    ran = await command("echo", peer.address, "--record", path)
    assert ran.code == 0
    assert ran.err == f"Recording the conversation in {path}.\n"
    assert list(recorded()) == []
    assert RecordKind.RELEASE_RP in {it.kind for it in read_recording(path)}


async def test_without_either_nothing_is_recorded(command: Command, peer: PynetdicomPeer) -> None:
    assert (await command("echo", peer.address)).err == ""
    assert list(recorded()) == []


@pytest.mark.parametrize("keeps_bytes", [False, True])
async def test_an_instance_is_in_it_only_if_its_bytes_are_wanted(
    command: Command, peer: PynetdicomPeer, path: Path, ct: Path, keeps_bytes: bool
) -> None:
    options = ["--record-bytes"] if keeps_bytes else []
    ran = await command("store", peer.address, ct, ct, "--record", path, *options)
    assert ran.code == 0
    data = b"".join(it.data or b"" for it in read_recording(path) if it.by is Side.US)
    name = b"CompressedSamples^CT1"
    assert data.count(name) == 2 * keeps_bytes
    assert name.decode() not in "".join(it.encode().decode() for it in read_recording(path))


async def test_associations_of_one_command_are_told_apart(
    command: Command, path: Path, tmp_path: Path, ct: Path
) -> None:
    """A C-GET asks first what there is, on an association of its own."""
    async with open_archive() as archive:
        assert (await command("store", archive.address, ct)).code == 0
        uid = dcmread(ct).StudyInstanceUID
        ran = await command(
            *("get", archive.address, "-k", f"StudyInstanceUID={uid}"),
            *("--into", tmp_path / "in", "--record", path),
        )
    assert ran.code == 0
    records = list(read_recording(path))
    assert {it.association for it in records} == {1, 2}
    for number in (1, 2):
        kinds = [it.kind for it in records if it.association == number]
        assert kinds[0] is RecordKind.CONNECTION
        assert kinds[-1] is RecordKind.CLOSE
    shown = await command("trace", path)
    [get] = [line for line in shown.out.splitlines() if " C-GET-RQ " in line]
    assert get.startswith("  2 ")


async def traced(command: Command, path: Path) -> str:
    """The only line that there is."""
    ran = await command("trace", path)
    assert ran.code == 0
    (line,) = ran.out.splitlines()
    return line


@pytest.mark.parametrize("verbose", [[], ["-v"]])
@pytest.mark.parametrize("name", ["echo", "store"])
async def test_a_call_that_is_refused_is_in_it(
    command: Command, path: Path, ct: Path, name: str, verbose: list[str]
) -> None:
    port = free_port()
    files = [ct] if name == "store" else []
    ran = await command(name, f"NOBODY@127.0.0.1:{port}", *files, "--record", path, *verbose)
    assert ran.code == 3
    line = await traced(command, path)
    assert f"> no connection   to 127.0.0.1:{port} at 20" in line
    assert f"could not connect to 127.0.0.1:{port}: " in line


async def test_a_handshake_that_fails_is_in_it(
    command: Command, path: Path, certificates: Certificates
) -> None:
    with pynetdicom_peer(tls=certificates.server_context()) as peer:
        ran = await command("echo", peer.address, "--tls", "--record", path)
    assert ran.code == 3
    assert "CERTIFICATE_VERIFY_FAILED" in await traced(command, path)


async def test_a_recording_of_nothing_is_said_to_be_that(command: Command, path: Path) -> None:
    Recording(path).close()
    ran = await command("trace", path)
    assert (ran.code, ran.out) == (2, "")
    assert "holds no conversation" in ran.err


@pytest.fixture
def taken(path: Path) -> Path:
    path.write_bytes(WORTH)
    return path


async def test_what_cannot_be_recorded_to_is_a_mistake_and_nothing_is_sent(
    command: Command, peer: PynetdicomPeer, taken: Path, ct: Path
) -> None:
    for wrong in (taken, taken / "below", taken.parent / "nowhere" / "file"):
        ran = await command("store", peer.address, ct, "--record", wrong)
        assert ran.code == 2
        assert "cannot be recorded to" in ran.err
    assert (await command("demo", "--record", taken)).code == 2
    assert await trio.Path(taken).read_bytes() == WORTH
    assert not peer.received


async def test_bytes_of_nothing_are_a_mistake(command: Command, peer: PynetdicomPeer) -> None:
    ran = await command("echo", peer.address, "--record-bytes")
    assert ran.code == 2
    assert "--record-bytes means nothing without --record or -v" in ran.err


async def test_what_is_no_recording_is_a_mistake(
    command: Command, tmp_path: Path, taken: Path
) -> None:
    for file, why in (
        (tmp_path / "nothing", "cannot be read: No such file"),
        (tmp_path, "cannot be read: Is a directory"),
        (taken, "is no recording: line 1"),
    ):
        ran = await command("trace", file)
        assert (ran.code, ran.out) == (2, "")
        assert why in ran.err


async def test_what_a_peer_calls_itself_cannot_write_on_the_terminal(
    command: Command, path: Path
) -> None:
    summary = {"calling_ae": "\x1b[2J\nX", "called_ae": "US"}
    with Recording(path) as recording:
        recording.write(
            Record(
                time=0,
                association=1,
                by=Side.PEER,
                kind=RecordKind.ASSOCIATE_RQ,
                summary=summary,
            )
        )
    ran = await command("trace", path)
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 1
    assert "\x1b" not in ran.out
