"""Data sets as JSON: the DICOM JSON Model (PS3.18 Annex F)."""

from __future__ import annotations

import base64
import json
import re
import warnings
from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import PersonName

__all__ = ["json_model"]

_REPRESENTATIONS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_DECIMALS: Final[dict[str, Callable[[str], float]]] = {"DS": float, "IS": int}
_DECIMAL: Final[dict[Callable[[str], float], re.Pattern[str]]] = {
    float: re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(E[+-]?[0-9]{1,2})?", re.IGNORECASE),
    int: re.compile(r"[+-]?[0-9]+"),
}


def json_model(data_set: Dataset) -> dict[str, Any]:
    """The data set as an object of the DICOM JSON Model.

    What peers send is not always what its VR allows. Numbers that are none become strings, and
    what pydicom cannot read becomes UN, so that one value does not hide all the others.

    Args:
        data_set: Any data set.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about those values
        return _object(data_set)


def _object(data_set: Dataset) -> dict[str, Any]:
    # In ascending order, and without group lengths (PS3.18 F.2.2).
    return {
        f"{tag:08X}": _attribute(data_set, tag)
        for tag in sorted(data_set.keys())
        if tag.element != 0
    }


def _attribute(data_set: Dataset, tag: BaseTag) -> dict[str, Any]:
    raw: object = data_set.get_item(tag)  # before the look at it below, which converts it
    try:
        element = data_set[tag]
        if element.VR == "SQ":
            items = [_object(item) for item in element.value]
            return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        if element.VR in _DECIMALS and isinstance(raw, RawDataElement):
            return _decimals(element.VR, raw.value or b"")
        if element.VR == "PN":
            return _names(element.value)
        attribute = element.to_json_dict(None, 0)
        if "Value" in attribute:
            # What is empty among others is null (PS3.18 F.2.5).
            attribute["Value"] = [None if it == "" else it for it in attribute["Value"]]
        json.dumps(attribute, allow_nan=False)
    except Exception:  # noqa: BLE001 - whatever pydicom raises for a value that it cannot take
        return _as_it_came(raw)
    return attribute


def _names(value: PersonName | MultiValue[PersonName] | None) -> dict[str, Any]:
    """Names of persons, each with its representations: pydicom stumbles at an empty one."""
    if not value:
        return {"vr": "PN"}
    names = value if isinstance(value, MultiValue) else [value]
    parts = [dict(zip(_REPRESENTATIONS, name.components, strict=False)) for name in names]
    values = [{title: text for title, text in it.items() if text} for it in parts]
    return {"vr": "PN", "Value": [it or None for it in values]}


def _decimals(vr: str, data: bytes) -> dict[str, Any]:
    """Numbers that are written as text: numbers where they are, for pydicom cuts some off."""
    text = data.decode("latin-1").strip("\0 ")
    if not text:
        return {"vr": vr}
    return {"vr": vr, "Value": [_decimal(_DECIMALS[vr], it.strip()) for it in text.split("\\")]}


def _decimal(convert: Callable[[str], float], text: str) -> float | str | None:
    if not text:
        return None
    # Not what Python takes for a number besides: 1_000, nan, full-width digits.
    if _DECIMAL[convert].fullmatch(text) is None:
        return text
    number = convert(text)
    return number if isfinite(number) else text


def _as_it_came(raw: object) -> dict[str, Any]:
    if isinstance(raw, RawDataElement):
        data = base64.b64encode(raw.value or b"")
        return {"vr": "UN", "InlineBinary": data.decode("ascii")}
    # Somebody has looked at it, which keeps no more of it than this.
    return {"vr": str(getattr(raw, "VR", "UN")), "Value": [str(getattr(raw, "value", ""))]}
