"""Fragments that arrive: put together, or refused with an A-ABORT of the user."""

from __future__ import annotations

import contextlib

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from trio_dicom._dimse.assemble import MessageAssembler
from trio_dicom._dimse.c_messages import (
    CEchoRequest,
    CFindRequest,
    CFindResponse,
    CStoreRequest,
    CStoreResponse,
)
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.fragment import fragment, max_fragment
from trio_dicom._dimse.message import Message, encode_command
from trio_dicom._wire.data import PresentationDataValue
from trio_dicom._wire.framing import PDUBuffer
from trio_dicom._wire.pdus import DataTransfer, decode_body
from trio_dicom.errors import PDUError, RemoteProtocolError
from trio_dicom.options import Limits
from trio_dicom.reasons import AbortReason, AbortSource

ECHO = CEchoRequest(message_id=1)
STORE = CStoreRequest(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2", sop_instance_uid="1.2", message_id=2
)
ECHO_BYTES = encode_command(ECHO, has_data_set=False)
STORE_BYTES = encode_command(STORE, has_data_set=True)
SYNTAX = ExplicitVRLittleEndian


def command(data: bytes, *, is_last: bool = True, context_id: int = 1) -> PresentationDataValue:
    return PresentationDataValue(
        context_id=context_id, is_command=True, is_last=is_last, data=memoryview(data)
    )


def data(part: bytes, *, is_last: bool = True, context_id: int = 1) -> PresentationDataValue:
    return PresentationDataValue(
        context_id=context_id, is_command=False, is_last=is_last, data=memoryview(part)
    )


def feed_all(assembler: MessageAssembler, *pdvs: PresentationDataValue) -> Message | None:
    """Feed them; none but the last may complete the message."""
    for pdv in pdvs[:-1]:
        assert assembler.feed(pdv, SYNTAX) is None
    return assembler.feed(pdvs[-1], SYNTAX)


def fault_of(assembler: MessageAssembler, *pdvs: PresentationDataValue) -> str:
    """What the last one is blamed for."""
    with pytest.raises(RemoteProtocolError) as caught:
        feed_all(assembler, *pdvs)
    assert caught.value.abort_source is AbortSource.USER
    assert caught.value.abort_reason is AbortReason.NOT_SPECIFIED
    return str(caught.value)


@pytest.fixture
def assembler() -> MessageAssembler:
    return MessageAssembler(Limits())


def test_a_command_alone_is_a_message(assembler: MessageAssembler) -> None:
    assert assembler.idle
    assert assembler.feed(command(ECHO_BYTES), SYNTAX) == ECHO
    assert assembler.idle
    assert assembler.partial is None


def test_a_message_with_data_is_partial_until_its_last_fragment(
    assembler: MessageAssembler,
) -> None:
    assert assembler.feed(command(STORE_BYTES[:20], is_last=False), SYNTAX) is None
    assert not assembler.idle
    assert assembler.partial is None
    assert assembler.feed(command(STORE_BYTES[20:]), SYNTAX) is None
    assert assembler.partial == STORE
    assert assembler.partial is assembler.partial
    assert assembler.feed(data(b"ABCD", is_last=False), SYNTAX) is None
    assert assembler.partial == STORE
    message = assembler.feed(data(b"EF"), SYNTAX)
    assert message == evolve(STORE, data_set=EncodedDataSet(b"ABCDEF", SYNTAX))
    assert assembler.idle
    assert assembler.partial is None


def test_messages_follow_each_other_on_any_context(assembler: MessageAssembler) -> None:
    assert assembler.feed(command(ECHO_BYTES, context_id=3), SYNTAX) == ECHO
    feed_all(assembler, command(STORE_BYTES, context_id=5), data(b"AB", context_id=5))
    message = feed_all(assembler, command(STORE_BYTES), data(b"CD"))
    assert message == evolve(STORE, data_set=EncodedDataSet(b"CD", SYNTAX))


def test_the_data_outlives_the_buffer_that_it_came_in(assembler: MessageAssembler) -> None:
    buffer = bytearray(b"ABCD")
    assembler.feed(command(STORE_BYTES), SYNTAX)
    message = assembler.feed(data(buffer), SYNTAX)  # type: ignore[arg-type]  # as the socket fills it
    buffer[:] = b"XXXX"
    assert message is not None
    assert message.data_set == EncodedDataSet(b"ABCD", SYNTAX)


@pytest.mark.pitfall(12)
def test_an_announced_data_set_may_be_empty(assembler: MessageAssembler) -> None:
    message = feed_all(assembler, command(STORE_BYTES), data(b""))
    assert message == evolve(STORE, data_set=EncodedDataSet(b"", SYNTAX))


@pytest.mark.scenario("B26")
def test_a_final_response_may_carry_a_data_set(assembler: MessageAssembler) -> None:
    final = CFindResponse(status=0, message_id_being_responded_to=1)
    encoded = encode_command(final, has_data_set=True)
    message = feed_all(assembler, command(encoded), data(b"AB"))
    assert message == evolve(final, data_set=EncodedDataSet(b"AB", SYNTAX))


def test_a_response_that_never_has_a_data_set_may_come_with_one(
    assembler: MessageAssembler,
) -> None:
    final = CStoreResponse(status=0, message_id_being_responded_to=1)
    encoded = bytearray(encode_command(final, has_data_set=False))
    encoded[encoded.index(b"\x00\x08\x02\0\0\0\x01\x01") + 6] = 0
    message = feed_all(assembler, command(bytes(encoded)), data(b"AB"))
    assert message == evolve(final, data_set=EncodedDataSet(b"AB", SYNTAX))


@pytest.mark.pitfall(28)
def test_a_command_fragment_after_data_is_a_fault(assembler: MessageAssembler) -> None:
    said = fault_of(
        assembler, command(STORE_BYTES), data(b"AB", is_last=False), command(ECHO_BYTES)
    )
    assert said == "the peer sent a command fragment where the data set should go on"


@pytest.mark.pitfall(28)
def test_an_announced_data_set_that_never_comes_is_a_fault(assembler: MessageAssembler) -> None:
    said = fault_of(assembler, command(STORE_BYTES), command(ECHO_BYTES))
    assert said == "the peer sent a command fragment where the data set should go on"


@pytest.mark.pitfall(28)
def test_data_that_nothing_announced_is_a_fault(assembler: MessageAssembler) -> None:
    assert assembler.feed(command(ECHO_BYTES), SYNTAX) == ECHO
    said = fault_of(assembler, data(b"AB"))
    assert said == "the peer sent a data set fragment without a command set that announces it"


@pytest.mark.pitfall(28)
def test_data_inside_a_command_set_is_a_fault(assembler: MessageAssembler) -> None:
    said = fault_of(assembler, command(STORE_BYTES[:20], is_last=False), data(b"AB"))
    assert said == "the peer sent a data set fragment without a command set that announces it"


@pytest.mark.pitfall(28)
@pytest.mark.parametrize(
    "pdvs",
    [
        (command(ECHO_BYTES[:20], is_last=False), command(ECHO_BYTES[20:], context_id=3)),
        (command(STORE_BYTES), data(b"AB", context_id=3)),
        (command(STORE_BYTES), data(b"AB", is_last=False), command(ECHO_BYTES, context_id=3)),
    ],
    ids=["inside the command", "before the data", "inside the data"],
)
def test_interleaved_contexts_are_a_fault(
    assembler: MessageAssembler, pdvs: tuple[PresentationDataValue, ...]
) -> None:
    said = fault_of(assembler, *pdvs)
    assert said == "the peer sent a fragment on context 3 inside a message on 1"


@pytest.mark.pitfall(27)
@pytest.mark.parametrize("broken", [b"", b"\0", ECHO_BYTES[:-1], ECHO_BYTES[:12], b"\1" * 40])
def test_a_broken_command_set_is_a_fault_with_its_cause(
    assembler: MessageAssembler, broken: bytes
) -> None:
    with pytest.raises(RemoteProtocolError, match="the peer sent ") as caught:
        assembler.feed(command(broken), SYNTAX)
    assert isinstance(caught.value.__cause__, PDUError)
    assert caught.value.abort_source is AbortSource.USER


@pytest.mark.pitfall(27)
def test_a_command_set_without_end_is_a_fault() -> None:
    assembler = MessageAssembler(Limits(command_set=100))
    assert assembler.feed(command(bytes(100), is_last=False), SYNTAX) is None
    said = fault_of(assembler, command(b"\0\0", is_last=False))
    assert said == "the peer sent a command set of more than 100 bytes"


@pytest.mark.pitfall(29)
def test_a_data_set_without_end_is_a_fault() -> None:
    assembler = MessageAssembler(Limits(data_set=100))
    assembler.feed(command(STORE_BYTES), SYNTAX)
    assert assembler.feed(data(bytes(100), is_last=False), SYNTAX) is None
    said = fault_of(assembler, data(b"\0\0", is_last=False))
    assert said == "the peer sent a data set of more than 100 bytes"


def test_a_data_set_as_long_as_the_limit_is_taken() -> None:
    assembler = MessageAssembler(Limits(data_set=100))
    message = feed_all(assembler, command(STORE_BYTES), data(bytes(100)))
    assert message is not None
    assert message.data_set == EncodedDataSet(bytes(100), SYNTAX)


@pytest.mark.pitfall(25)
@pytest.mark.parametrize("empty", [command(b"", is_last=False), data(b"", is_last=False)])
def test_endless_empty_fragments_are_a_fault(
    assembler: MessageAssembler, empty: PresentationDataValue
) -> None:
    if not empty.is_command:
        assembler.feed(command(STORE_BYTES), SYNTAX)
    for _ in range(64):
        assert assembler.feed(empty, SYNTAX) is None
    assert fault_of(assembler, empty).endswith("in endless empty fragments")


@pytest.mark.pitfall(25)
def test_a_few_empty_fragments_in_every_message_do_no_harm(assembler: MessageAssembler) -> None:
    for _ in range(100):
        assembler.feed(command(b"", is_last=False), SYNTAX)
        assert assembler.feed(command(ECHO_BYTES), SYNTAX) == ECHO


@given(
    identifier=st.binary(max_size=60).map(lambda half: half + half),
    with_data=st.booleans(),
    peer=st.one_of(st.just(0), st.integers(8, 20), st.integers(8, 300)),
    own=st.integers(8, 300),
    context_id=st.integers(0, 127).map(lambda number: 2 * number + 1),
)
def test_what_was_cut_is_put_together_again(
    identifier: bytes, with_data: bool, peer: int, own: int, context_id: int
) -> None:
    request = CFindRequest(sop_class_uid="1.2.840.10008.5.1.4.1.2.2.1", message_id=9)
    size = max_fragment(peer, own)
    encoded = encode_command(request, has_data_set=with_data)
    pieces = fragment(context_id, encoded, is_command=True, is_last=True, size=size)
    if with_data:
        pieces += fragment(context_id, identifier, is_command=False, is_last=True, size=size)
        data_set = EncodedDataSet(identifier, ImplicitVRLittleEndian)
        request = evolve(request, data_set=data_set)
    assembler = MessageAssembler(Limits())
    assert received(b"".join(pieces), assembler) == [request]
    assert assembler.idle


def received(wire: bytes, assembler: MessageAssembler) -> list[Message]:
    buffer = PDUBuffer(max_length=1 << 20)
    buffer.feed(wire)
    messages: list[Message] = []
    while (pdu := buffer.next_pdu()) is not None:
        transfer = decode_body(*pdu)
        assert isinstance(transfer, DataTransfer)
        for pdv in transfer.pdvs:
            message = assembler.feed(pdv, ImplicitVRLittleEndian)
            if message is not None:
                messages.append(message)
    return messages


PDVS = st.builds(
    PresentationDataValue,
    context_id=st.sampled_from([1, 3]),
    is_command=st.booleans(),
    is_last=st.booleans(),
    data=st.one_of(st.sampled_from([ECHO_BYTES, STORE_BYTES, b""]), st.binary(max_size=20)),
)


@given(st.lists(PDVS, max_size=8))
def test_any_fragments_give_messages_or_one_fault(pdvs: list[PresentationDataValue]) -> None:
    assembler = MessageAssembler(Limits())
    with contextlib.suppress(RemoteProtocolError):
        for pdv in pdvs:
            message = assembler.feed(pdv, SYNTAX)
            assert assembler.idle is (message is not None)
