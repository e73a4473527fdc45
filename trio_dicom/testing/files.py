"""Instances that are made up: of any class, size and transfer syntax, the same in every run."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import product
from math import isqrt
from os import PathLike
from pathlib import Path
from typing import Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, RLELossless

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._dimse.part10 import file_meta_bytes
from trio_dicom._dimse.transcode import encode_data_set
from trio_dicom._operations.reading import as_da

__all__ = ["made_up_instances", "write_instances"]

_OURS: Final = uuid.UUID("5d0c5f5e-3c1f-4d53-9b3c-0f9d7a7f2b11")
_FIRST_DAY: Final = date(2020, 1, 1)
_CREATOR: Final = "TRIO_DICOM"
_BYTES_PER_SAMPLE: Final = 2

# By a word in the keyword of the class, the first that fits; OT, "other", where none does.
_MODALITIES: Final = {
    "CT": "CT",
    "MR": "MR",
    "ComputedRadiography": "CR",
    "Mammography": "MG",
    "DigitalXRay": "DX",
    "Ultrasound": "US",
    "PositronEmission": "PT",
    "NuclearMedicine": "NM",
    "Angiographic": "XA",
    "Radiofluoroscopic": "RF",
    "RTDose": "RTDOSE",
    "RTPlan": "RTPLAN",
    "RTStructureSet": "RTSTRUCT",
    "SRStorage": "SR",
    "EncapsulatedPDF": "DOC",
}


def made_up_instances(
    count: int = 1,
    *,
    patients: int = 1,
    studies: int = 1,
    series: int = 1,
    sop_class: str = CTImageStorage,
    transfer_syntax: str = ExplicitVRLittleEndian,
    size: int = 512,
    seed: int = 0,
) -> list[Dataset]:
    """Instances of nobody, which no study of anybody has.

    They have the attributes that queries ask for, not all that their class demands. Images have
    16-bit samples of noise; in RLE they can be decoded, in other compressed syntaxes their one
    fragment is noise that no decoder takes. Instances of other classes carry the noise in a
    private element.

    Args:
        count: How many each series has.
        patients: How many patients there are.
        studies: How many studies each patient has.
        series: How many series each study has.
        sop_class: What they are.
        transfer_syntax: What they are encoded in.
        size: How many bytes of noise each has, without what compression adds: even, and for
            images rounded down to whole rows.
        seed: Of everything: two seeds have no UID and no patient in common.
    """
    numbers = product(range(1, patients + 1), range(1, studies + 1), range(1, series + 1))
    return [
        _instance(
            (seed, *place, number),
            sop_class=as_uid(sop_class),
            transfer_syntax=as_uid(transfer_syntax),
            size=size,
        )
        for place in numbers
        for number in range(1, count + 1)
    ]


def write_instances(directory: str | PathLike[str], instances: Iterable[Dataset]) -> list[Path]:
    """Write instances to DICOM files named by their UIDs; the paths, in that order.

    Args:
        directory: Where they go; it is made if it is not there.
        instances: Data sets whose meta information names their transfer syntax, such as
            ``made_up_instances`` gives.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for instance in instances:
        paths.append(folder / f"{instance.SOPInstanceUID}.dcm")
        syntax = instance.file_meta.TransferSyntaxUID
        meta = file_meta_bytes(
            sop_class_uid=instance.SOPClassUID,
            sop_instance_uid=instance.SOPInstanceUID,
            transfer_syntax=syntax,
        )
        paths[-1].write_bytes(meta + encode_data_set(instance, syntax))
    return paths


def _instance(
    place: tuple[int, ...], *, sop_class: UID, transfer_syntax: UID, size: int
) -> Dataset:
    seed, patient, study, series, number = place
    it = Dataset()
    it.SOPClassUID = sop_class
    it.SOPInstanceUID = _uid(*place)
    it.StudyDate = as_da(_FIRST_DAY + timedelta(days=100 * patient + study))
    it.StudyTime = "120000"
    it.AccessionNumber = f"A{seed}-{patient}-{study}"
    it.Modality = _modality_of(sop_class)
    it.ReferringPhysicianName = ""
    it.PatientName = f"Made-up^Patient {seed}-{patient}"
    it.PatientID = f"P{seed}-{patient}"
    it.PatientBirthDate = "19700101"
    it.PatientSex = "O"
    it.StudyInstanceUID = _uid(seed, patient, study)
    it.SeriesInstanceUID = _uid(seed, patient, study, series)
    it.StudyID = str(study)
    it.SeriesNumber = series
    it.InstanceNumber = number
    noise = random.Random(it.SOPInstanceUID)  # noqa: S311 - nobody's secret
    if "Image" in sop_class.name:
        _add_image(it, noise, transfer_syntax, size)
    else:
        it.private_block(0x0009, _CREATOR, create=True).add_new(
            0x01, "OB", noise.randbytes(size + size % 2)
        )
    it.file_meta = FileMetaDataset()
    it.file_meta.TransferSyntaxUID = transfer_syntax
    return it


def _add_image(it: Dataset, noise: random.Random, transfer_syntax: UID, size: int) -> None:
    samples = max(1, size // _BYTES_PER_SAMPLE)
    columns = isqrt(samples)
    rows = samples // columns
    it.SamplesPerPixel = 1
    it.PhotometricInterpretation = "MONOCHROME2"
    it.Rows = rows
    it.Columns = columns
    it.BitsAllocated = it.BitsStored = 8 * _BYTES_PER_SAMPLE
    it.HighBit = it.BitsStored - 1
    it.PixelRepresentation = 0
    pixels = noise.randbytes(rows * columns * _BYTES_PER_SAMPLE)
    if transfer_syntax.is_encapsulated:
        frame = _run_lengths(pixels, columns) if transfer_syntax == RLELossless else pixels
        it.add_new("PixelData", "OB", encapsulate([frame]))
        it["PixelData"].is_undefined_length = True
    else:
        it.add_new("PixelData", "OW", pixels)


def _run_lengths(pixels: bytes, columns: int) -> bytes:
    """A frame of RLE, in which nothing is repeated (PS3.5 Annex G)."""
    # The bytes of the samples lie apart, the most significant first.
    segments = [_packed(pixels[start::2], columns) for start in (1, 0)]
    offsets = [64, 64 + len(segments[0])]
    header = [len(segments), *offsets, *[0] * 13]
    return b"".join([it.to_bytes(4, "little") for it in header] + segments)


def _packed(segment: bytes, columns: int) -> bytes:
    packed = b"".join(_literal_runs(segment, columns))
    return packed + b"\x00" * (len(packed) % 2)


def _literal_runs(segment: bytes, columns: int) -> Iterator[bytes]:
    for row in range(0, len(segment), columns):  # no run goes beyond its row
        for start in range(row, row + columns, 128):
            run = segment[start : min(start + 128, row + columns)]
            yield bytes([len(run) - 1]) + run


def _uid(*place: int) -> UID:
    return UID(f"2.25.{uuid.uuid5(_OURS, '.'.join(map(str, place))).int}")


def _modality_of(sop_class: UID) -> str:
    return next((it for word, it in _MODALITIES.items() if word in sop_class.keyword), "OT")
