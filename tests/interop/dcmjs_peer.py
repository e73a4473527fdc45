"""dcmjs-dimse as a peer: the one that takes several operations and answers out of order."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.interop.peers import Peer
from tests.interop.programs import free_port, missing, running

__all__ = ["DcmjsPeer", "dcmjs", "install_dcmjs"]

_SOURCE = Path(__file__).parent / "dcmjs"
_FILES = ("package.json", "package-lock.json")
# Less than pytest gives the test that happens to install it.
_PATIENCE = 100  # seconds


@frozen(kw_only=True)
class DcmjsPeer(Peer):
    """dcmjs-dimse, which writes down what it got."""

    def said(self, event: str) -> list[dict[str, Any]]:
        """What it told so far under this name, such as ``"identity"``."""
        lines = self.log.read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in events if each.pop("event") == event]


def install_dcmjs(cache: Path) -> Path:
    """Install dcmjs-dimse as its lockfile says; skips the test where that is not possible.

    Args:
        cache: An earlier run's installation of the same lockfile is taken from here.

    Returns:
        The folder that ``node`` is to run in.
    """
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            missing(f"{name} is not installed (apt-get install nodejs npm)")
    content = b"".join((_SOURCE / name).read_bytes() for name in _FILES)
    folder = cache / hashlib.sha256(content).hexdigest()[:16]
    if folder.is_dir():
        return folder
    # Aside first: another run at the same time, or one that is ended, leaves nothing half.
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        aside = Path(scratch, "installed")
        aside.mkdir()
        for name in _FILES:
            shutil.copy(_SOURCE / name, aside)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
        # Without a network it is to say so soon: the defaults are 10 and 60 seconds.
        options += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
        command = [str(shutil.which("npm")), "ci", *options]
        try:
            subprocess.run(command, cwd=aside, check=True, capture_output=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            missing(f"npm did not install dcmjs-dimse within {_PATIENCE} s")
        except subprocess.CalledProcessError as error:
            missing(f"npm could not install dcmjs-dimse: {error.stderr.decode()[:1_000]}")
        with suppress(OSError):  # another run was quicker
            aside.rename(folder)
    return folder


@asynccontextmanager
async def dcmjs(
    folder: Path,
    installation: Path,
    *,
    window: int = 8,
    delay: int = 20,
    users: dict[str, str] | None = None,
    answer: str = "",
) -> AsyncGenerator[DcmjsPeer, None]:
    """dcmjs-dimse: verification, storage and query in the uncompressed transfer syntaxes.

    It answers a C-STORE with B000H plus the instance number, and a query with three matches
    that carry the PatientID that was asked for.

    Args:
        folder: For its log.
        installation: From ``install_dcmjs``.
        window: How many operations it takes at once, if they are negotiated.
        delay: Every answer waits up to so many milliseconds.
        users: Who may come in, with their passcodes; None: everybody.
        answer: What it answers to a user who wants an answer.
    """
    peer = DcmjsPeer(ae_title="DCMJS", port=free_port(), folder=folder, log=folder / "dcmjs.log")
    options = {
        "port": peer.port,
        "window": window,
        "delay": delay,
        "users": users or {},
        "answer": answer,
    }
    command = [str(shutil.which("node")), str(_SOURCE / "server.js"), json.dumps(options)]
    # The script stays where it is, and finds what is installed elsewhere.
    environment = {"NODE_PATH": str(installation / "node_modules")}
    async with running(command, ports=[peer.port], log=peer.log, environment=environment):
        yield peer
