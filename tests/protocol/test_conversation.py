"""Two machines talk through bytes that arrive in any pieces."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.tag import Tag

from tests.protocol.builders import CT, EXPLICIT, connected, encoded, events_of, sent
from trio_dicom._dimse.base import Message
from trio_dicom._dimse.c_messages import (
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CMoveResponse,
    CStoreRequest,
    CStoreResponse,
)
from trio_dicom._dimse.message import MESSAGES
from trio_dicom._dimse.n_messages import (
    NActionRequest,
    NActionResponse,
    NCreateRequest,
    NCreateResponse,
    NDeleteRequest,
    NDeleteResponse,
    NEventReportRequest,
    NEventReportResponse,
    NGetRequest,
    NGetResponse,
    NSetRequest,
    NSetResponse,
)
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.events import (
    FragmentReceived,
    MessageReceived,
    ReleaseConfirmation,
    ReleaseIndication,
)
from trio_dicom._wire.control import ReleaseRequest, ReleaseResponse

ASKING = {"message_id": 1, "sop_class_uid": CT}
ABOUT = ASKING | {"sop_instance_uid": "1.2.3"}
ANSWERING = {"message_id_being_responded_to": 1, "status": 0}
DATA = encoded(b"\x08\0\x18\0UI\x40\x00" + b"1" * 64)

EVERY_KIND: list[Message] = [
    CEchoRequest(message_id=1),
    CEchoResponse(**ANSWERING),
    CStoreRequest(**ABOUT, data_set=DATA),
    CStoreResponse(**ANSWERING, sop_instance_uid="1.2.3"),
    CFindRequest(**ASKING, data_set=DATA),
    CFindResponse(**ANSWERING | {"status": 0xFF00}, data_set=DATA),
    CGetRequest(**ASKING, data_set=DATA),
    CGetResponse(**ANSWERING, completed=3),
    CMoveRequest(**ASKING, move_destination="STORE", data_set=DATA),
    CMoveResponse(**ANSWERING, remaining=0),
    CCancelRequest(message_id_being_responded_to=1),
    NEventReportRequest(**ABOUT, event_type_id=1, data_set=DATA),
    NEventReportResponse(**ANSWERING),
    NGetRequest(**ABOUT, attribute_identifiers=(Tag(0x0010_0010),)),
    NGetResponse(**ANSWERING, data_set=DATA),
    NSetRequest(**ABOUT, data_set=DATA),
    NSetResponse(**ANSWERING),
    NActionRequest(**ABOUT, action_type_id=2, data_set=DATA),
    NActionResponse(**ANSWERING, action_type_id=2),
    NCreateRequest(**ASKING, data_set=DATA),
    NCreateResponse(**ANSWERING, sop_instance_uid="1.2.3"),
    NDeleteRequest(**ABOUT),
    NDeleteResponse(**ANSWERING),
]


def test_every_kind_is_every_kind() -> None:
    assert {message.command_field for message in EVERY_KIND} == set(MESSAGES)


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """``data`` cut at these places, wherever they fall."""
    places = sorted({cut % len(data) for cut in cuts} - {0})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


CUTS = st.lists(st.integers(0, 2**16), max_size=40)


@pytest.mark.scenario("B06")
@given(
    st.lists(st.sampled_from(EVERY_KIND), min_size=1, max_size=8),
    st.sampled_from([0, 8, 9, 64, 131_072]),
    CUTS,
)
def test_messages_arrive_as_they_left_however_the_bytes_are_cut(
    messages: list[Message], max_length: int, cuts: list[int]
) -> None:
    # The acceptor of the pair answers by the default, so the small limit is the requestor's.
    requestor, acceptor = connected([PresentationContext(CT, [EXPLICIT])], max_length=max_length)
    for sender, receiver in ((requestor, acceptor), (acceptor, requestor)):
        stream = b"".join(sent(sender, 1, message) for message in messages)
        arrived: list[Message] = []
        for event in events_of(receiver, *pieces(stream, cuts)):
            if isinstance(event, MessageReceived):
                arrived.append(event.message)
            else:
                assert isinstance(event, FragmentReceived)
        assert arrived == messages
        assert receiver.data_to_send() == b""


@pytest.mark.pitfall(32)
@pytest.mark.parametrize("message", EVERY_KIND, ids=lambda it: it.command_field.name)
def test_messages_arrive_byte_by_byte(message: Message) -> None:
    requestor, acceptor = connected([PresentationContext(CT, [EXPLICIT])])
    stream = sent(requestor, 1, message)
    *before, last = events_of(acceptor, *[bytes((byte,)) for byte in stream])
    assert isinstance(last, MessageReceived)
    assert last.message == message
    assert all(isinstance(event, FragmentReceived) for event in before)


@given(CUTS)
def test_a_release_arrives_behind_the_messages_before_it(cuts: list[int]) -> None:
    requestor, acceptor = connected([PresentationContext(CT, [EXPLICIT])])
    stream = sent(requestor, 1, EVERY_KIND[2]) + requestor.send(ReleaseRequest())
    events = events_of(acceptor, *pieces(stream, cuts))
    assert events[-1] == ReleaseIndication()
    answer = sent(acceptor, 1, EVERY_KIND[3]) + acceptor.send(ReleaseResponse())
    message, released = events_of(requestor, *pieces(answer, cuts))
    assert isinstance(message, MessageReceived)
    assert message.message == EVERY_KIND[3]
    assert released == ReleaseConfirmation()
