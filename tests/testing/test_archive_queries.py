"""C-FIND of the archive in memory: models, levels, what is agreed on, and character sets."""

from __future__ import annotations

import pytest
from attrs import evolve
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

from tests.testing.builders import instance, query
from trio_dicom import (
    Association,
    CFindRequest,
    CMoveRequest,
    EncodedDataSet,
    ExtendedNegotiation,
    PresentationContext,
    QueryExtension,
    propose,
)
from trio_dicom.lowlevel import RoleSelection, encode_data_set
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
)
from trio_dicom.testing import MemoryArchive, open_memory_association
from trio_dicom.testing._archive.acceptance import accept

PATIENT_STUDY_ONLY = PresentationContext("1.2.840.10008.5.1.4.1.2.3.1")
PATIENT_STUDY_ONLY_MOVE = PresentationContext("1.2.840.10008.5.1.4.1.2.3.2")


def archive_of(*instances: Dataset) -> MemoryArchive:
    archive = MemoryArchive()
    for each in instances:
        archive.instances.add(each)
    return archive


async def ask(
    association: Association,
    keys: Dataset | EncodedDataSet,
    model: PresentationContext = STUDY_ROOT_FIND,
) -> tuple[list[Dataset], int]:
    """The matches and the final status."""
    request = CFindRequest(sop_class_uid=model.abstract_syntax, data_set=keys)
    async with association.open_request(request) as responses:
        matches = [it.decoded_data_set() async for it in responses]
        final = await responses.final()
    return [it for it in matches if it is not None], final.status.code


async def found(
    archive: MemoryArchive,
    keys: Dataset | EncodedDataSet,
    model: PresentationContext = STUDY_ROOT_FIND,
) -> list[Dataset]:
    """The matches of one query, which must end well."""
    async with open_memory_association(archive.serve, contexts=[model]) as association:
        matches, status = await ask(association, keys, model)
    assert status == 0
    return matches


async def test_what_says_how_keys_are_meant_is_not_answered() -> None:
    keys = query(
        "STUDY",
        StudyInstanceUID="",
        TimezoneOffsetFromUTC="+0100",
        QueryRetrieveView="CLASSIC",
    )
    [match] = await found(archive_of(instance(1)), keys)
    assert [it.keyword for it in match] == [
        *("QueryRetrieveLevel", "RetrieveAETitle", "StudyInstanceUID")
    ]


async def test_a_patient_without_an_id_is_found() -> None:
    unknown = {"PatientID": "", "PatientName": "Emergency^Unknown"}
    archive = archive_of(
        instance(1), instance(2, StudyInstanceUID="1.2.101", **unknown), instance(3, **unknown)
    )
    keys = query("PATIENT", PatientID="", PatientName="emergency*")
    [match] = await found(archive, keys, PATIENT_ROOT_FIND)
    assert (match.PatientID, match.PatientName) == ("", "Emergency^Unknown")
    keys.PatientName = ""
    assert len(await found(archive, keys, PATIENT_ROOT_FIND)) == 2
    keys.PatientID = "P1"
    assert len(await found(archive, keys, PATIENT_ROOT_FIND)) == 1


# --- character sets -------------------------------------------------------------------

JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"


@pytest.mark.parametrize(
    "name,asked,answered",
    [
        ("Doe^Jane", None, None),
        ("Doe^Jane", "ISO_IR 100", None),
        ("Müller^Änne", None, "ISO_IR 192"),
        ("Müller^Änne", "ISO_IR 100", "ISO_IR 100"),
        ("Müller^Änne", "ISO_IR 192", "ISO_IR 192"),
        ("Müller^Änne", "ISO_IR 126", "ISO_IR 192"),
        (JAPANESE, "ISO_IR 100", "ISO_IR 192"),
        (JAPANESE, ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 87"]),
        (JAPANESE, ["", "ISO 2022 IR 149"], "ISO_IR 192"),
        ("Wang^XiaoDong=王^小东", ["", "ISO 2022 IR 58"], ["", "ISO 2022 IR 58"]),
    ],
)
async def test_an_answer_is_in_the_character_set_of_the_query_if_that_has_all_characters(
    name: str, asked: str | list[str] | None, answered: str | list[str] | None
) -> None:
    archive = archive_of(instance(1, SpecificCharacterSet="ISO_IR 192", PatientName=name))
    keys = query("STUDY", StudyInstanceUID="", PatientName="")
    if asked is not None:
        keys.SpecificCharacterSet = asked
    [match] = await found(archive, keys)
    assert match.get("SpecificCharacterSet") == answered
    assert match.PatientName == name


@pytest.mark.parametrize(
    "charset",
    ["ISO_IR 192", "GB18030", ["", "ISO 2022 IR 87"], ["ISO 2022 IR 6", "ISO 2022 IR 87"]],
)
@pytest.mark.parametrize("pattern", ["*山田*", "Yamada^Tarou=山?^*", JAPANESE])
async def test_a_query_finds_in_its_own_character_set(
    charset: str | list[str], pattern: str
) -> None:
    stored = instance(1, SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName=JAPANESE)
    archive = archive_of(stored, instance(2, StudyInstanceUID="1.2.101"))
    keys = query("STUDY", StudyInstanceUID="", PatientName=pattern, SpecificCharacterSet=charset)
    [match] = await found(archive, keys)
    assert match.PatientName == JAPANESE


async def test_text_in_items_counts_for_the_character_set() -> None:
    code = Dataset()
    code.CodeMeaning = "Schädel"
    stored = instance(1, SpecificCharacterSet="ISO_IR 100", ProcedureCodeSequence=[code])
    [match] = await found(
        archive_of(stored), query("STUDY", StudyInstanceUID="", ProcedureCodeSequence=[])
    )
    assert match.SpecificCharacterSet == "ISO_IR 192"
    assert match.ProcedureCodeSequence[0].CodeMeaning == "Schädel"


def encoded(keys: Dataset, old: bytes, new: bytes) -> EncodedDataSet:
    """Keys that pydicom would not write."""
    data = encode_data_set(keys, ExplicitVRLittleEndian)
    assert data.count(old) == 1
    assert len(old) == len(new)
    return EncodedDataSet(data.replace(old, new), ExplicitVRLittleEndian)


async def test_a_character_set_that_does_not_exist_keeps_nobody_from_an_answer() -> None:
    archive = archive_of(instance(1, SpecificCharacterSet="ISO_IR 100", PatientName="Müller"))
    keys = query("STUDY", PatientID="P1", PatientName="", SpecificCharacterSet="ISO_IR 100")
    [match] = await found(archive, encoded(keys, b"ISO_IR 100", b"ISO_IR 999"))
    assert (match.SpecificCharacterSet, match.PatientName) == ("ISO_IR 192", "Müller")


# --- keys -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "old,new,number",
    [
        (b"IS\x02\x001 ", b"IS\x02\x00* ", 0),
        (b"1.2.1\0", b"1.2.*\0", 0),
        (b"CT", b"C*", 1),
        (b"P1", b"P*", 1),
    ],
)
async def test_keys_that_are_no_values_of_their_vr_are_taken_without_a_warning(
    old: bytes, new: bytes, number: int
) -> None:
    """Warnings are errors here, and pydicom has some for what queries are made of."""
    keys = query("IMAGE", InstanceNumber="1", SOPInstanceUID="1.2.1", Modality="CT", PatientID="P1")
    keys.StudyDate = "20240101-20240229"
    assert len(await found(archive_of(instance(1)), encoded(keys, old, new))) == number


async def test_a_key_that_nothing_can_be_compared_with_is_refused() -> None:
    # (0018,9073) Acquisition Duration: an FD of four bytes
    broken = bytes.fromhex("18007390") + b"FD\x04\x00abcd"
    keys = EncodedDataSet(
        encode_data_set(query("IMAGE"), ExplicitVRLittleEndian) + broken, ExplicitVRLittleEndian
    )
    async with open_memory_association(
        MemoryArchive().serve, contexts=[STUDY_ROOT_FIND]
    ) as association:
        assert await ask(association, keys) == ([], 0xC000)
        assert await ask(association, query("IMAGE")) == ([], 0)


async def test_keys_about_where_and_how_soon_are_answered_and_match() -> None:
    keys = query("IMAGE", SOPInstanceUID="", RetrieveAETitle="ARCHIVE", InstanceAvailability="")
    [match] = await found(archive_of(instance(1)), keys)
    assert (match.RetrieveAETitle, match.InstanceAvailability) == ("ARCHIVE", "ONLINE")
    keys.RetrieveAETitle = "OTHER"
    assert await found(archive_of(instance(1)), keys) == []


async def test_a_sequence_comes_with_the_items_that_match_and_what_was_asked_of_them() -> None:
    items = [Dataset(), Dataset()]
    for number, item in enumerate(items, 1):
        item.RequestedProcedureID = f"RP{number}"
        item.ScheduledProcedureStepID = f"STEP{number}"
    archive = archive_of(instance(1, RequestAttributesSequence=items))
    item = query("", RequestedProcedureID="RP2", CodeValue="")
    del item.QueryRetrieveLevel
    [match] = await found(archive, query("SERIES", RequestAttributesSequence=[item]))
    [answer] = match.RequestAttributesSequence
    assert [it.keyword for it in answer] == ["CodeValue", "RequestedProcedureID"]
    assert answer.RequestedProcedureID == "RP2"
    for whole in ([], [Dataset()]):
        [match] = await found(archive, query("SERIES", RequestAttributesSequence=whole))
        assert list(match.RequestAttributesSequence) == items


# --- models and levels ----------------------------------------------------------------


async def test_the_model_of_patients_and_studies_has_no_series() -> None:
    archive = archive_of(instance(1))
    [match] = await found(archive, query("PATIENT", PatientID=""), PATIENT_STUDY_ONLY)
    assert match.PatientID == "P1"
    async with open_memory_association(
        archive.serve, contexts=[PATIENT_STUDY_ONLY, PATIENT_STUDY_ONLY_MOVE]
    ) as association:
        assert await ask(association, query("SERIES"), PATIENT_STUDY_ONLY) == ([], 0xA900)
        request = CMoveRequest(
            sop_class_uid=PATIENT_STUDY_ONLY_MOVE.abstract_syntax,
            move_destination="NOBODY",
            data_set=query("STUDY", StudyInstanceUID="1.2.100"),
        )
        assert (await association.send_request(request)).status.code == 0xA801


COMPLETE = query("SERIES", PatientID="P1", StudyInstanceUID="1.2.100", SeriesInstanceUID="")


def without(keyword: str, value: object = None) -> Dataset:
    keys = Dataset()
    keys.update(COMPLETE)
    del keys[keyword]
    if value is not None:
        setattr(keys, keyword, value)
    return keys


@pytest.mark.parametrize(
    "keys,model,status",
    [
        (COMPLETE, PATIENT_ROOT_FIND, 0),
        (without("PatientID"), PATIENT_ROOT_FIND, 0xA900),
        (without("PatientID"), STUDY_ROOT_FIND, 0),
        (without("PatientID", ""), PATIENT_ROOT_FIND, 0xA900),
        (without("PatientID", "P*"), PATIENT_ROOT_FIND, 0xA900),
        (without("StudyInstanceUID"), STUDY_ROOT_FIND, 0xA900),
        (without("StudyInstanceUID", ["1.2.100", "1.2.101"]), STUDY_ROOT_FIND, 0xA900),
        (without("SeriesInstanceUID"), STUDY_ROOT_FIND, 0xA900),
    ],
)
async def test_an_archive_that_insists_wants_a_single_value_of_each_unique_key_above(
    keys: Dataset, model: PresentationContext, status: int
) -> None:
    archive = archive_of(instance(1))
    assert len(await found(archive, keys, model)) == 1, "it does not insist"
    archive.checks_unique_keys = True
    async with open_memory_association(archive.serve, contexts=[model]) as association:
        matches, code = await ask(association, keys, model)
    assert (len(matches), code) == (int(status == 0), status)


# --- what is agreed on ----------------------------------------------------------------


async def agreed(model: PresentationContext, *asked: int) -> list[bytes]:
    """The archive's answers to extended negotiation of that model."""
    item = ExtendedNegotiation(
        sop_class_uid=str(model.abstract_syntax), application_information=bytes(asked)
    )
    async with open_memory_association(
        MemoryArchive().serve, contexts=[model], extended=[item]
    ) as association:
        return [it.application_information for it in association.negotiated.extended]


@pytest.mark.parametrize(
    "model,asked,answered",
    [
        (STUDY_ROOT_FIND, (1, 1, 1, 1), (0, 1, 0, 0)),
        (PATIENT_ROOT_FIND, (1,), (0,)),
        (STUDY_ROOT_FIND, (0, 1), (0, 1)),
        (STUDY_ROOT_FIND, (0, 0, 0), (0, 0, 0)),
        (STUDY_ROOT_FIND, (1, 1, 1, 1, 1, 1, 1), (0, 1, 0, 0)),
        (STUDY_ROOT_GET, (1, 1), (0, 0)),
        (STUDY_ROOT_MOVE, (1,), (0,)),
    ],
)
async def test_what_the_archive_can_do_is_agreed_on_and_nothing_else(
    model: PresentationContext, asked: tuple[int, ...], answered: tuple[int, ...]
) -> None:
    assert await agreed(model, *asked) == [bytes(answered)]


async def test_extended_negotiation_of_what_has_none_here_is_not_answered() -> None:
    assert await agreed(MODALITY_WORKLIST, 1, 1) == []


async def test_relational_queries_are_not_agreed_on() -> None:
    archive = archive_of(instance(1), instance(2, SeriesInstanceUID="1.2.201", Modality="MR"))
    archive.checks_unique_keys = True
    async with open_memory_association(
        archive.serve, contexts=[STUDY_ROOT_FIND], extended=[QueryExtension(relational=True)]
    ) as association:
        assert association.query_extension(STUDY_ROOT_FIND) == QueryExtension()
        keys = query("SERIES", SeriesInstanceUID="", Modality="MR", PatientID="P1")
        assert await ask(association, keys) == ([], 0xA900)


def test_a_role_of_a_sop_class_without_a_context_is_not_answered() -> None:
    asked = [
        RoleSelection(sop_class_uid=uid, scu=False, scp=True)
        for uid in (CTImageStorage, MRImageStorage)
    ]
    request = propose(contexts=[PresentationContext(CTImageStorage)])
    request = evolve(request, user_information=(*request.user_information, *asked))
    assert accept(request, refused={}).items(RoleSelection) == (asked[0],)
