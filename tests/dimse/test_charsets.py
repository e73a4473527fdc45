"""The codecs of (0008,0005), whatever a peer writes there, and how many elements are decoded."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from tests.dimse.elements import EXPLICIT, explicit
from trio_dicom._dimse.charsets import codecs_of
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.reading import read_data_set
from trio_dicom._dimse.transcode import encode_data_set
from trio_dicom.errors import PDUError
from trio_dicom.options import Limits

# The letters are those by which one set differs from the others.
SINGLE_BYTE = {
    "100": "ÿ",
    "101": "ł",
    "109": "ħ",
    "110": "ķ",
    "144": "Ж",
    "127": "ش",
    "126": "Ω",
    "138": "ש",
    "148": "ğ",
    "203": "€œŽ",
    "13": "ﾔ",
    "166": "ก",
}
"""PS3.3 Tables C.12-2 and C.12-3, which name the same sets, without and with code extensions."""
ESCAPED = {"87": "山", "159": "丂", "149": "김", "58": "东"}
"""PS3.3 Table C.12-4: sets of several bytes, with code extensions."""
STAND_ALONE = {"ISO_IR 192": "Ж山", "GB18030": "Ж王", "GBK": "Ж王"}
"""PS3.3 Table C.12-5: sets of several bytes, without."""
TERMS = {
    **{f"ISO_IR {number}": text for number, text in SINGLE_BYTE.items()},
    **{f"ISO 2022 IR {number}": text for number, text in SINGLE_BYTE.items()},
    **{f"ISO 2022 IR 6\\ISO 2022 IR {number}": text for number, text in SINGLE_BYTE.items()},
    **{f"\\ISO 2022 IR {number}": text for number, text in ESCAPED.items()},
    **STAND_ALONE,
    "ISO 2022 IR 6": "A",
}


@pytest.mark.scenario("B54")
@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("is_nested", [False, True])
def test_text_in_every_defined_term_comes_as_it_goes(term: str, is_nested: bool) -> None:
    sent = Dataset()
    sent.SpecificCharacterSet = term.split("\\") if "\\" in term else term
    sent.PatientName = f"A^{TERMS[term]}"
    if is_nested:
        inner, sent = sent, Dataset()
        sent.ReferencedPatientSequence = [inner]
    data = encode_data_set(sent, EXPLICIT)
    came = EncodedDataSet(data, EXPLICIT).decode()
    if is_nested:
        (came,) = came.ReferencedPatientSequence
    assert came.PatientName == f"A^{TERMS[term]}"
    assert b"?" not in data


CHINESE = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"
"""A name as PS3.5 K.2 has it."""


@pytest.mark.parametrize("is_declared_by_name", [False, True])
def test_a_chinese_name_with_code_extensions_is_text_without_them(
    is_declared_by_name: bool,
) -> None:
    default = "ISO 2022 IR 6" if is_declared_by_name else ""
    sent = Dataset()
    sent.SpecificCharacterSet = [default, "ISO 2022 IR 58"]
    sent.PatientName = "Zhang^XiaoDong=张^小东"
    data = encode_data_set(sent, EXPLICIT)
    assert CHINESE in data
    came = EncodedDataSet(data, EXPLICIT).decode()
    assert came.PatientName == "Zhang^XiaoDong=张^小东"


@pytest.mark.parametrize(
    ("term", "code"),
    [("ISO_IR 203", b"\xa4"), ("ISO 2022 IR 6\\ISO 2022 IR 203", b"\x1b-b\xa4")],
)
def test_latin_9_has_its_euro_where_latin_1_has_none(term: str, code: bytes) -> None:
    sent = Dataset()
    sent.SpecificCharacterSet = term.split("\\")
    sent.PatientID = "€"
    assert code in encode_data_set(sent, EXPLICIT)


@pytest.mark.parametrize(
    ("written", "codecs"),
    [
        ("ISO IR 100", "latin_1"),
        ("ISO-IR 192", "UTF8"),
        ("ISO_2022_IR_100", "latin_1"),
        ("ISO-2022-IR-87", "iso8859 iso2022_jp"),
        ("UTF-8", "UTF8"),
        ("latin1", "latin_1"),
        ("iso_ir 192", "UTF8"),
        ("iso-ir 203", "iso8859_15"),
        ("Iso 2022 ir 149", "euc_kr"),
    ],
)
def test_what_is_meant_by_a_misspelt_term_is_taken(written: str, codecs: str) -> None:
    assert codecs_of(written) == codecs.split()


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("written", ["punycode", "idna", "rot13", "ISO_2022_IR_999", "x" * 100])
def test_a_term_that_nobody_knows_is_the_default_repertoire(written: str) -> None:
    assert codecs_of(written) == codecs_of("")


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("count", [3, 4])
def test_more_elements_than_the_limit_are_refused(count: int) -> None:
    data = b"".join(explicit(0x0010_0010 + number, "LO") for number in range(count))
    limits = Limits(elements=3)
    if count == 3:
        assert len(read_data_set(data, EXPLICIT, limits)) == 3
    else:
        with pytest.raises(PDUError, match="more than 3 elements"):
            read_data_set(data, EXPLICIT, limits)
