"""Elements in what the archive is sent that are no keys and no attributes: it ignores them."""

from __future__ import annotations

import struct

import pytest
from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.testing.builders import instance, query
from tests.testing.departments import associated, data
from tests.testing.unified import UID as STEP
from tests.testing.unified import UPS, put
from trio_dicom import (
    CFindRequest,
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CMoveResponse,
    EncodedDataSet,
    NSetRequest,
    PresentationContext,
)
from trio_dicom.lowlevel import encode_data_set
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    UPS_PULL,
)
from trio_dicom.testing import MemoryArchive

# What Orthanc 1.10.1 sends when it is asked for the instances of a series.
OF_ORTHANC = bytes.fromhex(
    "02000300 00000000"
    "08000500 0a000000 49534f5f495220313030"
    "08001800 00000000"
    "08005000 00000000"
    "08005200 06000000 494d41474520"
    "10002000 00000000"
    "20000d00 1c000000 312e322e3832362e302e312e333638303034332e31302e37372e3131"
    "20000e00 1e000000 312e322e3832362e302e312e333638303034332e31302e37372e31312e31"
)
OF_GROUP_0000 = struct.pack("<HHII", 0x0000, 0x0000, 4, 0)
OF_GROUP_0002 = struct.pack("<HHI6s", 0x0002, 0x0003, 6, b"1.2.3\0")

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


# --- what has no place in a data set, in front of the keys ---------------------------


async def answered(
    archive: MemoryArchive, context: PresentationContext, keys: bytes, syntax: UID
) -> tuple[list[Dataset | None], int]:
    """What the keys find, and the final status."""
    on = PresentationContext(context.abstract_syntax, [syntax])
    request = CFindRequest(
        sop_class_uid=context.abstract_syntax, data_set=EncodedDataSet(keys, syntax)
    )
    async with (
        associated(archive, on) as association,
        association.open_request(request) as responses,
    ):
        found = [it.decoded_data_set() async for it in responses]
        return found, (await responses.final()).status.code


async def test_what_orthanc_asks_of_instances_is_answered() -> None:
    archive = MemoryArchive()
    study = "1.2.826.0.1.3680043.10.77.11"
    archive.instances.add(instance(1, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1"))
    archive.instances.add(instance(2, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.2"))
    found, status = await answered(archive, STUDY_ROOT_FIND, OF_ORTHANC, ImplicitVRLittleEndian)
    assert status == 0
    assert [str(it.SOPInstanceUID) for it in found if it is not None] == ["1.2.1"]


@pytest.mark.parametrize(
    "syntax,before",
    [
        (ImplicitVRLittleEndian, OF_GROUP_0000),
        (ImplicitVRLittleEndian, OF_GROUP_0000 + OF_GROUP_0002),
        (ExplicitVRLittleEndian, struct.pack("<HH2sH", 0x0002, 0x0003, b"UI", 0)),
        (ExplicitVRLittleEndian, struct.pack("<HH2sHI2s", 2, 1, b"OB", 0, 2, b"\0\1")),
        (ExplicitVRBigEndian, struct.pack(">HH2sH6s", 2, 3, b"UI", 6, b"1.2.3\0")),
    ],
    ids=["group 0000", "both", "explicit", "long", "big endian"],
)
async def test_elements_of_other_groups_before_the_keys_are_ignored(
    syntax: UID, before: bytes
) -> None:
    archive = MemoryArchive(worklist=[data(ScheduledProcedureStepSequence=[data(Modality="CT")])])
    archive.instances.add(instance(1))
    put(archive)
    for context, keys in [
        (STUDY_ROOT_FIND, query("STUDY", PatientID="P1")),
        (MODALITY_WORKLIST, data(ScheduledProcedureStepSequence=[data(Modality="CT")])),
        (UPS_PULL, data(ProcedureStepState="SCHEDULED")),
    ]:
        encoded = before + encode_data_set(keys, syntax)
        found, status = await answered(archive, context, encoded, syntax)
        assert (len(found), status) == (1, 0), context


async def test_so_are_they_in_what_asks_for_instances() -> None:
    archive = MemoryArchive()
    archive.instances.add(instance(1))
    archive.destinations["NOWHERE"] = ("127.0.0.1", 1)
    keys = encode_data_set(query("STUDY", StudyInstanceUID="1.2.100"), ImplicitVRLittleEndian)
    identifier = EncodedDataSet(OF_GROUP_0002 + keys, ImplicitVRLittleEndian)
    get = CGetRequest(sop_class_uid=STUDY_ROOT_GET.abstract_syntax, data_set=identifier)
    move = CMoveRequest(
        sop_class_uid=STUDY_ROOT_MOVE.abstract_syntax,
        move_destination="NOWHERE",
        data_set=identifier,
    )
    contexts = [
        PresentationContext(it.sop_class_uid, [ImplicitVRLittleEndian]) for it in (get, move)
    ]
    async with associated(archive, *contexts) as association:
        for request in (get, move):
            async with association.open_request(request) as responses:
                final = await responses.final()
            assert isinstance(final, CGetResponse | CMoveResponse)
            # It has been looked for, and could not be sent: there is nobody who takes it.
            assert (final.status.code, final.failed) == (0xA702, 1)


@pytest.mark.parametrize(
    "keys",
    [
        struct.pack("<HHI", 2, 3, 8),
        struct.pack("<HHI", 2, 3, 3) + b"1.2\0",
        struct.pack("<HHI", 2, 3, 0xFFFF_FFFF),
        OF_GROUP_0002 + b"\x08\0\x52\0\x05\0",
        OF_ORTHANC[8:] + OF_GROUP_0002,
    ],
    ids=["too long", "odd", "undefined", "cut", "behind the keys"],
)
async def test_what_is_no_data_set_even_so_is_refused(keys: bytes) -> None:
    found, status = await answered(MemoryArchive(), STUDY_ROOT_FIND, keys, ImplicitVRLittleEndian)
    assert (found, status) == ([], 0xC000)


async def test_what_is_no_identifier_may_not_have_them() -> None:
    archive = MemoryArchive()
    put(archive)
    changes = encode_data_set(data(ProcedureStepLabel="new"), ImplicitVRLittleEndian)
    request = NSetRequest(
        sop_class_uid=UPS,
        sop_instance_uid=STEP,
        data_set=EncodedDataSet(OF_GROUP_0002 + changes, ImplicitVRLittleEndian),
    )
    on = PresentationContext(UPS_PULL.abstract_syntax, [ImplicitVRLittleEndian])
    async with associated(archive, on) as association:
        assert (await association.send_request(request)).status.code == 0xC000
    assert archive.unified_steps[STEP].ProcedureStepLabel != "new"
