"""The attributes of managed instances: as peers give them, and as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from pydicom import DataElement, Dataset
from pydicom.config import disable_value_validation
from pydicom.tag import BaseTag

from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.reading import copied
from trio_dicom.testing._archive.matching import values_of
from trio_dicom.testing._archive.refusing import Refused

__all__ = [
    "OPTIONAL_NOT_SUPPORTED",
    "given",
    "has_value",
    "invalid",
    "require",
    "require_settable",
    "selected",
    "update",
]

# Of PS3.7 Annex C.
OPTIONAL_NOT_SUPPORTED: Final = 0x0001
_NO_SUCH_ATTRIBUTE: Final = 0x0105
_INVALID_VALUE: Final = 0x0106
_MISSING_ATTRIBUTE: Final = 0x0120
_MISSING_VALUE: Final = 0x0121

_CHARACTER_SET: Final = BaseTag(0x0008_0005)


def given(data_set: Dataset | None) -> Dataset:
    """The attributes of a request, decoded, in a data set of our own.

    Raises:
        Refused: A value cannot be decoded.
    """
    try:
        with disable_value_validation():  # an archive takes what is too long for its VR
            return copied(data_set)
    except Exception:  # noqa: BLE001  pydicom raises what it likes where a value is broken
        raise Refused(_INVALID_VALUE, "the attributes have a value that is none") from None


def has_value(data_set: Dataset, keyword: str) -> bool:
    """Whether the attribute is there, and not empty; a sequence needs an item for that."""
    if keyword not in data_set:
        return False
    element = data_set[keyword]
    return bool(element.value) if element.VR == "SQ" else bool(values_of(element))


def invalid(data_set: Dataset, keyword: str, comment: str) -> Refused:
    """What refuses one value of a request.

    Args:
        data_set: What the peer gives.
        keyword: The attribute, which the answer repeats (PS3.7 C.5.11).
        comment: What is wrong with it.
    """
    wrong = Dataset()
    wrong.add(data_set[keyword])
    return Refused(_INVALID_VALUE, comment, data_set=declare_text(wrong))


def require(
    data_set: Dataset, *, with_values: Iterable[str] = (), present: Iterable[str] = ()
) -> None:
    """Refuse what lacks a mandatory attribute.

    Args:
        data_set: What a peer gives, or an item in it.
        with_values: The attributes of type 1.
        present: The attributes of type 2, which may be empty.

    Raises:
        Refused: One is missing, or its value; the comment says which.
    """
    with_values = tuple(with_values)
    for keyword in (*with_values, *present):
        if keyword not in data_set:
            raise Refused(_MISSING_ATTRIBUTE, f"without {keyword}", attribute_identifiers=[keyword])
    for keyword in with_values:
        if not has_value(data_set, keyword):
            raise Refused(_MISSING_VALUE, f"without a value of {keyword}")


def require_settable(data_set: Dataset, modifications: Dataset, *, fixed: Collection[str]) -> None:
    """Refuse what an N-SET cannot change.

    Args:
        data_set: The instance.
        modifications: What is to be set.
        fixed: The attributes that are set by an N-CREATE alone.

    Raises:
        Refused: An attribute is fixed, or was not created; the comment says which.
    """
    for element in modifications:
        if element.keyword in fixed:
            raise _not_settable(element, f"{element.keyword} cannot be set")
        # By its tag: private attributes have no keyword, and one of them is not the other.
        if element.tag not in data_set and element.tag != _CHARACTER_SET:
            name = element.keyword or str(element.tag)
            raise _not_settable(element, f"{name} was not created")


def _not_settable(element: DataElement, comment: str) -> Refused:
    # The comment may be cut short; the tag tells it all (PS3.7 C.5.17).
    return Refused(_NO_SUCH_ATTRIBUTE, comment, attribute_identifiers=[element.tag])


def update(data_set: Dataset, modifications: Dataset) -> None:
    """Set attributes; text is kept in a character set that suffices for all of it.

    Args:
        data_set: The instance, which is changed.
        modifications: The new values, with a character set of their own.
    """
    data_set.update(modifications)
    declare_text(data_set)


def selected(data_set: Dataset, tags: Iterable[BaseTag]) -> tuple[Dataset, int]:
    """What an N-GET of these attributes gives: all of them if it names none.

    Returns:
        The attributes that there are, and the status: a warning if others were asked for.
    """
    tags = tuple(tags)
    if not tags:
        return copied(data_set), 0
    wanted = {*tags, _CHARACTER_SET}
    found = copied(data_set)
    for tag in [it for it in found.keys() if it not in wanted]:  # noqa: SIM118  it would decode
        del found[tag]
    is_complete = all(tag in data_set or tag == _CHARACTER_SET for tag in tags)
    return found, 0 if is_complete else OPTIONAL_NOT_SUPPORTED
