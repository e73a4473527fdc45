"""The states of unified procedure steps, and who may change them (PS3.4 CC.2.1, CC.2.2)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from pydicom import Dataset
from pydicom.uid import generate_uid

from trio_dicom._dimse.n_messages import NActionRequest
from trio_dicom._operations.reading import as_dt, items_of, text_of
from trio_dicom._operations.references import CodedEntry
from trio_dicom.status import Code
from trio_dicom.testing._archive.attributes import given, has_value, update
from trio_dicom.testing._archive.refusing import Refused
from trio_dicom.testing._archive.unified_codes import Event, UPSCode
from trio_dicom.testing._archive.unified_events import state_of, tell
from trio_dicom.testing._archive.unified_steps import step_of

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["change_state", "request_cancel"]

_PROGRESS: Final = "ProcedureStepProgressInformationSequence"
_PERFORMED: Final = "UnifiedProcedureStepPerformedProcedureSequence"
_WHY: Final = "ProcedureStepDiscontinuationReasonCodeSequence"
_UNSPECIFIED: Final = CodedEntry("110513", "DCM", "Discontinued for unspecified reason")

# What must have a value in what was performed before a step is completed: final state P (PS3.4
# Table CC.2.5-3). The output must be there, and may be empty.
_TO_COMPLETE: Final = (
    "PerformedStationNameCodeSequence",
    "PerformedProcedureStepStartDateTime",
    "PerformedWorkitemCodeSequence",
    "PerformedProcedureStepEndDateTime",
)
_OUTPUT: Final = "OutputInformationSequence"

# Of a request to cancel, what is passed on (PS3.4 Table CC.2.4-1).
_REQUESTED: Final = ("ReasonForCancellation", _WHY, "ContactURI", "ContactDisplayName")


def change_state(session: Session, request: NActionRequest) -> int:
    """Change the state for who has the lock, or gives the step one by claiming it.

    Returns:
        The status: success, or a warning that it had the state already.

    Raises:
        Refused: As PS3.4 Table CC.1.1-2 says.
    """
    step = step_of(session, request.sop_instance_uid)
    asked = request.action_information or Dataset()
    wanted, now = text_of(asked, "ProcedureStepState"), text_of(step, "ProcedureStepState")
    transaction = text_of(asked, "TransactionUID")
    if wanted == "SCHEDULED":
        raise Refused(UPSCode.ONLY_CREATED_SCHEDULED, "a step becomes SCHEDULED by N-CREATE")
    if wanted not in ("IN PROGRESS", "COMPLETED", "CANCELED"):
        raise Refused(Code.INVALID_ARGUMENT_VALUE, "there is no such state of a step")
    if not transaction or (now != "SCHEDULED" and transaction != text_of(step, "TransactionUID")):
        raise Refused(UPSCode.WRONG_TRANSACTION, "the Transaction UID is missing, or another one")
    warning = _same_state(now, wanted)
    if warning is not None:
        return warning
    changed = given(step)
    if wanted == "COMPLETED":
        _check_completed(changed)
    elif wanted == "CANCELED":
        _check_canceled(changed)
    changed.TransactionUID = transaction
    _set_state(session, request, changed, wanted)
    return Code.SUCCESS


def _same_state(now: str, wanted: str) -> int | None:
    """A warning where nothing is to be done, and None where something is."""
    match now, wanted:
        case ("SCHEDULED", "IN PROGRESS") | ("IN PROGRESS", "COMPLETED" | "CANCELED"):
            return None
        case "COMPLETED", "COMPLETED":
            return UPSCode.IS_COMPLETED
        case "CANCELED", "CANCELED":
            return UPSCode.IS_CANCELED
        case "SCHEDULED", _:
            raise Refused(UPSCode.NOT_IN_PROGRESS, "nobody has claimed the step")
        case "IN PROGRESS", _:
            raise Refused(UPSCode.IS_IN_PROGRESS, "the step is claimed already")
        case _:
            raise Refused(UPSCode.IS_FINAL, f"the step is {now}")


def request_cancel(session: Session, request: NActionRequest) -> int:
    """Cancel what nobody has claimed, and tell who has claimed it that somebody wishes so.

    Returns:
        The status: success, or a warning that it is canceled already.

    Raises:
        Refused: The step is completed, or nobody listens, or nobody knows it.
    """
    uid = request.sop_instance_uid
    step = step_of(session, uid)
    state = text_of(step, "ProcedureStepState")
    if state == "CANCELED":
        return UPSCode.IS_CANCELED
    if state == "COMPLETED":
        raise Refused(UPSCode.ALREADY_COMPLETED, "the step is completed")
    if state == "IN PROGRESS" and not session.archive.subscriptions.steps[uid]:
        raise Refused(UPSCode.PERFORMER_NOT_REACHED, "nobody is subscribed to the step")
    asked = given(request.action_information)
    requested = Dataset()
    requested.update({it.tag: it for it in asked if it.keyword in _REQUESTED})
    requested.RequestingAE = session.calling_ae
    tell(session, request, uid, Event.CANCEL_REQUESTED, requested)
    if state == "SCHEDULED":
        changed = given(step)
        changed.TransactionUID = generate_uid(prefix=None)
        _set_state(session, request, changed, "IN PROGRESS")
        reason = Dataset()
        reason.update({it.tag: it for it in asked if it.keyword in _REQUESTED[:2]})
        if not has_value(reason, _WHY):
            setattr(reason, _WHY, [_UNSPECIFIED.data_set()])
        progress = Dataset()
        setattr(progress, _PROGRESS, [reason])
        update(changed, progress)
        _check_canceled(changed)
        _set_state(session, request, changed, "CANCELED")
    return Code.SUCCESS


def _set_state(session: Session, request: NActionRequest, step: Dataset, state: str) -> None:
    uid = request.sop_instance_uid
    step.ProcedureStepState = state
    session.archive.unified_steps[uid] = step
    tell(session, request, uid, Event.STATE_REPORT, state_of(step))


def _check_completed(step: Dataset) -> None:
    performed = items_of(step, _PERFORMED)
    if not performed:
        raise Refused(UPSCode.FINAL_STATE_REQUIREMENTS, f"without {_PERFORMED}")
    for item in performed:
        for keyword in _TO_COMPLETE:
            if not has_value(item, keyword):
                raise Refused(UPSCode.FINAL_STATE_REQUIREMENTS, f"without {keyword}")
        if _OUTPUT not in item:
            raise Refused(UPSCode.FINAL_STATE_REQUIREMENTS, f"without {_OUTPUT}")


def _check_canceled(step: Dataset) -> None:
    """Final state X; when it was canceled, we know (PS3.4 Table CC.2.5-3)."""
    progress = next(iter(items_of(step, _PROGRESS)), Dataset())
    if not has_value(progress, _WHY):
        raise Refused(UPSCode.FINAL_STATE_REQUIREMENTS, f"without {_WHY}")
    if not has_value(progress, "ProcedureStepCancellationDateTime"):
        progress.ProcedureStepCancellationDateTime = as_dt(datetime.now().astimezone())
