"""Whom a receiver lets in, and what it agrees to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from attrs import frozen

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
from trio_dicom.reasons import ContextResult, RejectReason, RejectResult
from trio_dicom.sop_classes import (
    MPPS_NOTIFICATION,
    STORAGE_COMMITMENT,
    UPS_EVENT,
    UPS_PUSH,
    VERIFICATION,
)

__all__ = ["FULL", "Admission"]

_ONE_EACH: Final = OperationsWindow(1, 1)
FULL: Final = AssociationReject(
    result=RejectResult.TRANSIENT, reason=RejectReason.LOCAL_LIMIT_EXCEEDED
)
"""What those get for whom there is no room."""
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
        max_associations_per_host: How many of these from one address, or None for all.
        max_length: The longest P-DATA-TF that it takes, in bytes.
    """

    called_ae: str | None
    calling_aes: Collection[str] | None
    takes_unknown_classes: bool
    max_associations: int
    max_associations_per_host: int | None
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
