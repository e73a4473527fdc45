"""Asking for queries that match more than they must, and hearing what was agreed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import pytest
import trio

from tests.operations.finding import finding
from trio_dicom import (
    AssociationRequest,
    ExtendedNegotiation,
    LocalProtocolError,
    NoAcceptedContext,
    PresentationContext,
    QueryExtension,
    open_association,
)
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    VERIFICATION,
)
from trio_dicom.testing import ScriptedPeer

STUDY_ROOT = STUDY_ROOT_FIND.abstract_syntax
PATIENT_ROOT = PATIENT_ROOT_FIND.abstract_syntax
WORKLIST = MODALITY_WORKLIST.abstract_syntax
WISH = QueryExtension(relational=True, fuzzy_names=True)


def item(sop_class_uid: str, data: bytes) -> ExtendedNegotiation:
    return ExtendedNegotiation(sop_class_uid=str(sop_class_uid), application_information=data)


Asked = Sequence[ExtendedNegotiation | QueryExtension]


async def negotiate(
    contexts: Iterable[PresentationContext],
    extended: Asked,
    reply: Iterable[ExtendedNegotiation] = (),
    *models: PresentationContext | str | None,
) -> tuple[AssociationRequest, list[QueryExtension]]:
    """What the peer was asked, and what holds for the models after it has replied."""
    requests: list[AssociationRequest] = []

    async def serve(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        requests.append(await peer.accept(user_information=reply))
        await peer.serve_until_closed()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port: int = listeners[0].socket.getsockname()[1]
        async with open_association(
            "127.0.0.1", port, contexts=iter(contexts), extended=extended
        ) as association:
            agreed = [association.query_extension(model) for model in models]
        nursery.cancel_scope.cancel()
    [request] = requests
    return request, agreed


@pytest.mark.scenario("B08")
async def test_a_wish_is_asked_of_every_root_that_is_proposed() -> None:
    contexts = [VERIFICATION, STUDY_ROOT_FIND, PATIENT_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_FIND]
    request, _ = await negotiate([*contexts, MODALITY_WORKLIST], [WISH])
    assert request.items(ExtendedNegotiation) == (
        item(STUDY_ROOT, b"\1\0\1\0"),
        item(PATIENT_ROOT, b"\1\0\1\0"),
    )
    uid = str(STUDY_ROOT).encode()
    length = 2 + len(uid) + 4
    raw = b"\x56\0" + length.to_bytes(2, "big") + len(uid).to_bytes(2, "big") + uid
    assert raw + b"\1\0\1\0" in request.encode()


@pytest.mark.scenario("B08")
async def test_every_option_has_its_byte() -> None:
    for option, data in (
        ({"relational": True}, b"\1\0\0\0"),
        ({"combined_date_time": True}, b"\0\1\0\0"),
        ({"fuzzy_names": True}, b"\0\0\1\0"),
        ({"timezone": True}, b"\0\0\0\1"),
    ):
        assert QueryExtension(**option).item(STUDY_ROOT_FIND) == item(STUDY_ROOT, data)
        assert QueryExtension.of(item(STUDY_ROOT, data)) == QueryExtension(**option)


@pytest.mark.scenario("B08")
async def test_a_model_with_an_item_of_its_own_keeps_it() -> None:
    timezone = QueryExtension(timezone=True)
    extended = [WISH, timezone.item(PATIENT_ROOT_FIND), timezone.item(WORKLIST)]
    contexts = [STUDY_ROOT_FIND, PATIENT_ROOT_FIND, MODALITY_WORKLIST]
    request, _ = await negotiate(contexts, extended)
    assert request.items(ExtendedNegotiation) == (
        item(PATIENT_ROOT, b"\0\0\0\1"),
        item(WORKLIST, b"\0\0\0\1"),
        item(STUDY_ROOT, b"\1\0\1\0"),
    )


@pytest.mark.scenario("B08")
async def test_what_holds_is_what_the_peer_said_yes_to() -> None:
    reply = [item(STUDY_ROOT, b"\1\0\0\0\1\1\1"), item(PATIENT_ROOT, b"\0")]
    contexts = [STUDY_ROOT_FIND, PATIENT_ROOT_FIND, MODALITY_WORKLIST]
    _, agreed = await negotiate(
        contexts, [WISH], reply, None, STUDY_ROOT, PATIENT_ROOT_FIND, MODALITY_WORKLIST
    )
    relational = QueryExtension(relational=True)
    assert agreed == [relational, relational, QueryExtension(), QueryExtension()]


@pytest.mark.scenario("B08")
async def test_a_peer_that_says_nothing_has_agreed_to_nothing() -> None:
    _, agreed = await negotiate([STUDY_ROOT_FIND], [WISH], (), None)
    assert agreed == [QueryExtension()]


async def test_nothing_is_asked_of_itself() -> None:
    request, _ = await negotiate([STUDY_ROOT_FIND], ())
    assert request.items(ExtendedNegotiation) == ()


@pytest.mark.parametrize(
    "contexts, extended, words",
    [
        ([VERIFICATION, MODALITY_WORKLIST], [WISH], "none is proposed"),
        ([STUDY_ROOT_FIND], [WISH, WISH], "which one is for which"),
    ],
)
async def test_a_wish_for_nobody_is_refused_before_there_is_a_connection(
    contexts: list[PresentationContext], extended: Asked, words: str
) -> None:
    association = open_association("no.such.host.invalid", contexts=contexts, extended=extended)
    with pytest.raises(LocalProtocolError, match=words):
        await association.__aenter__()


async def test_what_holds_for_no_model_is_not_known() -> None:
    async with finding([VERIFICATION]) as (association, _peer):
        with pytest.raises(NoAcceptedContext):
            association.query_extension()
