"""AE titles, UIDs and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import ae_titles
from trio_dicom._wire.fields import (
    decode_ae_title,
    decode_text,
    encode_ae_title,
    encode_text,
)
from trio_dicom.errors import PDUError


@pytest.mark.scenario("B07")
@pytest.mark.parametrize(
    "title, encoded",
    [
        ("A", b"A               "),
        ("SIXTEEN_LETTERS_", b"SIXTEEN_LETTERS_"),
        ("TWO WORDS", b"TWO WORDS       "),
        ("", b"                "),
    ],
)
def test_an_ae_title_is_padded_with_spaces_to_16_bytes(title: str, encoded: bytes) -> None:
    assert encode_ae_title(title, "called AE title") == encoded
    assert decode_ae_title(encoded) == title


@pytest.mark.scenario("B07")
@pytest.mark.pitfall(16)
@pytest.mark.parametrize(
    "padded",
    [
        b"ARCHIVE\0\0\0\0\0\0\0\0\0",
        b"  ARCHIVE       ",
        b"ARCHIVE \0 \0 \0 \0 ",
        b"\0ARCHIVE        ",
    ],
)
def test_padding_of_any_kind_is_stripped_on_reading(padded: bytes) -> None:
    assert decode_ae_title(padded) == "ARCHIVE"


@pytest.mark.scenario("B07")
def test_a_title_too_long_is_refused_by_name() -> None:
    with pytest.raises(PDUError, match="called AE title 'SEVENTEEN_LETTERS' is longer than 16"):
        encode_ae_title("SEVENTEEN_LETTERS", "called AE title")


@pytest.mark.scenario("B07")
def test_a_title_that_is_not_latin_1_is_refused_by_name() -> None:
    with pytest.raises(PDUError, match="calling AE title 'АРХИВ' has characters outside Latin-1"):
        encode_ae_title("АРХИВ", "calling AE title")


@given(ae_titles)
@pytest.mark.scenario("B07")
def test_every_title_comes_back(title: str) -> None:
    encoded = encode_ae_title(title, "AE title")
    assert len(encoded) == 16
    assert decode_ae_title(encoded) == title


@given(st.binary(min_size=16, max_size=16))
def test_any_16_bytes_are_some_title(data: bytes) -> None:
    assert len(decode_ae_title(data)) <= 16


@pytest.mark.pitfall(16)
@pytest.mark.parametrize("data", [b"1.2.3", b"1.2.3\0", b"1.2.3 ", b"1.2.3\0 \0"])
def test_a_uid_is_read_without_trailing_padding(data: bytes) -> None:
    assert decode_text(data) == "1.2.3"
    assert decode_text(memoryview(data)) == "1.2.3"


@pytest.mark.scenario("B53")
def test_an_invalid_uid_is_kept_as_it_is() -> None:
    assert decode_text(b" 1..02\xff") == " 1..02\xff"
    assert encode_text(" 1..02\xff", "UID") == b" 1..02\xff"


@pytest.mark.pitfall(16)
def test_a_uid_of_odd_length_is_not_padded_on_writing() -> None:
    assert encode_text("1.2.3", "UID") == b"1.2.3"
