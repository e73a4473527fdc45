"""Rows in few words, by level, with the reasons that several of them give."""

from __future__ import annotations

from typing import Any

from tests.interop.answers.held import UIDS
from tests.interop.answers.questions import Fails, Finds, LeavesOut, Note, Question
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, STUDY_ROOT_FIND

EVERYBODY = "JANE JOHN jane LATIN GREEK CYRILLIC UTF8 JAPAN KOREA CHINA NAMELESS TWICE"
EVERY_STUDY = "11 12 21 31 41 51 61 71 81 91 101 111 121 122"

# What dcmqrscp knows nothing of, at the levels at which it is asked here.
_UNKNOWN_TO_DCMQRSCP = frozenset(
    {
        *("AcquisitionDateTime", "BodyPartExamined", "ImageType", "InstanceAvailability"),
        *("InstitutionName", "ModalitiesInStudy", "NumberOfPatientRelatedInstances"),
        *("NumberOfPatientRelatedSeries", "NumberOfPatientRelatedStudies"),
        *("NumberOfSeriesRelatedInstances", "NumberOfStudyRelatedInstances"),
        *("NumberOfStudyRelatedSeries", "ProcedureCodeSequence", "RequestAttributesSequence"),
        *("SOPClassUID", "SOPClassesInStudy", "SeriesDescription"),
    }
)
UNSUPPORTED = "an optional key that it does not support (C.2.2.1.3)"
MATCHES_UNSUPPORTED = "it does not match this optional key (C.2.2.1.3)"
CASE = "whether case counts in names is left to it (C.2.2.2.1.1)"
CASE_IN_PATTERN = "how wild cards match names is left to it (C.2.2.2.4)"
AS_TEXT = "it compares times as text; they match by their meaning (C.2.2.2.1.3, note 1)"
NO_VALUE = (
    "it takes no value for an early one; it is nearer than ours to C.2.2.1.2, by which it matches "
    "every key"
)
BYTES = "its `?` is one byte of a character (C.2.2.2.4)"
JIS = "its character conversion lacks ISO 2022 IR 87, and what comes of it is open (C.2.2.2)"
EVERY_INSTANCE = "it matches every instance; an entity has its attributes once (C.3.1)"
SEQUENCES = "it does not match sequences; optional keys need not be (C.2.2.1.3)"
HIERARCHY = "it insists on the unique keys of the levels above (C.4.1.2.1)"
NO_HIERARCHY = "it does without the unique keys of the levels above (C.4.1.2.1)"


def question(
    level: str,
    words: str,
    rule: str,
    found: str | None,
    *notes: tuple[str, Note],
    **keys: Any,
) -> Question:
    """A row; what is no keyword in ``keys`` goes to the question itself."""
    more = {name: keys.pop(name) for name in list(keys) if name[0].islower()}
    more.setdefault("model", PATIENT_ROOT_FIND if level == "PATIENT" else STUDY_ROOT_FIND)
    said: dict[str, list[Note]] = {"dcmqrscp": [], "orthanc": []}
    for peer, note in notes:
        said[peer].append(note)
    if not any(isinstance(it, Fails) or it == Finds(it.why) for it in said["dcmqrscp"]) and found:
        said["dcmqrscp"] += [
            LeavesOut(UNSUPPORTED, keyword) for keyword in keys if keyword in _UNKNOWN_TO_DCMQRSCP
        ]
    return Question(
        words=words,
        rule=rule,
        level=level,
        keys=keys,
        found=None if found is None else frozenset(found.split()),
        dcmqrscp=tuple(said["dcmqrscp"]),
        orthanc=tuple(said["orthanc"]),
        **more,
    )


def dcmqrscp(note: Note) -> tuple[str, Note]:
    return "dcmqrscp", note


def orthanc(note: Note) -> tuple[str, Note]:
    return "orthanc", note


def both(note: Note) -> tuple[tuple[str, Note], tuple[str, Note]]:
    return dcmqrscp(note), orthanc(note)


def patients(
    words: str, rule: str, found: str | None, *notes: tuple[str, Note], **keys: Any
) -> Question:
    """A question for patients, whose IDs and names are wanted."""
    return question(
        "PATIENT", words, rule, found, *notes, **{"PatientID": "", "PatientName": "", **keys}
    )


def studies(
    words: str, rule: str, found: str | None, *notes: tuple[str, Note], **keys: Any
) -> Question:
    """A question for studies."""
    return question("STUDY", words, rule, found, *notes, **{"StudyInstanceUID": "", **keys})


def series(
    words: str, rule: str, found: str | None, *notes: tuple[str, Note], **keys: Any
) -> Question:
    """A question for the series of study 11, unless another one is named."""
    above = {"StudyInstanceUID": uid("11"), "SeriesInstanceUID": ""}
    return question("SERIES", words, rule, found, *notes, **above | keys)


def images(
    words: str, rule: str, found: str | None, *notes: tuple[str, Note], **keys: Any
) -> Question:
    """A question for the images of series 11.1, unless another one is named."""
    above = {"StudyInstanceUID": uid("11"), "SeriesInstanceUID": uid("11.1"), "SOPInstanceUID": ""}
    return question("IMAGE", words, rule, found, *notes, **above | keys)


def uid(label: str) -> str:
    """The UID that the table shows so."""
    return f"{UIDS}.{label}"
