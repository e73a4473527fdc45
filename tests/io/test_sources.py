"""Files as sources of data sets: of odd length, and shorter than they were."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.io.recording import CT
from tests.io.talking import instance
from trio_dicom import (
    Association,
    CStoreRequest,
    Delivery,
    LocalProtocolError,
    PresentationContext,
    SourceFailed,
    StoredDataSet,
    propose,
    wrap_stream,
)
from trio_dicom._dimse.deflated import deflate
from trio_dicom._io import file_source
from trio_dicom.testing import MemoryArchive, memory_link

BLOCK = 4096


def stored(path: Path, data: bytes, syntax: UID) -> CStoreRequest:
    path.write_bytes(data)
    data_set = StoredDataSet(
        path=path,
        offset=0,
        length=len(data),
        transfer_syntax=syntax,
        sop_class_uid=CT,
        sop_instance_uid="1.2",
    )
    return CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=data_set)


def deflated() -> bytes:
    """An instance, deflated, with an odd number of bytes."""
    sop_uids = b"\x08\0\x16\0UI\x1a\0" + CT.encode().ljust(26, b"\0")
    sop_uids += b"\x08\0\x18\0UI\4\x001.2\0"
    stream = deflate(sop_uids + bytes(instance(BLOCK).data))
    # Either takes its padding away or adds a byte that comes after its end.
    return stream[:-1] if stream.endswith(b"\0") else stream + b"\1"


@pytest.mark.scenario("B13", "B55")
async def test_a_deflated_file_of_odd_length_is_padded_with_its_last_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = deflated()
    assert len(odd) % 2 == 1
    monkeypatch.setattr(file_source, "_BLOCK", 16)
    request = stored(tmp_path / "odd.dcm", odd, DeflatedExplicitVRLittleEndian)
    archive = MemoryArchive()
    ours, theirs = memory_link()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(archive.serve, theirs)
        async with wrap_stream(ours) as connection:
            contexts = [PresentationContext(CT, [DeflatedExplicitVRLittleEndian])]
            agreed = await connection.send_association_request(propose(contexts=contexts))
            response = await Association(connection, agreed).send_request(request)
    assert response.status.is_success
    assert bytes(archive.instances["1.2"].data_set.data) == odd + b"\0"


@pytest.mark.scenario("B61")
@pytest.mark.parametrize("missing", [1, 2, 2 * BLOCK, 3 * BLOCK - 1])
async def test_a_file_that_shrinks_on_the_way_breaks_its_association_alone(
    missing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_source, "_BLOCK", BLOCK)
    path = tmp_path / "shrinking.dcm"
    data = bytes(instance(4 * BLOCK).data)
    request = stored(path, data, ExplicitVRLittleEndian)
    path.write_bytes(data[:-missing])
    archive = MemoryArchive()
    ours, theirs = memory_link()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(archive.serve, theirs)
        async with wrap_stream(ours) as connection:
            request_of_association = propose(contexts=[PresentationContext(CT)])
            agreed = await connection.send_association_request(request_of_association)
            with pytest.raises(SourceFailed) as caught:
                await Association(connection, agreed).send_request(request)
    assert caught.value.delivery is Delivery.PARTLY_SENT
    assert isinstance(caught.value.__cause__, EOFError)
    assert len(archive.instances) == 0


@pytest.mark.scenario("B61")
async def test_a_file_that_is_too_short_at_once_is_not_begun(tmp_path: Path) -> None:
    path = tmp_path / "short.dcm"
    data = bytes(instance(2 * BLOCK).data)
    request = stored(path, data, ExplicitVRLittleEndian)
    path.write_bytes(data[:-1])
    archive = MemoryArchive()
    ours, theirs = memory_link()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(archive.serve, theirs)
        async with wrap_stream(ours) as connection:
            request_of_association = propose(contexts=[PresentationContext(CT)])
            agreed = await connection.send_association_request(request_of_association)
            association = Association(connection, agreed)
            with pytest.raises(LocalProtocolError, match="shorter than it was"):
                await association.send_request(request)
            path.write_bytes(data)
            assert (await association.send_request(request)).status.code == 0xA900
