"""What a row of the table is: a query, what must be found, and who answers something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import field, frozen
from pydicom import Dataset
from pydicom.config import disable_value_validation
from pydicom.sequence import Sequence

from trio_dicom import PresentationContext, QueryExtension
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, STUDY_ROOT_FIND

__all__ = ["Fails", "Finds", "Gives", "LeavesOut", "Note", "Question"]

_UNIQUE_KEYS = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}


@frozen
class Finds:
    """Somebody finds others than ours does.

    Attributes:
        why: The reason, with the clause of PS3.4.
        found: What, separated by blanks.
    """

    why: str
    found: str = ""

    def __str__(self) -> str:
        return f"finds {self.found or 'nothing'}: {self.why}"


@frozen
class Fails:
    """Somebody answers with a failure where ours finds something, if only nothing."""

    why: str

    def __str__(self) -> str:
        return f"fails: {self.why}"


@frozen
class LeavesOut:
    """Somebody does not return a key that was asked for, in one match or in all."""

    why: str
    keyword: str

    def __str__(self) -> str:
        return f"leaves out {self.keyword}: {self.why}"


@frozen
class Gives:
    """Somebody returns another value for a key than ours does, in one match or in all."""

    why: str
    keyword: str

    def __str__(self) -> str:
        return f"gives another {self.keyword}: {self.why}"


Note: TypeAlias = Finds | Fails | LeavesOut | Gives


@frozen(kw_only=True)
class Question:
    """One row.

    Attributes:
        words: What it is about.
        rule: The clause of PS3.4 that says what must be found.
        level: The level of the query.
        keys: The keys; lists of mappings are sequences.
        found: The unique keys of what must be found, without what the UIDs begin with;
            None where the query must fail.
        charset: The Specific Character Set of the query, if it has one.
        model: The information model.
        extension: What is asked for when the association is opened.
        insists: Whether ours insists on the unique keys of the levels above.
        unsupported: The keywords of keys that ours does not support, and leaves out.
        dcmqrscp: What is different in the answer of DCMTK's archive.
        orthanc: What is different in that of Orthanc.
    """

    words: str
    rule: str
    level: str
    keys: Mapping[str, Any]
    found: frozenset[str] | None
    charset: str | list[str] = ""
    model: PresentationContext = STUDY_ROOT_FIND
    extension: QueryExtension = field(factory=QueryExtension)
    insists: bool = False
    unsupported: frozenset[str] = frozenset()
    dcmqrscp: tuple[Note, ...] = ()
    orthanc: tuple[Note, ...] = ()

    @property
    def unique_key(self) -> str:
        """The keyword of the unique key of its level."""
        return _UNIQUE_KEYS.get(self.level, "StudyInstanceUID")

    @property
    def root(self) -> str:
        """The information model in a word."""
        return "patient" if self.model == PATIENT_ROOT_FIND else "study"

    def identifier(self) -> Dataset:
        """The query."""
        with disable_value_validation():  # wild cards and ranges are no values
            identifier = _data_set(self.keys)
            identifier.QueryRetrieveLevel = self.level
            if self.charset:
                identifier.SpecificCharacterSet = self.charset
        return identifier


def _data_set(keys: Mapping[str, Any]) -> Dataset:
    data_set = Dataset()
    for keyword, value in keys.items():
        if isinstance(value, list) and not any(isinstance(it, str) for it in value):
            value = Sequence(map(_data_set, value))
        setattr(data_set, keyword, value)
    return data_set
