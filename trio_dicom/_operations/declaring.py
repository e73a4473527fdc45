"""The Specific Character Set (0008,0005) of data sets that we build for the caller."""

from __future__ import annotations

from typing import Final

from pydicom import Dataset

from trio_dicom._dimse.declared import undeclared_text

__all__ = ["declare_text"]

_UTF_8: Final = "ISO_IR 192"


def declare_text(data_set: Dataset) -> Dataset:
    """Declare the text of a data set of ours as UTF-8, unless what it declares suffices.

    Args:
        data_set: What goes out. It is changed, with the items of its sequences.

    Returns:
        The same.
    """
    if undeclared_text(data_set) is not None:
        data_set.SpecificCharacterSet = _UTF_8
        _inherit(data_set)
    return data_set


def _inherit(data_set: Dataset) -> None:
    """Take away what items declare and what does not suffice for them."""
    for element in data_set:
        if element.VR != "SQ":
            continue
        for item in element.value or ():
            if "SpecificCharacterSet" in item and undeclared_text(item) is not None:
                del item.SpecificCharacterSet
            _inherit(item)
