"""DIMSE statuses: what a peer says came of a request (PS3.7 Annex C).

A status is an answer, never an exception by itself. A code that no table knows
keeps its value and has a kind all the same.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from functools import lru_cache

from attrs import Attribute, field, frozen

from trio_dicom._status_tables import (
    GENERAL_MEANINGS,
    SERVICE_MEANINGS,
    SOP_CLASS_SERVICES,
    Service,
)

__all__ = ["Code", "Service", "Status", "StatusKind", "service_for"]


class StatusKind(Enum):
    """What a status means for the request, in the five classes of PS3.7 Annex C."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    CANCEL = "cancel"
    PENDING = "pending"


class Code(IntEnum):
    """The status codes that programs name most often (PS3.7 Annex C, PS3.4)."""

    SUCCESS = 0x0000
    ATTRIBUTE_LIST_ERROR = 0x0107
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_SOP_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    INVALID_ARGUMENT_VALUE = 0x0115
    ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116
    INVALID_SOP_INSTANCE = 0x0117
    NO_SUCH_SOP_CLASS = 0x0118
    MISSING_ATTRIBUTE = 0x0120
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION = 0x0123
    NOT_AUTHORIZED = 0x0124
    DUPLICATE_INVOCATION = 0x0210
    UNRECOGNIZED_OPERATION = 0x0211
    MISTYPED_ARGUMENT = 0x0212
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    OUT_OF_RESOURCES_FOR_MATCHING = 0xA701
    OUT_OF_RESOURCES_FOR_SUB_OPERATIONS = 0xA702
    MOVE_DESTINATION_UNKNOWN = 0xA801
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    COERCION_OF_DATA_ELEMENTS = 0xB000
    SUB_OPERATIONS_COMPLETE_WITH_FAILURES = 0xB000
    CANNOT_UNDERSTAND = 0xC000
    UNABLE_TO_PROCESS = 0xC000
    CANCEL = 0xFE00
    PENDING = 0xFF00
    PENDING_WITH_WARNING = 0xFF01


_LAST_CODE = 0xFFFF
# Warnings outside of Bxxx (PS3.7 Annex C). The rest of 01xx and 02xx are failures.
_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})
_PENDING = frozenset({Code.PENDING, Code.PENDING_WITH_WARNING})


def service_for(sop_class_uid: str | None, default: Service = Service.GENERAL) -> Service:
    """The service whose words explain the statuses of a SOP class.

    Args:
        sop_class_uid: The SOP class, or None where it is not known.
        default: What the DIMSE operation alone tells: ``QUERY_RETRIEVE_FIND`` for any
            C-FIND, ``GENERAL`` for the N-services.
    """
    if default is Service.GENERAL or default.is_find:
        return SOP_CLASS_SERVICES.get((sop_class_uid or "", default.is_find), default)
    return default


def _check_code(_instance: object, _attribute: Attribute[int], code: int) -> None:
    if not 0 <= code <= _LAST_CODE:
        raise ValueError(f"a status has 16 bits, which {code} does not fit")


@frozen
class Status:
    """The status of a response (0000,0900).

    Two statuses are equal when their codes are: the service only says how a code
    is to be understood.

    Attributes:
        code: The 16 bits as they came.
        service: The service that gave it. Pending, for one, exists in C-FIND, C-GET
            and C-MOVE only.
    """

    code: int = field(converter=int, validator=_check_code)
    service: Service = field(default=Service.GENERAL, eq=False)

    @classmethod
    def of(cls, code: int, service: Service = Service.GENERAL) -> Status:
        """The status of this code: the same object again where it was asked for before."""
        return _status(code, service)

    @property
    def kind(self) -> StatusKind:
        """Success, warning, failure, cancel or pending.

        Codes that the standard leaves open are failures: what we cannot understand
        must not look as if it had gone well.
        """
        code = self.code
        if code == Code.SUCCESS:
            return StatusKind.SUCCESS
        if self.is_pending:
            return StatusKind.PENDING
        if code == Code.CANCEL:
            return StatusKind.CANCEL
        if code >> 12 == 0xB or code in _WARNINGS:
            return StatusKind.WARNING
        return StatusKind.FAILURE

    @property
    def meaning(self) -> str:
        """The code in words, or "" where no table of the standard has it."""
        for first, last, words in SERVICE_MEANINGS.get(self.service, ()):
            if first <= self.code <= last:
                return words
        return GENERAL_MEANINGS.get(self.code, "")

    @property
    def is_success(self) -> bool:
        """Whether all went well."""
        return self.code == 0

    @property
    def is_warning(self) -> bool:
        """Whether it was done, but not quite as asked."""
        return self.kind is StatusKind.WARNING

    @property
    def is_failure(self) -> bool:
        """Whether it was not done."""
        return self.kind is StatusKind.FAILURE

    @property
    def is_cancel(self) -> bool:
        """Whether it ended because of a C-CANCEL."""
        return self.kind is StatusKind.CANCEL

    @property
    def is_pending(self) -> bool:
        """Whether more responses follow."""
        return self.code in _PENDING and self.service.has_pending

    def __index__(self) -> int:
        return self.code

    def __str__(self) -> str:
        said = self.kind.value
        if self.meaning:
            said += f": {self.meaning}"
        return f"{self.code:04X}H ({said})"


@lru_cache(maxsize=256)
def _status(code: int, service: Service) -> Status:
    return Status(code, service)
