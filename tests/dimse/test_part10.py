"""The heads of files: what lies in them, and what is no file to send."""

from __future__ import annotations

import io
import logging
import struct
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import UID, MediaStorageDirectoryStorage

from tests.dimse.elements import (
    BIG_ENDIAN,
    DEFLATED,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    explicit,
    implicit,
    item,
)
from trio_dicom._dimse.deflated import deflate
from trio_dicom._dimse.encoded import StoredDataSet
from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from trio_dicom._dimse.part10 import HEAD, LONGEST_HEAD, LOOK, file_meta_bytes, read_head
from trio_dicom._dimse.part10 import head_of as head_of_beginning
from trio_dicom.errors import LocalProtocolError

CT = "1.2.840.10008.5.1.4.1.1.2"
INSTANCE = "1.2.3.4"
UIDS = explicit(0x0008_0016, "UI", CT.encode() + b"\0") + explicit(
    0x0008_0018, "UI", INSTANCE.encode() + b"\0"
)
IMPLICIT_UIDS = implicit(0x0008_0016, CT.encode() + b"\0") + implicit(
    0x0008_0018, INSTANCE.encode() + b"\0"
)
# A block that is stored as it is, and then one of a kind that does not exist (RFC 1951 3.2.3).
NO_STREAM = struct.pack("<BHH", 0, len(UIDS), 0xFFFF - len(UIDS)) + UIDS + b"\7"
NAME = explicit(0x0010_0010, "PN", b"Doe^John")


def head_of(data: bytes) -> StoredDataSet:
    return read_head(io.BytesIO(data), Path("slice.dcm"))


def file_of(
    data_set: bytes, syntax: str = EXPLICIT, *, sop_class: str = CT, instance: str = INSTANCE
) -> bytes:
    meta = file_meta_bytes(
        sop_class_uid=sop_class, sop_instance_uid=instance, transfer_syntax=syntax
    )
    return meta + data_set


def test_a_file_says_what_lies_in_it_and_where() -> None:
    data = file_of(UIDS + NAME)
    assert head_of(data) == StoredDataSet(
        path=Path("slice.dcm"),
        offset=len(data) - len(UIDS + NAME),
        length=len(UIDS + NAME),
        transfer_syntax=EXPLICIT,
        sop_class_uid=UID(CT),
        sop_instance_uid=UID(INSTANCE),
    )


@pytest.mark.parametrize(
    "data_set, syntax",
    [
        (IMPLICIT_UIDS, IMPLICIT),
        (deflate(UIDS), DEFLATED),
        (UIDS, JPEG),
        (UIDS, "1.2.3.4.5"),
        (explicit(0x0008_0006, "SQ", item()) + UIDS + bytes(100_000), EXPLICIT),
    ],
    ids=["implicit", "deflated", "compressed", "private", "long"],
)
def test_every_syntax_is_understood(data_set: bytes, syntax: str) -> None:
    head = head_of(file_of(data_set, syntax))
    assert (head.transfer_syntax, head.sop_class_uid, head.sop_instance_uid) == (
        syntax,
        CT,
        INSTANCE,
    )
    assert head.length == len(data_set)


@pytest.mark.scenario("B20")
@pytest.mark.parametrize(
    "data_set, syntax",
    [
        (UIDS, EXPLICIT),
        (IMPLICIT_UIDS, IMPLICIT),
        (
            explicit(0x0008_0016, "UI", CT.encode() + b"\0", order=">")
            + explicit(0x0008_0018, "UI", INSTANCE.encode() + b"\0", order=">"),
            BIG_ENDIAN,
        ),
    ],
    ids=["explicit", "implicit", "big endian"],
)
def test_a_file_without_a_header_is_recognised(data_set: bytes, syntax: UID) -> None:
    head = head_of(data_set)
    assert (head.offset, head.length, head.transfer_syntax) == (0, len(data_set), syntax)
    assert (head.sop_class_uid, head.sop_instance_uid) == (CT, INSTANCE)


@pytest.mark.scenario("B20")
def test_a_header_without_preamble_or_transfer_syntax_will_do() -> None:
    data = file_of(UIDS)[132:]
    assert head_of(data).transfer_syntax == EXPLICIT
    unnamed = bytes(128) + b"DICM" + explicit(0x0002_0010, "UI") + IMPLICIT_UIDS
    assert head_of(unnamed).transfer_syntax == IMPLICIT


@pytest.mark.scenario("B20")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.4",
        b"GET / HTTP/1.1\r\n\r\n" * 20,
        bytes(10_000),
        explicit(0x0008_0016, "UI", b"no UID") + explicit(0x0008_0018, "UI", b"1.2\0"),
        explicit(0x0008_0016, "UI", b"1.2\0") + explicit(0x0008_0018, "UI", b"no UID"),
    ],
)
def test_what_is_no_dicom_file_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"slice\.dcm is no DICOM file"):
        head_of(data)


@pytest.mark.parametrize(
    "meta",
    [
        explicit(0x0002_0010, "UI", b"1.2", length=20),
        explicit(0x0002_0010, "UI")[:6],
        explicit(0x0002_0102, "OB", length=0xFFFF_FFFF),
        explicit(0x0002_0102, "OB", length=1 << 21),
        explicit(0x0002_0010, "ZZ"),
    ],
)
def test_a_broken_header_is_refused(meta: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="is no DICOM file"):
        head_of(bytes(128) + b"DICM" + meta)


def test_a_header_without_end_is_read_in_part_only() -> None:
    class Endless(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            reads.append(size or 0)
            if self.tell() >= 1 << 24:
                raise AssertionError("read on and on")
            return super().read(size)

    reads: list[int] = []
    element = explicit(0x0002_0102, "OB", bytes(60_000))
    file = Endless(bytes(128) + b"DICM" + element * 300)
    with pytest.raises(LocalProtocolError, match="no end"):
        read_head(file, Path("x"))
    assert sum(reads) < 1 << 21


def long_file_of(size: int, data_set: bytes = UIDS) -> bytes:
    """A file with private information of that many bytes in its meta header."""
    file = file_of(data_set)
    return (
        file[: -len(data_set)] + explicit(0x0002_0102, "OB", bytes(size)) + file[-len(data_set) :]
    )


@pytest.mark.parametrize("size", [HEAD, LOOK, 1 << 19, (1 << 20) - 1000])
def test_a_header_may_be_long(size: int) -> None:
    data = long_file_of(size)
    head = head_of(data)
    assert (head.offset, head.length) == (len(data) - len(UIDS), len(UIDS))
    assert head_of_beginning(data[:size], len(data), "x") is None
    assert head_of_beginning(data[:LONGEST_HEAD], len(data), "x") is not None


def test_a_data_set_may_have_much_before_its_uids() -> None:
    data = file_of(explicit(0x0008_0005, "CS", b"ab") * 6000 + UIDS + bytes(LOOK))
    assert head_of_beginning(data[:HEAD], len(data), "x") is None
    assert head_of(data).sop_instance_uid == INSTANCE


@pytest.mark.parametrize(
    "data",
    [
        file_of(UIDS + NAME),
        file_of(UIDS + NAME)[132:],
        b"\2\0" * 64 + file_of(UIDS + NAME)[128:],
        file_of(IMPLICIT_UIDS, IMPLICIT),
        file_of(deflate(UIDS + NAME), DEFLATED),
        file_of(deflate(UIDS + NAME) + b"\xff", DEFLATED),
        file_of(NO_STREAM, DEFLATED),
        file_of(IMPLICIT_UIDS, EXPLICIT),
        file_of(IMPLICIT_UIDS, JPEG),
        file_of(explicit(0x0008_0006, "SQ", item()) + UIDS),
        IMPLICIT_UIDS,
        b"%PDF-1.4",
        file_of(NAME),
        file_of(UIDS + b"\0"),
        file_of(UIDS, sop_class=MediaStorageDirectoryStorage),
        file_of(b"", sop_class=MediaStorageDirectoryStorage)[:-10],
    ],
)
def test_a_beginning_tells_what_the_whole_file_tells_or_nothing(data: bytes) -> None:
    def said(beginning: bytes) -> object:
        try:
            return head_of_beginning(beginning, len(data), "x")
        except LocalProtocolError as error:
            return str(error)

    whole = said(data)
    assert whole is not None
    assert {said(data[:cut]) for cut in range(len(data))} <= {None, whole}


@pytest.mark.parametrize(
    "before",
    [
        explicit(0x0002_0010, "UI", b"1.2\0"),
        explicit(0x0000_0002, "UI", b"1.2\0"),
        explicit(0x0008_0005, "CS", b"odd"),
        explicit(0x0008_0006, "SQ", item(explicit(0x0008_0100, "SH", b"odd") * 2)),
        explicit(0x0008_0006, "SQ", item(), length=0xFFFF_FFFF),
        explicit(0x0008_0005, "CS", length=0xFFFF),
        explicit(0x0008_0005, "CS", b"ab")[:-1],
    ],
    ids=["meta", "command", "odd", "odd inside", "no end", "too long", "short"],
)
def test_what_stands_before_the_uids_is_checked(before: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="has no SOP class"):
        head_of(file_of(explicit(0x0008_0001, "UL", bytes(4)) + before + UIDS))


@pytest.mark.parametrize(
    "before",
    [
        explicit(0x0008_0006, "SQ", item() + END_OF_SEQUENCE, length=0xFFFF_FFFF),
        explicit(0x0008_0006, "UN", bytes(6)),
        explicit(0x0008_0005, "UT", b"ab"),
    ],
)
def test_what_stands_before_the_uids_is_passed_over(before: bytes) -> None:
    assert head_of(file_of(before + UIDS)).sop_instance_uid == INSTANCE


@pytest.mark.scenario("B60")
@pytest.mark.parametrize(
    "data_set",
    [
        NAME,
        explicit(0x0008_0016, "UI", b"1.2\0"),
        explicit(0x0008_0018, "UI", b"1.2\0"),
        explicit(0x0008_0016, "UI") + explicit(0x0008_0018, "UI", b"1.2\0"),
        explicit(0x0008_0005, "CS", b"ab") * 7000 + UIDS,
    ],
    ids=["neither", "no instance", "no class", "empty", "too far behind"],
)
def test_a_file_without_sop_uids_is_refused(data_set: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"slice\.dcm has no SOP class"):
        head_of(file_of(data_set))


def test_a_file_whose_deflate_stream_is_none_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="has no SOP class"):
        head_of(file_of(b"\xff\xff\xff\xff", DEFLATED))


@pytest.mark.scenario("B60")
def test_a_dicomdir_is_never_stored(pydicom_files: Path) -> None:
    directories = [*pydicom_files.glob("dicomdirtests/**/DICOMDIR*")]
    assert len(directories) > 5
    for path in directories:
        with path.open("rb") as file, pytest.raises(LocalProtocolError, match="DICOMDIR"):
            read_head(file, path)
    bare = explicit(0x0008_0016, "UI", MediaStorageDirectoryStorage.encode()) + UIDS[-16:]
    with pytest.raises(LocalProtocolError, match="DICOMDIR"):
        head_of(bare)


@pytest.mark.scenario("B55")
def test_an_odd_length_is_refused_except_of_a_deflate_stream() -> None:
    with pytest.raises(LocalProtocolError, match="odd length"):
        head_of(file_of(UIDS + b"\0"))
    stream = deflate(UIDS)
    odd = stream.rstrip(b"\0") if len(stream.rstrip(b"\0")) % 2 else stream + b"\0"
    assert head_of(file_of(odd, DEFLATED)).length == len(odd)


# --- files that disagree with themselves ---------------------------------------------


@pytest.mark.scenario("B60")
@pytest.mark.parametrize(
    "sop_class, instance", [("1.2.840.10008.5.1.4.1.1.4", INSTANCE), (CT, "9.8.7")]
)
def test_the_data_set_counts_where_the_header_disagrees(
    caplog: pytest.LogCaptureFixture, sop_class: str, instance: str
) -> None:
    head = head_of(file_of(UIDS + NAME, sop_class=sop_class, instance=instance))
    assert (head.sop_class_uid, head.sop_instance_uid) == (CT, INSTANCE)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("trio_dicom", logging.WARNING)
    assert "slice.dcm" in record.getMessage()
    assert "Doe" not in record.getMessage()


@pytest.mark.scenario("B60")
def test_nothing_is_logged_where_they_agree(caplog: pytest.LogCaptureFixture) -> None:
    head_of(file_of(UIDS))
    head_of(UIDS)
    assert not caplog.records


@pytest.mark.parametrize(
    "data_set, said, actual",
    [
        (IMPLICIT_UIDS, EXPLICIT, IMPLICIT),
        (IMPLICIT_UIDS, DEFLATED, IMPLICIT),
        (UIDS, IMPLICIT, EXPLICIT),
        (UIDS, BIG_ENDIAN, EXPLICIT),
    ],
)
def test_native_elements_are_in_the_encoding_that_they_have_not_the_one_the_header_says(
    data_set: bytes, said: UID, actual: UID, caplog: pytest.LogCaptureFixture
) -> None:
    head = head_of(file_of(data_set, said))
    assert (head.transfer_syntax, head.length) == (actual, len(data_set))
    assert (head.sop_class_uid, head.sop_instance_uid) == (CT, INSTANCE)
    assert "not encoded as its meta header says" in caplog.text


def test_compressed_elements_in_another_encoding_than_the_header_says_go_out_as_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    head = head_of(file_of(IMPLICIT_UIDS, JPEG))
    assert (head.transfer_syntax, head.sop_class_uid) == (JPEG, CT)
    assert "not encoded as its meta header says" in caplog.text


@pytest.mark.scenario("B53")
def test_invalid_uids_of_a_file_are_kept() -> None:
    data_set = explicit(0x0008_0016, "UI", b"1.x.3\0") + explicit(0x0008_0018, "UI", b"1.02")
    head = head_of(file_of(data_set, sop_class="1.x.3", instance="1.02"))
    assert (head.sop_class_uid, head.sop_instance_uid) == ("1.x.3", "1.02")


# --- what we write -------------------------------------------------------------------


@pytest.mark.scenario("B63")
def test_files_that_we_write_say_who_wrote_them() -> None:
    data = file_meta_bytes(
        sop_class_uid=CT, sop_instance_uid=INSTANCE, transfer_syntax=EXPLICIT, source_ae="ARCHIVE"
    )
    assert data[:132] == bytes(128) + b"DICM"
    assert data[132:144] == bytes.fromhex("02000000 554c0400") + (len(data) - 144).to_bytes(
        4, "little"
    )
    assert data[144:158] == bytes.fromhex("02000100 4f420000 02000000 0001")
    meta = dcmread(io.BytesIO(data + NAME)).file_meta
    assert meta.MediaStorageSOPClassUID == CT
    assert meta.MediaStorageSOPInstanceUID == INSTANCE
    assert meta.TransferSyntaxUID == EXPLICIT
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert meta.SourceApplicationEntityTitle == "ARCHIVE"


@pytest.mark.scenario("B63")
def test_a_source_that_nobody_names_is_left_out() -> None:
    meta = dcmread(io.BytesIO(file_of(NAME))).file_meta
    assert "SourceApplicationEntityTitle" not in meta


@pytest.mark.filterwarnings("ignore")
def test_pydicoms_files_are_found_where_pydicom_finds_them(pydicom_files: Path) -> None:
    found = 0
    for path in sorted(pydicom_files.glob("*.dcm")):
        try:
            with path.open("rb") as file:
                head = read_head(file, path)
        except LocalProtocolError:
            continue
        data_set = dcmread(path, force=True)
        assert head.sop_instance_uid == data_set.SOPInstanceUID
        assert head.sop_class_uid == data_set.SOPClassUID
        named = data_set.file_meta.get("TransferSyntaxUID", head.transfer_syntax)
        assert head.transfer_syntax == named
        assert head.offset + head.length == path.stat().st_size
        found += 1
    assert found > 60
