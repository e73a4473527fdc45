"""What the requests for unified procedure steps have in common."""

from __future__ import annotations

from typing import Final

from attrs import define, field
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.n_services import NServices
from trio_dicom._operations.references import CodedEntry
from trio_dicom._operations.ups_contexts import ups_context
from trio_dicom.sop_classes import UPS_PUSH
from trio_dicom.status import Status

__all__ = ["UPS_CLASS", "UPSRequests", "act", "give_reason"]

UPS_CLASS: Final = UPS_PUSH.abstract_syntax
"""All steps are instances of this class, whichever one the context is for (PS3.4 CC.3.1)."""


@define(eq=False)
class UPSRequests:
    """Requests for unified procedure steps.

    Attributes:
        association: The association that they go out on.
        idle_timeout: As for ``send_request``, for each request.
        timeout: As for ``send_request``, for each request.
    """

    association: NServices
    idle_timeout: float | None = field(default=None, kw_only=True)
    timeout: float | None = field(default=None, kw_only=True)


async def act(
    requests: UPSRequests,
    sop_instance_uid: str,
    action_type_id: int,
    information: Dataset,
    classes: tuple[UID, ...],
) -> Status:
    """Have something done with a step.

    Args:
        requests: How to ask.
        sop_instance_uid: The step.
        action_type_id: What to do.
        information: A data set of our own; its character set is declared here.
        classes: The SOP classes that have the action.

    Raises:
        StatusError: The peer refused it.
    """
    association = requests.association
    declare_text(information)
    response = await association.n_action(
        UPS_CLASS,
        sop_instance_uid,
        action_type_id,
        information,
        context=ups_context(association.negotiated, classes, information),
        idle_timeout=requests.idle_timeout,
        timeout=requests.timeout,
    )
    response.raise_for_status()
    return response.status


def give_reason(data_set: Dataset, reason: CodedEntry | None, explanation: str) -> None:
    """Say in ``data_set`` why a step ends or should end."""
    if explanation:
        data_set.ReasonForCancellation = explanation
    if reason is not None:
        data_set.ProcedureStepDiscontinuationReasonCodeSequence = [reason.data_set()]
