"""The servers that the clients work on: our sink, and those of others as they are installed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.request import urlopen

from benchmarks.data import Files
from benchmarks.programs import HOST, free_port, program

__all__ = ["Dcmqrscp", "Orthanc", "Server", "Sink", "Storescp"]

_ROOT = Path(__file__).parents[1]


class Server:
    """A server that runs while its block is open.

    Attributes:
        called_ae: What it is called.
        port: Where it listens.
        raw_port: Where it discards without any protocol, if it does.
    """

    called_ae = "ANY-SCP"
    port = 0
    raw_port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """End it."""

    def reset(self) -> None:
        """Make it as if nobody had been there."""

    def arrived(self) -> dict[str, int]:
        """What came since the reset: ``instances`` and ``bytes``, and what else it can tell."""
        raise NotImplementedError

    def instances(self) -> list[Path]:
        """What came since the reset, as files."""
        raise NotImplementedError


class Sink(Server):
    """The sink of this package."""

    def __init__(
        self,
        *,
        matches: int = 0,
        tls: tuple[Path, Path] | None = None,
        keep: Path | None = None,
    ) -> None:
        """It discards what comes, unless there is a folder to keep it in."""
        self._keep = keep
        self._command = [sys.executable, "-m", "benchmarks.sink", f"--matches={matches}"]
        self._command += ["--tls", *map(str, tls)] if tls else []
        self._command += ["--keep", str(keep)] if keep else []

    def start(self) -> None:
        if self._keep:
            _empty(self._keep)
        self._process = subprocess.Popen(
            self._command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ports = self._said()
        self.port, self.raw_port = ports["dicom"], ports["raw"]

    def stop(self) -> None:
        self._process.communicate()  # the end of its stdin is the end of it

    def arrived(self) -> dict[str, int]:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._said()

    def reset(self) -> None:
        self.arrived()
        if self._keep:
            _empty(self._keep)

    def instances(self) -> list[Path]:
        return _files(self._keep) if self._keep else []

    def _said(self) -> dict[str, int]:
        assert self._process.stdout
        said: dict[str, int] = json.loads(self._process.stdout.readline())
        return said


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _counted(files: list[Path]) -> dict[str, int]:
    return {"instances": len(files), "bytes": sum(path.stat().st_size for path in files)}


class _Installed(Server):
    """A program that others wrote, which writes into a folder."""

    grace = 2.0

    def __init__(self, folder: Path, tls: tuple[Path, Path] | None = None) -> None:
        """It writes into the folder; it encrypts if there are a certificate and a key."""
        self._folder = folder
        self._tls = tls

    def start(self) -> None:
        _empty(self._folder)
        self.port = free_port()
        with (self._folder.parent / f"{self._folder.name}.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._folder.parent,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own, to end its children with it
            )
        _await(self._process, self.port)

    def stop(self) -> None:
        _signal(self._process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.grace)
        _signal(self._process, signal.SIGKILL)
        self._process.wait()

    def reset(self) -> None:
        self.stop()
        self.start()

    def arrived(self) -> dict[str, int]:
        return _counted(self.instances())

    def instances(self) -> list[Path]:
        return _files(self._folder)

    def _command(self) -> list[str]:
        raise NotImplementedError


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(3_000):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            socket.create_connection((HOST, port)).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not answer")


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # the whole group is gone
        os.killpg(process.pid, number)


class Storescp(_Installed):
    """DCMTK's storescp, which writes each instance to disk."""

    def _command(self) -> list[str]:
        tls = []
        if self._tls:
            certificate, key = map(str, self._tls)
            tls = ["+tls", key, certificate, "-ic"]  # clients have none
        return [program("storescp"), *tls, "-od", str(self._folder), str(self.port)]


class Orthanc(_Installed):
    """Orthanc with the settings that it has of itself, apart from ports and folders."""

    called_ae = "ORTHANC"
    grace = 0.0  # it takes seconds to end in order, and what it stores here nobody reads again

    def _command(self) -> list[str]:
        self._http_port = free_port()
        settings = {
            "StorageDirectory": str(self._folder),
            "IndexDirectory": str(self._folder),
            "HttpPort": self._http_port,
            "DicomPort": self.port,
            "DicomAlwaysAllowStore": True,
        }
        if self._tls:
            certificate, key = map(str, self._tls)
            settings |= {
                "DicomTlsEnabled": True,
                "DicomTlsCertificate": certificate,
                "DicomTlsPrivateKey": key,
                "DicomTlsTrustedCertificates": certificate,  # it wants some, and asks for none
                "DicomTlsRemoteCertificateRequired": False,
            }
        path = self._folder.parent / "orthanc.json"
        path.write_text(json.dumps(settings))
        return [program("Orthanc"), str(path)]

    def start(self) -> None:
        super().start()
        _await(self._process, self._http_port)

    def arrived(self) -> dict[str, int]:
        statistics = json.loads(self._got("statistics"))
        return {
            "instances": int(statistics["CountInstances"]),
            "bytes": int(statistics["TotalUncompressedSize"]),
        }

    def instances(self) -> list[Path]:
        exported = self._folder / "exported"
        _empty(exported)
        for name in json.loads(self._got("instances")):
            (exported / f"{name}.dcm").write_bytes(self._got(f"instances/{name}/file"))
        return _files(exported)

    def _got(self, resource: str) -> bytes:
        with urlopen(f"http://{HOST}:{self._http_port}/{resource}", timeout=30) as answer:
            content: bytes = answer.read()
        return content


class Dcmqrscp(_Installed):
    """DCMTK's archive, with files that are there from the beginning."""

    called_ae = "ARCHIVE"

    def __init__(self, folder: Path, files: Files, target: Path) -> None:
        """What is fetched from it comes to ``target``."""
        super().__init__(folder)
        self._files = files
        self._target = target

    def _command(self) -> list[str]:
        for path in self._files.paths:
            os.link(path, self._folder / path.name)
        stored = [str(self._folder / path.name) for path in self._files.paths]
        for start in range(0, len(stored), 1_000):
            index = [program("dcmqridx"), str(self._folder), *stored[start : start + 1_000]]
            subprocess.run(index, check=True)
        configuration = self._folder.parent / "dcmqrscp.cfg"
        configuration.write_text(
            f"NetworkTCPPort = {self.port}\n"
            "MaxPDUSize = 16384\n"  # as in the file that Debian installs
            "MaxAssociations = 16\n"
            "HostTable BEGIN\nHostTable END\n"
            "VendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\nARCHIVE {self._folder} RW (200, 1024mb) ANY\nAETable END\n"
        )
        return [program("dcmqrscp"), "-c", str(configuration)]

    def reset(self) -> None:
        _empty(self._target)

    def instances(self) -> list[Path]:
        return _files(self._target)
