"""How a stream of chunks becomes PDUs."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import pdus
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.framing import PDUBuffer
from trio_dicom._wire.items import AnsweredContext, ProposedContext
from trio_dicom._wire.pdus import Pdu, decode_body, encode_pdu
from trio_dicom._wire.user_items import MaximumLength
from trio_dicom.errors import PDUError
from trio_dicom.reasons import AbortReason, AbortSource, ContextResult

ABORT = Abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU).encode()
DATA = DataTransfer(
    (PresentationDataValue(context_id=1, is_command=False, is_last=True, data=b"abcdef"),)
).encode()
CONVERSATION: tuple[Pdu, ...] = (
    AssociationRequest(
        called_ae="ARCHIVE",
        calling_ae="BENCH",
        contexts=(
            ProposedContext(
                context_id=1,
                abstract_syntax="1.2.840.10008.1.1",
                transfer_syntaxes=("1.2.840.10008.1.2",),
            ),
        ),
        user_information=(MaximumLength(16_384),),
    ),
    AssociationAccept(
        called_ae="ARCHIVE",
        calling_ae="BENCH",
        contexts=(
            AnsweredContext(
                context_id=1,
                result=ContextResult.ACCEPTANCE,
                transfer_syntax="1.2.840.10008.1.2",
            ),
        ),
    ),
    DataTransfer(
        (PresentationDataValue(context_id=1, is_command=True, is_last=True, data=b"\1\2"),)
    ),
    ReleaseRequest(),
    ReleaseResponse(),
)
STREAM = b"".join(map(encode_pdu, CONVERSATION))


def buffer(max_length: int = 16_384) -> PDUBuffer:
    return PDUBuffer(max_length=max_length)


def drained(source: PDUBuffer) -> list[Pdu]:
    found: list[Pdu] = []
    while (pdu := source.next_pdu()) is not None:
        found.append(decode_body(*pdu))
    return found


@pytest.mark.parametrize("cut", range(len(ABORT)))
def test_a_pdu_cut_anywhere_is_the_same_pdu(cut: int) -> None:
    source = buffer()
    source.feed(ABORT[:cut])
    assert source.next_pdu() is None
    source.feed(ABORT[cut:])
    assert source.next_pdu() == (0x07, ABORT[6:])
    assert source.next_pdu() is None


@given(pdus)
def test_every_pdu_cut_at_every_byte_decodes_the_same(pdu: Pdu) -> None:
    encoded = encode_pdu(pdu)
    for cut in range(len(encoded)):
        source = buffer()
        source.feed(encoded[:cut])
        assert drained(source) == []
        source.feed(encoded[cut:])
        assert drained(source) == [pdu]
        assert source.pending == 0


@given(st.lists(pdus, max_size=4), st.data())
def test_pdus_in_any_chunks_come_out_whole_and_in_order(
    several: list[Pdu], data: st.DataObject
) -> None:
    stream = b"".join(map(encode_pdu, several))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    source = buffer()
    found: list[Pdu] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        source.feed(stream[start:end])
        if data.draw(st.booleans()):
            found += drained(source)
    assert found + drained(source) == several


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 100, len(STREAM)])
@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.pitfall(32)
def test_a_conversation_in_chunks_of_any_size_is_the_same(size: int, eager: bool) -> None:
    source = buffer()
    found: list[Pdu] = []
    for at in range(0, len(STREAM), size):
        source.feed(STREAM[at : at + size])
        if eager:
            found += drained(source)
    assert tuple(found + drained(source)) == CONVERSATION


def test_pdus_whole_in_one_chunk_are_views_of_it() -> None:
    chunk = DATA + ABORT + DATA
    source = buffer()
    source.feed(chunk)
    for expected in (DATA, ABORT, DATA):
        pdu = source.next_pdu()
        assert pdu is not None
        assert pdu[1] == expected[6:]
        assert pdu[1].obj is chunk
    assert source.next_pdu() is None


def test_a_pdu_that_begins_and_ends_in_the_middle_of_chunks_is_joined_and_its_neighbours_not() -> (
    None
):
    first, second = ABORT + DATA[:7], DATA[7:] + ABORT
    source = buffer()
    source.feed(first)
    source.feed(second)
    bodies = [body for _, body in iter(source.next_pdu, None)]
    assert bodies == [ABORT[6:], DATA[6:], ABORT[6:]]
    assert bodies[0].obj is first
    assert bodies[2].obj is second
    assert all(body.readonly for body in bodies)


@pytest.mark.parametrize("kind", [bytearray, lambda data: memoryview(bytearray(data))])
def test_a_chunk_that_its_owner_may_reuse_is_copied(kind: type[bytearray]) -> None:
    chunk = kind(DATA)
    source = buffer()
    source.feed(chunk)
    chunk[:] = bytes(len(chunk))
    assert source.next_pdu() == (0x04, DATA[6:])


def test_a_joined_pdu_stays_what_it_was_while_others_come() -> None:
    source = buffer()
    source.feed(DATA[:3])
    source.feed(DATA[3:])
    first = source.next_pdu()
    source.feed(ABORT[:8])
    source.feed(ABORT[8:])
    assert source.next_pdu() == (0x07, ABORT[6:])
    assert first == (0x04, DATA[6:])


def test_pending_counts_the_bytes_that_were_not_given_out() -> None:
    source = buffer()
    assert source.pending == 0
    source.feed(b"")
    assert source.pending == 0
    source.feed(DATA + ABORT[:2])
    assert source.pending == len(DATA) + 2
    source.next_pdu()
    assert source.pending == 2
    source.feed(ABORT[2:7])
    assert source.next_pdu() is None
    assert source.pending == 7
    source.feed(ABORT[7:])
    source.next_pdu()
    assert source.pending == 0


@pytest.mark.pitfall(24)
@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"GET / HTTP/1.1\r\n"])
@pytest.mark.parametrize("cut", [1, 5, 6, 7])
def test_another_protocol_is_recognised_by_its_first_six_bytes(data: bytes, cut: int) -> None:
    source = buffer(max_length=2**32)
    source.feed(data[:cut])
    source.feed(data[cut:])
    with pytest.raises(PDUError, match="is not a PDU type") as refused:
        source.next_pdu()
    assert refused.value.reason is AbortReason.UNRECOGNIZED_PDU


@pytest.mark.pitfall(24)
def test_the_type_is_judged_before_the_length() -> None:
    source = buffer()
    source.feed(bytes.fromhex("08 00 FFFFFFFF"))
    with pytest.raises(PDUError) as refused:
        source.next_pdu()
    assert refused.value.reason is AbortReason.UNRECOGNIZED_PDU


LIMITS = [
    (1, 100, 101),
    (2, 100, 101),
    (4, 50, 51),
    (1, 100, 0xFFFF_FFFF),
    (4, 50, 0xFFFF_FFFF),
    (3, 4, 5),
    (3, 4, 3),
    (5, 4, 5),
    (5, 4, 0),
    (6, 4, 0xFFFF_FFFF),
    (7, 4, 8),
    (7, 4, 3),
]


@pytest.mark.pitfall(24, 26)
@pytest.mark.parametrize("pdu_type, allowed, refused", LIMITS)
def test_the_length_is_judged_from_the_header_alone(
    pdu_type: int, allowed: int, refused: int
) -> None:
    source = PDUBuffer(max_length=50, max_associate_length=100)
    source.feed(bytes((pdu_type, 0)) + refused.to_bytes(4, "big"))
    with pytest.raises(PDUError, match=f"of {refused} bytes is refused") as error:
        source.next_pdu()
    assert error.value.reason is AbortReason.INVALID_PDU_PARAMETER_VALUE
    source = PDUBuffer(max_length=50, max_associate_length=100)
    source.feed(bytes((pdu_type, 0)) + allowed.to_bytes(4, "big"))
    assert source.next_pdu() is None
    source.feed(bytes(allowed))
    assert source.next_pdu() == (pdu_type, bytes(allowed))


@pytest.mark.parametrize("pdu_type", [1, 2, 4])
def test_without_limits_the_longest_pdu_there_can_be_is_waited_for(pdu_type: int) -> None:
    source = PDUBuffer.unlimited()
    source.feed(bytes((pdu_type, 0)) + b"\xff\xff\xff\xff")
    assert source.next_pdu() is None


@pytest.mark.pitfall(26)
def test_an_associate_pdu_of_a_mebibyte_is_the_longest_by_default() -> None:
    source = buffer()
    source.feed(bytes.fromhex("02 00 00100001"))
    with pytest.raises(PDUError):
        source.next_pdu()
    source = buffer()
    source.feed(bytes.fromhex("02 00 00100000"))
    assert source.next_pdu() is None


@pytest.mark.parametrize("cut", [3, 6])
def test_behind_a_refused_header_there_is_no_way_on(cut: int) -> None:
    header = bytes.fromhex("04 00 FFFFFFFF")
    source = buffer()
    source.feed(header[:cut])
    source.feed(header[cut:] + ABORT)
    for _ in range(2):
        with pytest.raises(PDUError):
            source.next_pdu()


def test_pdus_before_a_refused_one_come_out() -> None:
    source = buffer()
    source.feed(ABORT + b"HTTP/1.1")
    assert source.next_pdu() == (0x07, ABORT[6:])
    with pytest.raises(PDUError):
        source.next_pdu()


def test_an_empty_body_is_a_pdu() -> None:
    source = buffer()
    source.feed(bytes.fromhex("04 00 00000000") + ABORT)
    assert source.next_pdu() == (0x04, b"")
    assert source.next_pdu() == (0x07, ABORT[6:])


@pytest.mark.pitfall(32)
def test_a_long_pdu_that_comes_byte_by_byte_costs_about_what_it_weighs() -> None:
    size = 64 * 1024
    encoded = bytes((4, 0)) + size.to_bytes(4, "big") + bytes(size)
    source = buffer(max_length=size)
    tracemalloc.start()
    try:
        for at in range(len(encoded) - 1):
            source.feed(encoded[at : at + 1])
            assert source.next_pdu() is None
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A list of single bytes would hold a hundred times as much.
    assert held < 3 * size
    source.feed(encoded[-1:])
    assert source.next_pdu() == (0x04, encoded[6:])
