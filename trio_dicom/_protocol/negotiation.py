"""What is proposed, what is answered, and what both sides are then held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import field, frozen

from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from trio_dicom._protocol.agreement import (
    SMALLEST_MAX_LENGTH,
    agreed_contexts,
    agreed_window,
    least,
    max_length_of,
    role_proposals,
)
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom._protocol.states import Role
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.items import AnsweredContext, ProposedContext
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    OperationsWindow,
    RoleSelection,
    UserIdentity,
    UserIdentityAnswer,
    UserItem,
)
from trio_dicom.errors import LocalProtocolError, RemoteProtocolError
from trio_dicom.reasons import ContextResult

__all__ = [
    "NegotiatedAssociation",
    "answer",
    "check_request",
    "checked_ae_title",
    "checked_max_length",
    "negotiated",
    "propose",
]

_MOST_CONTEXTS = 128  # the odd numbers of one byte
_LONGEST_AE_TITLE = 16
_LONGEST_PDU = 0xFFFF_FFFF
_LARGEST_WINDOW = 0xFFFF


@frozen(kw_only=True)
class NegotiatedAssociation:
    """What was agreed, as our side sees it.

    Attributes:
        request: The A-ASSOCIATE-RQ, as it was sent or received.
        accept: The A-ASSOCIATE-AC, likewise.
        contexts: Every proposed context with its answer, in the order of the proposal.
        peer_max_length: The longest P-DATA-TF that we may send, in bytes; 0: no limit.
        our_max_length: The longest that the peer may send, in bytes; 0: no limit.
        max_operations_invoked: How many of our requests may be open; 0: no limit.
        max_operations_performed: How many of the peer's may be; 0: no limit.
        identity_answer: What the acceptor answered to the user identity, or None.
        extended: The acceptor's answers to the extended negotiation, byte for byte.
        peer_implementation_class_uid: What the peer is, or None when it does not say.
        peer_implementation_version_name: Which version of it, or None.
    """

    request: AssociationRequest = field(repr=False)
    accept: AssociationAccept = field(repr=False)
    contexts: tuple[NegotiatedContext, ...]
    peer_max_length: int
    our_max_length: int
    max_operations_invoked: int
    max_operations_performed: int
    identity_answer: bytes | None = field(repr=False)
    extended: tuple[ExtendedNegotiation, ...]
    peer_implementation_class_uid: str | None
    peer_implementation_version_name: str | None

    @property
    def called_ae(self) -> str:
        """The AE title of the acceptor, as the requestor called it."""
        return self.request.called_ae

    @property
    def calling_ae(self) -> str:
        """The AE title of the requestor."""
        return self.request.calling_ae

    @property
    def accepted_contexts(self) -> tuple[NegotiatedContext, ...]:
        """The contexts on which messages may be sent."""
        return tuple(context for context in self.contexts if context.accepted)

    def context(self, context_id: int) -> NegotiatedContext | None:
        """The context of that number, accepted or refused, or None."""
        return next((it for it in self.contexts if it.context_id == context_id), None)


def propose(
    *,
    called_ae: str = "ANY-SCP",
    calling_ae: str = "TRIO_DICOM",
    contexts: Iterable[PresentationContext],
    max_length: int = 131_072,
    max_operations_invoked: int = 1,
    max_operations_performed: int = 1,
    user_identity: UserIdentity | None = None,
    extended: Sequence[ExtendedNegotiation] = (),
    common_extended: Sequence[CommonExtendedNegotiation] = (),
) -> AssociationRequest:
    """The A-ASSOCIATE-RQ that asks for all this.

    Args:
        called_ae: The AE title of the peer, 1 to 16 characters.
        calling_ae: Ours, likewise.
        contexts: What to speak about and how. One that comes twice is proposed once.
        max_length: The longest P-DATA-TF that we take, in bytes; 0 for no limit.
        max_operations_invoked: How many of our requests may be open; 0 for no limit.
        max_operations_performed: How many of the peer's may be; 0 for no limit.
        user_identity: Who we are, or None not to say.
        extended: What the service classes let us negotiate, for their SOP classes.
        common_extended: The families of SOP classes that the peer may not know.

    Raises:
        LocalProtocolError: An AE title, a number or the contexts are not possible.
    """
    contexts = tuple(contexts)
    distinct = {(it.abstract_syntax, it.transfer_syntaxes): it for it in contexts}
    if not distinct:
        raise LocalProtocolError("an association needs at least one presentation context")
    if len(distinct) > _MOST_CONTEXTS:
        raise LocalProtocolError(
            f"{len(distinct)} presentation contexts do not fit into one association: "
            f"it has at most {_MOST_CONTEXTS}. Open several."
        )
    items: list[UserItem] = [
        MaximumLength(checked_max_length(max_length)),
        ImplementationClassUID(IMPLEMENTATION_CLASS_UID),
    ]
    for window in (max_operations_invoked, max_operations_performed):
        if not 0 <= window <= _LARGEST_WINDOW:
            raise LocalProtocolError(f"a window of {window} operations cannot be proposed")
    if (max_operations_invoked, max_operations_performed) != (1, 1):
        # 1/1 is what holds without the item, and some scanners hang up when they see it.
        items.append(OperationsWindow(max_operations_invoked, max_operations_performed))
    items += role_proposals(contexts)
    items.append(ImplementationVersionName(IMPLEMENTATION_VERSION_NAME))
    items += extended
    items += common_extended
    if user_identity is not None:
        items.append(user_identity)
    return AssociationRequest(
        called_ae=checked_ae_title(called_ae, "called"),
        calling_ae=checked_ae_title(calling_ae, "calling"),
        contexts=tuple(
            ProposedContext(
                context_id=2 * index + 1,
                abstract_syntax=str(context.abstract_syntax),
                transfer_syntaxes=tuple(str(uid) for uid in context.transfer_syntaxes),
            )
            for index, context in enumerate(distinct.values())
        ),
        user_information=tuple(items),
    )


def answer(
    request: AssociationRequest,
    *,
    supported: Callable[[ProposedContext], tuple[ContextResult, str | None]],
    max_length: int = 131_072,
    window: OperationsWindow | None = None,
    roles: Callable[[RoleSelection], RoleSelection | None] | None = None,
    identity_answer: bytes | None = None,
    extended: Sequence[ExtendedNegotiation] = (),
) -> AssociationAccept:
    """The A-ASSOCIATE-AC with which an acceptor agrees to ``request``.

    It answers what was asked and no more: no window, role, identity or extended
    negotiation without a proposal, and never common extended negotiation.

    Args:
        request: What the requestor proposes.
        supported: Says to each context what comes of it: the result, and the transfer
            syntax chosen when that is acceptance.
        max_length: The longest P-DATA-TF that we take, in bytes; 0 for no limit.
        window: At most how many operations the requestor may invoke and perform; None
            leaves the item out, which means one each.
        roles: Answers the proposed roles of a SOP class; None, or its answering None,
            leaves the requestor the user of the service.
        identity_answer: The answer to a user identity that asks for one.
        extended: The answers to extended negotiation.

    Raises:
        LocalProtocolError: A transfer syntax is chosen that was not proposed.
    """
    items: list[UserItem] = [
        MaximumLength(checked_max_length(max_length)),
        ImplementationClassUID(IMPLEMENTATION_CLASS_UID),
    ]
    offered = request.item(OperationsWindow)
    if offered is not None and window is not None:
        items.append(
            OperationsWindow(
                least(offered.invoked, window.invoked), least(offered.performed, window.performed)
            )
        )
    if roles is not None:
        for proposed in request.items(RoleSelection):
            granted = roles(proposed)
            if granted is not None:
                items.append(
                    RoleSelection(
                        sop_class_uid=proposed.sop_class_uid,
                        scu=proposed.scu and granted.scu,
                        scp=proposed.scp and granted.scp,
                    )
                )
    items.append(ImplementationVersionName(IMPLEMENTATION_VERSION_NAME))
    asked = {item.sop_class_uid for item in request.items(ExtendedNegotiation)}
    items += [item for item in extended if item.sop_class_uid in asked]
    identity = request.item(UserIdentity)
    if (
        identity is not None
        and identity.positive_response_requested
        and identity_answer is not None
    ):
        items.append(UserIdentityAnswer(identity_answer))
    return AssociationAccept(
        called_ae=request.called_ae,
        calling_ae=request.calling_ae,
        contexts=tuple(_answered(context, *supported(context)) for context in request.contexts),
        user_information=tuple(items),
    )


def check_request(request: AssociationRequest) -> None:
    """Refuse a request on which no association can be built.

    Raises:
        RemoteProtocolError: A context has an even number or one that another has as well,
            or no fragment fits into the peer's maximum length.
    """
    seen: set[int] = set()
    for context in request.contexts:
        if context.context_id % 2 == 0:
            raise RemoteProtocolError(f"proposed context {context.context_id} is not odd")
        if context.context_id in seen:
            raise RemoteProtocolError(f"context {context.context_id} is proposed twice")
        seen.add(context.context_id)
    max_length_of(request)


def negotiated(
    request: AssociationRequest, accept: AssociationAccept, *, role: Role = Role.REQUESTOR
) -> NegotiatedAssociation:
    """What ``accept`` makes of ``request``, for the side that is ``role``.

    Strict where the answer would change what bytes mean, lenient where it only describes.

    Raises:
        RemoteProtocolError: A context is accepted that was not proposed, or answered once
            more, or in a transfer syntax that was not proposed; or no fragment fits into
            the peer's maximum length.
    """
    ours, theirs = (request, accept) if role is Role.REQUESTOR else (accept, request)
    window = agreed_window(request, accept)
    invoked, performed = window.invoked, window.performed
    if role is Role.ACCEPTOR:
        invoked, performed = performed, invoked
    identity_answer = accept.item(UserIdentityAnswer)
    class_uid = theirs.item(ImplementationClassUID)
    version_name = theirs.item(ImplementationVersionName)
    return NegotiatedAssociation(
        request=request,
        accept=accept,
        contexts=agreed_contexts(request, accept, role),
        peer_max_length=max_length_of(theirs),
        our_max_length=max_length_of(ours),
        max_operations_invoked=invoked,
        max_operations_performed=performed,
        identity_answer=None if identity_answer is None else identity_answer.server_response,
        extended=accept.items(ExtendedNegotiation),
        peer_implementation_class_uid=None if class_uid is None else class_uid.uid,
        peer_implementation_version_name=None if version_name is None else version_name.name,
    )


def _answered(
    proposed: ProposedContext, result: ContextResult, transfer_syntax: str | None
) -> AnsweredContext:
    if result is ContextResult.ACCEPTANCE and transfer_syntax not in proposed.transfer_syntaxes:
        raise LocalProtocolError(
            f"context {proposed.context_id} cannot be accepted in {transfer_syntax!r}: "
            "it was not proposed"
        )
    return AnsweredContext(
        context_id=proposed.context_id,
        result=result,
        transfer_syntax=transfer_syntax if result is ContextResult.ACCEPTANCE else None,
    )


def checked_max_length(max_length: int) -> int:
    """The length if a P-DATA-TF of it can hold something, or if it is 0 for no limit.

    Raises:
        LocalProtocolError: It cannot.
    """
    if max_length and not SMALLEST_MAX_LENGTH <= max_length <= _LONGEST_PDU:
        raise LocalProtocolError(
            f"a maximum length of {max_length} bytes is not possible: it is 0 for no limit, "
            f"or {SMALLEST_MAX_LENGTH} to {_LONGEST_PDU}"
        )
    return max_length


def checked_ae_title(title: str, which: str) -> str:
    """The title if PS3.5 6.2 allows it as an AE value, and it says something.

    Raises:
        LocalProtocolError: It does not, or it is empty.
    """
    if not title.strip(" "):
        fault = "is empty"
    elif len(title) > _LONGEST_AE_TITLE:
        fault = f"is longer than {_LONGEST_AE_TITLE} characters"
    elif not (title.isascii() and title.isprintable()) or "\\" in title:
        fault = "has a control character, a backslash or one that is not ASCII"
    else:
        return title
    raise LocalProtocolError(f"the {which} AE title {title!r} {fault}")
