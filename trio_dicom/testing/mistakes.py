"""What a script may have got wrong, in words that help to put it right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trio_dicom._dimse.message import Message
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._wire.associate import AssociationRequest
from trio_dicom._wire.pdus import Pdu

__all__ = ["check_message", "check_pdu", "unexpected"]

_LONGEST: Final = 400  # characters of what came instead


def unexpected(expected: str, actual: Pdu | Message) -> AssertionError:
    """The error to raise where another thing came.

    Args:
        expected: What should have come, in words.
        actual: What has.
    """
    if isinstance(actual, AssociationRequest):
        what = (
            f"AssociationRequest from {actual.calling_ae} to {actual.called_ae} with"
            f" {len(actual.contexts)} contexts: `accept` takes it, and answers"
        )
    else:
        what = str(actual)
        if len(what) > _LONGEST:
            what = f"{what[:_LONGEST]}... ({len(what)} characters)"
    return AssertionError(f"expected {expected}, but got {what}")


def check_pdu(given: object, fields: Mapping[str, object]) -> None:
    """See that it is what ``expect`` takes.

    Args:
        given: The class.
        fields: What is expected of its fields.

    Raises:
        TypeError: It is another thing.
    """
    if _is_class(given, Message):
        raise TypeError(f"{_name_of(given)} is a message and no PDU: `expect_message` takes it")
    if not _is_class(given, *Pdu.__args__):
        raise TypeError(f"`expect` takes the class of a PDU, not {_name_of(given)}")
    _check_fields(fields)


def check_message(given: object, fields: Mapping[str, object]) -> None:
    """See that it is what ``expect_message`` takes.

    Args:
        given: The class.
        fields: What is expected of its fields.

    Raises:
        TypeError: It is another thing.
    """
    if _is_class(given, *Pdu.__args__):
        raise TypeError(f"{_name_of(given)} is a PDU and no message: `expect` takes it")
    if not _is_class(given, Message):
        raise TypeError(f"`expect_message` takes the class of a message, not {_name_of(given)}")
    _check_fields(fields)


def _check_fields(fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if isinstance(value, PresentationContext):
            raise TypeError(
                f"{name} is expected to be a PresentationContext, which nothing that comes has:"
                " the UID in it is its `abstract_syntax`"
            )


def _is_class(given: object, *bases: type) -> bool:
    return isinstance(given, type) and issubclass(given, bases)


def _name_of(given: object) -> str:
    if isinstance(given, type):
        return given.__name__
    return f"one of {type(given).__name__}"
