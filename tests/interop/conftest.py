"""Real peers as fixtures. They skip where Debian's servers are missing.

``peers.storescp(folder, ...)`` and its neighbours give the same with other options, as
``async with``; ``programs.in_background`` turns any of them into a plain ``with``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from tests.interop import peers
from tests.interop.certificates import Certificates, make_certificates
from tests.interop.dcmjs_peer import DcmjsPeer, dcmjs, install_dcmjs
from tests.interop.programs import in_background, program
from tests.interop.pynetdicom_pause import make_pauses_sure
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from tests.interop.pynetdicom_services import ServicesPeer, pynetdicom_services
from tests.interop.worklists import write_worklist

make_pauses_sure()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a server's and a client's certificate, the same for all tests."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def storescp(dcmtk: None, tmp_path: Path) -> AsyncGenerator[peers.Peer, None]:
    """storescp, bit preserving, any transfer syntax, without Nagle."""
    folder = tmp_path / "storescp"
    folder.mkdir()
    async with peers.storescp(folder) as peer:
        yield peer


@pytest.fixture
async def storescp_tls(
    dcmtk: None, tmp_path: Path, certificates: Certificates
) -> AsyncGenerator[peers.Peer, None]:
    """The same with mutual TLS: it asks for the client's certificate."""
    folder = tmp_path / "storescp-tls"
    folder.mkdir()
    async with peers.storescp(folder, tls=certificates) as peer:
        yield peer


@pytest.fixture
async def dcmqrscp(dcmtk: None, tmp_path: Path) -> AsyncGenerator[peers.Peer, None]:
    """DCMTK's image archive, empty."""
    folder = tmp_path / "dcmqrscp"
    folder.mkdir()
    async with peers.dcmqrscp(folder) as peer:
        yield peer


@pytest.fixture
async def wlmscpfs(dcmtk: None, tmp_path: Path) -> AsyncGenerator[peers.Peer, None]:
    """DCMTK's worklist server, with the items of ``worklists``."""
    folder = tmp_path / "wlmscpfs"
    folder.mkdir()
    async with peers.wlmscpfs(folder) as peer:
        yield peer


@pytest.fixture
async def orthanc_worklist(tmp_path: Path) -> AsyncGenerator[peers.OrthancPeer, None]:
    """An Orthanc of its own that serves the same worklist by its plugin."""
    plugin = peers.orthanc_plugin("ModalityWorklists")
    folder = tmp_path / "orthanc-worklist"
    items = folder / "items"
    items.mkdir(parents=True)
    write_worklist(items)
    async with peers.orthanc(
        folder,
        Plugins=[str(plugin)],
        Worklists={"Enable": True, "Database": str(items)},
        # In which it answers whatever is asked; what Latin-1, its default, lacks it drops.
        DefaultEncoding="Utf8",
    ) as peer:
        yield peer


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Generator[peers.OrthancPeer, None, None]:
    """One Orthanc for all tests: it remembers what earlier ones stored."""
    program("Orthanc", package="orthanc")
    folder = tmp_path_factory.mktemp("orthanc")
    with in_background(lambda: peers.orthanc(folder)) as peer:
        yield peer


@pytest.fixture(name="pynetdicom")
def pynetdicom_fixture() -> Generator[PynetdicomPeer, None, None]:
    """pynetdicom in threads of this process: verification and storage."""
    with pynetdicom_peer() as peer:
        yield peer


@pytest.fixture(scope="session")
def dcmjs_installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where dcmjs-dimse is installed: once for all tests, and kept for later runs."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    folder = cache.mkdir("dcmjs") if cache is not None else tmp_path_factory.mktemp("dcmjs")
    return install_dcmjs(folder)


@pytest.fixture(name="dcmjs", scope="session")
def dcmjs_fixture(
    dcmjs_installation: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[DcmjsPeer, None, None]:
    """dcmjs-dimse, with a window of 8 and answers out of order."""
    folder = tmp_path_factory.mktemp("dcmjs-peer")
    with in_background(lambda: dcmjs(folder, dcmjs_installation)) as peer:
        yield peer


@pytest.fixture(name="pynetdicom_services")
def pynetdicom_services_fixture() -> Generator[ServicesPeer, None, None]:
    """pynetdicom in threads: worklist, MPPS, UPS, print and storage commitment."""
    with pynetdicom_services() as peer:
        yield peer
