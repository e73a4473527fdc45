"""What two sides agree on, rule by rule: lengths, windows, roles, contexts."""

from __future__ import annotations

from collections.abc import Iterable

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom._protocol.states import Role
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.items import AnsweredContext
from trio_dicom._wire.user_items import MaximumLength, OperationsWindow, RoleSelection
from trio_dicom.errors import RemoteProtocolError
from trio_dicom.reasons import ContextResult

__all__ = [
    "DEFAULT_MAX_LENGTH",
    "SMALLEST_MAX_LENGTH",
    "agreed_contexts",
    "agreed_roles",
    "agreed_window",
    "least",
    "max_length_of",
    "role_proposals",
]

DEFAULT_MAX_LENGTH = 16_384
"""What a peer that does not say is taken to accept, in bytes."""

SMALLEST_MAX_LENGTH = 8
"""The header of one PDV and the two bytes that an even fragment has at least."""

_SYNCHRONOUS = OperationsWindow(1, 1)

_SHOWN = 64  # characters that a UID has at most; a peer may send a thousand times as many


def least(ours: int, theirs: int) -> int:
    """The smaller of two limits of which 0 means none."""
    return min(ours, theirs) if ours and theirs else ours or theirs


def max_length_of(associate: AssociationRequest | AssociationAccept) -> int:
    """The longest P-DATA-TF that the sender of ``associate`` takes, in bytes; 0: no limit.

    Raises:
        RemoteProtocolError: So short that no fragment fits.
    """
    item = associate.item(MaximumLength)
    if item is None:
        return DEFAULT_MAX_LENGTH
    if 0 < item.max_length < SMALLEST_MAX_LENGTH:
        raise RemoteProtocolError(
            f"the peer takes P-DATA-TF of {item.max_length} bytes, into which no fragment fits"
        )
    return item.max_length


def agreed_window(request: AssociationRequest, accept: AssociationAccept) -> OperationsWindow:
    """How many operations the requestor may invoke and perform at once (PS3.7 D.3.3.3).

    Without a proposal or without an answer it is one each. An answer may only lower what
    was proposed; peers that raise it get what was proposed.
    """
    proposed = request.item(OperationsWindow)
    answered = accept.item(OperationsWindow)
    if proposed is None or answered is None:
        return _SYNCHRONOUS
    return OperationsWindow(
        least(proposed.invoked, answered.invoked),
        least(proposed.performed, answered.performed),
    )


def role_proposals(contexts: Iterable[PresentationContext]) -> tuple[RoleSelection, ...]:
    """One item for each abstract syntax whose contexts ask for roles (PS3.7 D.3.3.4).

    An item is about the SOP class, not about a context. So where several contexts of a
    class ask differently, each gets its wish: what one leaves out does not take away what
    another one has by default.
    """
    wishes: dict[str, list[PresentationContext]] = {}
    for context in contexts:
        wishes.setdefault(context.abstract_syntax, []).append(context)
    return tuple(
        RoleSelection(
            sop_class_uid=str(abstract_syntax),
            scu=any(context.scu_role is not False for context in those),
            scp=any(context.scp_role is True for context in those),
        )
        for abstract_syntax, those in wishes.items()
        if any(context.scu_role is not None or context.scp_role is not None for context in those)
    )


def agreed_roles(
    request: AssociationRequest, accept: AssociationAccept
) -> dict[str, tuple[bool, bool]]:
    """SCU and SCP role of the requestor, for each SOP class that both sides spoke about.

    For all others it is the user and not the provider. An answer grants at most what was
    proposed, and an answer to no proposal is ignored (PS3.7 D.3.3.4).
    """
    answers = {item.sop_class_uid: item for item in reversed(accept.items(RoleSelection))}
    return {
        proposed.sop_class_uid: (proposed.scu and answer.scu, proposed.scp and answer.scp)
        for proposed in reversed(request.items(RoleSelection))
        if (answer := answers.get(proposed.sop_class_uid)) is not None
    }


def agreed_contexts(
    request: AssociationRequest, accept: AssociationAccept, role: Role
) -> tuple[NegotiatedContext, ...]:
    """Every proposed context with its answer, as the side that is ``role`` sees it.

    Raises:
        RemoteProtocolError: A context is accepted that was not proposed, or answered once
            more, or in a transfer syntax that was not proposed.
    """
    answers = _answers(request, accept)
    roles = agreed_roles(request, accept)
    contexts: list[NegotiatedContext] = []
    for proposed in request.contexts:
        answered = answers.get(proposed.context_id)
        chosen = None if answered is None else answered.transfer_syntax
        scu, scp = roles.get(proposed.abstract_syntax, (True, False))
        if role is Role.ACCEPTOR:
            scu, scp = scp, scu
        contexts.append(
            NegotiatedContext(
                context_id=proposed.context_id,
                abstract_syntax=as_uid(proposed.abstract_syntax),
                proposed=tuple(as_uid(uid) for uid in proposed.transfer_syntaxes),
                # A context that the answer leaves out is refused without a reason.
                result=ContextResult.NO_REASON if answered is None else answered.result,
                transfer_syntax=None if chosen is None else as_uid(chosen),
                as_scu=scu,
                as_scp=scp,
            )
        )
    return tuple(contexts)


def _answers(request: AssociationRequest, accept: AssociationAccept) -> dict[int, AnsweredContext]:
    proposals = {context.context_id: context for context in request.contexts}
    answers: dict[int, AnsweredContext] = {}
    for answered in accept.contexts:
        context_id, chosen = answered.context_id, answered.transfer_syntax
        earlier = answers.setdefault(context_id, answered)
        # Refusals of what was refused or never proposed change nothing; some peers send them.
        if chosen is None and earlier.transfer_syntax is None:
            continue
        if earlier is not answered:
            raise RemoteProtocolError(f"context {context_id} is answered twice")
        proposal = proposals.get(context_id)
        if proposal is None:
            raise RemoteProtocolError(f"context {context_id} is accepted, but was not proposed")
        if chosen not in proposal.transfer_syntaxes:
            raise RemoteProtocolError(
                f"context {context_id} is accepted in {str(chosen)[:_SHOWN]!r}, "
                "which was not proposed"
            )
    return answers
