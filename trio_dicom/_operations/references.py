"""What data sets refer to: instances by their UIDs, concepts by their codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._operations.reading import items_of, text_of, uid_of
from trio_dicom.errors import LocalProtocolError

__all__ = ["CodedEntry", "InstanceReference", "as_codes", "as_references"]

_LONGEST_CODE = 16  # characters of an SH


@frozen
class InstanceReference:
    """A SOP instance, by its UIDs (PS3.3 Table 10-11).

    Attributes:
        sop_class_uid: Its SOP class.
        sop_instance_uid: Itself.
    """

    sop_class_uid: UID = field(converter=as_uid)
    sop_instance_uid: UID = field(converter=as_uid)

    @classmethod
    def of(cls, instance: Dataset) -> Self:
        """The reference to an instance that is at hand.

        Raises:
            LocalProtocolError: It does not say which instance it is.
        """
        sop_class, itself = uid_of(instance, "SOPClassUID"), uid_of(instance, "SOPInstanceUID")
        if sop_class is None or itself is None:
            raise LocalProtocolError(
                "the data set has no SOP Class UID (0008,0016) or no SOP Instance UID (0008,0018)"
            )
        return cls(sop_class, itself)

    def data_set(self) -> Dataset:
        """The reference as an item of a sequence."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.sop_class_uid
        item.ReferencedSOPInstanceUID = self.sop_instance_uid
        return item

    @classmethod
    def in_item(cls, item: Dataset) -> Self | None:
        """What an item refers to; None where it names no instance."""
        instance = uid_of(item, "ReferencedSOPInstanceUID")
        if instance is None:
            return None
        return cls(uid_of(item, "ReferencedSOPClassUID") or UID(""), instance)

    @classmethod
    def in_sequence(cls, data_set: Dataset, keyword: str) -> tuple[Self, ...]:
        """What the items of a sequence refer to."""
        found = (cls.in_item(item) for item in items_of(data_set, keyword))
        return tuple([reference for reference in found if reference is not None])


@frozen
class CodedEntry:
    """A concept of a coding scheme (PS3.3 8.8).

    Attributes:
        value: Its code. More than 16 characters, and URNs, go where they belong.
        scheme: The scheme: ``DCM``, ``SCT``, ``99LOCAL``.
        meaning: What it means, in words.
        scheme_version: The version of the scheme, where that matters; else "".
    """

    value: str
    scheme: str
    meaning: str
    scheme_version: str = field(default="", kw_only=True)

    def data_set(self) -> Dataset:
        """The code as an item of a sequence."""
        item = Dataset()
        if self.value.lower().startswith(("urn:", "http:", "https:")):
            item.URNCodeValue = self.value
        elif len(self.value) > _LONGEST_CODE:
            item.LongCodeValue = self.value
        else:
            item.CodeValue = self.value
        if self.scheme:
            item.CodingSchemeDesignator = self.scheme
        if self.scheme_version:
            item.CodingSchemeVersion = self.scheme_version
        item.CodeMeaning = self.meaning
        return item

    @classmethod
    def in_item(cls, item: Dataset) -> Self:
        """The code that an item holds."""
        values = (text_of(item, it) for it in ("CodeValue", "LongCodeValue", "URNCodeValue"))
        return cls(
            next(filter(None, values), ""),
            text_of(item, "CodingSchemeDesignator"),
            text_of(item, "CodeMeaning"),
            scheme_version=text_of(item, "CodingSchemeVersion"),
        )

    @classmethod
    def in_sequence(cls, data_set: Dataset, keyword: str) -> tuple[Self, ...]:
        """The codes of the items of a sequence."""
        return tuple([cls.in_item(item) for item in items_of(data_set, keyword)])

    @staticmethod
    def items(entries: Iterable[CodedEntry]) -> list[Dataset]:
        """The items of a sequence with these codes."""
        return [entry.data_set() for entry in entries]


def as_references(references: Iterable[InstanceReference]) -> tuple[InstanceReference, ...]:
    """References that do not change any more."""
    return tuple(references)


def as_codes(entries: Iterable[CodedEntry]) -> tuple[CodedEntry, ...]:
    """Codes that do not change any more."""
    return tuple(entries)
