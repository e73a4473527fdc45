"""Every instance of pydicom's test files goes into the archive and comes back the same."""

from __future__ import annotations

from pathlib import Path

from pydicom import Dataset

from tests.testing.test_archive import STUDY_ROOT_GET, Inbox
from trio_dicom import (
    CGetRequest,
    CGetResponse,
    LocalProtocolError,
    PresentationContext,
    StoredDataSet,
    open_association,
)
from trio_dicom.lowlevel import read_head
from trio_dicom.testing import MemoryArchive


def storable(folder: Path) -> dict[str, StoredDataSet]:
    """The instances in a folder, by their UIDs."""
    found: dict[str, StoredDataSet] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".dcm":
            try:
                with path.open("rb") as file:
                    stored = read_head(file, path)
            except LocalProtocolError:
                continue
            found.setdefault(stored.sop_instance_uid, stored)
    return found


async def test_what_is_stored_comes_back_byte_for_byte(
    archive: MemoryArchive, pydicom_files: Path
) -> None:
    files = storable(pydicom_files)
    contexts = {
        (it.sop_class_uid, it.transfer_syntax): PresentationContext(
            it.sop_class_uid, [it.transfer_syntax], scu_role=True, scp_role=True
        )
        for it in files.values()
    }
    inbox = Inbox()
    refused = []
    async with open_association(
        archive.host,
        archive.port,
        contexts=[PresentationContext(STUDY_ROOT_GET), *contexts.values()],
        handler=inbox,
    ) as association:
        for stored in files.values():
            response = await association.c_store(stored.path)
            if not response.status.is_success:
                refused.append((stored.path.name, response.status.code))
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "IMAGE"
        identifier.SOPInstanceUID = [it.sop_instance_uid for it in archive.instances]
        request = CGetRequest(sop_class_uid=STUDY_ROOT_GET, data_set=identifier)
        async with association.open_request(request) as responses:
            final = await responses.final()
    # Its elements are implicit, whatever its meta header says: nobody can read that.
    assert refused == [("SC_rgb_jpeg.dcm", 0xC000)]
    assert len(archive.instances) == len(files) - 1
    assert isinstance(final, CGetResponse)
    assert (final.completed, final.failed) == (len(archive.instances), 0)
    for received in inbox.received:
        stored = files[received.sop_instance_uid]
        data = stored.path.read_bytes()[stored.offset : stored.offset + stored.length]
        data_set = received.data_set
        assert data_set is not None
        assert data_set.transfer_syntax == stored.transfer_syntax
        # A deflated stream of odd length gets one byte more (PS3.5 A.5).
        assert bytes(data_set.data) == data + b"\0" * (len(data) & 1)
    assert {it.sop_instance_uid for it in inbox.received} == set(archive.instances.by_uid)
