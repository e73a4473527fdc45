"""Echo and store against the servers that hospitals run."""

from __future__ import annotations

import ssl
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.interop import peers
from tests.interop.certificates import Certificates
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from trio_dicom import (
    Association,
    AssociationAborted,
    AssociationRejected,
    ConnectFailed,
    ConnectionEnded,
    LocalProtocolError,
    NoAcceptedContext,
    PresentationContext,
    StoredDataSet,
    contexts_for_files,
    open_association,
    username_and_passcode,
)
from trio_dicom.lowlevel import read_head
from trio_dicom.sop_classes import VERIFICATION

CT = UID("1.2.840.10008.5.1.4.1.1.2")


def head_of(path: Path) -> StoredDataSet:
    with path.open("rb") as file:
        return read_head(file, path)


def data_set_bytes(path: Path) -> bytes:
    """The encoded data set in a file, without the padding that makes a deflated one even."""
    head = head_of(path)
    return path.read_bytes()[head.offset : head.offset + head.length]


def values_of(data_set: Dataset) -> dict[str, object]:
    """What is in a data set, whatever lengths it was written with."""
    frames: list[bytes] = []
    if "PixelData" in data_set and data_set.file_meta.TransferSyntaxUID.is_encapsulated:
        frames = list(generate_frames(data_set.PixelData))
        del data_set.PixelData
    return {**data_set.to_json_dict(), "frames": frames}


def storable(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                head_of(path)
            except LocalProtocolError:
                continue
            found.append(path)
    return found


async def echo_and_store(association: Association, path: Path) -> None:
    echo = await association.c_echo()
    assert echo.status.is_success
    stored = await association.c_store(path)
    assert stored.status.is_success


async def store_and_echo(association: Association, path: Path) -> None:
    await association.c_store(path)
    await association.c_echo()


async def test_storescp_gets_every_storable_file_byte_for_byte(
    storescp: peers.Peer, pydicom_files: Path
) -> None:
    paths = storable(pydicom_files)
    contexts = await contexts_for_files(paths)
    results: Counter[str] = Counter()
    async with open_association(
        storescp.host, storescp.port, called_ae=storescp.ae_title, contexts=contexts
    ) as association:
        for path in paths:
            head = head_of(path)
            accepted = {
                context.transfer_syntax
                for context in association.negotiated.accepted_contexts
                if context.abstract_syntax == head.sop_class_uid
            }
            try:
                response = await association.c_store(path)
            except NoAcceptedContext:
                assert head.transfer_syntax not in accepted, path
                results["no accepted context"] += 1
                continue
            assert response.status.is_success, path
            (written,) = storescp.stored()
            if head.transfer_syntax in accepted:
                sent = data_set_bytes(path)
                assert data_set_bytes(written) in (sent, sent + b"\0"), path
                assert head_of(written).transfer_syntax == head.transfer_syntax
                results["as it was"] += 1
            else:
                results["re-encoded"] += 1
            written.unlink()
    assert results["as it was"] > 60
    assert sum(results.values()) == len(paths)


async def test_storescp_with_default_settings_gets_what_it_accepts(
    dcmtk: None, tmp_path: Path, pydicom_files: Path
) -> None:
    """Without +xa it accepts uncompressed syntaxes only: no pixel is touched for it."""
    paths = [pydicom_files / "CT_small.dcm", pydicom_files / "JPEG-lossy.dcm"]
    contexts = [VERIFICATION, *await contexts_for_files(paths)]
    async with (
        peers.storescp(tmp_path, accept=(), nodelay=False) as peer,
        open_association(peer.host, peer.port, called_ae="STORESCP", contexts=contexts) as it,
    ):
        await echo_and_store(it, paths[0])
        with pytest.raises(NoAcceptedContext, match="JPEG"):
            await it.c_store(paths[1])
        assert (await it.c_echo()).status.is_success
        (written,) = peer.stored()
        assert data_set_bytes(written) == data_set_bytes(paths[0])


@pytest.mark.scenario("B12", "B15")
async def test_each_jpeg_syntax_of_a_class_goes_out_as_it_is_on_its_own_context(
    storescp: peers.Peer, pydicom_files: Path
) -> None:
    paths = [
        path
        for path in storable(pydicom_files)
        if head_of(path).sop_class_uid == "1.2.840.10008.5.1.4.1.1.7"
        and UID(head_of(path).transfer_syntax).is_compressed
    ]
    assert len({head_of(path).transfer_syntax for path in paths}) > 1
    async with open_association(
        storescp.host,
        storescp.port,
        called_ae="STORESCP",
        contexts=await contexts_for_files(paths),
    ) as association:
        for path in paths:
            if head_of(path).transfer_syntax == "1.2.840.10008.1.2.1.99":
                continue
            assert (await association.c_store(path)).status.is_success
            (written,) = storescp.stored()
            assert head_of(written).transfer_syntax == head_of(path).transfer_syntax
            assert data_set_bytes(written) == data_set_bytes(path)
            written.unlink()


@pytest.mark.scenario("B16")
@pytest.mark.pitfall(10)
async def test_a_refused_syntax_is_re_encoded_without_a_changed_value(
    dcmtk: None, tmp_path: Path, pydicom_files: Path
) -> None:
    """``+xi``: Implicit VR Little Endian only."""
    names = ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "reportsi.dcm"]
    paths = [pydicom_files / name for name in names]
    contexts = await contexts_for_files(paths)
    async with (
        peers.storescp(tmp_path, accept=("+xi",)) as peer,
        open_association(peer.host, peer.port, called_ae="STORESCP", contexts=contexts) as it,
    ):
        for path in paths:
            assert (await it.c_store(path)).status.is_success
            (written,) = peer.stored()
            assert head_of(written).transfer_syntax == ImplicitVRLittleEndian
            before, after = dcmread(path), dcmread(written)
            if "PixelData" in before:
                assert (after.pixel_array == before.pixel_array).all()
            assert [element.tag for element in after] == [element.tag for element in before]
            written.unlink()


async def test_a_data_set_in_memory_is_stored_and_stays_as_it_was(
    storescp: peers.Peer, pydicom_files: Path
) -> None:
    data_set = dcmread(pydicom_files / "CT_small.dcm")
    before = data_set.to_json()
    async with open_association(
        storescp.host,
        storescp.port,
        called_ae="STORESCP",
        contexts=[PresentationContext(CT, [ImplicitVRLittleEndian])],
    ) as association:
        assert (await association.c_store(data_set)).status.is_success
    assert data_set.to_json() == before
    (written,) = storescp.stored()
    assert (dcmread(written).pixel_array == data_set.pixel_array).all()


async def test_storescp_with_tls_and_a_client_certificate(
    storescp_tls: peers.Peer, certificates: Certificates, pydicom_files: Path
) -> None:
    path = pydicom_files / "CT_small.dcm"
    async with open_association(
        storescp_tls.host,
        storescp_tls.port,
        called_ae="STORESCP",
        contexts=[VERIFICATION, *await contexts_for_files([path])],
        tls=certificates.client_context(),
    ) as association:
        assert association.connection.network_stream.is_tls
        await echo_and_store(association, path)
    (written,) = storescp_tls.stored()
    assert data_set_bytes(written) == data_set_bytes(path)


@pytest.mark.pitfall(23)
async def test_a_missing_client_certificate_is_a_failure_of_tls(
    storescp_tls: peers.Peer, certificates: Certificates
) -> None:
    with pytest.raises(ConnectFailed, match="TLS") as caught:
        async with open_association(
            storescp_tls.host,
            storescp_tls.port,
            contexts=[VERIFICATION],
            tls=certificates.client_context(with_certificate=False),
        ):
            raise AssertionError("there is no association")
    assert isinstance(caught.value.__cause__, ssl.SSLError)


@pytest.mark.pitfall(23)
async def test_plain_against_tls_and_tls_against_plain_are_clear_errors(
    storescp: peers.Peer, storescp_tls: peers.Peer, certificates: Certificates
) -> None:
    with pytest.raises(ConnectionEnded, match="may expect TLS"):
        async with open_association(storescp_tls.host, storescp_tls.port, contexts=[VERIFICATION]):
            raise AssertionError("there is no association")
    with pytest.raises(ConnectFailed, match="may not expect TLS"):
        async with open_association(
            storescp.host,
            storescp.port,
            contexts=[VERIFICATION],
            tls=certificates.client_context(),
        ):
            raise AssertionError("there is no association")


@pytest.mark.scenario("B01")
async def test_a_refusal_tells_result_source_and_reason(dcmtk: None, tmp_path: Path) -> None:
    async with peers.storescp(tmp_path, "--refuse") as peer:
        with pytest.raises(AssociationRejected) as caught:
            async with open_association(peer.host, peer.port, contexts=[VERIFICATION]):
                raise AssertionError("there is no association")
    assert caught.value.result.name == "PERMANENT"


@pytest.mark.scenario("B40")
@pytest.mark.parametrize("option", ["--abort-during", "--abort-after"])
async def test_an_abort_of_the_peer_is_told_as_one(
    dcmtk: None, tmp_path: Path, pydicom_files: Path, option: str
) -> None:
    path = pydicom_files / "CT_small.dcm"
    contexts = await contexts_for_files([path])
    async with (
        peers.storescp(tmp_path, option) as peer,
        open_association(
            peer.host, peer.port, called_ae="STORESCP", contexts=contexts
        ) as association,
    ):
        with pytest.raises(AssociationAborted) as caught:
            await store_and_echo(association, path)
    assert caught.value.by_peer


async def test_orthanc_gets_what_was_sent(orthanc: peers.OrthancPeer, pydicom_files: Path) -> None:
    names = ["CT_small.dcm", "JPEG-lossy.dcm", "SC_rgb_rle.dcm", "rtplan.dcm", "test-SR.dcm"]
    paths = [pydicom_files / name for name in names]
    async with open_association(
        orthanc.host,
        orthanc.port,
        called_ae=orthanc.ae_title,
        contexts=[VERIFICATION, *await contexts_for_files(paths)],
    ) as association:
        for path in paths:
            await echo_and_store(association, path)
    known = {
        (await orthanc.get(f"/instances/{name}"))["MainDicomTags"]["SOPInstanceUID"]: name
        for name in await orthanc.get("/instances")
    }
    for path in paths:
        uid = dcmread(path).SOPInstanceUID
        assert uid in known
        file = await orthanc.get_bytes(f"/instances/{known[uid]}/file")
        # Orthanc writes lengths of its own, so it is the values that have to agree.
        assert values_of(dcmread(BytesIO(file))) == values_of(dcmread(path))


async def test_pynetdicom_gets_what_was_sent(
    pynetdicom: PynetdicomPeer, pydicom_files: Path
) -> None:
    paths = [pydicom_files / name for name in ("CT_small.dcm", "JPEG-lossy.dcm", "image_dfl.dcm")]
    async with open_association(
        pynetdicom.host,
        pynetdicom.port,
        called_ae=pynetdicom.ae_title,
        contexts=[VERIFICATION, *await contexts_for_files(paths)],
    ) as association:
        for path in paths:
            await echo_and_store(association, path)
    sent = [data_set_bytes(path) for path in paths]
    sent[-1] += b"\0"  # it is deflated, to an odd length
    assert [data for _, data in pynetdicom.encoded] == sent


@pytest.mark.scenario("B09", "B64")
async def test_a_user_name_and_passcode_reach_pynetdicom_over_tls(
    certificates: Certificates,
) -> None:
    from pynetdicom import evt

    seen: list[tuple[object, ...]] = []

    def on_identity(event: evt.Event) -> tuple[bool, bytes | None]:
        seen.append((event.user_id_type, event.primary_field, event.secondary_field))
        return True, None

    identity = username_and_passcode("käthe", "geheim")
    with pynetdicom_peer(
        tls=certificates.server_context(), handlers=[(evt.EVT_USER_ID, on_identity)]
    ) as peer:
        async with open_association(
            peer.host,
            peer.port,
            contexts=[VERIFICATION],
            user_identity=identity,
            tls=certificates.client_context(),
        ) as association:
            assert (await association.c_echo()).status.is_success
    assert seen == [(2, "käthe".encode(), b"geheim")]
    assert "geheim" not in repr(identity)


async def test_two_hundred_small_files_do_not_wait_for_delayed_acknowledgements(
    dcmtk: None, tmp_path: Path, pydicom_files: Path
) -> None:
    """A default storescp has Nagle's algorithm on: each wait would be 40 ms, 8 s in all."""
    path = pydicom_files / "CT_small.dcm"
    contexts = await contexts_for_files([path])
    async with (
        peers.storescp(tmp_path, accept=(), nodelay=False) as peer,
        open_association(peer.host, peer.port, called_ae="STORESCP", contexts=contexts) as it,
    ):
        assert it.negotiated.accepted_contexts[0].transfer_syntax == ExplicitVRLittleEndian
        for _ in range(200):
            assert (await it.c_store(path)).status.is_success
