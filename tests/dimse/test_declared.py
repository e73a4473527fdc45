"""Text beyond ASCII must be declared: what is found, in built and in received data sets."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

from tests.dimse.elements import EXPLICIT, IMPLICIT, SEQUENCE, explicit, implicit, item
from trio_dicom._dimse.declared import undeclared_text
from trio_dicom._dimse.encoded import EncodedDataSet

NAME = "PatientName (0010,0010)"
PATIENT_NAME = 0x0010_0010
CHARACTER_SET = 0x0008_0005


def data(**values: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


@pytest.mark.scenario("B54")
@pytest.mark.parametrize("name", ["Müller", "Люк", "Yamada=山田^太郎"])
@pytest.mark.parametrize("charset", [None, "", "ISO_IR 6", "ISO 2022 IR 6"])
def test_text_beyond_ascii_without_a_declaration_is_found(name: str, charset: str | None) -> None:
    data_set = data(SpecificCharacterSet=charset, PatientName=name)
    assert undeclared_text(data_set) == NAME
    del data_set.SpecificCharacterSet
    assert undeclared_text(data_set) == NAME


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "Müller=山田"),
        ("ISO_IR 100", "Müller"),
        ("ISO_IR 144", "Люк"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 100"], "Müller"),  # with an escape sequence, which pydicom leaves out
        (["ISO 2022 IR 100", "ISO 2022 IR 144"], "Müller^Люк"),
        ("GB18030", "Wang=王^小东"),
    ],
)
def test_declared_text_is_not(charset: str | list[str], name: str) -> None:
    assert undeclared_text(data(SpecificCharacterSet=charset, PatientName=name)) is None


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "山田"),
        (["", "ISO 2022 IR 87"], "Müller"),  # pydicom would write it in Latin-1
        (["", "ISO 2022 IR 87"], "Yamada=山田^ü"),
        (["", "ISO 2022 IR 149"], "홍ü"),
    ],
)
def test_text_that_the_declared_sets_do_not_hold_is(charset: str | list[str], name: str) -> None:
    assert undeclared_text(data(SpecificCharacterSet=charset, PatientName=name)) == NAME


def test_ascii_and_what_follows_no_character_set_need_none() -> None:
    data_set = data(PatientName="Mueller", PatientID=None, Rows=1, PatientComments="")
    data_set.add(DataElement(0x7FE0_0010, "OB", b"\xfc\xfc"))
    assert undeclared_text(data_set) is None


def test_every_value_is_looked_at() -> None:
    data_set = data(OtherPatientNames=["Mueller", "Müller"])
    assert undeclared_text(data_set) == "OtherPatientNames (0010,1001)"


def test_an_element_without_a_keyword_goes_by_its_tag() -> None:
    data_set = Dataset()
    data_set.private_block(0x0009, "trio", create=True).add_new(1, "LO", "ü")
    assert undeclared_text(data_set) == "(0009,1001)"


def test_items_inherit_a_declaration_or_have_their_own() -> None:
    meaning = "CodeMeaning (0008,0104)"
    undeclared, own = data(CodeMeaning="ü"), data(SpecificCharacterSet="ISO_IR 100")
    own.CodeMeaning = "ü"
    assert undeclared_text(data(ProcedureCodeSequence=[own])) is None
    assert undeclared_text(data(ProcedureCodeSequence=[own, undeclared])) == meaning
    declared = data(SpecificCharacterSet="ISO_IR 192", ProcedureCodeSequence=[undeclared, own])
    assert undeclared_text(declared) is None
    own.CodeMeaning = "山"
    assert undeclared_text(declared) == meaning
    assert undeclared_text(data(ProcedureCodeSequence=None)) is None


# --- what was received and is sent on -------------------------------------------------


def received(*, charset: bytes = b"", fallback: str = "", text: bytes) -> Dataset:
    declared = explicit(CHARACTER_SET, "CS", charset) if charset else b""
    encoded = EncodedDataSet(declared + explicit(PATIENT_NAME, "PN", text), EXPLICIT)
    return encoded.decode(fallback_charset=fallback)


def test_what_came_without_a_declaration_has_none() -> None:
    assert undeclared_text(received(text=b"M\xfcller")) == NAME
    assert undeclared_text(received(text=b"Mueller ")) is None
    assert undeclared_text(received(text="Müllers".encode(), fallback="ISO_IR 192")) == NAME
    assert undeclared_text(received(text=b"")) is None
    assert undeclared_text(received(text=b"\x1b$B;3ED\x1b(B")) == NAME


def test_what_came_with_one_is_not_touched() -> None:
    data_set = received(charset=b"ISO_IR 100", text=b"M\xfcller")
    assert undeclared_text(data_set) is None
    assert isinstance(data_set.get_item(Tag(PATIENT_NAME)), RawDataElement)


def test_what_came_in_another_character_set_must_be_in_the_one_that_is_declared_now() -> None:
    data_set = received(charset=b"ISO_IR 100", text=b"M\xfcller")
    data_set.SpecificCharacterSet = "ISO_IR 192"
    assert undeclared_text(data_set) is None
    data_set.SpecificCharacterSet = "ISO_IR 144"
    assert undeclared_text(data_set) == NAME
    assert isinstance(data_set.get_item(Tag(PATIENT_NAME)), RawDataElement)


def test_items_that_nobody_has_touched_are_looked_into() -> None:
    inner = implicit(0x0008_0104, b"\xfcx")
    of_a_file = read_dataset(BytesIO(implicit(SEQUENCE, item(inner))), True, True)
    assert undeclared_text(of_a_file) == "CodeMeaning (0008,0104)"
    assert isinstance(of_a_file.get_item(Tag(SEQUENCE)), RawDataElement)
    of_a_peer = EncodedDataSet(implicit(SEQUENCE, item(inner)), IMPLICIT).decode()
    assert undeclared_text(of_a_peer) == "CodeMeaning (0008,0104)"
    declared = implicit(CHARACTER_SET, b"ISO_IR 100")
    whole = implicit(SEQUENCE, item(declared + inner)) + implicit(0x0020_0010, b"")
    assert undeclared_text(EncodedDataSet(whole, IMPLICIT).decode()) is None


def test_what_the_writer_refuses_is_left_to_it() -> None:
    broken = Dataset({Tag(SEQUENCE): RawDataElement(Tag(SEQUENCE), "SQ", 2, b"xx", 0, False, True)})
    assert undeclared_text(broken) is None
    deep = data(PatientName="ü")
    for _ in range(2000):
        deep = data(ProcedureCodeSequence=[deep])
    assert undeclared_text(deep) is None
