"""All messages of PS3.7 against their tables, pydicom's encoder and each other."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from trio_dicom._dimse import c_messages as c
from trio_dicom._dimse import n_messages as n
from trio_dicom._dimse.base import as_tags
from trio_dicom._dimse.command_set import as_uid, decode_command_set, encode_command_set
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.message import (
    MESSAGES,
    REQUEST_TO_RESPONSE,
    CommandField,
    Message,
    Priority,
    Request,
    Response,
    complete_response,
    decode_command,
    decode_message,
    encode_command,
    response_to,
)
from trio_dicom._dimse.transcode import encode_data_set
from trio_dicom.errors import LocalProtocolError, PDUError, StatusError
from trio_dicom.status import Code, Service, Status

# The tables of PS3.7 9.3 and 10.3 with Annex C, by the keywords of PS3.7 Annex E. What is not
# in every message of the kind is listed; ! marks what a message cannot be without.
_COMMON = "CommandField CommandDataSetType"
_RESPONSE = (
    f"AffectedSOPClassUID {_COMMON} MessageIDBeingRespondedTo! Status! OffendingElement "
    "ErrorComment ErrorID"
)
_AFFECTED = f"AffectedSOPClassUID! {_COMMON} MessageID!"
_REQUESTED = f"RequestedSOPClassUID! {_COMMON} MessageID! RequestedSOPInstanceUID!"
_COUNTS = (
    "NumberOfRemainingSuboperations NumberOfCompletedSuboperations "
    "NumberOfFailedSuboperations NumberOfWarningSuboperations"
)
_N_RESPONSE = f"{_RESPONSE} AffectedSOPInstanceUID"
TABLES: dict[type[Message], str] = {
    c.CEchoRequest: f"AffectedSOPClassUID {_COMMON} MessageID!",
    c.CEchoResponse: _RESPONSE,
    c.CStoreRequest: f"{_AFFECTED} Priority AffectedSOPInstanceUID! "
    "MoveOriginatorApplicationEntityTitle MoveOriginatorMessageID",
    c.CStoreResponse: f"{_RESPONSE} AffectedSOPInstanceUID",
    c.CFindRequest: f"{_AFFECTED} Priority",
    c.CFindResponse: _RESPONSE,
    c.CGetRequest: f"{_AFFECTED} Priority",
    c.CGetResponse: f"{_RESPONSE} {_COUNTS}",
    c.CMoveRequest: f"{_AFFECTED} Priority MoveDestination!",
    c.CMoveResponse: f"{_RESPONSE} {_COUNTS}",
    c.CCancelRequest: f"{_COMMON} MessageIDBeingRespondedTo!",
    n.NEventReportRequest: f"{_AFFECTED} AffectedSOPInstanceUID! EventTypeID!",
    n.NEventReportResponse: f"{_N_RESPONSE} EventTypeID",
    n.NGetRequest: f"{_REQUESTED} AttributeIdentifierList",
    n.NGetResponse: f"{_N_RESPONSE} AttributeIdentifierList",
    n.NSetRequest: _REQUESTED,
    n.NSetResponse: f"{_N_RESPONSE} AttributeIdentifierList",
    n.NActionRequest: f"{_REQUESTED} ActionTypeID!",
    n.NActionResponse: f"{_N_RESPONSE} ActionTypeID",
    n.NCreateRequest: f"{_AFFECTED} AffectedSOPInstanceUID",
    n.NCreateResponse: f"{_N_RESPONSE} AttributeIdentifierList",
    n.NDeleteRequest: _REQUESTED,
    n.NDeleteResponse: _N_RESPONSE,
}

NUMBERS = {
    c.CStoreRequest: 0x0001, c.CStoreResponse: 0x8001,
    c.CGetRequest: 0x0010, c.CGetResponse: 0x8010,
    c.CFindRequest: 0x0020, c.CFindResponse: 0x8020,
    c.CMoveRequest: 0x0021, c.CMoveResponse: 0x8021,
    c.CEchoRequest: 0x0030, c.CEchoResponse: 0x8030,
    n.NEventReportRequest: 0x0100, n.NEventReportResponse: 0x8100,
    n.NGetRequest: 0x0110, n.NGetResponse: 0x8110,
    n.NSetRequest: 0x0120, n.NSetResponse: 0x8120,
    n.NActionRequest: 0x0130, n.NActionResponse: 0x8130,
    n.NCreateRequest: 0x0140, n.NCreateResponse: 0x8140,
    n.NDeleteRequest: 0x0150, n.NDeleteResponse: 0x8150,
    c.CCancelRequest: 0x0FFF,
}  # fmt: skip

# Every field that a message can have: attribute, keywords in the command set, value.
VALUES: dict[str, tuple[tuple[str, ...], Any]] = {
    "sop_class_uid": (("AffectedSOPClassUID", "RequestedSOPClassUID"), UID("1.2.840.10008.5.1")),
    "sop_instance_uid": (("AffectedSOPInstanceUID", "RequestedSOPInstanceUID"), UID("1.2.3.45")),
    "message_id": (("MessageID",), 258),
    "message_id_being_responded_to": (("MessageIDBeingRespondedTo",), 772),
    "priority": (("Priority",), Priority.LOW),
    "move_destination": (("MoveDestination",), "STORE"),
    "move_originator_ae": (("MoveOriginatorApplicationEntityTitle",), "MOVER1"),
    "move_originator_message_id": (("MoveOriginatorMessageID",), 9),
    "status": (("Status",), Status(0xB000)),
    "offending_elements": (("OffendingElement",), as_tags([0x00100010, 0x7FE00010])),
    "error_comment": (("ErrorComment",), "odd"),
    "error_id": (("ErrorID",), 11),
    "attribute_identifiers": (("AttributeIdentifierList",), as_tags(["PatientName"])),
    "event_type_id": (("EventTypeID",), 2),
    "action_type_id": (("ActionTypeID",), 3),
    "remaining": (("NumberOfRemainingSuboperations",), 4),
    "completed": (("NumberOfCompletedSuboperations",), 5),
    "failed": (("NumberOfFailedSuboperations",), 6),
    "warning": (("NumberOfWarningSuboperations",), 7),
}

UIDS = st.text("0123456789.", min_size=1, max_size=64).map(as_uid)
NUMBERS_16 = st.integers(0, 0xFFFF)
TAGS = st.lists(st.integers(0, 0xFFFFFFFF), max_size=4).map(as_tags)
TITLES = st.text("ABC 19_", min_size=1, max_size=16).filter(lambda t: t == t.strip())
COMMENTS = st.text(st.characters(min_codepoint=33, max_codepoint=91), min_size=1, max_size=64)
STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "sop_class_uid": UIDS,
    "sop_instance_uid": UIDS,
    "priority": st.sampled_from(Priority),
    "move_destination": TITLES,
    "move_originator_ae": TITLES,
    "status": NUMBERS_16,
    "offending_elements": TAGS,
    "attribute_identifiers": TAGS,
    "error_comment": COMMENTS,
}

ALL = sorted(TABLES, key=lambda message: message.__name__)
REQUESTS = list(REQUEST_TO_RESPONSE)


def fields_of(message: type[Message]) -> set[str]:
    return {a.name for a in attrs.fields(message)} - {"data_set"}


def full(message: type[Message]) -> Message:
    return message(**{name: VALUES[name][1] for name in fields_of(message)})


def keywords_of(message: type[Message]) -> dict[str, bool]:
    return {word.rstrip("!"): word.endswith("!") for word in TABLES[message].split()}


def expected_bytes(message: type[Message], *, data_set_type: int) -> bytes:
    """The command set as pydicom encodes it."""
    elements = Dataset()
    elements.CommandField = NUMBERS[message]
    elements.CommandDataSetType = data_set_type
    for names, value in VALUES.values():
        for keyword in names:
            if keyword in keywords_of(message):
                # pydicom takes a tuple for one tag, and knows no Status
                plain = list(value) if isinstance(value, tuple) else value
                setattr(elements, keyword, int(value) if isinstance(value, Status) else plain)
    body = encoded(elements)
    elements = Dataset()
    elements.CommandGroupLength = len(body)
    return encoded(elements) + body


def values_of(message: type[Message]) -> dict[int, bytes]:
    values = decode_command_set(expected_bytes(message, data_set_type=0x0101))
    del values[0]
    return values


def encoded(elements: Dataset) -> bytes:
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, True
    write_dataset(file, elements)
    return file.getvalue()


@st.composite
def messages(draw: st.DrawFn) -> Message:
    message = draw(st.sampled_from(ALL))
    required = {row.name for row in message.rows if row.required} | {"sop_class_uid"}
    fields = {
        name: draw(STRATEGIES.get(name, NUMBERS_16))
        for name in sorted(fields_of(message))
        if name in required or draw(st.booleans())
    }
    return message(**fields)


# --- against the tables


def test_the_registry_has_every_message_of_the_standard() -> None:
    assert {number: message for message, number in NUMBERS.items()} == MESSAGES
    assert set(TABLES) == set(NUMBERS)
    assert len(REQUEST_TO_RESPONSE) == 11


@pytest.mark.parametrize("message", ALL)
def test_a_message_has_the_fields_of_its_table_and_no_others(message: type[Message]) -> None:
    names = {keyword: name for name, (words, _) in VALUES.items() for keyword in words}
    rows = {(row.element, row.name): row.required for row in message.rows}
    assert rows == {
        (Tag(keyword).element, names[keyword]): required
        for keyword, required in keywords_of(message).items()
        if keyword in names
    }
    assert {row.name for row in message.rows} == fields_of(message)


@pytest.mark.parametrize("message", ALL)
def test_a_full_message_has_the_bytes_that_pydicom_writes(message: type[Message]) -> None:
    data = expected_bytes(message, data_set_type=0x0101)
    assert encode_command(full(message), has_data_set=False) == data
    assert decode_message(data, None) == full(message)


@pytest.mark.parametrize("message", [m for m in ALL if m.may_have_data_set])
@pytest.mark.parametrize("data_set_type", [0x0001, 0x0000, 0x0102, 0xFFFF])
def test_any_data_set_type_but_0101_announces_a_data_set(
    message: type[Message], data_set_type: int
) -> None:
    data_set = EncodedDataSet(b"\x08\0\x05\0\0\0\0\0", ImplicitVRLittleEndian)
    data = expected_bytes(message, data_set_type=data_set_type)
    assert decode_message(data, data_set) == attrs.evolve(full(message), data_set=data_set)
    if data_set_type == 0x0001:
        assert encode_command(full(message), has_data_set=True) == data


def test_messages_that_have_no_data_set_do_not_announce_one() -> None:
    without = {m for m in ALL if not m.may_have_data_set}
    assert without == {
        c.CEchoRequest, c.CEchoResponse, c.CStoreResponse, c.CCancelRequest,
        n.NGetRequest, n.NDeleteRequest, n.NDeleteResponse,
    }  # fmt: skip
    for message in without:
        with pytest.raises(LocalProtocolError, match="carries no data set"):
            encode_command(full(message), has_data_set=True)


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(
    "message, keyword",
    [(m, word) for m in ALL for word, required in keywords_of(m).items() if required],
)
def test_a_message_without_a_field_that_it_needs_is_refused(
    message: type[Message], keyword: str
) -> None:
    values = values_of(message)
    del values[Tag(keyword).element]
    with pytest.raises(PDUError, match="without its"):
        decode_command(encode_command_set(values))


@pytest.mark.scenario("B57")
@pytest.mark.parametrize("message", ALL)
def test_a_message_with_nothing_but_what_it_needs_is_readable(message: type[Message]) -> None:
    values = values_of(message)
    needed = {Tag(word).element for word, required in keywords_of(message).items() if required}
    bare = encode_command_set({e: v for e, v in values.items() if e in needed | {0x100, 0x800}})
    decoded = decode_message(bare, None)
    for row in message.rows:
        if row.required:
            assert getattr(decoded, row.name) == VALUES[row.name][1]
        elif row.name == "priority":
            assert getattr(decoded, row.name) is Priority.MEDIUM
        elif message is c.CEchoRequest:
            assert decoded.sop_class_uid.name == "Verification SOP Class"
        else:
            assert getattr(decoded, row.name) in (None, ())
    if message is not c.CEchoRequest and "priority" not in fields_of(message):
        assert encode_command(decoded, has_data_set=False) == bare


@pytest.mark.scenario("B57")
def test_an_event_report_answer_without_event_type_and_instance_is_readable() -> None:
    data = bytes.fromhex(
        "0000 0000 04000000 28000000"
        "0000 0001 02000000 0081"
        "0000 2001 02000000 0500"
        "0000 0008 02000000 0101"
        "0000 0009 02000000 0000"
    )
    assert decode_message(data, None) == n.NEventReportResponse(
        status=Code.SUCCESS, message_id_being_responded_to=5
    )


# --- round trips and broken bytes


@given(messages())
def test_every_message_survives_the_round_trip(message: Message) -> None:
    data = encode_command(message, has_data_set=False)
    assert decode_message(data, None) == message
    assert len(data) % 2 == 0


@given(messages())
def test_a_received_message_has_the_values_that_building_it_gives(message: Message) -> None:
    received = decode_message(encode_command(message, has_data_set=False), None)
    built = attrs.evolve(received)
    assert received == built
    for name in fields_of(type(message)):
        value, expected = getattr(received, name), getattr(built, name)
        assert type(value) is type(expected)
        assert getattr(value, "service", None) is getattr(expected, "service", None)


@given(messages().filter(lambda message: isinstance(message, Request)), NUMBERS_16)
def test_a_request_with_another_message_id_is_the_same_otherwise(
    message: Request, message_id: int
) -> None:
    before = attrs.evolve(message)
    assert message.with_message_id(message_id) == attrs.evolve(message, message_id=message_id)
    assert message == before


@given(messages(), st.data())
def test_mutated_command_sets_raise_nothing_but_pdu_error(
    message: Message, data: st.DataObject
) -> None:
    mutated = bytearray(encode_command(message, has_data_set=False))
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    del mutated[data.draw(st.integers(0, len(mutated))) :]
    with contextlib.suppress(PDUError):
        decode_command(mutated)


@given(
    st.sampled_from(sorted(NUMBERS.values())),
    st.dictionaries(
        st.sampled_from(sorted({row.element for m in ALL for row in m.rows} | {0x100, 0x800})),
        st.binary(max_size=9),
    ),
)
def test_random_values_raise_nothing_but_pdu_error(number: int, values: dict[int, bytes]) -> None:
    values = {0x0100: number.to_bytes(2, "little"), 0x0800: b"\1\1"} | values
    with contextlib.suppress(PDUError):
        decode_command(encode_command_set(values))


@pytest.mark.pitfall(27)
@pytest.mark.parametrize("length", [1, 3, 4])
@pytest.mark.parametrize("element", [0x0100, 0x0120, 0x0800, 0x0900, 0x0903, 0x1020])
def test_a_number_of_the_wrong_length_is_refused(element: int, length: int) -> None:
    values = values_of(c.CGetResponse)
    with pytest.raises(PDUError, match=f"a US of {length} bytes"):
        decode_command(encode_command_set(values | {element: bytes(length)}))


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(
    "values, said",
    [
        ({}, "no command field"),
        ({0x0100: b""}, "no command field"),
        ({0x0100: b"\x02\x00"}, "unknown command field 0002H"),
        ({0x0100: b"\xff\xff"}, "unknown command field FFFFH"),
        ({0x0100: b"\x30\x00", 0x0110: b"\1\0"}, "without a data set type"),
    ],
)
def test_a_command_set_that_names_no_message_is_refused(
    values: dict[int, bytes], said: str
) -> None:
    with pytest.raises(PDUError, match=said):
        decode_command(encode_command_set(values))


@pytest.mark.pitfall(31)
@pytest.mark.scenario("B53")
@pytest.mark.parametrize("uid", [b"", b"\0\0", b"  "])
def test_a_uid_that_is_there_and_empty_is_kept_for_the_service_to_refuse(uid: bytes) -> None:
    values = values_of(c.CStoreRequest) | {0x1000: uid}
    message = decode_command(encode_command_set(values)).message
    assert isinstance(message, c.CStoreRequest)
    assert message.sop_instance_uid == ""
    del values[0x1000]
    with pytest.raises(PDUError, match="without its sop_instance_uid"):
        decode_command(encode_command_set(values))


@pytest.mark.pitfall(28)
def test_the_data_set_type_and_the_data_set_must_agree() -> None:
    data_set = EncodedDataSet(b"", ImplicitVRLittleEndian)
    find = c.CFindRequest(sop_class_uid="1.2", message_id=1)
    with pytest.raises(PDUError, match="announces a data set, and none came"):
        decode_message(encode_command(find, has_data_set=True), None)
    with pytest.raises(PDUError, match="announces no data set, and one came"):
        decode_message(encode_command(find, has_data_set=False), data_set)


def test_elements_that_nobody_knows_are_ignored() -> None:
    values = values_of(c.CFindResponse)
    extended = encode_command_set(values | {0x0860: b"\1\0", 0x5110: b"AB"})
    assert decode_message(extended, None) == full(c.CFindResponse)


def test_a_reserved_priority_counts_as_medium() -> None:
    values = values_of(c.CFindRequest)
    decoded = decode_message(encode_command_set(values | {0x0700: b"\7\0"}), None)
    assert decoded == attrs.evolve(full(c.CFindRequest), priority=Priority.MEDIUM)


@pytest.mark.scenario("B53")
def test_invalid_uids_of_a_peer_are_kept_and_echoed_without_a_warning() -> None:
    request = c.CStoreRequest(sop_class_uid="1.02", sop_instance_uid="a" * 65, message_id=1)
    received = decode_message(encode_command(request, has_data_set=False), None)
    assert isinstance(received, c.CStoreRequest)
    assert received.sop_instance_uid == "a" * 65
    answer = encode_command(response_to(received, Code.SUCCESS), has_data_set=False)
    assert b"a" * 65 in answer


# --- what callers meet


@pytest.mark.scenario("B62")
def test_priority_and_move_originator_are_set_and_read() -> None:
    request = c.CStoreRequest(
        sop_class_uid="1.2",
        sop_instance_uid="1.2.3",
        message_id=1,
        priority=1,
        move_originator_ae="MOVER",
        move_originator_message_id=77,
    )
    received = decode_message(encode_command(request, has_data_set=False), None)
    assert isinstance(received, c.CStoreRequest)
    assert received.priority is Priority.HIGH
    assert received.move_originator_ae == "MOVER"
    assert received.move_originator_message_id == 77


@pytest.mark.scenario("B62")
@pytest.mark.parametrize("message", [c.CGetResponse, c.CMoveResponse])
@pytest.mark.parametrize(
    "failed", [["1.2.3"], ["1.2.3", "1.2.4"], []], ids=["one", "several", "none"]
)
def test_the_instances_that_failed_are_readable(
    message: type[c.CGetResponse | c.CMoveResponse], failed: list[str]
) -> None:
    identifier = Dataset()
    identifier.FailedSOPInstanceUIDList = failed
    response = message(status=Code.SUB_OPERATIONS_COMPLETE_WITH_FAILURES, data_set=identifier)
    assert response.failed_sop_instance_uids == tuple(failed)
    assert message(status=0xB000).failed_sop_instance_uids == ()
    assert message(status=0xB000, data_set=Dataset()).failed_sop_instance_uids == ()


@pytest.mark.scenario("B62")
def test_more_failed_instances_than_a_ui_can_hold_are_readable() -> None:
    """They come as UN then (PS3.5 6.2.2), whose value pydicom leaves alone."""
    failed = [f"1.2.826.0.1.3680043.10.77.{'7' * 30}.{number}" for number in range(1_200)]
    identifier = Dataset()
    identifier.FailedSOPInstanceUIDList = failed
    syntax = ExplicitVRLittleEndian
    response = c.CMoveResponse(
        status=Code.SUB_OPERATIONS_COMPLETE_WITH_FAILURES,
        data_set=EncodedDataSet(encode_data_set(identifier, syntax), syntax),
    )
    assert response.failed_sop_instance_uids == tuple(failed)


@pytest.mark.scenario("B62")
def test_error_comment_and_offending_elements_are_readable() -> None:
    response = c.CStoreResponse(
        status=0xA900,
        message_id_being_responded_to=1,
        error_comment="not that one",
        offending_elements=["SOPClassUID", (0x0008, 0x0018)],
    )
    received = decode_message(encode_command(response, has_data_set=False), None)
    assert isinstance(received, c.CStoreResponse)
    assert received.error_comment == "not that one"
    assert received.offending_elements == (Tag(0x00080016), Tag(0x00080018))


@pytest.mark.scenario("B26")
@pytest.mark.parametrize("response", sorted(REQUEST_TO_RESPONSE.values(), key=str))
def test_only_find_get_and_move_answers_can_be_pending(response: type[Response]) -> None:
    can_wait = response in {c.CFindResponse, c.CGetResponse, c.CMoveResponse}
    for code in (0xFF00, 0xFF01):
        assert response(status=code).is_final is not can_wait
        assert response(status=Status(code, Service.WORKLIST)).is_final is not can_wait
    for code in (0x0000, 0xFE00, 0xB000, 0xA700, 0xC000, 0x0122):
        assert response(status=code).is_final


@pytest.mark.scenario("B26")
def test_sub_operation_counts_are_optional_everywhere() -> None:
    response = c.CGetResponse(status=0xFF00, message_id_being_responded_to=1, completed=3)
    received = decode_message(encode_command(response, has_data_set=False), None)
    assert isinstance(received, c.CGetResponse)
    assert (received.remaining, received.completed) == (None, 3)
    assert (received.failed, received.warning) == (None, None)


@pytest.mark.scenario("B56")
def test_the_sop_class_explains_the_status() -> None:
    ups = n.NActionResponse(status=0xC301, sop_class_uid="1.2.840.10008.5.1.4.34.6.1")
    assert str(ups.status) == "C301H (failure: the correct transaction UID was not provided)"
    worklist = c.CFindResponse(status=0xFF01, sop_class_uid="1.2.840.10008.5.1.4.31")
    assert worklist.status.service is Service.WORKLIST


def test_raise_for_status_raises_for_failures_only() -> None:
    for code in (0x0000, 0xB000, 0xFE00, 0xFF00):
        c.CFindResponse(status=code).raise_for_status()
    response = c.CStoreResponse(status=0xA700, error_comment="disk full")
    with pytest.raises(StatusError) as caught:
        response.raise_for_status()
    assert caught.value.status == Status(0xA700)
    assert caught.value.comment == "disk full"
    assert str(caught.value) == (
        "C-STORE ended with status A700H (failure: out of resources); "
        "the peer says more in its comment"
    )
    with pytest.raises(StatusError, match=r"^N-EVENT-REPORT ended with status 0110H \([^)]*\)$"):
        n.NEventReportResponse(status=0x0110).raise_for_status()


@pytest.mark.parametrize("request_type", REQUESTS)
def test_a_response_repeats_what_it_answers(request_type: type[Request]) -> None:
    request = full(request_type)
    assert isinstance(request, Request)
    response = response_to(request, Code.PROCESSING_FAILURE, error_comment="no")
    assert type(response) is REQUEST_TO_RESPONSE[request_type]
    assert response.message_id_being_responded_to == request.message_id
    assert response.error_comment == "no"
    for name in ("sop_class_uid", "sop_instance_uid", "event_type_id", "action_type_id"):
        if name in fields_of(type(response)):
            assert getattr(response, name) == getattr(request, name, None)


def test_a_response_keeps_what_its_author_gave() -> None:
    request = n.NCreateRequest(sop_class_uid="1.2", message_id=8)
    given_uid = n.NCreateResponse(status=0, sop_instance_uid="1.2.3")
    assert complete_response(given_uid, request) == n.NCreateResponse(
        status=0, sop_instance_uid="1.2.3", sop_class_uid="1.2", message_id_being_responded_to=8
    )


def test_a_response_made_for_a_request_keeps_what_is_given_besides() -> None:
    request = n.NCreateRequest(sop_class_uid="1.2", message_id=8)
    response = response_to(request, 0, sop_instance_uid="1.2.3")
    assert response.sop_instance_uid == "1.2.3"
    assert response.sop_class_uid == "1.2"
    assert complete_response(response, request) is response  # nothing is missing


def test_a_response_of_another_service_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="CFindResponse does not answer a C-ECHO"):
        complete_response(c.CFindResponse(status=0), c.CEchoRequest(message_id=1))


def test_an_echo_is_about_verification() -> None:
    assert c.CEchoRequest().sop_class_uid == "1.2.840.10008.1.1"
    assert c.CEchoRequest().operation == "C-ECHO"
    assert CommandField.N_EVENT_REPORT_RSP.operation == "N-EVENT-REPORT"


def test_a_message_without_its_id_cannot_be_encoded() -> None:
    with pytest.raises(LocalProtocolError, match="C_ECHO_RQ without its message_id"):
        encode_command(c.CEchoRequest(), has_data_set=False)
    with pytest.raises(LocalProtocolError, match="without its move_destination"):
        encode_command(
            c.CMoveRequest(sop_class_uid="1.2", message_id=1, move_destination=""),
            has_data_set=True,
        )


@pytest.mark.parametrize("number", [-1, 0x10000])
def test_numbers_have_16_bits(number: int) -> None:
    with pytest.raises(LocalProtocolError, match="message_id"):
        c.CEchoRequest(message_id=number)
    with pytest.raises(LocalProtocolError, match="event_type_id"):
        n.NEventReportRequest(sop_class_uid="1", sop_instance_uid="1", event_type_id=number)


def test_an_unknown_priority_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="no priority 3"):
        c.CFindRequest(sop_class_uid="1.2", priority=3)


# --- data sets


def patient() -> Dataset:
    data_set = Dataset()
    data_set.PatientName = "Doe^Jane"
    return data_set


PROPERTIES = [
    (c.CFindRequest, "identifier"),
    (c.CGetRequest, "identifier"), (c.CGetResponse, "identifier"),
    (c.CMoveRequest, "identifier"), (c.CMoveResponse, "identifier"),
    (n.NEventReportRequest, "event_information"), (n.NEventReportResponse, "event_reply"),
    (n.NGetResponse, "attribute_list"), (n.NSetRequest, "modification_list"),
    (n.NSetResponse, "attribute_list"), (n.NActionRequest, "action_information"),
    (n.NActionResponse, "action_reply"), (n.NCreateRequest, "attribute_list"),
    (n.NCreateResponse, "attribute_list"),
]  # fmt: skip


@pytest.mark.parametrize("message, word", PROPERTIES)
def test_the_data_set_goes_by_the_standards_word(message: type[Message], word: str) -> None:
    data_set = patient()
    assert getattr(full(message), word) is None
    assert getattr(attrs.evolve(full(message), data_set=data_set), word) is data_set
    undecoded = EncodedDataSet(encoded(data_set), ImplicitVRLittleEndian)
    decoded = getattr(attrs.evolve(full(message), data_set=undecoded), word)
    assert decoded.PatientName == "Doe^Jane"


def test_a_match_is_a_data_set_even_if_none_came() -> None:
    assert c.CFindResponse(status=0xFF00).identifier == Dataset()
    data_set = patient()
    assert c.CFindResponse(status=0xFF00, data_set=data_set).identifier is data_set
    undecoded = EncodedDataSet(encoded(data_set), ImplicitVRLittleEndian)
    assert c.CFindResponse(status=0xFF00, data_set=undecoded).identifier == data_set


def test_an_instance_is_decoded_on_demand() -> None:
    request = c.CStoreRequest(sop_class_uid="1.2", sop_instance_uid="1.2.3", data_set=patient())
    assert request.dataset().PatientName == "Doe^Jane"
    with pytest.raises(PDUError, match="without a data set"):
        attrs.evolve(request, data_set=None).dataset()


def stored() -> StoredDataSet:
    return StoredDataSet(
        path=Path("Doe^Jane.dcm"),
        offset=400,
        length=1234,
        transfer_syntax=ImplicitVRLittleEndian,
        sop_class_uid=UID("1.2"),
        sop_instance_uid=UID("1.2.3"),
    )


def test_a_data_set_in_a_file_is_not_opened_here() -> None:
    request = c.CStoreRequest(sop_class_uid="1.2", sop_instance_uid="1.2.3", data_set=stored())
    with pytest.raises(LocalProtocolError, match="lies in a file"):
        request.dataset()


@pytest.mark.parametrize(
    "data_set, shown",
    [
        (None, "None"),
        (patient(), "<1 elements>"),
        (EncodedDataSet(encoded(patient()), ImplicitVRLittleEndian), "<16 bytes>"),
        (stored(), "<1234 bytes>"),
    ],
    ids=["none", "decoded", "encoded", "stored"],
)
def test_the_representation_names_no_patient(data_set: Any, shown: str) -> None:
    response = c.CFindResponse(status=0xFF00, data_set=data_set, error_comment="Doe^Jane!")
    assert f"data_set={shown}" in repr(response)
    assert "Doe" not in repr(response)
    assert "error_comment" not in repr(response)
