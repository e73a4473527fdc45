"""What holds for every PDU alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import mutated, pdus
from trio_dicom._wire.header import PduType, encode_header
from trio_dicom._wire.pdus import Abort, Pdu, ReleaseRequest, decode_body, decode_pdu, encode_pdu
from trio_dicom.errors import PDUError
from trio_dicom.reasons import AbortReason, AbortSource


@given(pdus)
def test_every_pdu_decodes_to_the_value_that_was_encoded(pdu: Pdu) -> None:
    assert decode_pdu(encode_pdu(pdu)) == pdu


@given(pdus)
def test_what_was_decoded_encodes_to_the_same_bytes(pdu: Pdu) -> None:
    encoded = encode_pdu(pdu)
    assert encode_pdu(decode_pdu(encoded)) == encoded


@given(pdus)
def test_a_view_decodes_like_bytes(pdu: Pdu) -> None:
    assert decode_pdu(memoryview(encode_pdu(pdu))) == pdu


@given(pdus)
def test_a_body_of_bytes_decodes_like_the_whole_pdu(pdu: Pdu) -> None:
    encoded = encode_pdu(pdu)
    assert decode_body(encoded[0], encoded[6:]) == pdu


@given(pdus)
def test_equal_pdus_have_equal_hashes(pdu: Pdu) -> None:
    assert hash(decode_pdu(encode_pdu(pdu))) == hash(pdu)


def refuse_or_decode(data: bytes) -> None:
    """Decode; the only error that may come out is the one that says what is wrong."""
    try:
        pdu = decode_pdu(data)
    except PDUError:
        return
    assert pdu.pdu_type == data[0]


@pytest.mark.pitfall(24, 25, 26)
@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_pdu_error(data: bytes) -> None:
    refuse_or_decode(data)


@pytest.mark.pitfall(25, 26)
@given(st.sampled_from(PduType), st.binary(max_size=200))
def test_a_random_body_raises_nothing_but_pdu_error(pdu_type: PduType, body: bytes) -> None:
    refuse_or_decode(encode_header(pdu_type, len(body)) + body)


@pytest.mark.pitfall(25, 26)
@given(st.sampled_from((PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC)), st.binary(max_size=200))
def test_random_items_raise_nothing_but_pdu_error(pdu_type: PduType, items: bytes) -> None:
    body = bytes(68) + items
    refuse_or_decode(encode_header(pdu_type, len(body)) + body)


@pytest.mark.pitfall(25, 26)
@given(mutated(pdus.map(encode_pdu)))
def test_a_damaged_pdu_raises_nothing_but_pdu_error(data: bytes) -> None:
    refuse_or_decode(data)


@pytest.mark.pitfall(25, 26)
@given(mutated(pdus.map(lambda pdu: encode_pdu(pdu)[6:])), st.sampled_from(PduType))
def test_a_damaged_body_under_a_right_header_raises_nothing_but_pdu_error(
    body: bytes, pdu_type: PduType
) -> None:
    refuse_or_decode(encode_header(pdu_type, len(body)) + body)


@given(pdus, st.data())
def test_a_pdu_cut_short_is_refused(pdu: Pdu, data: st.DataObject) -> None:
    encoded = encode_pdu(pdu)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(PDUError):
        decode_pdu(encoded[:cut])


@given(pdus)
def test_bytes_behind_a_pdu_are_refused(pdu: Pdu) -> None:
    with pytest.raises(PDUError, match="follow"):
        decode_pdu(encode_pdu(pdu) + b"\0")


@pytest.mark.pitfall(24)
@pytest.mark.parametrize("code", [0x00, 0x08, 0x15, 0x47, 0x48, 0xFF])
def test_an_unknown_type_is_named_as_the_reason_to_abort(code: int) -> None:
    with pytest.raises(PDUError, match=f"{code:02X}H is not a PDU type") as refused:
        decode_pdu(bytes((code, 0, 0, 0, 0, 0)))
    assert refused.value.reason is AbortReason.UNRECOGNIZED_PDU
    with pytest.raises(PDUError) as refused:
        decode_body(code, b"")
    assert refused.value.reason is AbortReason.UNRECOGNIZED_PDU


def test_a_wrong_value_is_an_invalid_parameter() -> None:
    with pytest.raises(PDUError) as refused:
        decode_pdu(bytes.fromhex("05 00 00000005 00000000 00"))
    assert refused.value.reason is AbortReason.INVALID_PDU_PARAMETER_VALUE


def test_the_reserved_byte_of_the_header_is_ignored() -> None:
    assert decode_pdu(bytes.fromhex("05 FF 00000004 00000000")) == ReleaseRequest()


def test_a_pdu_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="too few"):
        decode_pdu(b"\x01")


def test_a_pdu_that_four_bytes_cannot_measure_is_refused() -> None:
    assert encode_header(PduType.P_DATA_TF, 2**32 - 1) == bytes.fromhex("04 00 FFFFFFFF")
    with pytest.raises(PDUError, match="longer than a PDU can be"):
        encode_header(PduType.P_DATA_TF, 2**32)


def test_pdus_of_different_types_differ() -> None:
    assert Abort(AbortSource.USER) != ReleaseRequest()
