"""The command line as a process: help, signals, pipes, terminals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

import trio_dicom
from tests.cli.servers import listening
from tests.interop.pynetdicom_peer import PynetdicomPeer
from trio_dicom.cli import main

ROOT = Path(trio_dicom.__file__).parents[1]


def trio_dicom_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "trio_dicom", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """This process's, with the package at hand and without wishes about colours."""
    wishes = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    inherited = {name: value for name, value in os.environ.items() if name not in wishes}
    return {**inherited, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}


def ran(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        trio_dicom_command(*arguments),
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_alone_it_prints_its_help() -> None:
    it = ran()
    assert it.returncode == 0
    for name in ("demo", "echo", "store", "--help", "--version"):
        assert name in it.stdout


def test_the_version_is_that_of_the_package() -> None:
    it = ran("--version")
    assert (it.returncode, it.stdout) == (0, f"{trio_dicom.__version__}\n")


@pytest.mark.parametrize("name", ["echo", "store"])
def test_the_help_of_a_command_explains_every_shared_option(name: str) -> None:
    it = ran(name, "--help")
    assert it.returncode == 0
    for option in (
        *("--calling-ae", "--max-pdu", "--connect-timeout", "--associate-timeout"),
        *("--idle-timeout", "--timeout", "--tls", "--ca", "--cert", "--key"),
        *("--no-verify-hostname", "--user", "--password-file", "--allow-plain-password"),
        *("--json", "--verbose", "-v"),
    ):
        assert option in it.stdout
    assert "AET@host:port" in it.stdout
    assert max(map(len, it.stdout.splitlines())) <= 80


def test_an_unknown_command_is_a_mistake() -> None:
    it = ran("frobnicate")
    assert it.returncode == 2
    assert "Available commands: " in it.stderr
    assert it.stdout == ""


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_without_its_libraries_it_says_how_to_get_them(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom trio_dicom.cli import main\n"
    it = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main(['demo']))"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert it.returncode == 2
    assert "pip install 'trio-dicom[cli]'" in it.stderr
    assert it.stdout == ""


def test_main_returns_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", "nowhere"]) == 2
    assert "no AE title" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")],
)
async def test_a_signal_aborts_and_has_the_exit_code_that_shells_have_for_it(
    number: int, code: int, word: bytes
) -> None:
    heard: list[bytes] = []
    called = trio.Event()

    async def listen(stream: trio.SocketStream) -> None:
        async for data in stream:
            heard.append(data)
            called.set()

    async with listening(listen) as address:
        process = await trio.lowlevel.open_process(
            trio_dicom_command("echo", address), env=environment(), stderr=subprocess.PIPE
        )
        with trio.fail_after(30):
            await called.wait()
            process.send_signal(number)
            ended = await process.wait()
            assert process.stderr is not None
            async with process.stderr:
                said = b"".join([data async for data in process.stderr])
    assert ended == code
    assert said == b"trio-dicom: " + word + b"\n"
    assert b"".join(heard)[-10:-4] == b"\x07\0\0\0\0\x04"  # A-ABORT


async def test_control_c_in_a_store_says_what_is_stored_already(
    peer: PynetdicomPeer, ct: Path, tmp_path: Path
) -> None:
    for number in range(3_000):
        (tmp_path / f"{number:04}.dcm").symlink_to(ct)
    process = await trio.lowlevel.open_process(
        trio_dicom_command("store", peer.address, tmp_path),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with trio.fail_after(30):
        async with process.stdout, process.stderr:
            said = await process.stdout.receive_some()
            process.send_signal(signal.SIGINT)
            said += b"".join([data async for data in process.stdout])
            complaint = b"".join([data async for data in process.stderr])
            code = await process.wait()
    assert code == 130
    *stored, summary = said.splitlines()
    assert summary.startswith(b"%d stored: " % len(stored))
    assert complaint == b"trio-dicom: interrupted\n"


def test_in_the_background_control_c_is_for_others(peer: PynetdicomPeer, ct: Path) -> None:
    code = (
        "import signal, sys, trio, trio.testing\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from trio_dicom.cli import app, main\n"
        "run = app.run\n"
        "async def interrupted(arguments):\n"
        "    await trio.testing.wait_all_tasks_blocked()\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    return await run(arguments)\n"
        "app.run = interrupted\n"
    )
    it = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main(['echo', {peer.address!r}]))"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (it.returncode, it.stderr) == (0, "")


def test_a_reader_that_goes_away_ends_the_command_quietly(
    peer: PynetdicomPeer, pydicom_files: Path
) -> None:
    process = subprocess.Popen(
        trio_dicom_command("store", peer.address, "--json", pydicom_files),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        assert json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.wait(60) == 1
        assert "Traceback" not in process.stderr.read()


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no device here is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("options", [["echo"], ["echo", "--json"], ["--help"], ["echo", "--help"]])
def test_an_output_that_cannot_be_written_is_one_line_and_exit_code_1(
    peer: PynetdicomPeer, options: list[str], unbuffered: str
) -> None:
    arguments = options if "--help" in options else [*options, peer.address]
    assert into_full(*arguments, PYTHONUNBUFFERED=unbuffered) == (
        1,
        "trio-dicom: standard output cannot be written: No space left on device.\n",
    )


@pytest.mark.skipif(not FULL.exists(), reason="no device here is always full")
def test_other_errors_of_the_system_are_not_taken_for_that(peer: PynetdicomPeer) -> None:
    code = (
        "from trio_dicom.cli import app, main\n"
        "async def broken(arguments):\n"
        "    raise OSError(5, 'a bug')\n"
        "app.run = broken\n"
        "main(['echo'])\n"
    )
    it = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert it.stderr.splitlines()[-1] == "OSError: [Errno 5] a bug"


def into_full(*arguments: object, **more: str) -> tuple[int, str]:
    """The exit code and the complaint of a command that writes to a disk without room."""
    with FULL.open("w") as full:
        it = subprocess.run(
            trio_dicom_command(*arguments),
            env=environment(**more),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    return it.returncode, it.stderr


def test_json_stays_json_where_colours_are_forced(peer: PynetdicomPeer, ct: Path) -> None:
    it = ran("store", peer.address, ct, "--json", FORCE_COLOR="1")
    assert it.returncode == 0
    assert json.loads(it.stdout)["kind"] == "success"


def test_a_file_name_that_the_encoding_lacks_is_escaped(
    peer: PynetdicomPeer, ct: Path, tmp_path: Path
) -> None:
    path = tmp_path / "Zoë.dcm"
    path.write_bytes(ct.read_bytes())
    it = ran("store", peer.address, path, PYTHONIOENCODING="ascii")
    assert it.returncode == 0
    assert "Zo\\xeb.dcm" in it.stdout


def test_a_terminal_gets_a_progress_bar_below_the_lines(peer: PynetdicomPeer, ct: Path) -> None:
    seen = on_terminal(["store", peer.address, ct, ct])
    assert "looking at 2 files" in seen
    assert "0 of 2" in seen
    assert "━" in seen
    assert seen.count(str(ct)) == 2
    assert "2 stored" in seen.splitlines()[-1]


@pytest.mark.parametrize("option", ["--json", "-v"])
def test_there_is_no_progress_bar_beside_json_or_a_log(
    peer: PynetdicomPeer, ct: Path, option: str
) -> None:
    assert "━" not in on_terminal(["store", peer.address, ct, option])


def test_a_progress_bar_stays_out_of_what_is_piped(peer: PynetdicomPeer, ct: Path) -> None:
    near, far = pty.openpty()
    with _closing(near):
        process = subprocess.Popen(
            trio_dicom_command("store", peer.address, ct),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=far,
            text=True,
        )
        os.close(far)
        assert process.stdout is not None
        seen = "".join(_read(near))
        with process.stdout:
            lines = process.stdout.read().splitlines()
        assert process.wait(60) == 0
    assert "━" in seen
    assert lines[0] == f"stored   {ct}"
    assert lines[1].startswith("1 stored: ")


def on_terminal(arguments: Sequence[object]) -> str:
    """What a command prints on a terminal, control sequences and all."""
    near, far = pty.openpty()
    process = subprocess.Popen(
        trio_dicom_command(*arguments), env=environment(), stdin=far, stdout=far, stderr=far
    )
    os.close(far)
    with _closing(near):
        seen = "".join(_read(near))
        assert process.wait(60) == 0
    return seen


@contextmanager
def _closing(terminal: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(terminal)


def _read(terminal: int) -> Iterator[str]:
    while True:
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that the other side has closed
            return
        if not data:
            return
        yield data.decode(errors="replace")
