"""One association that a peer opened with our receiver."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.message import response_to
from trio_dicom._dimse.n_messages import NEventReportRequest, NEventReportResponse
from trio_dicom._dimse.syntax import NATIVE_SYNTAXES
from trio_dicom._operations.acceptance import (
    STORABLE_SYNTAXES,
    STORAGE_CLASSES,
    judged,
    rejection,
)
from trio_dicom._protocol.negotiation import answer
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import AssociationReject
from trio_dicom._wire.items import ProposedContext
from trio_dicom._wire.user_items import OperationsWindow, RoleSelection
from trio_dicom.handler import BaseHandler, Destination, InstanceHandler, overrides
from trio_dicom.reasons import ContextResult, RejectReason, RejectResult
from trio_dicom.sop_classes import (
    MPPS_NOTIFICATION,
    STORAGE_COMMITMENT,
    UPS_EVENT,
    UPS_PUSH,
    VERIFICATION,
)
from trio_dicom.status import Code

__all__ = ["Admission", "Guest"]

_ONE_EACH: Final = OperationsWindow(1, 1)
_FULL: Final = AssociationReject(
    result=RejectResult.TRANSIENT, reason=RejectReason.LOCAL_LIMIT_EXCEEDED
)
# Whose events peers bring on associations of their own (PS3.4 J.3.3, CC.2.4, F.9).
_EVENT_CLASSES: Final = frozenset(
    context.abstract_syntax
    for context in (STORAGE_COMMITMENT, UPS_EVENT, UPS_PUSH, MPPS_NOTIFICATION)
)
_SERVICES: Final = _EVENT_CLASSES | {VERIFICATION.abstract_syntax}


@frozen(kw_only=True)
class Admission:
    """Whom a receiver lets in, and what it takes.

    Attributes:
        called_ae: The only AE title that it answers to, or None for any.
        calling_aes: The AE titles that may call it, or None for everybody.
        takes_unknown_classes: Whether SOP classes that nobody knows count as storage.
        max_associations: How many at a time.
        max_length: The longest P-DATA-TF that it takes, in bytes.
    """

    called_ae: str | None
    calling_aes: Collection[str] | None
    takes_unknown_classes: bool
    max_associations: int
    max_length: int

    def judge(self, request: AssociationRequest) -> AssociationAccept | AssociationReject:
        """What comes of an association request, as long as there is room."""
        refusal = rejection(request, called_ae=self.called_ae, calling_aes=self.calling_aes)
        if refusal is not None:
            return refusal
        return answer(
            request,
            supported=self._judge_context,
            max_length=self.max_length,
            window=_ONE_EACH,
            roles=_roles,
        )

    def _judge_context(self, proposed: ProposedContext) -> tuple[ContextResult, str | None]:
        return judged(proposed, self._syntaxes_for)

    def _syntaxes_for(self, abstract_syntax: str) -> Collection[str]:
        if abstract_syntax in STORAGE_CLASSES:
            return STORABLE_SYNTAXES
        if abstract_syntax in _SERVICES:
            return NATIVE_SYNTAXES
        is_known = abstract_syntax.startswith("1.2.840.10008.")
        return STORABLE_SYNTAXES if self.takes_unknown_classes and not is_known else ()


def _roles(proposed: RoleSelection) -> RoleSelection:
    """A peer that reports events is their provider; nobody is the provider of our storage."""
    if proposed.sop_class_uid in _EVENT_CLASSES:
        return proposed
    return RoleSelection(sop_class_uid=proposed.sop_class_uid, scu=proposed.scu, scp=False)


@define(eq=False)
class Guest(BaseHandler):
    """Answers what one peer asks on its association.

    Attributes:
        calling_ae: What the peer calls itself, or "" before it has.
        is_accepted: Whether it has an association.
    """

    _admission: Admission
    _has_room: Callable[[], bool]
    _instances: InstanceHandler
    _on_event: Callable[[NEventReportRequest], Awaitable[NEventReportResponse | None]] | None
    calling_ae: str = field(default="", init=False)
    is_accepted: bool = field(default=False, init=False)

    def acceptance(self, request: AssociationRequest) -> AssociationAccept | AssociationReject:
        """What comes of the association request of this peer."""
        self.calling_ae = request.calling_ae
        verdict = self._admission.judge(request)
        if isinstance(verdict, AssociationReject):
            return verdict
        if not self._has_room():
            return _FULL
        self.is_accepted = True
        return verdict

    async def c_store_sink(self, request: CStoreRequest) -> Path | Destination | None:
        """See ``InstanceHandler``."""
        if not overrides(self._instances, "c_store_sink"):
            return None
        return await self._instances.c_store_sink(request)

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``."""
        return await self._instances.on_c_store_request(request)

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        """See ``ConnectionHandler``. Nobody of those who wait for events has taken it."""
        if self._on_event is not None:
            response = await self._on_event(request)
            if response is not None:
                return response
        return response_to(
            request, Code.PROCESSING_FAILURE, error_comment="nobody here waits for this event"
        )
