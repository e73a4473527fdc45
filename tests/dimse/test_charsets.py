"""The codecs of (0008,0005), whatever a peer writes there, and how many elements are decoded."""

from __future__ import annotations

import pytest
from pydicom.charset import python_encoding

from tests.dimse.elements import EXPLICIT, explicit
from trio_dicom._dimse.charsets import codecs_of
from trio_dicom._dimse.reading import read_data_set
from trio_dicom.errors import PDUError
from trio_dicom.options import Limits


@pytest.mark.parametrize("term", python_encoding)
def test_every_defined_term_has_its_codec(term: str) -> None:
    assert codecs_of(term) == [python_encoding[term]]


@pytest.mark.parametrize(
    ("written", "codec"),
    [
        ("ISO IR 100", "latin_1"),
        ("ISO-IR 192", "UTF8"),
        ("ISO_2022_IR_100", "latin_1"),
        ("ISO-2022-IR-87", "iso2022_jp"),
        ("UTF-8", "UTF8"),
        ("latin1", "latin_1"),
    ],
)
def test_what_is_meant_by_a_misspelt_term_is_taken(written: str, codec: str) -> None:
    assert codecs_of(written) == [codec]


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
