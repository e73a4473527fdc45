"""Attributes as they are typed: ``-k KEY[=VALUE]``."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from trio_dicom import EncodedDataSet
from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.keys import data_set_of, parse_key, parse_keys
from trio_dicom.lowlevel import encode_data_set


def typed(*texts: str) -> Dataset:
    return data_set_of(parse_keys(texts))


def encoded(*texts: str) -> bytes:
    return encode_data_set(typed(*texts), ExplicitVRLittleEndian)


@pytest.mark.parametrize(
    "text",
    ["PatientName", "patientname", "0010,0010", "(0010,0010)", "00100010", " PatientName "],
)
def test_an_attribute_has_a_keyword_and_a_number(text: str) -> None:
    key = parse_key(f"{text}=DOE^JOHN")
    assert key.name == "PatientName"
    assert key.path == (0x0010_0010,)
    assert key.value == "DOE^JOHN"


def test_small_hexadecimal_letters_are_digits_too() -> None:
    assert parse_key("0020,000d").name == parse_key("0020000D").name == "StudyInstanceUID"


def test_a_path_leads_into_items_of_sequences() -> None:
    text = "ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[1].CodeValue=X"
    key = parse_key(text)
    assert key.path == (0x0040_0100, 0x0040_0008, 0x0008_0100)
    assert f"{key.name}={key.value}" == text


def test_the_first_item_needs_no_number() -> None:
    key = parse_key("ScheduledProcedureStepSequence.Modality=MR")
    assert key.name == "ScheduledProcedureStepSequence[0].Modality"
    assert parse_key("00400100.00080060=MR") == key


def test_a_key_without_a_value_asks_for_it() -> None:
    assert parse_key("StudyDate") == parse_key("StudyDate=")
    assert encoded("StudyDate") == bytes.fromhex("08002000 4441 0000")


@pytest.mark.scenario("B58")
@pytest.mark.parametrize(
    "text, value",
    [
        ("StudyInstanceUID=1.2.3\\1.2.4", b"1.2.3\\1.2.4\0"),
        ("StudyInstanceUID=1.2.*", b"1.2.*\0"),
        ("StudyDate=20200101-20201231", b"20200101-20201231 "),
        ("StudyDate=-20201231", b"-20201231 "),
        ("StudyTime=10-1159", b"10-1159 "),
        ("PatientName=D?E*^JO\\A", b"D?E*^JO\\A "),
        ("PatientName=A=B=C=D", b"A=B=C=D "),
        ("SeriesNumber=1-5", b"1-5 "),
        ("PatientWeight=*", b"* "),
        ("ModalitiesInStudy=CT\\MR", b"CT\\MR "),
        ("AccessionNumber=a=b", b"a=b "),
        ("PatientComments=a\\b\n", b"a\\b\n"),
    ],
)
def test_values_go_out_as_they_were_typed(text: str, value: bytes) -> None:
    assert encoded(text)[8:] == value


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64))
def test_any_ascii_text_goes_out_as_it_was_typed(text: str) -> None:
    assert encoded(f"PatientID={text}")[8:] == text.encode() + b" " * (len(text) % 2)


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30))
def test_any_text_can_be_read_again(text: str) -> None:
    text = text.replace("\\", "/")
    data = encode_data_set(typed(f"PatientID={text}"), ImplicitVRLittleEndian)
    assert EncodedDataSet(data, ImplicitVRLittleEndian).decode().PatientID == text


@given(st.text(max_size=60) | st.text("PatientName[]().,=0123456789ab \\", max_size=40))
def test_whatever_is_typed_is_a_key_or_a_mistake(text: str) -> None:
    with suppress(UsageError):
        typed(text)


PLACES = [
    *("PatientName", "Rows", "SpecificCharacterSet", "0009,0010", "0009,1001"),
    *("RequestAttributesSequence", "RequestAttributesSequence[0]", "0009,1001[0].StudyID"),
    *(f"RequestAttributesSequence[{item}].ScheduledProcedureStepID" for item in (0, 1)),
]
VALUES = ["", "=", "=1", "=ü", "=\\"]


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(VALUES)).map("".join)))
def test_whatever_is_typed_together_is_a_query_or_a_mistake(texts: list[str]) -> None:
    try:
        data = encoded(*texts)
    except UsageError:
        return
    names = {key.name for key in parse_keys(texts)}
    decoded = EncodedDataSet(data, ExplicitVRLittleEndian).decode()
    assert {"PatientName", "Rows"} & names == {"PatientName", "Rows"} & set(decoded.dir())


def test_numbers_become_numbers() -> None:
    assert encoded("Rows=512")[8:] == b"\x00\x02"
    assert encoded("Rows=1\\2")[8:] == b"\x01\x00\x02\x00"
    assert encoded("SmallestImagePixelValue=-1")[:8] == bytes.fromhex("28000601 5353 0200")
    assert encoded("SmallestImagePixelValue=1")[:8] == bytes.fromhex("28000601 5553 0200")
    assert encoded("ExposureTimeInms=1.5")[8:] == b"\0\0\0\0\0\0\xf8?"


def test_tags_as_values_have_names_too() -> None:
    assert encoded("FrameIncrementPointer=PatientID\\0010,0010")[8:] == bytes.fromhex(
        "1000 2000 1000 1000"
    )


def test_an_empty_sequence_asks_for_all_of_it() -> None:
    assert encoded("ReferencedStudySequence") == bytes.fromhex("08001011 5351 0000 00000000")


def test_an_item_may_be_empty() -> None:
    (item,) = typed("ReferencedStudySequence[0]").ReferencedStudySequence
    assert len(item) == 0


@pytest.mark.parametrize("is_reversed", [False, True])
def test_items_come_in_any_order(is_reversed: bool) -> None:
    texts = ["RequestAttributesSequence"]
    texts += [f"RequestAttributesSequence[{it}].ScheduledProcedureStepID={it}" for it in range(3)]
    query = typed(*reversed(texts)) if is_reversed else typed(*texts)
    steps = [item.ScheduledProcedureStepID for item in query.RequestAttributesSequence]
    assert steps == ["0", "1", "2"]


def test_a_value_wins_over_its_absence() -> None:
    assert typed("StudyID", "StudyID=1", "StudyID").StudyID == "1"
    assert typed("StudyID=1", "00200010=1").StudyID == "1"


def test_letters_beyond_ascii_are_utf_8() -> None:
    query = typed("PatientName=Müller*")
    assert query.SpecificCharacterSet == "ISO_IR 192"
    assert encoded("PatientName=Müller*").endswith("Müller*".encode())
    assert "SpecificCharacterSet" not in typed("PatientName=Mueller*")
    step = "ScheduledProcedureStepSequence.ScheduledPerformingPhysicianName"
    assert encoded(f"{step}=山田^太郎").endswith("山田^太郎 ".encode())


def test_letters_go_out_in_the_character_set_that_is_given() -> None:
    latin_1 = encoded("PatientName=Müller", "SpecificCharacterSet=ISO_IR 100")
    assert latin_1.endswith(b"M\xfcller")
    japanese = encoded("SpecificCharacterSet=\\ISO 2022 IR 87", "PatientName=Yamada=山田")
    assert japanese.endswith(b"Yamada=\x1b$B;3ED\x1b(B ")
    assert b"ISO_IR 192" in encoded("SpecificCharacterSet", "PatientName=Müller")


@pytest.mark.scenario("B54")
def test_private_attributes_have_the_vr_of_their_creator() -> None:
    query = typed("0009,1002=suite", "0009,0010=GEMS_IDEN_01", "0009,1099=odd", "0029,1010")
    assert query[0x0009_0010].VR == "LO"
    assert query[0x0009_1002].VR == "SH"
    assert query[0x0009_1099].value == b"odd "
    assert query[0x0029_1010].value == b""


@pytest.mark.parametrize(
    "texts, complaint",
    [
        ([""], "is no key"),
        (["="], "is no key"),
        (["=DOE"], "is no key"),
        (["PatientName."], "is no key"),
        (["[0]"], "is no key"),
        (["ReferencedStudySequence[x].StudyID"], "is no key"),
        (["ReferencedStudySequence[-1].StudyID"], "is no key"),
        (["ReferencedStudySequence[0][0]"], "is no key"),
        (["PatientNam=DOE"], "Did you mean PatientName"),
        (["Nonsense"], "'Nonsense' is no attribute"),
        (["001000100"], "is no attribute"),
        (["0010,00"], "is no attribute"),
        (["0000,0100"], "CommandField has no place in a data set"),
        (["TransferSyntaxUID=1.2"], "TransferSyntaxUID has no place"),
        (["0008,0000"], "group length"),
        (["FFFE,E000"], "no place"),
        (["PatientName[0]"], "PatientName is no sequence"),
        (["PatientName.StudyID"], "PatientName is no sequence"),
        (["ReferencedStudySequence=1"], r"such as ReferencedStudySequence\[0\].CodeValue=1"),
        (["ReferencedStudySequence[0]=1"], r"such as ReferencedStudySequence\[0\].CodeValue=1"),
        (["ReferencedStudySequence[1].StudyID=1"], "counted from 0"),
        (["ReferencedStudySequence[9999].StudyID=1", "StudyID"], "counted from 0"),
        (["0009,1001=x", "0009,1001[0].StudyID"], "given a value, and items as well"),
        (["StudyID=1", "StudyID=2"], "StudyID is given twice"),
        (["Rows=x"], "Rows holds whole numbers, and 'x' is none"),
        (["Rows=1.5"], "whole numbers"),
        (["Rows=65536"], "US cannot hold"),
        (["Rows=1\\\\2"], "whole numbers"),
        (["ExposureTimeInms=nan"], "holds numbers, and 'nan' is none"),
        (["ExposureTimeInms=1e999"], "holds numbers"),
        (["FrameIncrementPointer=Nonsense"], "'Nonsense' is no attribute"),
        (["PixelData=0000"], r"holds binary data \(OW\)"),
        (["Modality=ü"], "letters that CS does not have"),
        (["StudyInstanceUID=１"], "letters that UI does not have"),
        (["PatientName=\x1b[2J"], "control characters"),
        (["PatientName=a\x85b"], "control characters"),
        (["PatientName=\udcff"], "is no text"),
        (["PatientName=山田", "SpecificCharacterSet=ISO_IR 100"], "Specific Character Set lacks"),
        (["PatientName=ü", "SpecificCharacterSet=KLINGON"], "'KLINGON' is no character set"),
    ],
)
def test_a_mistake_is_named(texts: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        typed(*texts)


def test_a_key_does_not_show_whom_it_is_about() -> None:
    assert "DOE" not in repr(parse_key("PatientName=DOE"))
