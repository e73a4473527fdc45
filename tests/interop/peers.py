"""Real peers on loopback, each an async context manager that is ready when it is entered.

They want ``folder`` to exist and to be theirs: what they store and log lies there.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import trio
from attrs import frozen

from tests.interop.certificates import Certificates
from tests.interop.programs import HOST, free_port, missing, program, running
from tests.interop.worklists import write_worklist

__all__ = ["OrthancPeer", "Peer", "dcmqrscp", "orthanc", "orthanc_plugin", "storescp", "wlmscpfs"]

# Receive in any transfer syntax it knows, and any storage SOP class, even unknown ones.
ACCEPT_ALL = ("+xa", "-pm")
# Without Nagle's algorithm; see `nodelay` below.
_NODELAY = {"TCP_NODELAY": "1"}


@frozen(kw_only=True)
class Peer:
    """A server that runs.

    Attributes:
        ae_title: What it wants to be called.
        port: Its port on ``host``.
        folder: Where it stores what it gets.
        log: Its output.
        host: Loopback.
    """

    ae_title: str
    port: int
    folder: Path
    log: Path
    host: str = HOST

    @property
    def address(self) -> str:
        """As the command line takes it: ``AET@host:port``."""
        return f"{self.ae_title}@{self.host}:{self.port}"

    def stored(self) -> list[Path]:
        """The DICOM files that it has stored so far."""
        return sorted(self.folder.rglob("*.dcm"))


@frozen(kw_only=True)
class OrthancPeer(Peer):
    """Orthanc, which tells over its REST interface what really arrived.

    Attributes:
        http_port: The port of that interface.
    """

    http_port: int

    async def get(self, path: str) -> Any:
        """What the REST interface says at ``path``, such as ``/instances``."""
        return json.loads(await self.get_bytes(path))

    async def get_bytes(self, path: str) -> bytes:
        """The bytes at ``path``, such as ``/instances/{id}/file``."""
        return await trio.to_thread.run_sync(self._read, path)

    async def post(self, path: str, body: object) -> Any:
        """What the REST interface answers to ``body``, as JSON, at ``path``."""
        sent = json.dumps(body).encode()
        return json.loads(await trio.to_thread.run_sync(self._read, path, sent))

    def _read(self, path: str, body: bytes | None = None) -> bytes:
        with urlopen(f"http://{self.host}:{self.http_port}{path}", body, timeout=30) as answer:
            content: bytes = answer.read()
        return content


@asynccontextmanager
async def storescp(
    folder: Path,
    *options: str,
    tls: Certificates | None = None,
    nodelay: bool = True,
    accept: Sequence[str] = ACCEPT_ALL,
) -> AsyncGenerator[Peer, None]:
    """DCMTK's storescp, which writes each instance as it came.

    Args:
        folder: For its files.
        *options: More of its options, such as ``"--refuse"``.
        tls: Ask every client for a certificate of this authority.
        nodelay: Switch Nagle's algorithm off; on is DCMTK's default, and stalls clients
            that delay their acknowledgements.
        accept: Which transfer syntaxes and SOP classes it takes.
    """
    command = [program("storescp", package="dcmtk"), "-v", "--fork", "-aet", "STORESCP"]
    command += ["+B", *accept, "-pdu", "131072", "-fe", ".dcm", "-od", str(folder), *options]
    if tls is not None:
        command += ["+tls", str(tls.server_key), str(tls.server_cert), "+cf", str(tls.ca)]
    peer = Peer(ae_title="STORESCP", port=free_port(), folder=folder, log=folder / "storescp.log")
    async with running(
        [*command, str(peer.port)],
        ports=[peer.port],
        log=peer.log,
        environment=_NODELAY if nodelay else None,
    ):
        yield peer


@asynccontextmanager
async def dcmqrscp(
    folder: Path,
    *options: str,
    move_to: dict[str, int] | None = None,
    nodelay: bool = True,
) -> AsyncGenerator[Peer, None]:
    """DCMTK's image archive: store, find, get and move.

    Args:
        folder: For its archive.
        *options: More of its options.
        move_to: AE titles on loopback that it may send to, with their ports.
        nodelay: Switch Nagle's algorithm off.
    """
    peer = Peer(
        ae_title="ARCHIVE",
        port=free_port(),
        folder=folder / "ARCHIVE",
        log=folder / "dcmqrscp.log",
    )
    peer.folder.mkdir()
    hosts = "\n".join(
        f"{title.lower()} = ({title}, {HOST}, {port})" for title, port in (move_to or {}).items()
    )
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(
        f"NetworkTCPPort  = {peer.port}\n"
        "MaxPDUSize      = 131072\n"
        "MaxAssociations = 16\n"
        f"HostTable BEGIN\n{hosts}\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nARCHIVE  {peer.folder}  RW (200, 1024mb)  ANY\nAETable END\n"
    )
    command = [program("dcmqrscp", package="dcmtk"), "-v", "-c", str(configuration), "+xe"]
    async with running(
        [*command, *options],
        ports=[peer.port],
        log=peer.log,
        environment=_NODELAY if nodelay else None,
    ):
        yield peer


@asynccontextmanager
async def wlmscpfs(folder: Path, *options: str) -> AsyncGenerator[Peer, None]:
    """DCMTK's worklist server, with the items of ``worklists``.

    Args:
        folder: For the items.
        *options: More of its options, such as ``"--sleep-during", "1"``.
    """
    items = folder / "WORKLIST"  # the AE title by which it is called
    items.mkdir()
    write_worklist(items)
    peer = Peer(ae_title=items.name, port=free_port(), folder=folder, log=folder / "wlmscpfs.log")
    # -csk: names leave as they are in the files.
    command = [program("wlmscpfs", package="dcmtk"), "-v", "-csk", "-dfp", str(folder), *options]
    async with running(
        [*command, str(peer.port)], ports=[peer.port], log=peer.log, environment=_NODELAY
    ):
        yield peer


def orthanc_plugin(name: str) -> Path:
    """A plugin that comes with Debian's Orthanc; skips the test where there is none."""
    program("Orthanc", package="orthanc")
    for folder in ("/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins"):
        path = Path(folder, f"lib{name}.so")
        if path.exists():
            return path
    return missing(f"this Orthanc has no plugin {name} (Debian's package orthanc has it)")


@asynccontextmanager
async def orthanc(
    folder: Path,
    *,
    tls: Certificates | None = None,
    move_to: dict[str, int] | None = None,
    **settings: object,
) -> AsyncGenerator[OrthancPeer, None]:
    """Orthanc, which takes everything from everybody.

    Args:
        folder: For its database.
        tls: Ask every client for a certificate of this authority.
        move_to: AE titles on loopback that it may send to, with their ports.
        **settings: More of its configuration, such as ``MaximumPduLength=16384``.
    """
    peer = OrthancPeer(
        ae_title="ORTHANC",
        port=free_port(),
        http_port=free_port(),
        folder=folder / "storage",
        log=folder / "orthanc.log",
    )
    configuration: dict[str, object] = {
        "Name": "peer",
        "StorageDirectory": str(peer.folder),
        "IndexDirectory": str(peer.folder),
        "HttpServerEnabled": True,
        "HttpPort": peer.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": True,
        "DicomAet": peer.ae_title,
        "DicomPort": peer.port,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowFindWorklist": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "UnknownSopClassAccepted": True,
        "MaximumPduLength": 131_072,
        "SyncStorageArea": False,
        "StableAge": 2,
        "DicomModalities": {
            title.lower(): {
                "AET": title,
                "Host": HOST,
                "Port": port,
                "AllowStorageCommitment": True,
            }
            for title, port in (move_to or {}).items()
        },
    }
    if tls is not None:
        configuration |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(tls.server_cert),
            "DicomTlsPrivateKey": str(tls.server_key),
            "DicomTlsTrustedCertificates": str(tls.ca),
            "DicomTlsRemoteCertificateRequired": True,
        }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration | settings, indent=2))
    async with running(
        [program("Orthanc", package="orthanc"), "--verbose", str(path)],
        ports=[peer.http_port, peer.port],
        log=peer.log,
        # It takes seconds to end in order, and what it stores here nobody reads again.
        grace=0,
    ):
        yield peer
