"""A test of a program that needs a context of its own."""

from pydicom.uid import JPEG2000Lossless, MRImageStorage

from trio_dicom import PresentationContext
from trio_dicom.testing import MemoryArchive, made_up_instances, open_memory_association


# [test
async def test_a_compressed_instance_is_stored_as_it_is(dicom_archive: MemoryArchive) -> None:
    contexts = [PresentationContext(MRImageStorage, JPEG2000Lossless)]
    [image] = made_up_instances(sop_class=MRImageStorage, transfer_syntax=JPEG2000Lossless)
    async with open_memory_association(dicom_archive.serve, contexts=contexts) as association:
        assert (await association.c_store(image)).status.is_success
    assert (
        dicom_archive.instances[image.SOPInstanceUID].data_set.transfer_syntax == JPEG2000Lossless
    )


# test]
