"""Text that goes from one character set to another, around whatever ends a line or a value."""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.valuerep import PersonName

from tests.dimse.elements import EXPLICIT, IMPLICIT, SEQUENCE, explicit, implicit, item
from tests.dimse.texts import (
    EXTENSIONS,
    FIRST,
    TAGS,
    Text,
    alphabet,
    data_set,
    data_set_of,
    random_texts,
    terms,
    text_in,
    texts,
    texts_in,
)
from trio_dicom._dimse.charsets import codecs_of
from trio_dicom._dimse.declared import undeclared_text
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.text import decode_text, encode_text, plainer
from trio_dicom._dimse.transcode import encode_data_set
from trio_dicom.errors import LocalProtocolError

PAIRS = [(first, other) for first in FIRST for other in EXTENSIONS if first != other]
KOREAN, CYRILLIC, JAPANESE = ["", "ISO 2022 IR 149"], terms("100", "144"), terms("", "87")


def declared(charset: list[str], vr: str, value: bytes) -> bytes:
    declaration = "\\".join(charset).encode()
    declaration += b" " * (len(declaration) & 1)
    value += b" " * (len(value) & 1)
    return explicit(0x0008_0005, "CS", declaration) + explicit(TAGS[vr], vr, value)


def came(charset: list[str], vr: str, value: bytes) -> str:
    return text_in(EncodedDataSet(declared(charset, vr, value), EXPLICIT).decode(), vr)


def check_both_ways(cases: list[Text], charset: list[str]) -> None:
    sent = encode_data_set(data_set_of(cases, charset), EXPLICIT)
    assert texts_in(EncodedDataSet(sent, EXPLICIT).decode(), cases) == cases
    # A peer that has pydicom and nothing else reads the same.
    assert texts_in(dcmread(BytesIO(sent), force=True), cases) == cases
    print(f"{len(cases)} texts")


@pytest.mark.scenario("B54")
@pytest.mark.parametrize(("first", "other"), PAIRS)
def test_text_on_both_sides_of_each_delimiter_comes_as_it_goes(first: str, other: str) -> None:
    check_both_ways(list(texts(first, other)), terms(first, other))


@pytest.mark.scenario("B54")
@pytest.mark.parametrize("first", FIRST)
def test_text_of_all_sets_at_once_comes_as_it_goes(first: str) -> None:
    others = [number for number in EXTENSIONS if number != first]
    seed = 2022
    print(f"seed {seed}")
    check_both_ways(list(random_texts(seed, 200, first, *others)), terms(first, *others))


@pytest.mark.parametrize("number", EXTENSIONS)
def test_all_characters_of_a_set_are_in_it(number: str) -> None:
    characters = alphabet(number)
    check_both_ways([Text("UT", f"A{characters}\r\n{characters}")], terms("", number))
    print(f"{len(characters)} characters")


@cache
def _some(number: str) -> str:
    characters = "" if number in ("", "6") else alphabet(number)
    return characters[:: len(characters) // 50 + 1]


@given(st.data())
def test_text_is_the_same_after_it_was_bytes(data: st.DataObject) -> None:
    first = data.draw(st.sampled_from(list(FIRST)))
    others = data.draw(st.lists(st.sampled_from(list(EXTENSIONS)), min_size=1, unique=True))
    letters = st.sampled_from("A=^\\\r\n\t\f ~" + "".join(map(_some, {first, *others})))
    text, vr = data.draw(st.text(letters)), data.draw(st.sampled_from(list(TAGS)))
    codecs = codecs_of("\\".join(terms(first, *others)))
    encoded = encode_text(text, vr, codecs)
    assert encoded is not None
    assert decode_text(encoded, vr, codecs) == text
    assert plainer(encoded, vr, codecs) == encoded


@given(st.binary() | st.from_regex(rb"(\x1b[$()-]{1,2}[A-Z]|[\xb0-\xb8]{2}|[!-~\n])*"), st.data())
def test_bytes_of_a_peer_keep_their_meaning_or_remain_as_they_are(
    value: bytes, data: st.DataObject
) -> None:
    charset = data.draw(st.sampled_from([KOREAN, CYRILLIC, JAPANESE, terms("13", "87", "149")]))
    vr = data.draw(st.sampled_from(list(TAGS)))
    codecs = codecs_of("\\".join(charset))
    plain = plainer(value, vr, codecs)
    assert plain == value or decode_text(plain, vr, codecs) == decode_text(value, vr, codecs)


# What the examples of PS3.5 have.
EXAMPLES = [
    (
        terms("", "87"),  # H.3.1
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
    ),
    (
        terms("13", "87"),  # H.3.2
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        (
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
            b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"
        ),
    ),
    (
        KOREAN,  # I.2
        "Hong^Gildong=洪^吉洞=홍^길동",
        (
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
            b"=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"
        ),
    ),
    (
        terms("", "58"),  # K.2
        "Zhang^XiaoDong=张^小东",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
    ),
]


@pytest.mark.parametrize(("charset", "name", "encoded"), EXAMPLES)
def test_the_names_of_the_standard_have_the_bytes_of_the_standard(
    charset: list[str], name: str, encoded: bytes
) -> None:
    assert encoded in encode_data_set(data_set(Text("PN", name), charset), EXPLICIT)
    assert came(charset, "PN", encoded) == name


@pytest.mark.scenario("B54")
@pytest.mark.parametrize(
    ("charset", "vr", "value", "text"),
    [
        (KOREAN, "LT", b"\x1b$)C\xb1\xe8\r\n\x1b$)C\xb1\xe8", "김\r\n김"),
        (KOREAN, "LT", b"\x1b$)C\xb1\xe8\r\n\xb1\xe8", "김\r\n김"),  # not repeated
        (KOREAN, "PN", b"=\x1b$)C\xfb\xf3^\xd1\xce\xd4\xd7", "=洪^吉洞"),
        (KOREAN, "LO", b"\x1b$)C\xb1\xe8\\\xb1\xe8", "김\\김"),
        (CYRILLIC, "PN", b"\x1b-L\xb6^\xe9", "Ж^é"),  # here it would mean something else
        (CYRILLIC, "LO", b"\x1b-L\xb6\\\xe9", "Ж\\é"),
        (CYRILLIC, "LT", b"\x1b-L\xb6\\\xb6\r\n\xe9", "Ж\\Ж\r\né"),  # this is no delimiter
        (terms("144", "87"), "LO", b"\x1b$B;3\x1b(B\xb6", "山Ж"),
        (terms("", "87", "149"), "LO", b"\x1b$)C\xb1\xe8\x1b$B;3\x1b(B\xb1\xe8", "김山김"),
        (terms("", "87", "149"), "LT", b"\x1b$)C\xb1\xe8\x1b$B;3\n\xb1\xe8", "김山\n김"),
        (terms("", "87", "149"), "LT", b"\x1b$)C\x1b$B;3\xb1\xe8;3\x1b(B", "山김山"),
        (JAPANESE, "PN", b"\x1b$B;3\x1b(J^\x1b$B;3\x1b(J", "山^山"),
        (JAPANESE, "PN", b"\x1b$BB^E=\x1b(B", "袋貼"),  # halves look like delimiters
        (JAPANESE, "LT", b"\x1b$B;3\r\nA", "山\r\nA"),  # no way back, and yet the line has ended
    ],
)
def test_what_peers_write_is_read_as_they_mean_it(
    charset: list[str], vr: str, value: bytes, text: str
) -> None:
    assert came(charset, vr, value) == text
    sent = declared(charset, vr, value)
    data = EncodedDataSet(sent, EXPLICIT).decode()
    data.SpecificCharacterSet = "ISO_IR 192"
    assert text.encode() in encode_data_set(data, EXPLICIT)


def test_what_pydicom_has_read_goes_out_in_another_set_as_it_was_meant() -> None:
    value = b"\x1b-L\xb6^\xe9"
    read = dcmread(BytesIO(declared(CYRILLIC, "PN", value)), force=True)
    assert value in encode_data_set(read, EXPLICIT)
    read.SpecificCharacterSet = "ISO_IR 192"
    assert undeclared_text(read) is None
    assert "Ж^é".encode() in encode_data_set(read, EXPLICIT)


@pytest.mark.parametrize(
    "charset", [["ISO 2022 IR 87"], ["ISO 2022 IR 159", "ISO 2022 IR 87"], terms("87", "13")]
)
@pytest.mark.parametrize("name", ["=山田^太郎", "==山", "A==山", "山=山", "=x", "a==x"])
def test_a_name_without_its_first_group_is_read_where_a_set_without_ascii_is_the_first(
    charset: list[str], name: str
) -> None:
    sent = encode_data_set(data_set(Text("PN", name), charset), EXPLICIT)
    came = EncodedDataSet(sent, EXPLICIT).decode()
    assert text_in(came, "PN") == name
    assert encode_data_set(came, EXPLICIT) == sent
    # pydicom cannot read it of itself.
    for read in (came, dcmread(BytesIO(sent), force=True)):
        assert encode_data_set(read, EXPLICIT) == sent
        read.SpecificCharacterSet = "ISO_IR 192"
        assert undeclared_text(read) is None
        assert name.encode() in encode_data_set(read, EXPLICIT)


def test_text_that_is_only_sent_on_keeps_its_bytes() -> None:
    value = b"\x1b-L\xb6^\xe9"
    sent = declared(CYRILLIC, "PN", value)
    assert value in encode_data_set(EncodedDataSet(sent, EXPLICIT), IMPLICIT)


@pytest.mark.parametrize("vr", ["PN", None, "UN"])
def test_text_in_items_is_read_so_too(vr: str | None) -> None:
    value = b"\x1b-L\xb6^\xe9"
    if vr is None:
        encoding = IMPLICIT
        inner = implicit(TAGS["PN"], value)
        data = implicit(0x0008_0005, b"\\".join(term.encode() for term in CYRILLIC) + b" ")
        data += implicit(SEQUENCE, item(inner))
    else:
        encoding = EXPLICIT
        inner = explicit(TAGS["PN"], vr, value)
        data = declared(CYRILLIC, "LT", b"") + explicit(SEQUENCE, "SQ", item(inner))
    decoded = EncodedDataSet(data, encoding).decode()
    (found,) = decoded[SEQUENCE].value
    assert text_in(found, "PN") == "Ж^é"


def test_what_only_looks_like_an_escape_sequence_remains() -> None:
    value = b"\x1b-L\xb6\n\xe9"
    data = declared(CYRILLIC, "LT", b"") + explicit(0x7FE0_0010, "OB", value)
    assert EncodedDataSet(data, EXPLICIT).decode().PixelData == value


@pytest.mark.parametrize(
    "value", [b"\x1b$)C\xb1", b"\x1b(K", b"\x1b", b"\x1b-A\xff", b"\x1b$)A\xb6\xab", b"\x1b$B;"]
)
def test_what_is_no_text_in_its_sets_remains_as_it_is(value: bytes) -> None:
    codecs = codecs_of("\\".join(KOREAN))
    assert plainer(value, "LT", codecs) == value


@pytest.mark.parametrize("value", [b"\xb1\xe8", b"\xb1\xe8\x1b$)C\xb1\xe8"])
def test_bytes_of_no_set_are_no_text(value: bytes) -> None:
    assert decode_text(value, "LT", codecs_of("\\".join(KOREAN))) is None


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        (KOREAN, "김\r\né"),
        (KOREAN, "\x1b김"),  # it would begin an escape sequence
        (KOREAN, "뷁"),  # eight bytes with Python, four letters with others
        (KOREAN, "\N{HANGUL FILLER}"),  # which begins those eight bytes
        (KOREAN, "\N{HANGUL FILLER}ㄱㅏㄴ"),  # which are those
        (["ISO 2022 IR 159"], "김"),  # which Python's codec has
        (["ISO_IR 13"], "100¥"),  # whose byte is that of the backslash
        (["ISO_IR 13"], "山"),
        (JAPANESE, "100¥"),
        (JAPANESE, "é"),
        (terms("", "159"), "김"),  # likewise
        (terms("", "144"), "\x85"),
    ],
)
def test_what_a_set_lacks_is_refused(charset: list[str], text: str) -> None:
    with pytest.raises(LocalProtocolError, match="has characters that"):
        encode_data_set(data_set(Text("LT", text), charset), EXPLICIT)


def test_the_set_is_not_changed_without_need() -> None:
    codecs = codecs_of("\\".join(terms("", "87", "149")))
    assert encode_text("김A山", "LT", codecs) == b"\x1b$)C\xb1\xe8A\xdf\xa3"


@pytest.mark.parametrize(
    ("charset", "vr", "text", "encoded"),
    [
        (terms("", "58"), "LT", "A东B东\r\nA东", b"\x1b$)AA\xb6\xabB\xb6\xab\r\n\x1b$)AA\xb6\xab"),
        (terms("", "58"), "LO", "A\\B东", b"A\\\x1b$)AB\xb6\xab"),
        (terms("", "58"), "PN", "A^B东=C东", b"A^\x1b$)AB\xb6\xab=\x1b$)AC\xb6\xab"),
        (KOREAN, "LT", "A김\nB김", b"\x1b$)CA\xb1\xe8\n\x1b$)CB\xb1\xe8"),
        (terms("", "58", "138"), "LO", "东\\Bש", b"\x1b$)A\xb6\xab\\\x1b-HB\xf9"),
        (terms("138", "58"), "LO", "שB东Aש", b"\xf9\x1b$)AB\xb6\xab\x1b-HA\xf9"),
        (terms("", "58", "87"), "LO", "峠B东", b"\x1b$BF=\x1b(B\x1b$)AB\xb6\xab"),
        (terms("", "58", "87"), "LO", "峠东", b"\x1b$BF=\x1b(B\x1b$)A\xb6\xab"),
        (terms("", "138"), "LO", "Bש", b"B\x1b-H\xf9"),
    ],
)
def test_a_set_of_two_bytes_is_named_ahead_of_the_ascii_before_it(
    charset: list[str], vr: str, text: str, encoded: bytes
) -> None:
    assert encode_text(text, vr, codecs_of("\\".join(charset))) == encoded
    check_both_ways([Text(vr, text)], charset)


def test_no_escape_sequence_is_made_up_for_sets_that_have_none() -> None:
    assert encode_text("东", "LT", ["iso8859", "GBK"]) is None


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        (["ISO_IR 13"], "Aﾔ ﾔA\r\nﾔ"),
        (["ISO 2022 IR 87"], "A山\r\n山"),
        (["ISO 2022 IR 149"], "A김\r\n김"),
        (terms("", "100"), "é"),
        (terms("", "100", "144"), "éЖé"),
        (["ISO 2022 IR 149", "ISO 2022 IR 100"], "김é\r\n김é"),
    ],
)
def test_what_a_set_has_is_not_refused(charset: list[str], text: str) -> None:
    check_both_ways([Text("LT", text)], charset)


@pytest.mark.parametrize(("charset", "name"), [(KOREAN, "김^김"), (JAPANESE, "山^山")])
def test_a_name_is_sent_in_the_character_set_that_holds_now(charset: list[str], name: str) -> None:
    sent = data_set(Text("PN", name), charset)
    value = sent[TAGS["PN"]].value
    assert isinstance(value, PersonName)
    value.encode(codecs_of("\\".join(charset)))  # which pydicom keeps for all sets
    sent.SpecificCharacterSet = "ISO_IR 192"
    assert name.encode() in encode_data_set(sent, EXPLICIT)


@pytest.mark.parametrize(
    ("charset", "value"), [("ISO_IR 192", "김^김".encode()), ("ISO_IR 100", b"M\xfcller")]
)
def test_a_name_in_bytes_is_in_the_declared_character_set(charset: str, value: bytes) -> None:
    names = Dataset()
    names.SpecificCharacterSet = charset
    names.add_new(TAGS["PN"], "PN", [value, "A"])
    assert value + b"\\A" in encode_data_set(names, EXPLICIT)


@pytest.mark.parametrize("charset", [KOREAN, "ISO 2022 IR 149"])
def test_a_name_in_bytes_that_are_not_of_its_sets_is_refused(charset: str | list[str]) -> None:
    names = Dataset()
    names.SpecificCharacterSet = charset
    names.add_new(TAGS["PN"], "PN", b"M\xfcller")
    with pytest.raises(LocalProtocolError, match="has characters that"):
        encode_data_set(names, EXPLICIT)


def test_no_text_is_refused_where_text_belongs() -> None:
    numbers = Dataset()
    numbers.PatientID = "1"
    numbers["PatientID"]._value = 1
    with pytest.raises(LocalProtocolError, match="a value that LO cannot hold"):
        encode_data_set(numbers, EXPLICIT)


def test_values_in_bytes_beside_text_that_its_set_lacks_are_refused() -> None:
    names = Dataset()
    names.SpecificCharacterSet = "ISO_IR 192"
    names.add_new(TAGS["PN"], "PN", ["김".encode(), "\ud800"])
    with pytest.raises(LocalProtocolError, match="has characters that"):
        encode_data_set(names, EXPLICIT)


@pytest.mark.parametrize("value", [None, "", [], ["", "A"], ["A", ""]])
@pytest.mark.parametrize("vr", TAGS)
def test_nothing_is_sent_as_nothing(vr: str, value: str | list[str] | None) -> None:
    empty = Dataset()
    empty.SpecificCharacterSet = KOREAN
    empty.add_new(TAGS[vr], vr, value)
    whole = "\\".join(value or "").encode()
    assert re.search(rb"[^ ]" + re.escape(whole) + rb" ?\Z", encode_data_set(empty, EXPLICIT))
