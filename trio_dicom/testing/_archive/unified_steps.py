"""Unified procedure steps: created, told, changed and searched (PS3.4 CC.2.5 to CC.2.8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

import trio
from pydicom import Dataset
from pydicom.uid import generate_uid

from trio_dicom._dimse.c_messages import CFindRequest
from trio_dicom._dimse.message import Response, response_to
from trio_dicom._dimse.n_messages import NCreateRequest, NGetRequest, NSetRequest
from trio_dicom._operations.reading import as_dt, items_of, text_of
from trio_dicom._operations.ups_values import PRESENT_AT_CREATION
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code
from trio_dicom.testing._archive.attributes import (
    given,
    has_value,
    invalid,
    require,
    require_settable,
    selected,
    update,
)
from trio_dicom.testing._archive.refusing import Refused
from trio_dicom.testing._archive.unified_codes import UPS_CLASS, Event, UPSCode
from trio_dicom.testing._archive.unified_events import (
    assignment_of,
    progress_of,
    state_of,
    tell,
)
from trio_dicom.testing._archive.worklist import found_in

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = [
    "create_unified",
    "find_unified",
    "get_unified",
    "searchable",
    "set_unified",
    "step_of",
]

_TRANSACTION: Final = 0x0008_1195

# What a step is created with (PS3.4 Table CC.2.5-3): of type 1, and of type 2.
_OF_TYPE_1: Final = (
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
)
_EMPTY: Final = (
    "TransactionUID",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
# What an N-SET may not set (PS3.4 Table CC.2.5-3: "Not allowed"), apart from the state, and what
# it may not empty: there always is a value.
_FIXED: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ReplacedProcedureStepSequence",
)
_NEVER_EMPTY: Final = (*_OF_TYPE_1, "WorklistLabel")
# Of the progress: what is worth a report (PS3.4 CC.2.4.3).
_PROGRESS: Final = (
    "ProcedureStepProgress",
    "ProcedureStepProgressDescription",
    "ProcedureStepCommunicationsURISequence",
)
_ASSIGNMENT: Final = ("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence")
_FINAL: Final = ("COMPLETED", "CANCELED")


async def create_unified(
    session: Session, request: NCreateRequest, _on: NegotiatedContext
) -> Response:
    """Put a step on the list.

    Raises:
        Refused: It is not scheduled, or there is one of that UID, or an attribute is missing.
    """
    await trio.lowlevel.checkpoint()
    archive = session.archive
    step = given(request.attribute_list)
    uid = request.sop_instance_uid or generate_uid(prefix=None)
    if uid in archive.unified_steps:
        raise Refused(Code.DUPLICATE_SOP_INSTANCE, "there is such a step")
    if text_of(step, "ProcedureStepState") != "SCHEDULED":
        raise Refused(UPSCode.NOT_SCHEDULED, "a step begins SCHEDULED")
    require(step, with_values=_OF_TYPE_1, present=PRESENT_AT_CREATION)
    for keyword in _EMPTY:
        if has_value(step, keyword):
            raise invalid(step, keyword, f"{keyword} is empty at first")
    filled = Dataset()
    filled.ScheduledProcedureStepModificationDateTime = _now()
    if not has_value(step, "WorklistLabel"):
        filled.WorklistLabel = archive.ae_title
    update(step, filled)
    archive.unified_steps[uid] = step
    archive.subscriptions.created(uid, searchable(uid, step))
    tell(session, request, uid, Event.STATE_REPORT, state_of(step))
    if (assignment := assignment_of(step)) is not None:
        tell(session, request, uid, Event.ASSIGNED, assignment)
    return response_to(request, Code.SUCCESS, sop_instance_uid=uid, data_set=filled)


async def get_unified(session: Session, request: NGetRequest, _on: NegotiatedContext) -> Response:
    """Tell what a step is by now, apart from its lock.

    Raises:
        Refused: Nobody knows it.
    """
    await trio.lowlevel.checkpoint()
    step = given(step_of(session, request.sop_instance_uid))
    step.pop(_TRANSACTION, None)
    found, status = selected(step, request.attribute_identifiers)
    return response_to(request, status, data_set=found)


async def set_unified(session: Session, request: NSetRequest, _on: NegotiatedContext) -> Response:
    """Change a step: a scheduled one for everybody, one in progress for who has claimed it.

    Raises:
        Refused: The lock is another one, or the step has ended, or nobody knows it; or an
            attribute cannot be set, or not to this.
    """
    await trio.lowlevel.checkpoint()
    uid = request.sop_instance_uid
    step = step_of(session, uid)
    changes = given(request.modification_list)
    state, transaction = text_of(step, "ProcedureStepState"), text_of(changes, "TransactionUID")
    if state in _FINAL:
        raise Refused(UPSCode.IS_FINAL, f"the step is {state}")
    if state == "SCHEDULED" and transaction:
        raise Refused(UPSCode.NOT_IN_PROGRESS, "nobody has claimed the step")
    if state != "SCHEDULED" and transaction != text_of(step, "TransactionUID"):
        raise Refused(UPSCode.WRONG_TRANSACTION, "somebody else has claimed the step")
    if "ProcedureStepState" in changes:
        raise invalid(changes, "ProcedureStepState", "the state of a step changes by N-ACTION")
    require_settable(step, changes, fixed=_FIXED)
    require(changes, with_values=[it for it in _NEVER_EMPTY if it in changes])
    changes.ScheduledProcedureStepModificationDateTime = _now()
    changed = given(step)
    update(changed, changes)
    session.archive.unified_steps[uid] = changed
    if text_of(changed, "InputReadinessState") != text_of(step, "InputReadinessState"):
        tell(session, request, uid, Event.STATE_REPORT, state_of(changed))
    progress = items_of(changes, "ProcedureStepProgressInformationSequence")
    if any(keyword in item for item in progress for keyword in _PROGRESS):
        tell(session, request, uid, Event.PROGRESS_REPORT, progress_of(changed))
    if any(keyword in changes for keyword in _ASSIGNMENT):
        tell(session, request, uid, Event.ASSIGNED, assignment_of(changed) or Dataset())
    return response_to(request, Code.SUCCESS)


async def find_unified(
    session: Session, request: CFindRequest, context: NegotiatedContext
) -> Response:
    """Send the steps that match, one after the other; the final response."""

    def candidates() -> Iterator[Dataset]:
        for uid, step in tuple(session.archive.unified_steps.items()):
            yield searchable(uid, step)

    return await found_in(session, request, context, candidates())


def step_of(session: Session, uid: str) -> Dataset:
    """The step of that UID.

    Raises:
        Refused: There is none.
    """
    step = session.archive.unified_steps.get(uid)
    if step is None:
        raise Refused(UPSCode.NO_SUCH_STEP, "there is no such step")
    return step


def searchable(uid: str, step: Dataset) -> Dataset:
    """A step as queries see it: with its UIDs, and without its lock."""
    found = Dataset()
    found.update(step)
    found.pop(_TRANSACTION, None)
    found.SOPClassUID = UPS_CLASS
    found.SOPInstanceUID = uid
    return found


def _now() -> str:
    return as_dt(datetime.now().astimezone())
