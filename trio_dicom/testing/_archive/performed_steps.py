"""Modality performed procedure steps, as what keeps them must (PS3.4 F.7, F.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio
from pydicom import Dataset
from pydicom.uid import generate_uid

from trio_dicom._dimse.message import Response, response_to
from trio_dicom._dimse.n_messages import NCreateRequest, NGetRequest, NSetRequest
from trio_dicom._operations.performed_values import CREATED_WITH_VALUES, PRESENT_IN_SCHEDULED
from trio_dicom._operations.reading import text_of
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code
from trio_dicom.testing._archive.attributes import (
    given,
    invalid,
    require,
    require_settable,
    selected,
    update,
)
from trio_dicom.testing._archive.refusing import Refused

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["create_performed", "get_performed", "set_performed"]

_IN_PROGRESS: Final = "IN PROGRESS"
_STATES: Final = (_IN_PROGRESS, "COMPLETED", "DISCONTINUED")
_FINAL: Final = 0xA710  # error ID (PS3.4 Table F.7.2-2)

# What a step is created with (PS3.4 Table F.7.2-1): of type 1, of type 2, and what else an N-SET
# may not set. Those of type 1 cannot be set later, apart from the status, which is looked at first.
_OF_TYPE_1: Final = ("ScheduledStepAttributesSequence", *CREATED_WITH_VALUES)
_OF_TYPE_2_AND_FIXED: Final = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "ReferencedPatientSequence",
    "PerformedStationName",
    "PerformedLocation",
    "StudyID",
)
_OPTIONAL_AND_FIXED: Final = (
    # The UIDs of the step itself are in the command set alone (PS3.4 5.4.2.3).
    "SOPClassUID",
    "SOPInstanceUID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "ServiceEpisodeID",
    "IssuerOfServiceEpisodeIDSequence",
    "ServiceEpisodeDescription",
)
_FIXED: Final = (*_OF_TYPE_1, *_OF_TYPE_2_AND_FIXED, *_OPTIONAL_AND_FIXED)
_OF_TYPE_2: Final = (
    *_OF_TYPE_2_AND_FIXED,
    "PerformedProcedureStepDescription",
    "PerformedProcedureTypeDescription",
    "ProcedureCodeSequence",
    "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime",
    "PerformedProtocolCodeSequence",
    "PerformedSeriesSequence",
)
# What each item of its sequences needs, whichever of N-CREATE and N-SET brings it. Codes of what
# was performed, and of its protocols, need no meaning (Table F.7.2-1e), all others do (-1a, -1c).
_REFERENCE: Final = ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
_ITEMS_OF_TYPE_1: Final = {
    "ScheduledStepAttributesSequence": ("StudyInstanceUID",),
    "ReferencedStudySequence": _REFERENCE,
    "RequestedProcedureCodeSequence": ("CodeMeaning",),
    "ScheduledProtocolCodeSequence": ("CodeMeaning",),
    "ReferencedPatientSequence": _REFERENCE,
    "ReasonForPerformedProcedureCodeSequence": ("CodeMeaning",),
    "PerformedProcedureStepDiscontinuationReasonCodeSequence": ("CodeMeaning",),
    "PerformedSeriesSequence": ("ProtocolName", "SeriesInstanceUID"),
    "ReferencedImageSequence": _REFERENCE,
    "ReferencedNonImageCompositeSOPInstanceSequence": _REFERENCE,
    "SpecimenDescriptionSequence": ("SpecimenIdentifier", "SpecimenUID"),
}
_ITEMS_OF_TYPE_2: Final = {
    "ScheduledStepAttributesSequence": PRESENT_IN_SCHEDULED,
    "PerformedSeriesSequence": (
        "PerformingPhysicianName",
        "OperatorsName",
        "SeriesDescription",
        "RetrieveAETitle",
        "ReferencedImageSequence",
        "ReferencedNonImageCompositeSOPInstanceSequence",
    ),
}
# Note 2: each step has a series, be it without images, even if it is discontinued.
_AT_THE_END: Final = (
    "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime",
    "PerformedSeriesSequence",
)


async def create_performed(
    session: Session, request: NCreateRequest, _on: NegotiatedContext
) -> Response:
    """Keep a step that has begun.

    Raises:
        Refused: It has not, or there is one of that UID, or an attribute is missing.
    """
    await trio.lowlevel.checkpoint()
    steps = session.archive.performed_steps
    step = given(request.attribute_list)
    uid = request.sop_instance_uid or generate_uid(prefix=None)
    if uid in steps:
        raise Refused(Code.DUPLICATE_SOP_INSTANCE, "there is such a step")
    require(step, with_values=["PerformedProcedureStepStatus"])
    if step.PerformedProcedureStepStatus != _IN_PROGRESS:
        raise invalid(step, "PerformedProcedureStepStatus", "a step begins IN PROGRESS")
    require(step, with_values=_OF_TYPE_1, present=_OF_TYPE_2)
    _require_whole_items(step)
    steps[uid] = step
    return response_to(request, Code.SUCCESS, sop_instance_uid=uid)


async def set_performed(session: Session, request: NSetRequest, _on: NegotiatedContext) -> Response:
    """Change a step that goes on, or end it.

    Raises:
        Refused: It has ended, or cannot end like that, or nobody knows it.
    """
    await trio.lowlevel.checkpoint()
    step = _step(session, request.sop_instance_uid)
    if text_of(step, "PerformedProcedureStepStatus") != _IN_PROGRESS:
        raise Refused(
            Code.PROCESSING_FAILURE,
            "Performed Procedure Step Object may no longer be updated",
            error_id=_FINAL,
        )
    changes = given(request.modification_list)
    require_settable(step, changes, fixed=_FIXED)
    changed = given(step)
    update(changed, changes)
    state = text_of(changed, "PerformedProcedureStepStatus")
    if state not in _STATES:
        raise invalid(changes, "PerformedProcedureStepStatus", "there is no such status of a step")
    if state != _IN_PROGRESS:
        require(changed, with_values=_AT_THE_END)
    _require_whole_items(changes)
    session.archive.performed_steps[request.sop_instance_uid] = changed
    return response_to(request, Code.SUCCESS)


async def get_performed(session: Session, request: NGetRequest, _on: NegotiatedContext) -> Response:
    """Tell what a step is by now (PS3.4 F.8.2).

    Raises:
        Refused: Nobody knows it.
    """
    await trio.lowlevel.checkpoint()
    step = _step(session, request.sop_instance_uid)
    found, status = selected(step, request.attribute_identifiers)
    return response_to(request, status, data_set=found)


def _require_whole_items(data_set: Dataset) -> None:
    for element in data_set:
        if element.VR != "SQ":
            continue
        for item in element.value or ():
            require(
                item,
                with_values=_ITEMS_OF_TYPE_1.get(element.keyword, ()),
                present=_ITEMS_OF_TYPE_2.get(element.keyword, ()),
            )
            _require_whole_items(item)


def _step(session: Session, uid: str) -> Dataset:
    step = session.archive.performed_steps.get(uid)
    if step is None:
        raise Refused(Code.NO_SUCH_SOP_INSTANCE, "there is no such step")
    return step
