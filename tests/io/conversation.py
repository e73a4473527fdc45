"""Requests of which conversations are made that are cut or cancelled wherever one likes."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.io.recording import CT
from trio_dicom import CStoreRequest, EncodedDataSet

__all__ = ["QUERY", "STORE"]

DATA = EncodedDataSet(
    b"\x10\x00\x10\x00LO\x40\x00"
    + b"1" * 64
    + b"\xe0\x7f\x10\x00OW\0\0\x00\x05\0\0"
    + bytes(0x500),
    ExplicitVRLittleEndian,
)
QUERY = Dataset()
QUERY.PatientID = "*"
STORE = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2.3", data_set=DATA)
