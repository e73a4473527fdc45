"""In which character set an archive answers (PS3.4 C.4.1.1.3.2)."""

from __future__ import annotations

from typing import Final

from pydicom import DataElement, Dataset
from pydicom.charset import python_encoding
from pydicom.uid import ExplicitVRLittleEndian

from trio_dicom._dimse.transcode import encode_data_set
from trio_dicom._dimse.vr import CHARSET_VRS
from trio_dicom.errors import LocalProtocolError
from trio_dicom.testing._archive.matching import items_of, values_of

__all__ = ["declare_charset"]

_UTF_8: Final = "ISO_IR 192"


def declare_charset(match: Dataset, asked: DataElement | None) -> None:
    """Declare the character set in which ``match`` goes out.

    It is that of the query if it has all the characters, else UTF-8, and none is declared
    where there are only those of the default repertoire.

    Args:
        match: All of it but its Specific Character Set.
        asked: The Specific Character Set of the query, or None.
    """
    if _is_default_repertoire(match):
        return
    terms = values_of(asked)
    if terms and all(term in python_encoding for term in terms):
        match.SpecificCharacterSet = asked.value if asked is not None else None
        try:
            encode_data_set(match, ExplicitVRLittleEndian)
        except LocalProtocolError:
            pass
        else:
            return
    match.SpecificCharacterSet = _UTF_8


def _is_default_repertoire(data_set: Dataset) -> bool:
    return all(
        all(map(_is_default_repertoire, items_of(element)))
        if element.VR == "SQ"
        else element.VR not in CHARSET_VRS or all(map(str.isascii, values_of(element)))
        for element in data_set
    )
