"""What the archives of the table hold: patients of many scripts, and some gaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage

__all__ = ["UIDS", "instances"]

UIDS = "1.2.826.0.1.3680043.10.77"
"""With what the UIDs of studies, series and instances begin; the table shows what follows."""

_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "OT": SecondaryCaptureImageStorage}


@frozen
class _Series:
    """Some images of one modality; what more is said of them all is in ``attributes``."""

    modality: str
    images: int = 1
    attributes: dict[str, Any] = field(factory=dict[str, Any])


@frozen
class _Study:
    """A study, with its attributes and those of its patient."""

    number: str
    patient: dict[str, Any]
    attributes: dict[str, Any]
    series: tuple[_Series, ...] = (_Series("CT"),)


def _item(**attributes: str) -> Dataset:
    item = Dataset()
    item.update(attributes)
    return item


def _patient(patient_id: str, name: str, *charset: str, **more: str) -> dict[str, Any]:
    attributes = {"PatientID": patient_id, "PatientName": name, **more}
    return attributes | ({"SpecificCharacterSet": list(charset)} if charset else {})


def _study(date: str, time: str, accession: str, description: str = "", **more: Any) -> Any:
    return {
        "StudyDate": date,
        "StudyTime": time,
        "AccessionNumber": accession,
        "StudyDescription": description,
        **more,
    }


def _procedure(code: str, meaning: str) -> list[Dataset]:
    return [_item(CodeValue=code, CodingSchemeDesignator="99TEST", CodeMeaning=meaning)]


def _requests(*pairs: tuple[str, str]) -> list[Dataset]:
    return [
        _item(RequestedProcedureID=procedure, ScheduledProcedureStepID=step)
        for procedure, step in pairs
    ]


_JANE = _patient("JANE", "Doe^Jane", PatientBirthDate="19700101", PatientSex="F")
_STUDIES = (
    _Study(
        "11",
        _JANE,
        _study(
            *("20240115", "083000", "A11", "CT CHEST"),
            ReferringPhysicianName="House^Gregory",
            ProcedureCodeSequence=_procedure("CTCHEST", "CT of the chest"),
        ),
        (
            _Series(
                "CT",
                3,
                {
                    "SeriesDescription": "Axial 5 mm",
                    "BodyPartExamined": "CHEST",
                    "RequestAttributesSequence": _requests(("RP1", "STEP1"), ("RP2", "STEP2")),
                },
            ),
            _Series("MR", 2, {"SeriesDescription": "axial t1", "BodyPartExamined": "HEART"}),
        ),
    ),
    _Study(
        "12",
        _JANE,
        _study(
            *("20240229", "101530.5", "A12", "MR HEAD"),
            ReferringPhysicianName="Wilson^James",
            ProcedureCodeSequence=_procedure("MRHEAD", "MR of the head"),
        ),
        (_Series("MR", 1, {"RequestAttributesSequence": _requests(("RP1", "STEP9"))}),),
    ),
    _Study(
        "21",
        _patient("JOHN", "DOE^JOHN", PatientBirthDate="19801231", PatientSex="M"),
        _study("20240301", "235959", "A21"),
        (_Series("OT"),),
    ),
    _Study(
        "31",
        _patient("jane", "Roe^Richard^^Dr", PatientSex="M"),
        _study("20240115", "1015", "B[1]", "ct chest"),
    ),
    _Study(
        "41",
        _patient("LATIN", "Müller^Änne", "ISO_IR 100", PatientSex="F"),
        _study("19991231", "000000", "A41", "Schädel"),
    ),
    _Study(
        "51",
        _patient("GREEK", "Διονυσίου^Μαρία", "ISO_IR 126", PatientSex="F"),
        _study("20000101", "120000", "A51"),
    ),
    _Study(
        "61",
        _patient("CYRILLIC", "Люксембург^Роза", "ISO_IR 144"),
        _study("20000101", "", "A61"),
    ),
    _Study(
        "71",
        _patient("UTF8", "Świątek^Łukasz", "ISO_IR 192"),
        _study("20100615", "070809", "A71", "Głowa"),
    ),
    _Study(
        "81",
        _patient(
            *("JAPAN", "Yamada^Tarou=山田^太郎=やまだ^たろう", "", "ISO 2022 IR 87"),
            PatientBirthDate="19991231",
        ),
        _study("20240401", "090000", "A81", "胸部"),
    ),
    _Study(
        "91",
        _patient("KOREA", "Hong^Gildong=洪^吉洞=홍^길동", "", "ISO 2022 IR 149"),
        _study("20240402", "090001", "A91"),
    ),
    _Study(
        "101",
        _patient("CHINA", "Wang^XiaoDong=王^小东", "GB18030"),
        _study("20240403", "090002", "A101"),
    ),
    _Study("111", _patient("NAMELESS", ""), _study("", "", "")),
    _Study(
        "121",
        _patient("TWICE", "Twin^One", PatientSex="M"),
        _study("20150101", "100500", "T1"),
        (_Series("CT"), _Series("CT", 1, {"AccessionNumber": "T2"})),
    ),
    _Study("122", _patient("TWICE", "Twin^Two"), _study("20150101", "100500", "T3")),
)


def instances() -> Iterator[Dataset]:
    """Every instance, without pixels."""
    for study in _STUDIES:
        for number, series in enumerate(study.series, 1):
            for image in range(1, series.images + 1):
                data_set = Dataset()
                data_set.update(study.patient | study.attributes | series.attributes)
                data_set.SOPClassUID = _CLASSES[series.modality]
                data_set.StudyInstanceUID = f"{UIDS}.{study.number}"
                data_set.SeriesInstanceUID = f"{data_set.StudyInstanceUID}.{number}"
                data_set.SOPInstanceUID = f"{data_set.SeriesInstanceUID}.{image}"
                data_set.StudyID = study.number
                data_set.Modality = series.modality
                data_set.SeriesNumber = number
                data_set.InstanceNumber = image
                data_set.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if image == 1 else "OTHER"]
                data_set.AcquisitionDateTime = f"20240115{8 + image:02}3000+0{image}00"
                yield data_set
