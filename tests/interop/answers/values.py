"""Rows about single values, lists, patterns and ranges."""

from __future__ import annotations

from collections.abc import Iterator

from tests.interop.answers.building import (
    AS_TEXT,
    CASE,
    CASE_IN_PATTERN,
    EVERY_STUDY,
    EVERYBODY,
    MATCHES_UNSUPPORTED,
    NO_VALUE,
    both,
    dcmqrscp,
    images,
    orthanc,
    patients,
    series,
    studies,
    uid,
)
from tests.interop.answers.questions import Fails, Finds, Gives, Question
from trio_dicom import QueryExtension


def _universal() -> Iterator[Question]:
    rule = "C.2.2.2.3"
    yield patients(*("every patient", rule, EVERYBODY), PatientSex="", PatientBirthDate="")
    yield studies(
        *("every study", rule, EVERY_STUDY),
        StudyDate="",
        StudyTime="",
        AccessionNumber="",
        StudyID="",
    )
    star = "C.2.2.2.4, note 1"
    yield patients("a star alone", star, EVERYBODY, PatientID="*")
    yield patients("a star alone finds those without a name", star, EVERYBODY, PatientName="*")
    yield studies(
        "a star alone finds those without a number", star, EVERY_STUDY, AccessionNumber="*"
    )
    yield studies(
        "a value that nobody has comes empty", "C.4.1.1.3.2", "21",
        StudyInstanceUID=uid("21"), InstitutionName="",
    )  # fmt: skip
    yield studies(
        *("how soon it can be had", "C.4.1.1.3.2", "21"),
        orthanc(Gives("it gives none, which must not be (C.4.1.1.3.2)", "InstanceAvailability")),
        StudyInstanceUID=uid("21"),
        InstanceAvailability="",
    )


def _single_values() -> Iterator[Question]:
    rule = "C.2.2.2.1"
    yield patients("a patient by ID", rule, "JANE", PatientID="JANE")
    yield patients("an ID in other letters", rule, "jane", PatientID="jane")
    yield patients("the beginning of an ID", rule, "", PatientID="JAN")
    yield patients(
        *("an ID between blanks", "PS3.5 6.2", "JOHN"),
        orthanc(Finds("it counts blanks that mean nothing in LO (PS3.5 6.2)")),
        PatientID=" JOHN ",
    )
    yield patients("a sex", rule, "JANE LATIN GREEK", PatientSex="F")
    yield patients("a sex in lower case", rule, "", PatientSex="f")
    yield patients("a day of birth", rule, "JANE", PatientBirthDate="19700101")
    yield studies("an accession number", rule, "11", AccessionNumber="A11")
    yield studies("one in lower case", rule, "", AccessionNumber="a11")
    yield studies("one with brackets", rule, "31", AccessionNumber="B[1]")
    yield studies("a description", rule, "11", StudyDescription="CT CHEST")
    yield studies("a study ID", rule, "21", StudyID="21")
    yield studies(
        "two keys at a time", rule, "11", StudyDate="20240115", StudyDescription="CT CHEST"
    )
    yield studies("the patient of studies", "C.3.2", "11 12", PatientID="JANE", PatientName="")
    yield studies("a physician", rule, "11", ReferringPhysicianName="House^Gregory")
    yield series("a series number", rule, "11.2", SeriesNumber="2", Modality="")
    yield images("an instance number", rule, "11.1.2", InstanceNumber="2")
    yield images("a number with zeros before it", rule, "", InstanceNumber="002")


def _names() -> Iterator[Question]:
    rule = "C.2.2.2.1.1"
    yield patients("a name", rule, "JANE", PatientName="Doe^Jane")
    yield patients(
        *("a name in capitals", rule, "JANE"), dcmqrscp(Finds(CASE)), PatientName="DOE^JANE"
    )
    trailing = "it counts delimiters that may be omitted (PS3.5 6.2)"
    yield patients(
        *("a name with empty components", rule, "JANE"),
        *both(Finds(trailing)),
        PatientName="Doe^Jane^^^",
    )
    yield patients("the family name alone", rule, "", PatientName="Doe")
    yield patients(
        *("a name as it begins", "C.2.2.2.4", "JANE JOHN"),
        dcmqrscp(Finds(CASE_IN_PATTERN)),
        PatientName="doe*",
    )
    yield patients(
        *("a name of other letters", "C.2.2.2.4", "JANE JOHN"),
        dcmqrscp(Finds(CASE_IN_PATTERN, "JANE")),
        PatientName="D?e^J*",
    )
    yield patients("a name that ends with a delimiter", "C.2.2.2.4", "", PatientName="*^")
    yield patients(*("a name of five components", "C.2.2.2.4", ""), PatientName="Doe^Jane*^^^")
    yield studies(
        *("the studies of patients of a name", "C.3.2", "11 12 21"),
        dcmqrscp(Finds(CASE_IN_PATTERN)),
        PatientName="doe^*",
    )


def _lists_of_uids() -> Iterator[Question]:
    rule = "C.2.2.2.2"
    yield studies("a list of studies", rule, "11 21", StudyInstanceUID=[uid("11"), uid("21")])
    yield studies("one of them unknown", rule, "12", StudyInstanceUID=[uid("12"), uid("99")])
    yield studies("an unknown study", rule, "", StudyInstanceUID=uid("99"))
    yield series(
        *("a list of series, one of another study", rule, "11.1 11.2"),
        SeriesInstanceUID=[uid("11.1"), uid("11.2"), uid("12.1")],
    )
    yield images(
        *("a list of images", rule, "11.1.1 11.1.3"),
        SOPInstanceUID=[uid("11.1.1"), uid("11.1.3")],
    )
    yield studies(
        *("a UID takes no wild card", "C.2.2.2.1", ""),
        orthanc(Fails("it does not take the value; no UID is equal to it (C.2.2.2.1)")),
        StudyInstanceUID=uid("1*"),
    )


def _wild_cards() -> Iterator[Question]:
    rule = "C.2.2.2.4"
    yield patients("what begins so", rule, "JANE JAPAN", PatientID="JA*")
    yield patients("what ends so", rule, "LATIN", PatientID="*TIN")
    yield patients("what begins and ends so", rule, "GREEK", PatientID="G*K")
    yield patients("so many characters", rule, "JANE JOHN", PatientID="J???")
    yield studies("numbers of the same beginning", rule, "11 12", AccessionNumber="A1?")
    yield studies("a question mark is one character", rule, "", AccessionNumber="?A11")
    yield studies("brackets are themselves", rule, "31", AccessionNumber="B[*]")
    yield studies("case counts in LO", rule, "11", StudyDescription="CT*")
    yield studies("case counts in LO, too", rule, "31", StudyDescription="ct*")
    yield series("a modality", rule, "11.1", Modality="C?")
    yield series(
        *("a body part", rule, "11.1"),
        dcmqrscp(Finds(MATCHES_UNSUPPORTED, "11.1 11.2")),
        BodyPartExamined="*ES*",
    )
    yield series(
        *("a description of a series", rule, "11.1"),
        dcmqrscp(Finds(MATCHES_UNSUPPORTED, "11.1 11.2")),
        SeriesDescription="Axial*",
    )


def _dates_and_times() -> Iterator[Question]:
    rule = "C.2.2.2.1.3"
    yield studies("a day", rule, "11 31", StudyDate="20240115")
    yield studies("a time", rule, "11", StudyTime="083000")
    yield studies(*("a time said shorter", rule, "31"), orthanc(Finds(AS_TEXT)), StudyTime="101500")
    yield studies("a time as it is said", rule, "31", StudyTime="1015")
    yield studies(*("a time said longer", rule, "11"), orthanc(Finds(AS_TEXT)), StudyTime="0830")
    yield studies(
        *("a fraction said longer", rule, "12"),
        orthanc(Finds(AS_TEXT)),
        StudyTime="101530.500000",
    )
    yield studies("a day in words", rule, "", StudyDate="yesterday")
    yield studies("a time in words", rule, "", StudyTime="noon")
    yield studies("a year is no date", "PS3.5 6.2", "", StudyDate="2024")
    no_date = "it does not take the value; dates and times have no wild cards (C.2.2.2.4)"
    for words, keyword, pattern in (
        ("a date takes no wild card", "StudyDate", "2024*"),
        ("a star alone is no date", "StudyDate", "*"),
        ("a time takes no wild card", "StudyTime", "08*"),
    ):
        yield studies(words, "C.2.2.2.4", "", orthanc(Fails(no_date)), **{keyword: pattern})
    dates = "C.2.2.2.5.1"
    yield studies("from day to day", dates, "11 12 31", StudyDate="20240101-20240229")
    yield studies(
        *("until a day", dates, "41 51 61"),
        orthanc(Finds(NO_VALUE, "41 51 61 111")),
        StudyDate="-20000101",
    )
    yield studies("from a day on", dates, "81 91 101", StudyDate="20240401-")
    yield studies("one day as a range", dates, "12", StudyDate="20240229-20240229")
    yield studies("days on which nothing was", dates, "", StudyDate="20240116-20240228")
    yield studies("a dash between blanks is none", "PS3.5 6.2", "", StudyDate="20240101 - 20240229")
    yield studies(
        *("until what is no day", dates, ""),
        orthanc(Finds("it leaves out an end that is none", "11 12 21 31 81 91 101")),
        StudyDate="20240115-x",
    )
    yield patients("days of birth", dates, "JANE JOHN", PatientBirthDate="19700101-19891231")
    times = "C.2.2.2.5.2"
    yield studies("from time to time", times, "11 81 91 101", StudyTime="083000-090002")
    yield studies(
        *("until a time", times, "41 71"),
        orthanc(Finds(NO_VALUE, "41 61 71 111")),
        StudyTime="-080000",
    )
    yield studies("from a time on", times, "21 51", StudyTime="120000-")
    yield studies("hours", times, "11 81 91 101", StudyTime="08-10")
    yield studies("a second with its fraction", times, "12", StudyTime="101530-101531")
    yield images(
        *("a date and time with offsets from UTC", "C.2.2.2.5.3", "11.1.1 11.1.2 11.1.3"),
        orthanc(Finds("it compares text; offsets are to be taken into account (C.2.2.2.5.3)")),
        AcquisitionDateTime="20240115083000-20240115084000",
    )
    general = "C.2.2.2.5.4"
    yield studies(
        *("ranges of date and time, each for itself", general, "11"),
        StudyDate="20240101-20240229",
        StudyTime="080000-093000",
    )
    yield studies(
        *("ranges of date and time, not agreed to be one", general, ""),
        StudyDate="20240115-20240229",
        StudyTime="100000-090000",
    )
    yield studies(
        *("ranges of date and time, agreed to be one", general, "31"),
        *both(Finds("it did not agree to combined matching (C.5.1.1)")),
        StudyDate="20240115-20240229",
        StudyTime="100000-090000",
        extension=QueryExtension(combined_date_time=True),
    )


QUESTIONS = (
    *_universal(),
    *_single_values(),
    *_names(),
    *_lists_of_uids(),
    *_wild_cards(),
    *_dates_and_times(),
)
