"""What C-GET and C-MOVE have in common: the instances, and how many of them went well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field
from pydicom import Dataset
from pydicom.config import disable_value_validation

from trio_dicom._dimse.c_messages import CGetRequest, CMoveRequest
from trio_dicom._dimse.message import Response, response_to
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code, Status
from trio_dicom.testing._archive.identifiers import identifier_of
from trio_dicom.testing._archive.instances import Instance
from trio_dicom.testing._archive.refusing import Refused

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["Send", "instances_for", "none_sent", "retrieve"]

Send: TypeAlias = Callable[[Instance], Awaitable[Status | None]]
"""Does one sub-operation: what it ended with, or None where it could not even begin."""


@define
class _Counts:
    """How far it is."""

    remaining: int
    completed: int = 0
    warning: int = 0
    failed: list[str] = field(factory=list[str])

    @property
    def status(self) -> Code:
        """How it ends when none remains (PS3.4 C.4.2.3.1): badly if nothing went well."""
        if not (self.failed or self.warning):
            return Code.SUCCESS
        if not (self.completed or self.warning):
            return Code.OUT_OF_RESOURCES_FOR_SUB_OPERATIONS
        return Code.SUB_OPERATIONS_COMPLETE_WITH_FAILURES

    def count(self, instance: Instance, status: Status | None) -> None:
        """One more is done, and came to that."""
        self.remaining -= 1
        if status is not None and status.is_success:
            self.completed += 1
        elif status is not None and status.is_warning:
            self.warning += 1
        else:
            self.failed.append(instance.sop_instance_uid)

    def response(self, request: CGetRequest | CMoveRequest, status: Code) -> Response:
        """The response with that status: what failed is listed in the last one alone."""
        is_pending = status is Code.PENDING
        data_set = None
        if self.failed and not is_pending:
            data_set = Dataset()
            with disable_value_validation():  # they are as they were stored
                data_set.FailedSOPInstanceUIDList = self.failed
        return response_to(
            request,
            status,
            data_set=data_set,
            remaining=self.remaining if is_pending or status is Code.CANCEL else None,
            completed=self.completed,
            failed=len(self.failed),
            warning=self.warning,
        )


def instances_for(session: Session, request: CGetRequest | CMoveRequest) -> Sequence[Instance]:
    """The instances that a request retrieves.

    Raises:
        Refused: The identifier does not say which.
    """
    try:
        return session.archive.instances.select(identifier_of(session, request))
    except ValueError as error:
        raise Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, str(error)) from None


async def retrieve(
    session: Session,
    request: CGetRequest | CMoveRequest,
    context: NegotiatedContext,
    instances: Sequence[Instance],
    send: Send,
) -> Response:
    """Send one instance after the other, until a C-CANCEL; the final response.

    Args:
        session: The association of the request.
        request: What asks for them.
        context: Its context, for the pending responses.
        instances: What is sent.
        send: How.
    """
    counts = _Counts(len(instances))
    for instance in instances:
        if session.is_cancelled(request):
            return counts.response(request, Code.CANCEL)
        counts.count(instance, await send(instance))
        if counts.remaining:
            await session.send(counts.response(request, Code.PENDING), context)
    return counts.response(request, counts.status)


def none_sent(request: CGetRequest | CMoveRequest, instances: Sequence[Instance]) -> Response:
    """The final response where not one of ``instances`` could be sent."""
    counts = _Counts(len(instances))
    for instance in instances:
        counts.count(instance, None)
    return counts.response(request, counts.status)
