"""Comparing what arrived with what was sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ImplicitVRLittleEndian

from benchmarks.content import SAME_BYTES, SAME_DATA_SET, Differs, compared
from benchmarks.data import KIB, make_files


@pytest.fixture
def sent(tmp_path: Path) -> list[Path]:
    return make_files(tmp_path / "sent", 2, 4 * KIB).paths


def changed(path: Path, change: Callable[[Dataset], None]) -> Path:
    """A file with something else in it."""
    data_set = dcmread(path)
    change(data_set)
    other = path.parent.parent / path.name
    data_set.save_as(other)
    return other


def in_implicit_vr(data_set: Dataset) -> None:
    data_set.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def in_unicode(data_set: Dataset) -> None:
    data_set.SpecificCharacterSet = "ISO_IR 192"


def with_one_pixel_less(data_set: Dataset) -> None:
    data_set.PixelData = data_set.PixelData[:-2]


def with_one_pixel_changed(data_set: Dataset) -> None:
    data_set.PixelData = b"\xff\xff" + data_set.PixelData[2:]


def of_somebody_else(data_set: Dataset) -> None:
    data_set.PatientName = "Somebody^Else"


def with_an_element_more(data_set: Dataset) -> None:
    data_set.PatientComments = "none"


def test_the_same_files_in_another_order_have_the_same_bytes(sent: list[Path]) -> None:
    assert compared(sent, reversed(sent)) == SAME_BYTES


@pytest.mark.parametrize("change", [in_implicit_vr, in_unicode])
def test_what_was_encoded_anew_is_the_same_data_set(
    sent: list[Path], change: Callable[[Dataset], None]
) -> None:
    assert compared(sent, [sent[1], changed(sent[0], change)]) == SAME_DATA_SET


def test_a_group_length_more_is_no_other_data_set(sent: list[Path], tmp_path: Path) -> None:
    content = sent[0].read_bytes()
    first = content.index(bytes.fromhex("08000500"))  # Specific Character Set
    group_length = bytes.fromhex("08000000") + b"UL" + bytes.fromhex("040008000000")
    other = tmp_path / "other.dcm"
    other.write_bytes(content[:first] + group_length + content[first:])
    assert compared(sent[:1], [other]) == SAME_DATA_SET


def test_bytes_that_follow_are_another_data_set(sent: list[Path], tmp_path: Path) -> None:
    padding = bytes.fromhex("fcfffcff") + b"OB" + bytes(6)
    other = tmp_path / "other.dcm"
    other.write_bytes(sent[0].read_bytes() + padding)
    with pytest.raises(Differs, match="FFFC,FFFC"):
        compared(sent[:1], [other])


@pytest.mark.parametrize(
    ("change", "tag"),
    [
        (with_one_pixel_less, "7FE0,0010"),
        (with_one_pixel_changed, "7FE0,0010"),
        (of_somebody_else, "0010,0010"),
        (with_an_element_more, "0010,4000"),
    ],
)
def test_another_element_is_another_data_set(
    sent: list[Path], change: Callable[[Dataset], None], tag: str
) -> None:
    with pytest.raises(Differs, match=tag):
        compared(sent, [sent[1], changed(sent[0], change)])


def test_an_instance_less_one_more_or_one_twice_is_not_the_same(sent: list[Path]) -> None:
    with pytest.raises(Differs, match="did not arrive"):
        compared(sent, sent[:1])
    with pytest.raises(Differs, match="which was not to come"):
        compared(sent[:1], sent)
    with pytest.raises(Differs, match="or came before"):
        compared(sent, [*sent, sent[0]])
