"""Group lengths and padding in what the archive is sent: they are no keys and no attributes."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.testing.builders import instance, query
from tests.testing.departments import associated, data
from tests.testing.unified import UID as STEP
from tests.testing.unified import UPS, put
from trio_dicom import CFindRequest, EncodedDataSet, NSetRequest, PresentationContext
from trio_dicom.lowlevel import encode_data_set
from trio_dicom.sop_classes import MODALITY_WORKLIST, STUDY_ROOT_FIND, UPS_PULL
from trio_dicom.testing import MemoryArchive

every_encoding = pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])


def with_structure(data_set: Dataset) -> Dataset:
    """The same with group lengths and padding, on every level."""
    padded = Dataset()
    padded.update(data_set)
    for group in {tag.group for tag in data_set.keys()}:  # noqa: SIM118  it is a Dataset
        padded.add_new(group << 16, "UL", 8)
    padded.add_new(0x0008_0001, "UL", 100)
    padded.add_new(0xFFFC_FFFC, "OB", b"\0\0")
    for element in padded:
        if element.VR == "SQ":
            element.value = [with_structure(item) for item in element.value]
    return padded


async def number_found(
    archive: MemoryArchive, context: PresentationContext, keys: Dataset, syntax: UID
) -> int:
    on = PresentationContext(context.abstract_syntax, [syntax])
    encoded = EncodedDataSet(encode_data_set(with_structure(keys), syntax), syntax)
    request = CFindRequest(sop_class_uid=context.abstract_syntax, data_set=encoded)
    async with (
        associated(archive, on) as association,
        association.open_request(request) as responses,
    ):
        matches = [it.decoded_data_set() async for it in responses]
        assert (await responses.final()).status.code == 0
    for match in matches:
        assert match is not None
        assert not [it for it in match if it.tag.element == 0 or it.tag == 0xFFFC_FFFC]
    return len(matches)


@every_encoding
async def test_a_query_with_group_lengths_and_padding_finds_what_it_asks_for(syntax: UID) -> None:
    archive = MemoryArchive()
    archive.instances.add(instance(1, RequestAttributesSequence=[data(RequestedProcedureID="R1")]))
    keys = query(
        "SERIES",
        StudyInstanceUID="1.2.100",
        SeriesInstanceUID="",
        RequestAttributesSequence=[data(RequestedProcedureID="R1")],
    )
    assert await number_found(archive, STUDY_ROOT_FIND, keys, syntax) == 1


@every_encoding
async def test_a_worklist_is_asked_with_group_lengths_and_padding(syntax: UID) -> None:
    archive = MemoryArchive()
    archive.worklist.append(
        data(PatientID="P1", ScheduledProcedureStepSequence=[data(Modality="CT")])
    )
    keys = data(PatientID="", ScheduledProcedureStepSequence=[data(Modality="CT")])
    assert await number_found(archive, MODALITY_WORKLIST, keys, syntax) == 1


@every_encoding
async def test_unified_steps_are_found_and_set_with_group_lengths_and_padding(syntax: UID) -> None:
    archive = MemoryArchive()
    put(archive)
    keys = data(ProcedureStepState="SCHEDULED", SOPInstanceUID="")
    assert await number_found(archive, UPS_PULL, keys, syntax) == 1
    changes = with_structure(data(ProcedureStepLabel="new"))
    request = NSetRequest(
        sop_class_uid=UPS,
        sop_instance_uid=STEP,
        data_set=EncodedDataSet(encode_data_set(changes, syntax), syntax),
    )
    on = PresentationContext(UPS_PULL.abstract_syntax, [syntax])
    async with associated(archive, on) as association:
        assert (await association.send_request(request)).status.code == 0
    step = archive.unified_steps[STEP]
    assert step.ProcedureStepLabel == "new"
    assert not [it for it in step if it.tag.element == 0]


async def test_a_stored_instance_keeps_its_group_lengths() -> None:
    archive = MemoryArchive()
    stored = with_structure(instance(1))
    context = PresentationContext(stored.SOPClassUID)
    async with associated(archive, context) as association:
        assert (await association.c_store(stored)).status.code == 0
    assert 0x0008_0000 in archive.instances["1.2.1"].data_set.decode()
