"""In what that which is said now departs from what was recorded."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from trio_dicom import CFindRequest, CStoreRequest
from trio_dicom.lowlevel import Abort, ReleaseRequest, encode_command, encode_data_set
from trio_dicom.reasons import AbortSource
from trio_dicom.sop_classes import STUDY_ROOT_FIND
from trio_dicom.testing.words import Part, departures

FIND = CFindRequest(message_id=7, sop_class_uid=STUDY_ROOT_FIND.abstract_syntax)
SYNTAXES = {1: ImplicitVRLittleEndian}


def command(request: CFindRequest | CStoreRequest, *, has_data_set: bool = True) -> Part:
    data = encode_command(request, has_data_set=has_data_set)
    return Part(context_id=1, is_command=True, data=data)


def data_set(patient_id: str, context_id: int = 1) -> Part:
    keys = Dataset()
    keys.PatientID = patient_id
    data = encode_data_set(keys, ImplicitVRLittleEndian)
    return Part(context_id, is_command=False, data=data)


def test_a_command_departs_in_its_fields_and_in_whether_a_data_set_follows() -> None:
    other = CFindRequest(message_id=8, sop_class_uid=FIND.sop_class_uid)
    assert departures(command(FIND), command(FIND), SYNTAXES) == []
    assert departures(command(FIND), command(other, has_data_set=False), SYNTAXES) == [
        "message_id: expected 7, but got 8",
        "has_data_set: expected True, but got False",
    ]


def test_a_data_set_departs_in_its_elements_or_in_its_bytes_alone() -> None:
    assert departures(data_set("1"), data_set("1"), SYNTAXES) == []
    assert departures(data_set("1"), data_set("2"), SYNTAXES) == [
        "data_set.PatientID: expected '1', but got '2'"
    ]
    padded = Part(1, is_command=False, data=b"\x10\0\x20\0\4\0\0\x001   ")
    assert departures(data_set("1"), padded, SYNTAXES) == ["the same elements, in other bytes"]


def test_what_is_another_thing_altogether_is_told_by_its_name() -> None:
    find = "CFindRequest on context 1"
    store = CStoreRequest(message_id=7, sop_class_uid="1.2", sop_instance_uid="1.2.3")
    for now, name in (
        (command(store), "CStoreRequest on context 1"),
        (data_set("1"), "a data set of 10 bytes on context 1"),
        (Abort(AbortSource.USER), "Abort"),
        (ReleaseRequest(), "ReleaseRequest"),
    ):
        assert departures(command(FIND), now, SYNTAXES) == [f"expected {find}, but got {name}"]


def test_what_cannot_be_decoded_is_told_by_its_name() -> None:
    broken = Part(1, is_command=False, data=b"\x10\0\x20\0\xff\0\0\0")
    assert departures(data_set("1"), broken, {1: ExplicitVRLittleEndian}) == [
        "expected a data set of 10 bytes on context 1, but got a data set of 8 bytes on context 1"
    ]
    assert departures(data_set("1", 3), broken, SYNTAXES) == [
        "expected a data set of 10 bytes on context 3, but got a data set of 8 bytes on context 1"
    ]
