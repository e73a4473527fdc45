"""Text that goes from one character set to another, as DCMTK and iconv read it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.dimse.texts import (
    EXTENSIONS,
    FIRST,
    Text,
    data_set_of,
    random_texts,
    terms,
    texts,
    texts_in,
)
from tests.interop.programs import program
from trio_dicom._dimse.charsets import codecs_of
from trio_dicom._dimse.text import encode_text
from trio_dicom._dimse.transcode import encode_data_set

# DCMTK does not know 203 yet, and with the iconv of the GNU C library neither 87 nor 159.
DCMTK = [number for number in EXTENSIONS if number not in ("87", "159", "203")]
_FROM_CHINESE = re.compile(rb"\x1b\$\)A[^\x00-\x1f\\^=](?:[^\x00-\x1f\\^=]{2})*\x1b")


def read_by_dcmtk(data_set: Dataset, folder: Path) -> Dataset:
    """The data set that goes out for ``data_set``, as dcmconv turns it into UTF-8."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    header = Dataset()
    header.file_meta = meta
    source, target = folder / "sent.dcm", folder / "read.dcm"
    header.save_as(source, enforce_file_format=True)
    with source.open("ab") as file:
        file.write(encode_data_set(data_set, ExplicitVRLittleEndian))
    command = [program("dcmconv", package="dcmtk"), "--quiet", "+U8", str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    return dcmread(target)


def check(cases: list[Text], charset: list[str], folder: Path) -> None:
    # Behind Chinese it goes on in steps of two bytes, and where ASCII and another set stand in the
    # same line, value or component, it steps over the escape sequence between.
    codecs = codecs_of("\\".join(charset))
    encoded = [encode_text(text.text, text.vr, codecs) or b"" for text in cases]
    cases = [
        text
        for text, value in zip(cases, encoded, strict=True)
        if _FROM_CHINESE.search(value) is None
    ]
    read = texts_in(read_by_dcmtk(data_set_of(cases, charset), folder), cases)
    if "ISO 2022 IR 13" in charset:  # it reads the yen sign that ISO-IR 14 has for a backslash
        read, cases = (
            [Text(text.vr, text.text.replace("¥", "\\")) for text in some] for some in (read, cases)
        )
    assert read == cases
    print(f"{len(cases)} texts")


@pytest.mark.scenario("B54")
@pytest.mark.parametrize("first", FIRST)
def test_dcmtk_reads_text_around_each_delimiter_as_it_was_sent(first: str, tmp_path: Path) -> None:
    for other in DCMTK:
        if other != first:
            check(list(texts(first, other)), terms(first, other), tmp_path)


@pytest.mark.scenario("B54")
@pytest.mark.parametrize("first", FIRST)
def test_dcmtk_reads_text_of_all_sets_at_once_as_it_was_sent(first: str, tmp_path: Path) -> None:
    seed = 2022
    print(f"seed {seed}")
    others = [number for number in DCMTK if number != first]
    check(list(random_texts(seed, 1000, first, *others)), terms(first, *others), tmp_path)


@pytest.mark.scenario("B54")
def test_iconv_reads_japanese_text_as_it_was_sent() -> None:
    charset, seed = terms("", "87", "159"), 2022
    cases = [*texts("", "87"), *texts("", "159"), *random_texts(seed, 1000, "87", "159")]
    codecs = codecs_of("\\".join(charset))
    encoded = [encode_text(text.text, text.vr, codecs) for text in cases]
    command = [program("iconv", package="libc-bin"), "-f", "ISO-2022-JP-2", "-t", "UTF-8"]
    sent = b"\0".join(value for value in encoded if value is not None)
    done = subprocess.run(command, input=sent, capture_output=True, check=True, timeout=60)
    assert done.stdout.decode().split("\0") == [text.text for text in cases]
    print(f"{len(cases)} texts, seed {seed}")
