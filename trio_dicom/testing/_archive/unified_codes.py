"""The numbers of unified procedure steps (PS3.4 CC.2)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from trio_dicom.sop_classes import UPS_PUSH

__all__ = ["EVERYTHING", "MATCHING", "UPS_CLASS", "Action", "Event", "UPSCode"]

UPS_CLASS: Final = UPS_PUSH.abstract_syntax
"""What all steps are instances of (PS3.4 CC.3.1)."""

EVERYTHING: Final = "1.2.840.10008.5.1.4.34.5"
"""Stands for all steps in a subscription (PS3.4 CC.2.3.2)."""

MATCHING: Final = "1.2.840.10008.5.1.4.34.5.1"
"""Stands for those that match (PS3.4 CC.2.3.2)."""


class UPSCode(IntEnum):
    """Statuses (PS3.4 Tables CC.2.1-2, CC.2.2-2, CC.2.3-3, CC.2.5-4, CC.2.6-1)."""

    LOCK_NOT_GRANTED = 0xB301
    IS_CANCELED = 0xB304
    IS_COMPLETED = 0xB306
    IS_FINAL = 0xC300
    WRONG_TRANSACTION = 0xC301
    IS_IN_PROGRESS = 0xC302
    ONLY_CREATED_SCHEDULED = 0xC303
    FINAL_STATE_REQUIREMENTS = 0xC304
    NO_SUCH_STEP = 0xC307
    RECEIVER_UNKNOWN = 0xC308
    NOT_SCHEDULED = 0xC309
    NOT_IN_PROGRESS = 0xC310
    ALREADY_COMPLETED = 0xC311
    PERFORMER_NOT_REACHED = 0xC312
    NOT_FOR_THIS_INSTANCE = 0xC314


class Action(IntEnum):
    """Action types (PS3.4 Tables CC.2.1-1, CC.2.2-1, CC.2.3-1)."""

    CHANGE_STATE = 1
    REQUEST_CANCEL = 2
    SUBSCRIBE = 3
    UNSUBSCRIBE = 4
    SUSPEND = 5


class Event(IntEnum):
    """Event types (PS3.4 Table CC.2.4-1)."""

    STATE_REPORT = 1
    CANCEL_REQUESTED = 2
    PROGRESS_REPORT = 3
    PROVIDER_STATUS = 4
    ASSIGNED = 5
