"""The request that stores an instance, made before there is an association."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from trio_dicom import EncodedDataSet, LocalProtocolError, StoredDataSet, c_store_request
from trio_dicom.lowlevel import encode_data_set


async def test_a_small_file_is_read_and_not_decoded(pydicom_files: Path) -> None:
    path = pydicom_files / "JPEG2000.dcm"
    request = await c_store_request(path)
    head = pydicom.dcmread(path)
    assert request.sop_class_uid == head.SOPClassUID
    assert request.sop_instance_uid == head.SOPInstanceUID
    assert isinstance(request.data_set, EncodedDataSet)
    assert request.data_set.transfer_syntax == head.file_meta.TransferSyntaxUID
    assert path.read_bytes().endswith(bytes(request.data_set.data))


async def test_what_is_read_of_a_small_file_can_be_sent_and_decoded(pydicom_files: Path) -> None:
    for name, target in [
        ("image_dfl.dcm", ExplicitVRLittleEndian),
        ("CT_small.dcm", DeflatedExplicitVRLittleEndian),
        ("CT_small.dcm", ExplicitVRBigEndian),
        ("MR_small_bigendian.dcm", ImplicitVRLittleEndian),
    ]:
        request = await c_store_request(str(pydicom_files / name))
        assert isinstance(request.data_set, EncodedDataSet)
        data = encode_data_set(request.data_set, target)
        original = request.data_set.decode()
        assert EncodedDataSet(data, target).decode().PatientName == original.PatientName
        whole = pydicom.dcmread(pydicom_files / name)
        assert original.to_json_dict().keys() == whole.to_json_dict().keys()


async def test_a_deflated_file_of_odd_length_is_padded(pydicom_files: Path, tmp_path: Path) -> None:
    data = (pydicom_files / "image_dfl.dcm").read_bytes()
    offset = len(data) - len(
        (await c_store_request(pydicom_files / "image_dfl.dcm")).data_set or b""
    )
    data = data if (len(data) - offset) % 2 else data + b"\0"
    path = tmp_path / "odd.dcm"
    path.write_bytes(data)
    request = await c_store_request(path)
    assert isinstance(request.data_set, EncodedDataSet)
    assert len(request.data_set) % 2 == 1
    assert encode_data_set(request.data_set, DeflatedExplicitVRLittleEndian) == (
        data[offset:] + b"\0"
    )


async def test_a_long_file_stays_where_it_is(pydicom_files: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.dcm"
    data_set = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    data_set.Rows, data_set.Columns, data_set.PixelData = 1024, 1024, bytes(2 * 1024 * 1024)
    data_set.save_as(path)
    request = await c_store_request(path)
    assert isinstance(request.data_set, StoredDataSet)
    assert request.data_set.path == path


async def test_a_data_set_is_taken_as_it_is(pydicom_files: Path) -> None:
    data_set = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    request = await c_store_request(data_set)
    assert request.data_set is data_set


@pytest.mark.scenario("B60")
async def test_what_is_no_instance_is_said_before_there_is_an_association(
    pydicom_files: Path,
) -> None:
    with pytest.raises(LocalProtocolError, match="DICOMDIR"):
        await c_store_request(pydicom_files / "dicomdirtests" / "DICOMDIR")
    with pytest.raises(LocalProtocolError, match="no SOP Class UID"):
        await c_store_request(pydicom.Dataset())
    with pytest.raises(FileNotFoundError):
        await c_store_request(pydicom_files / "missing.dcm")
