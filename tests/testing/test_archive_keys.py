"""Keys that an archive does not support, cannot understand, or has too many of."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom.config import disable_value_validation
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.interop.worklists import worklist_items, worklist_query
from tests.testing.builders import instance, query
from tests.testing.departments import associated, data
from tests.testing.unified import UPS, put
from trio_dicom import (
    CFindRequest,
    CMoveRequest,
    EncodedDataSet,
    NActionRequest,
    PresentationContext,
)
from trio_dicom.lowlevel import encode_data_set
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_MOVE,
    UPS_PULL,
    UPS_WATCH,
)
from trio_dicom.testing import MemoryArchive
from trio_dicom.testing._archive.answering import asked_of

OF_IMAGES = {"StudyInstanceUID": "1.2.100", "SeriesInstanceUID": "1.2.200", "SOPInstanceUID": ""}
MATCHING_STEPS = "1.2.840.10008.5.1.4.34.5.1"


def archive_of(*instances: Dataset) -> MemoryArchive:
    archive = MemoryArchive()
    for each in instances:
        archive.instances.add(each)
    return archive


async def asked(
    archive: MemoryArchive,
    keys: Dataset | EncodedDataSet,
    context: PresentationContext = STUDY_ROOT_FIND,
) -> tuple[list[Dataset], set[int], int]:
    """The matches, the statuses that came with them, and the final one."""
    syntaxes = [keys.transfer_syntax] if isinstance(keys, EncodedDataSet) else []
    if syntaxes:
        context = PresentationContext(context.abstract_syntax, syntaxes)
    request = CFindRequest(sop_class_uid=context.abstract_syntax, data_set=keys)
    async with (
        associated(archive, context) as association,
        association.open_request(request) as responses,
    ):
        pending = [(it.decoded_data_set(), it.status.code) async for it in responses]
        final = (await responses.final()).status.code
    return [it for it, _ in pending if it is not None], {code for _, code in pending}, final


def implicit(keys: Dataset, *elements: bytes) -> EncodedDataSet:
    """An identifier in implicit VR; the elements lie behind those of ``keys``."""
    encoded = encode_data_set(keys, ImplicitVRLittleEndian) + b"".join(elements)
    return EncodedDataSet(encoded, ImplicitVRLittleEndian)


def element(group: int, number: int, value: bytes = b"") -> bytes:
    return struct.pack("<HHI", group, number, len(value)) + value


# --- what is not supported ------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "wanted"])
async def test_private_attributes_are_neither_matched_nor_returned(value: str) -> None:
    stored = instance(1)
    stored.private_block(0x0021, "SOMEBODY", create=True).add_new(1, "LO", "secret")
    keys = query("IMAGE", **OF_IMAGES)
    keys.private_block(0x0021, "SOMEBODY", create=True).add_new(1, "LO", value)
    [match], statuses, final = await asked(archive_of(stored), keys)
    assert (statuses, final) == ({0xFF01}, 0)
    assert [it for it in match if it.tag.is_private] == []


async def test_bulk_data_is_not_returned_empty() -> None:
    keys = query("IMAGE", PixelData=b"", **OF_IMAGES)
    [match], statuses, final = await asked(archive_of(instance(1, PixelData=b"\0\0")), keys)
    assert (statuses, final) == ({0xFF01}, 0)
    assert match.SOPInstanceUID == "1.2.1"
    assert "PixelData" not in match


async def test_items_leave_out_what_is_not_supported() -> None:
    item = data(RequestedProcedureID="RP1")
    item.private_block(0x0041, "SOMEBODY", create=True).add_new(1, "LO", "x")
    keys = query("IMAGE", RequestAttributesSequence=[item], **OF_IMAGES)
    stored = instance(1, RequestAttributesSequence=[data(RequestedProcedureID="RP1")])
    [match], statuses, _ = await asked(archive_of(stored), keys)
    assert statuses == {0xFF01}
    [found] = match.RequestAttributesSequence
    assert [it.keyword for it in found] == ["RequestedProcedureID"]


async def test_an_attribute_that_nobody_has_is_supported() -> None:
    [match], statuses, _ = await asked(
        archive_of(instance(1)), query("IMAGE", InstitutionName="", **OF_IMAGES)
    )
    assert statuses == {0xFF00}
    assert match["InstitutionName"].is_empty


@pytest.mark.parametrize(
    "level,keyword,value",
    [
        ("STUDY", "Modality", "MR"),
        ("STUDY", "SeriesInstanceUID", "1.2.999"),
        ("PATIENT", "StudyDate", "19990101"),
        ("SERIES", "SOPInstanceUID", "1.2.999"),
    ],
)
async def test_keys_of_a_lower_level_are_neither_matched_nor_returned(
    level: str, keyword: str, value: str
) -> None:
    keys = query(level, PatientID="", **{keyword: value})
    model = PATIENT_ROOT_FIND if level == "PATIENT" else STUDY_ROOT_FIND
    [match], statuses, _ = await asked(archive_of(instance(1)), keys, model)
    assert statuses == {0xFF01}
    assert keyword not in match
    assert match.PatientID == "P1"


# --- what is not matched in lists of a test's own data sets ---------------------------


def with_private(data_set: Dataset, value: str, creator: str = "SOMEBODY") -> Dataset:
    data_set.private_block(0x0041, creator, create=True).add_new(1, "LO", value)
    return data_set


def scheduled(**values: object) -> Dataset:
    return data(ScheduledProcedureStepSequence=[data(Modality="CT")], **values)


def explicit(keys: Dataset) -> EncodedDataSet:
    return EncodedDataSet(encode_data_set(keys, ExplicitVRLittleEndian), ExplicitVRLittleEndian)


every_encoding = pytest.mark.parametrize("encode", [explicit, implicit])


@every_encoding
@pytest.mark.parametrize("value", ["", "wanted"])
async def test_private_keys_of_a_worklist_match_nothing_and_get_what_there_is(
    value: str, encode: Callable[[Dataset], EncodedDataSet]
) -> None:
    archive = MemoryArchive(
        worklist=[with_private(scheduled(PatientID="1"), "there"), scheduled(PatientID="2")]
    )
    keys = encode(with_private(scheduled(PatientID=""), value))
    found, statuses, final = await asked(archive, keys, MODALITY_WORKLIST)
    assert (statuses, final) == ({0xFF01}, 0)
    assert [it.PatientID for it in found] == ["1", "2"]
    in_implicit_vr = encode is implicit  # in which nobody can tell what it is
    there = found[0].private_block(0x0041, "SOMEBODY")[1].value
    assert there == (b"there " if in_implicit_vr else "there")
    assert [it for it in found[1] if it.tag.is_private] == []


@every_encoding
async def test_nor_do_they_in_items(
    encode: Callable[[Dataset], EncodedDataSet],
) -> None:
    archive = MemoryArchive(worklist=[scheduled()])
    keys = scheduled()
    with_private(keys.ScheduledProcedureStepSequence[0], "wanted")
    [match], statuses, _ = await asked(archive, encode(keys), MODALITY_WORKLIST)
    assert statuses == {0xFF01}
    assert [it.keyword for it in match.ScheduledProcedureStepSequence[0]] == ["Modality"]


@every_encoding
async def test_nor_do_bulk_data_and_unified_steps(
    encode: Callable[[Dataset], EncodedDataSet],
) -> None:
    archive = MemoryArchive()
    put(archive)
    keys = data(ProcedureStepState="SCHEDULED", EncapsulatedDocument=b"PDF!")
    [match], statuses, _ = await asked(archive, encode(keys), UPS_PULL)
    assert statuses == {0xFF01}
    assert [it.keyword for it in match] == ["ProcedureStepState"]


async def test_a_private_sequence_comes_whole_whatever_it_was_taken_for() -> None:
    item = scheduled()
    item.private_block(0x0041, "SOMEBODY", create=True).add_new(1, "SQ", [data(PatientID="1")])
    asking = with_private(scheduled(), "")  # as LO, which is what its sender thinks
    archive = MemoryArchive(worklist=[item])
    [match], _, _ = await asked(archive, explicit(asking), MODALITY_WORKLIST)
    assert match.private_block(0x0041, "SOMEBODY")[1].value == [data(PatientID="1")]
    [own], [copied] = (it[0x0041_1001].value for it in (item, asked_of(asking, item)))
    assert own == copied
    assert own is not copied


async def test_standard_keys_of_a_worklist_match_what_is_there() -> None:
    archive = MemoryArchive(worklist=[scheduled(InstitutionName="Here"), scheduled()])
    found, statuses, _ = await asked(archive, scheduled(InstitutionName="Here"), MODALITY_WORKLIST)
    assert (len(found), statuses) == (1, {0xFF00})


# --- what pydicom stumbles over -------------------------------------------------------


LUT_DATA = element(0x0028, 0x3006)
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, len(LUT_DATA))
BELOW_ZERO = element(0x0028, 0x0120, struct.pack("<h", -2000))


@pytest.mark.parametrize(
    "unsupported",
    [
        implicit(query("IMAGE", **OF_IMAGES), LUT_DATA),
        implicit(query("IMAGE", **OF_IMAGES), element(0x0028, 0x3010, ITEM + LUT_DATA)),
        implicit(query("IMAGE", **OF_IMAGES), element(0x0028, 0x9998, b"what")),
        EncodedDataSet(
            encode_data_set(query("IMAGE", **OF_IMAGES), ExplicitVRLittleEndian)
            + bytes.fromhex("28000630")
            + b"UN\0\0\0\0\0\0",
            ExplicitVRLittleEndian,
        ),
    ],
    ids=["bulk data", "bulk data in an item", "unknown", "bulk data of unknown VR"],
)
async def test_keys_of_open_or_unknown_vrs_are_left_out(unsupported: EncodedDataSet) -> None:
    [match], statuses, final = await asked(archive_of(instance(1)), unsupported)
    assert (statuses, final) == ({0xFF01}, 0)
    assert {0x0028_3006, 0x0028_9998}.isdisjoint(match.keys())


@pytest.mark.parametrize("padding,number", [(-2000, 1), (-1999, 0)])
async def test_a_signed_key_is_compared_as_what_it_is_compared_with(
    padding: int, number: int
) -> None:
    stored = instance(1, PixelRepresentation=1)
    stored.add_new(0x0028_0120, "SS", padding)
    keys = implicit(query("IMAGE", **OF_IMAGES), BELOW_ZERO)
    matches, _, final = await asked(archive_of(stored), keys)
    assert (len(matches), final) == (number, 0)


@pytest.mark.parametrize("context", [MODALITY_WORKLIST, UPS_PULL, STUDY_ROOT_FIND])
async def test_a_key_of_many_vrs_keeps_no_query_from_its_answer(
    context: PresentationContext,
) -> None:
    archive = archive_of(instance(1))
    archive.worklist.extend(worklist_items()[:1])
    put(archive)
    keys = query("STUDY") if context == STUDY_ROOT_FIND else data(PatientID="")
    matches, _, final = await asked(archive, implicit(keys, LUT_DATA), context)
    assert (len(matches), final) == (1, 0)


# --- warnings are errors in these tests, as in many -----------------------------------


async def test_long_keys_of_a_worklist_are_taken_without_a_warning() -> None:
    with disable_value_validation():
        query = worklist_query(ScheduledStationAETitle="A" * 20)
        [step] = query.ScheduledProcedureStepSequence
        step.ScheduledProcedureStepID = "*" * 30
    archive = MemoryArchive(worklist=worklist_items())
    encoded = implicit(query)
    assert await asked(archive, encoded, MODALITY_WORKLIST) == ([], set(), 0)


async def test_long_keys_of_unified_steps_are_taken_without_a_warning() -> None:
    archive = MemoryArchive()
    put(archive)
    with disable_value_validation():
        keys = data(AdmissionID="*" * 100, ScheduledProcedureStepPriority="hi*" * 20)
        wanted = data(
            **{it.keyword: it.value for it in keys}, ReceivingAE="W", DeletionLock="FALSE"
        )
    assert await asked(archive, implicit(keys), UPS_PULL) == ([], set(), 0)
    on = PresentationContext(UPS_WATCH.abstract_syntax, [ImplicitVRLittleEndian])
    async with associated(archive, on, calling_ae="W") as association:
        request = NActionRequest(
            sop_class_uid=UPS,
            sop_instance_uid=MATCHING_STEPS,
            action_type_id=3,
            data_set=implicit(wanted),
        )
        assert (await association.send_request(request)).status.code == 0


async def test_a_stored_instance_of_an_invalid_uid_is_named_among_those_that_failed() -> None:
    with disable_value_validation():
        stored = instance(1, SOPInstanceUID="1.2.03")
    encoded = EncodedDataSet(
        encode_data_set(stored, ExplicitVRLittleEndian), ExplicitVRLittleEndian
    )
    archive = MemoryArchive(destinations={"DEAD": ("127.0.0.1", 9)})
    archive.instances.keep(CTImageStorage, stored.SOPInstanceUID, encoded)
    request = CMoveRequest(
        sop_class_uid=STUDY_ROOT_MOVE.abstract_syntax,
        move_destination="DEAD",
        data_set=query("STUDY", StudyInstanceUID="1.2.100"),
    )
    async with associated(archive, STUDY_ROOT_MOVE) as association:
        answer = await association.send_request(request)
    assert answer.status.code == 0xA702
    assert answer.data_set is not None
    assert b"1.2.03" in answer.data_set.data


# --- more than one item, more than one value ------------------------------------------


SEVERAL = [data(RequestedProcedureID="RP1"), data(RequestedProcedureID="RP2")]


@pytest.mark.parametrize("context", [MODALITY_WORKLIST, UPS_PULL, STUDY_ROOT_FIND])
async def test_a_key_of_several_items_is_refused(context: PresentationContext) -> None:
    archive = archive_of(instance(1))
    keys = query("STUDY") if context == STUDY_ROOT_FIND else Dataset()
    keys.RequestAttributesSequence = SEVERAL
    assert await asked(archive, keys, context) == ([], set(), 0xA900)
    nested = query("STUDY") if context == STUDY_ROOT_FIND else Dataset()
    nested.ReferencedRequestSequence = [data(RequestAttributesSequence=SEVERAL)]
    assert await asked(archive, nested, context) == ([], set(), 0xA900)


async def test_a_filter_of_several_items_is_refused() -> None:
    keys = data(ReceivingAE="W", DeletionLock="FALSE", ReferencedRequestSequence=SEVERAL)
    async with associated(MemoryArchive(), UPS_WATCH, calling_ae="W") as association:
        request = NActionRequest(
            sop_class_uid=UPS, sop_instance_uid=MATCHING_STEPS, action_type_id=3, data_set=keys
        )
        assert (await association.send_request(request)).status.code == 0x0115


@pytest.mark.parametrize(
    "keyword,values,numbers",
    [
        ("Modality", ["US", "CR"], ["A5", "A8"]),
        ("PatientID", ["P1", "P2"], ["A1", "A2"]),
        ("ScheduledStationAETitle", ["US1", "CR1"], ["A5", "A8"]),
    ],
)
async def test_of_several_values_in_a_key_one_suffices(
    keyword: str, values: list[str], numbers: list[str]
) -> None:
    """The standard does not say what they mean, and worklist servers disagree."""
    keys = worklist_query()
    where = keys if keyword in keys else keys.ScheduledProcedureStepSequence[0]
    setattr(where, keyword, values)
    found, _, _ = await asked(MemoryArchive(worklist=worklist_items()), keys, MODALITY_WORKLIST)
    assert [it.AccessionNumber for it in found] == numbers
