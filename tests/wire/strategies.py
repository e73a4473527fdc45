"""Hypothesis strategies for everything that can stand on the wire.

Every value drawn is one that the standard has bytes for, so ``decode(encode(v)) == v``
holds for all of them. ``pdus`` is the union; use the narrower ones where one type matters.
"""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.items import AnsweredContext, ProposedContext, UnknownItem
from trio_dicom._wire.pdus import Pdu
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
    UserIdentityType,
    UserItem,
)
from trio_dicom.reasons import AbortReason, AbortSource, ContextResult, RejectReason, RejectResult

__all__ = [
    "ae_titles",
    "answered_contexts",
    "association_accepts",
    "association_rejects",
    "association_requests",
    "context_ids",
    "control_pdus",
    "data_transfers",
    "mutated",
    "pdus",
    "presentation_data_values",
    "proposed_contexts",
    "tuples_of",
    "uids",
    "unknown_items",
    "user_items",
]

T = TypeVar("T")

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFF_FFFF)
short_bytes = st.binary(max_size=40)

KNOWN_SYNTAXES = ("1.2.840.10008.1.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1")

uids: SearchStrategy[str] = st.one_of(
    st.sampled_from(KNOWN_SYNTAXES),
    st.text("0123456789.", min_size=1, max_size=64),
    # B53: what peers send need not look like a UID at all.
    st.text(st.characters(max_codepoint=0xFF, exclude_characters="\0 "), max_size=12),
)
ae_titles: SearchStrategy[str] = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"),
    min_size=1,
    max_size=16,
).map(lambda title: title.strip(" ") or "ANY-SCP")
context_ids: SearchStrategy[int] = st.integers(0, 127).map(lambda half: 2 * half + 1)


def unknown_items(*known: int) -> SearchStrategy[UnknownItem]:
    """Items of any type but those ``known`` where they are put."""
    types = u8.filter(lambda item_type: item_type not in known)
    return st.builds(UnknownItem, types, short_bytes)


def tuples_of(
    items: SearchStrategy[T], *, least: int = 0, most: int = 4
) -> SearchStrategy[tuple[T, ...]]:
    """Tuples of a few ``items``."""
    return st.lists(items, min_size=least, max_size=most).map(tuple)


user_items: SearchStrategy[UserItem] = st.one_of(
    st.builds(MaximumLength, u32),
    st.builds(ImplementationClassUID, uids),
    st.builds(OperationsWindow, u16, u16),
    st.builds(RoleSelection, sop_class_uid=uids, scu=st.booleans(), scp=st.booleans()),
    st.builds(ImplementationVersionName, uids.map(lambda text: text[:16])),
    st.builds(ExtendedNegotiation, sop_class_uid=uids, application_information=short_bytes),
    st.builds(
        CommonExtendedNegotiation,
        sop_class_uid=uids,
        service_class_uid=uids,
        related_general_sop_class_uids=tuples_of(uids),
    ),
    st.builds(
        UserIdentity,
        identity_type=u8.map(UserIdentityType),
        primary=short_bytes,
        secondary=short_bytes,
        positive_response_requested=st.booleans(),
    ),
    st.builds(UserIdentityAnswer, short_bytes),
    unknown_items(*range(0x51, 0x5A)),
)

proposed_contexts: SearchStrategy[ProposedContext] = st.builds(
    ProposedContext,
    context_id=context_ids,
    abstract_syntax=uids,
    transfer_syntaxes=tuples_of(uids, least=1),
    unknown_items=tuples_of(unknown_items(0x30, 0x40), most=2),
)
_accepted_contexts = st.builds(
    AnsweredContext,
    context_id=context_ids,
    result=st.just(ContextResult.ACCEPTANCE),
    transfer_syntax=uids,
    unknown_items=tuples_of(unknown_items(0x30, 0x40), most=2),
)
_refused_contexts = st.builds(
    AnsweredContext,
    context_id=context_ids,
    result=st.integers(1, 0xFF).map(ContextResult),
    transfer_syntax=st.none(),
)
answered_contexts: SearchStrategy[AnsweredContext] = _accepted_contexts | _refused_contexts

association_requests: SearchStrategy[AssociationRequest] = st.builds(
    AssociationRequest,
    called_ae=ae_titles,
    calling_ae=ae_titles,
    contexts=tuples_of(proposed_contexts),
    user_information=tuples_of(user_items),
    application_context=st.just("") | uids,
    protocol_version=u16,
    unknown_items=tuples_of(unknown_items(0x10, 0x20, 0x50), most=2),
)
association_accepts: SearchStrategy[AssociationAccept] = st.builds(
    AssociationAccept,
    called_ae=ae_titles,
    calling_ae=ae_titles,
    contexts=tuples_of(answered_contexts),
    user_information=tuples_of(user_items),
    application_context=st.just("") | uids,
    protocol_version=u16,
    unknown_items=tuples_of(unknown_items(0x10, 0x21, 0x50), most=2),
)
association_rejects: SearchStrategy[AssociationReject] = st.builds(
    AssociationReject,
    result=u8.map(RejectResult),
    reason=st.builds(RejectReason.of, u8, u8),
)
control_pdus: SearchStrategy[AssociationReject | ReleaseRequest | ReleaseResponse | Abort] = (
    st.one_of(
        association_rejects,
        st.builds(ReleaseRequest),
        st.builds(ReleaseResponse),
        st.builds(Abort, u8.map(AbortSource), u8.map(AbortReason)),
    )
)

presentation_data_values: SearchStrategy[PresentationDataValue] = st.builds(
    PresentationDataValue,
    context_id=context_ids,
    is_command=st.booleans(),
    is_last=st.booleans(),
    data=short_bytes,
)
data_transfers: SearchStrategy[DataTransfer] = st.builds(
    DataTransfer, tuples_of(presentation_data_values, least=1)
)

pdus: SearchStrategy[Pdu] = st.one_of(
    association_requests, association_accepts, data_transfers, control_pdus
)


@st.composite
def mutated(draw: st.DrawFn, encoded: SearchStrategy[bytes]) -> bytes:
    """Bytes of ``encoded`` with a few of them changed, taken out or put in."""
    data = bytearray(draw(encoded))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        removed = draw(st.sampled_from((0, 1, 1, 1, 4)))
        data[at : at + removed] = draw(st.binary(max_size=2))
    return bytes(data)
