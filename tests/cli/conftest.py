"""Runs commands as somebody who types them, and offers peers to type them for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.interop.certificates import Certificates, make_certificates
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from tests.secrecy import KNOWN, leaks
from trio_dicom.cli.app import run


@frozen(kw_only=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines: fails if anything else is in it."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Awaitable[Ran]]


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> None:
    """With -v a file is written to the current directory."""
    monkeypatch.chdir(tmp_path_factory.mktemp("current"))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs ``trio-dicom`` with these arguments within the test's own Trio."""

    async def command(*arguments: object) -> Ran:
        capsys.readouterr()
        code = await run([str(it) for it in arguments])
        printed = capsys.readouterr()
        assert not leaks(printed.out + printed.err, KNOWN.secrets)
        assert not leaks(printed.err)
        return Ran(code=code, out=printed.out, err=printed.err)

    return command


@pytest.fixture(scope="session")
def _server() -> Generator[PynetdicomPeer, None, None]:
    with pynetdicom_peer() as server:
        yield server


@pytest.fixture
def peer(_server: PynetdicomPeer) -> PynetdicomPeer:
    """A server that takes everything, and has nothing yet."""
    _server.received.clear()
    _server.encoded.clear()
    return _server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a server's and a client's certificate."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def ct(pydicom_files: Path) -> Path:
    """An instance that everybody takes."""
    return pydicom_files / "CT_small.dcm"
