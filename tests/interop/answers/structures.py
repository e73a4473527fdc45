"""Rows about sequences, several values, counts, levels and character sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.interop.answers.building import (
    BYTES,
    CASE,
    EVERY_INSTANCE,
    EVERY_STUDY,
    EVERYBODY,
    HIERARCHY,
    JIS,
    MATCHES_UNSUPPORTED,
    NO_HIERARCHY,
    SEQUENCES,
    both,
    dcmqrscp,
    images,
    orthanc,
    patients,
    question,
    series,
    studies,
    uid,
)
from tests.interop.answers.questions import Fails, Finds, Gives, LeavesOut, Note, Question
from trio_dicom import QueryExtension
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, STUDY_ROOT_FIND


def _sequences() -> Iterator[Question]:
    rule = "C.2.2.2.6"
    empty = LeavesOut("it leaves out what an entity does not have (C.4.1.1.3.2, note 2)",
                      "RequestAttributesSequence")  # fmt: skip
    whole = "it gives whole sequences, not the matching items with what was asked (C.2.2.2.6)"
    yield series(
        *("a sequence without an item", rule, "11.1 11.2"),
        orthanc(empty),
        RequestAttributesSequence=[],
    )
    yield series(
        *("a sequence with an empty item", rule, "11.1 11.2"),
        orthanc(empty),
        RequestAttributesSequence=[{}],
    )
    yield series(
        *("one of two items", rule, "11.1"),
        dcmqrscp(Finds(SEQUENCES, "11.1 11.2")),
        orthanc(Finds(SEQUENCES, "11.1 11.2")),
        orthanc(Gives(whole, "RequestAttributesSequence")),
        RequestAttributesSequence=[{"RequestedProcedureID": "RP2", "ScheduledProcedureStepID": ""}],
    )
    yield series(
        *("no item that has both", rule, ""),
        *both(Finds(SEQUENCES, "11.1 11.2")),
        RequestAttributesSequence=[
            {"RequestedProcedureID": "RP2", "ScheduledProcedureStepID": "STEP1"}
        ],
    )
    yield series(
        *("two items", rule, None),
        *both(Finds(SEQUENCES, "11.1 11.2")),
        RequestAttributesSequence=[
            {"RequestedProcedureID": "RP1"},
            {"RequestedProcedureID": "RP2"},
        ],
    )
    yield studies(
        *("a procedure by its code", rule, "12"),
        *both(Finds(SEQUENCES, EVERY_STUDY)),
        orthanc(Gives(whole, "ProcedureCodeSequence")),
        ProcedureCodeSequence=[{"CodeValue": "MRHEAD", "CodeMeaning": ""}],
    )


def _multiple_values() -> Iterator[Question]:
    rule = "C.2.2.3"
    yield images(
        *("one of the values", rule, "11.1.1"),
        dcmqrscp(Finds(MATCHES_UNSUPPORTED, "11.1.1 11.1.2 11.1.3")),
        orthanc(Finds("it compares all values at once; one is enough (C.2.2.3)")),
        ImageType="AXIAL",
    )
    yield studies(
        *("a modality in the study", rule, "11 12"),
        dcmqrscp(Finds(MATCHES_UNSUPPORTED, EVERY_STUDY)),
        ModalitiesInStudy="MR",
    )
    undefined = "several values in a key mean nothing without being agreed on (C.2.2.2.8, note 4)"
    yield studies(
        *("two modalities", "C.2.2.2.8, note 4", "11 12 31 41 51 61 71 81 91 101 111 121 122"),
        dcmqrscp(Finds(MATCHES_UNSUPPORTED, EVERY_STUDY)),
        ModalitiesInStudy=["CT", "MR"],
    )
    yield patients(
        *("two patients", "C.2.2.2.8, note 4", "JANE JOHN"),
        dcmqrscp(Finds(undefined)),
        PatientID=["JANE", "JOHN"],
    )


def _counts() -> Iterator[Question]:
    rule = "C.3.4"
    yield patients(
        *("what there is of a patient", rule, "JANE"),
        PatientID="JANE",
        NumberOfPatientRelatedStudies="",
        NumberOfPatientRelatedSeries="",
        NumberOfPatientRelatedInstances="",
    )
    yield studies(
        *("what is in a study", rule, "11"),
        StudyInstanceUID=uid("11"),
        ModalitiesInStudy="",
        SOPClassesInStudy="",
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
    )
    yield series("what is in a series", rule, "11.1 11.2", NumberOfSeriesRelatedInstances="")


def _contradictions() -> Iterator[Question]:
    rule = "C.3.1"
    yield patients(
        *("a patient of two names, by the first", rule, "TWICE"),
        PatientName="Twin^One",
        PatientSex="",
    )
    yield patients(
        *("a patient of two names, by the second", rule, ""),
        dcmqrscp(Finds(EVERY_INSTANCE, "TWICE")),
        PatientName="Twin^Two",
    )
    yield patients("which of two names there is", rule, "TWICE", PatientID="TWICE", PatientSex="")
    yield studies("a study of two numbers, by the first", rule, "121", AccessionNumber="T1")
    yield studies(
        *("a study of two numbers, by the second", rule, ""),
        dcmqrscp(Finds(EVERY_INSTANCE, "121")),
        AccessionNumber="T2",
    )
    yield studies("the name in each study", rule, "121 122", PatientID="TWICE", PatientName="")


def _levels() -> Iterator[Question]:
    rule = "C.4.1.3.1.1"
    root = {"model": PATIENT_ROOT_FIND, "PatientID": "JANE"}
    yield studies("studies of the patient root", rule, "11 12", StudyDescription="", **root)
    yield series(
        *("series of the patient root", rule, "11.1 11.2"),
        Modality="",
        SeriesNumber="",
        SeriesDescription="",
        **root,
    )
    yield images(
        *("images of the patient root", rule, "11.1.1 11.1.2 11.1.3"),
        InstanceNumber="",
        SOPClassUID="",
        **root,
    )
    yield series("series of the study root", rule, "11.1 11.2", Modality="")
    yield images("images of the study root", rule, "11.1.1 11.1.2 11.1.3", InstanceNumber="")
    yield series(
        *("a series of another study", rule, ""),
        StudyInstanceUID=uid("12"),
        SeriesInstanceUID=uid("11.1"),
    )
    yield patients(
        *("patients of the study root", "C.6.2", None),
        orthanc(Finds("it does not tell the models apart; this one has no patients (C.6.2)",
                       EVERYBODY)),
        model=STUDY_ROOT_FIND,
    )  # fmt: skip
    yield question("FRAME", "a level that does not exist", "C.6.2", None, StudyInstanceUID="")
    yield _without_study(
        *("series without their study", "C.4.1.2.1", None),
        orthanc(Finds(NO_HIERARCHY, "11.2 12.1")),
        insists=True,
    )
    yield _without_study(
        *("the same, if ours does not insist", "C.4.1.2.1", "11.2 12.1"),
        dcmqrscp(Fails(HIERARCHY)),
    )
    yield _without_study(
        *("the same, if relational queries are asked for", "C.4.1.2.1", None),
        orthanc(Finds(NO_HIERARCHY, "11.2 12.1")),
        insists=True,
        extension=QueryExtension(relational=True),
    )
    yield question(
        *("IMAGE", "images without their series", "C.4.1.2.1", "12.1.1"),
        dcmqrscp(Fails(HIERARCHY)),
        StudyInstanceUID=uid("12"),
        SOPInstanceUID="",
    )
    nothing = Finds("it takes a key of a lower level for one that nothing has (C.2.2.1.3)")
    for words, keyword, value in (
        ("a key of the level below", "Modality", "MR"),
        ("the unique key of the level below", "SeriesInstanceUID", uid("12.1")),
    ):
        yield studies(
            *(words, "C.2.2.1.3", EVERY_STUDY),
            dcmqrscp(Gives("it does not match it either, but gives it of one instance", keyword)),
            orthanc(nothing),
            unsupported=frozenset({keyword}),
            **{keyword: value},
        )


def _without_study(
    words: str, rule: str, found: str | None, *notes: tuple[str, Note], **more: Any
) -> Question:
    return question(
        "SERIES", words, rule, found, *notes, SeriesInstanceUID="", Modality="MR", **more
    )


def _character_sets() -> Iterator[Question]:
    rule = "C.2.2.2"
    latin, utf_8 = {"charset": "ISO_IR 100"}, {"charset": "ISO_IR 192"}
    japanese, korean = {"charset": ["", "ISO 2022 IR 87"]}, {"charset": ["", "ISO 2022 IR 149"]}
    yield patients("Latin-1 asked in Latin-1", rule, "LATIN", PatientName="Müller^Änne", **latin)
    yield patients("Latin-1 asked in UTF-8", rule, "LATIN", PatientName="Müller^Änne", **utf_8)
    yield patients("Latin-1 asked without a character set", rule, "LATIN", PatientID="LATIN")
    yield patients("a pattern in Latin-1", rule, "LATIN", PatientName="Mü*", **latin)
    yield patients(
        *("a character in UTF-8", "C.2.2.2.4", "LATIN"),
        *both(Finds(BYTES)),
        PatientName="M?ller*",
        **utf_8,
    )
    yield patients(
        *("capitals beyond ASCII", "C.2.2.2.1.1", "LATIN"),
        dcmqrscp(Finds(CASE)),
        PatientName="MÜLLER^ÄNNE",
        **utf_8,
    )
    yield patients("accents count", "C.2.2.2.1.1", "", PatientName="Muller^Anne", **utf_8)
    yield studies("a description in UTF-8", rule, "41", StudyDescription="Schä*", **utf_8)
    yield patients(
        "Greek asked in Greek", rule, "GREEK", PatientName="Διονυσίου*", charset="ISO_IR 126"
    )
    yield patients("Greek asked in UTF-8", rule, "GREEK", PatientName="Διονυσίου^Μαρία", **utf_8)
    yield patients(
        *("Cyrillic asked in Cyrillic", rule, "CYRILLIC"),
        PatientName="Люксембург^Роза",
        charset="ISO_IR 144",
    )
    yield patients("a Cyrillic pattern in UTF-8", rule, "CYRILLIC", PatientName="Люк*", **utf_8)
    yield patients("UTF-8 asked in UTF-8", rule, "UTF8", PatientName="Świątek*", **utf_8)
    yield patients(
        "UTF-8 asked in Latin-2", rule, "UTF8", PatientName="Świątek*", charset="ISO_IR 101"
    )
    full = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    yield patients(
        *("Japanese as a whole in ISO 2022", rule, "JAPAN"), PatientName=full, **japanese
    )
    yield patients(
        *("Japanese as a whole in UTF-8", rule, "JAPAN"),
        dcmqrscp(Finds(JIS)),
        PatientName=full,
        **utf_8,
    )
    yield patients("ideographs in ISO 2022", rule, "JAPAN", PatientName="*山田*", **japanese)
    yield patients(
        *("ideographs in UTF-8", rule, "JAPAN"),
        dcmqrscp(Finds(JIS)),
        PatientName="*山田*",
        **utf_8,
    )
    yield patients(
        "the alphabetic group alone", "C.2.2.2.1.1, note", "", PatientName="Yamada^Tarou"
    )
    yield patients("the alphabetic group of a pattern", rule, "JAPAN", PatientName="Yamada*")
    yield patients(
        "a pattern of groups", "C.2.2.2.4, note 3", "JAPAN KOREA CHINA", PatientName="*=*"
    )
    yield studies(
        *("a Japanese description in ISO 2022", rule, "81"),
        dcmqrscp(Finds(JIS)),
        StudyDescription="胸*",
        **japanese,
    )
    yield patients(
        *("Korean as a whole in ISO 2022", rule, "KOREA"),
        PatientName="Hong^Gildong=洪^吉洞=홍^길동",
        **korean,
    )
    yield patients("Hangul in UTF-8", rule, "KOREA", PatientName="*길동*", **utf_8)
    yield patients(
        *("Chinese as a whole in GB18030", rule, "CHINA"),
        PatientName="Wang^XiaoDong=王^小东",
        charset="GB18030",
    )
    chinese = {"charset": ["", "ISO 2022 IR 58"]}
    yield patients(
        *("Chinese as a whole in ISO 2022", rule, "CHINA"),
        PatientName="Wang^XiaoDong=王^小东",
        **chinese,
    )
    yield patients(
        "ideographs at the end in ISO 2022", rule, "CHINA", PatientName="*小东", **chinese
    )
    yield patients("ideographs at the end in UTF-8", rule, "CHINA", PatientName="*小东", **utf_8)


QUESTIONS = (
    *_sequences(),
    *_multiple_values(),
    *_counts(),
    *_contradictions(),
    *_levels(),
    *_character_sets(),
)
