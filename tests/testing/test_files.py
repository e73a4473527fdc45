"""Instances that are made up: what they are, and that they are the same again."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    MRImageStorage,
    RLELossless,
)

from trio_dicom.sop_classes import COMMON_STORAGE_CLASSES
from trio_dicom.testing import MemoryArchive, made_up_instances, write_instances

SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
    JPEGBaseline8Bit,
    JPEG2000Lossless,
]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda it: it.name)
@pytest.mark.parametrize("sop_class", [CTImageStorage, EncapsulatedPDFStorage])
def test_a_file_is_what_was_asked_for(sop_class: UID, syntax: UID, tmp_path: Path) -> None:
    made = made_up_instances(sop_class=sop_class, transfer_syntax=syntax, size=5000)
    [path] = write_instances(tmp_path / "new" / "folder", made)
    read = dcmread(path)
    assert (read.SOPClassUID, read.file_meta.TransferSyntaxUID) == (sop_class, syntax)
    assert read.SOPInstanceUID == read.file_meta.MediaStorageSOPInstanceUID
    assert path.stem == read.SOPInstanceUID
    instances = MemoryArchive().instances
    assert instances.add(path).data_set.transfer_syntax == syntax
    assert instances.add(made[0]).sop_class_uid == sop_class
    if sop_class == EncapsulatedPDFStorage:
        assert len(read[0x0009, 0x1001].value) == 5000
    elif not syntax.is_encapsulated:
        assert 4900 <= len(read.PixelData) == read.Rows * read.Columns * 2 <= 5000


@pytest.mark.parametrize("size", [2, 512, 70_000])
def test_frames_of_rle_decode_to_those_that_are_not_compressed(size: int, tmp_path: Path) -> None:
    kinds = (ExplicitVRLittleEndian, RLELossless)
    plain, packed = (
        dcmread(
            write_instances(
                tmp_path / syntax, made_up_instances(transfer_syntax=syntax, size=size)
            )[0]
        )
        for syntax in kinds
    )
    assert plain.pixel_array.shape == (plain.Rows, plain.Columns)
    assert (plain.pixel_array == packed.pixel_array).all()


def test_patients_have_studies_which_have_series_which_have_instances() -> None:
    made = made_up_instances(2, patients=2, studies=3, series=4)
    assert len(made) == 48
    for keyword, count in (
        ("PatientID", 2),
        ("PatientName", 2),
        ("StudyInstanceUID", 6),
        ("SeriesInstanceUID", 24),
        ("SOPInstanceUID", 48),
    ):
        assert len({str(it[keyword].value) for it in made}) == count, keyword
    first = [it for it in made if it.StudyInstanceUID == made[0].StudyInstanceUID]
    assert [(it.SeriesNumber, it.InstanceNumber) for it in first] == [
        (series, number) for series in (1, 2, 3, 4) for number in (1, 2)
    ]


def test_a_seed_makes_the_same_instances_in_every_run() -> None:
    assert made_up_instances(3, seed=7) == made_up_instances(3, seed=7)
    ours, theirs = ({it.SOPInstanceUID for it in made_up_instances(3, seed=n)} for n in (1, 2))
    assert not ours & theirs
    # A number that no change of the code may change.
    [made] = made_up_instances()
    assert made.SOPInstanceUID == "2.25.339600712676131681183478644312794900988"


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [(CTImageStorage, "CT"), (MRImageStorage, "MR"), (BasicTextSRStorage, "SR"), ("1.2.3", "OT")],
)
def test_the_modality_is_that_of_the_class(sop_class: str, modality: str) -> None:
    [made] = made_up_instances(sop_class=sop_class)
    assert made.Modality == modality


def test_every_common_class_can_be_made_up_and_kept(tmp_path: Path) -> None:
    instances = MemoryArchive().instances
    for sop_class in COMMON_STORAGE_CLASSES:
        [path] = write_instances(tmp_path, made_up_instances(sop_class=sop_class, size=64))
        instances.add(path)
        path.unlink()
