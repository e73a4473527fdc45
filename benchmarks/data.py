"""The instances that are sent: real DICOM files, of a template into which UIDs are patched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
)

__all__ = ["KIB", "MIB", "STUDY_UID", "Files", "make_files", "scratch"]

KIB = 1024
MIB = 1024 * KIB

STUDY_UID = "2.25.20260102"
_ROOT = "2.25.1"
# Stands for the number of the instance: in its SOP instance UID, in the file meta too.
_NUMBER = "000000000000"
_SLICE = 512 * KIB  # 512 rows of 512 columns of 2 bytes
_ROW = 2 * 512
# The value of an element in a transfer syntax without encapsulation is shorter than 4 GiB.
_LONGEST = 4 * 1024 * MIB - _SLICE


@dataclass(frozen=True)
class Files:
    """Instances on disk.

    Attributes:
        folder: Where they are, and nothing else is.
        paths: All of them.
        data_sets: How many bytes their data sets have together, on the wire.
    """

    folder: Path
    paths: list[Path]
    data_sets: int


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the time of a run, in memory if there is room.

    What is there is read as what the system keeps of a disk in memory is read, so that
    nobody waits for the disk.
    """
    memory = Path("/dev/shm")
    room = 0
    if memory.is_dir() and os.access(memory, os.W_OK):
        status = os.statvfs(memory)
        room = status.f_bavail * status.f_frsize
    where = memory if room > 4 * 1024 * MIB else None
    with tempfile.TemporaryDirectory(prefix="bench-", dir=where) as name:
        yield Path(name)


def make_files(folder: Path, count: int, size: int) -> Files:
    """Write instances of one study, each of ``size`` bytes.

    Those of 512 KiB are CT slices, smaller ones are thin CT slices, larger ones multi-frame
    secondary captures, all in Explicit VR Little Endian.

    Args:
        folder: Where to; it is made.
        count: How many.
        size: The bytes of each: of its pixels, in whole slices, from 512 KiB on; below that
            of the file, less what does not fill a row.
    """
    folder.mkdir(parents=True)
    head, pixels = _template(size)
    number = _NUMBER.encode()
    paths = [folder / f"{index:06}.dcm" for index in range(1, count + 1)]
    for index, path in enumerate(paths, 1):
        with path.open("wb") as file:
            file.write(head.replace(number, b"%012d" % index))
            if pixels <= _SLICE:
                file.write(_noise(pixels))
            elif pixels <= 1024 * MIB:
                for start in range(0, pixels, MIB):
                    file.write(_noise(min(MIB, pixels - start)))
            else:
                file.truncate(len(head) + pixels)  # sparse: who reads it reads zeros
    return Files(folder, paths, count * (len(head) + pixels - _meta_length(head)))


def _template(size: int) -> tuple[bytes, int]:
    """The bytes of an instance up to its pixels, and how long these are."""
    if size < _SLICE:
        room = size - len(_head(_data_set(_ROW), _ROW))
        pixels = max(1, room // _ROW) * _ROW
    else:
        pixels = min(size // _SLICE * _SLICE, _LONGEST)
    return _head(_data_set(pixels), pixels), pixels


def _head(data_set: Dataset, pixels: int) -> bytes:
    file = BytesIO()
    data_set.PixelData = b"\0\0"
    data_set["PixelData"].VR = "OW"
    dcmwrite(file, data_set, enforce_file_format=True)
    # The length of the value is its last field.
    return file.getvalue()[:-6] + pixels.to_bytes(4, "little")


def _meta_length(head: bytes) -> int:
    """Where the data set begins (PS3.10 7.1)."""
    return 128 + 4 + 12 + int.from_bytes(head[140:144], "little")


def _noise(length: int) -> bytes:
    return (_NOISE * (length // len(_NOISE) + 1))[:length]


_NOISE = bytes(range(256)) * 64


def _data_set(pixels: int) -> Dataset:
    """What a CT scanner says of a slice, or a secondary capture of its frames."""
    large = pixels > _SLICE
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 100"
    data_set.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data_set.SOPClassUID = (
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage if large else CTImageStorage
    )
    data_set.SOPInstanceUID = f"{_ROOT}{_NUMBER}"
    data_set.StudyDate = data_set.SeriesDate = data_set.AcquisitionDate = "20260102"
    data_set.StudyTime = data_set.SeriesTime = data_set.AcquisitionTime = "030405"
    data_set.AccessionNumber = "BENCH1"
    data_set.Modality = "OT" if large else "CT"
    data_set.Manufacturer = "Benchmark"
    data_set.ReferringPhysicianName = "Referring^Physician"
    data_set.StudyDescription = "Benchmark"
    data_set.SeriesDescription = "Thin slices"
    data_set.PatientName = "Benchmark^Slices"
    data_set.PatientID = "BENCH"
    data_set.PatientBirthDate = "19700101"
    data_set.PatientSex = "O"
    data_set.SliceThickness = "1.25"
    data_set.KVP = "120"
    data_set.StudyInstanceUID = STUDY_UID
    data_set.SeriesInstanceUID = f"{STUDY_UID}.1"
    data_set.StudyID = "1"
    data_set.SeriesNumber = "1"
    data_set.InstanceNumber = "1"
    data_set.ImagePositionPatient = ["-250", "-250", "0"]
    data_set.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    data_set.FrameOfReferenceUID = f"{STUDY_UID}.2"
    data_set.PixelSpacing = ["0.9765", "0.9765"]
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    if large:
        data_set.NumberOfFrames = pixels // _SLICE
    data_set.Rows, data_set.Columns = min(512, pixels // _ROW), 512
    data_set.BitsAllocated = 16
    data_set.BitsStored, data_set.HighBit = 12, 11
    data_set.PixelRepresentation = 0
    if not large:
        data_set.RescaleIntercept, data_set.RescaleSlope = "-1024", "1"
        data_set.WindowCenter, data_set.WindowWidth = "40", "400"
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data_set
