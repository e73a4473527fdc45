"""A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT, byte for byte."""

from __future__ import annotations

import pytest

from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.pdus import Pdu, decode_pdu, encode_pdu
from trio_dicom.errors import PDUError
from trio_dicom.reasons import (
    AbortReason,
    AbortSource,
    RejectReason,
    RejectResult,
    RejectSource,
)

REJECT_REASONS = [
    (1, 1, RejectReason.USER_NO_REASON_GIVEN),
    (1, 2, RejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED),
    (1, 3, RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED),
    (1, 7, RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED),
    (2, 1, RejectReason.ACSE_NO_REASON_GIVEN),
    (2, 2, RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED),
    (3, 1, RejectReason.TEMPORARY_CONGESTION),
    (3, 2, RejectReason.LOCAL_LIMIT_EXCEEDED),
]
NAMED_REASONS = {(source, code) for source, code, _ in REJECT_REASONS}

ABORT_REASONS = [
    (0, AbortReason.NOT_SPECIFIED),
    (1, AbortReason.UNRECOGNIZED_PDU),
    (2, AbortReason.UNEXPECTED_PDU),
    (4, AbortReason.UNRECOGNIZED_PDU_PARAMETER),
    (5, AbortReason.UNEXPECTED_PDU_PARAMETER),
    (6, AbortReason.INVALID_PDU_PARAMETER_VALUE),
]


@pytest.mark.parametrize("result", list(RejectResult))
@pytest.mark.parametrize("source, code, reason", REJECT_REASONS)
@pytest.mark.scenario("B02")
def test_each_source_and_reason_of_a_rejection_has_its_own_name_and_bytes(
    result: RejectResult, source: int, code: int, reason: RejectReason
) -> None:
    encoded = bytes((3, 0, 0, 0, 0, 4, 0, result, source, code))
    reject = AssociationReject(result=result, reason=reason)
    assert reject.encode() == encoded
    assert decode_pdu(encoded) == reject
    assert reject.reason.source is RejectSource(source)


@pytest.mark.scenario("B02")
def test_reason_1_of_the_user_is_not_reason_1_of_the_provider() -> None:
    of_user = decode_pdu(bytes.fromhex("03 00 00000004 00 01 01 01"))
    of_acse = decode_pdu(bytes.fromhex("03 00 00000004 00 01 02 01"))
    of_presentation = decode_pdu(bytes.fromhex("03 00 00000004 00 01 03 01"))
    assert len({of_user, of_acse, of_presentation}) == 3


@pytest.mark.scenario("B02")
@pytest.mark.pitfall(33)
def test_any_rejection_decodes_and_encodes_to_the_same_bytes() -> None:
    for source in range(256):
        for code in range(256):
            encoded = bytes((3, 0, 0, 0, 0, 4, 0, code, source, code))
            reject = decode_pdu(encoded)
            assert isinstance(reject, AssociationReject)
            assert (reject.reason.source, reject.reason.code) == (source, code)
            assert reject.reason.name.startswith("RESERVED_") is (
                (source, code) not in NAMED_REASONS
            )
            assert reject.encode() == encoded


@pytest.mark.parametrize("code, reason", ABORT_REASONS)
@pytest.mark.parametrize("source", [AbortSource.USER, AbortSource.PROVIDER])
def test_each_source_and_reason_of_an_abort_has_its_own_name_and_bytes(
    source: AbortSource, code: int, reason: AbortReason
) -> None:
    encoded = bytes((7, 0, 0, 0, 0, 4, 0, 0, source, code))
    assert Abort(source, reason).encode() == encoded
    assert decode_pdu(encoded) == Abort(source, reason)


@pytest.mark.pitfall(33)
def test_any_abort_decodes_and_encodes_to_the_same_bytes() -> None:
    for source in range(256):
        encoded = bytes((7, 0, 0, 0, 0, 4, 0, 0, source, 255 - source))
        assert encode_pdu(decode_pdu(encoded)) == encoded


def test_an_abort_of_the_user_needs_no_reason() -> None:
    assert Abort(AbortSource.USER).encode() == bytes.fromhex("07 00 00000004 00 00 00 00")


@pytest.mark.parametrize(
    "pdu, encoded",
    [
        (ReleaseRequest(), "05 00 00000004 00000000"),
        (ReleaseResponse(), "06 00 00000004 00000000"),
    ],
)
def test_release_is_four_reserved_bytes(pdu: Pdu, encoded: str) -> None:
    assert encode_pdu(pdu) == bytes.fromhex(encoded)
    assert decode_pdu(bytes.fromhex(encoded)) == pdu


@pytest.mark.pitfall(16)
@pytest.mark.parametrize(
    "encoded, pdu",
    [
        (
            "03 FF 00000004 FF 01 01 07",
            AssociationReject(
                result=RejectResult.PERMANENT, reason=RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
            ),
        ),
        ("05 FF 00000004 FFFFFFFF", ReleaseRequest()),
        ("06 FF 00000004 FFFFFFFF", ReleaseResponse()),
        ("07 FF 00000004 FFFF 02 06", Abort(AbortSource.PROVIDER, AbortReason(6))),
    ],
)
def test_reserved_bytes_are_ignored(encoded: str, pdu: Pdu) -> None:
    assert decode_pdu(bytes.fromhex(encoded)) == pdu


@pytest.mark.parametrize("length", [0, 3, 5, 100])
@pytest.mark.parametrize("pdu_type", [3, 5, 6, 7])
def test_a_short_pdu_of_another_length_than_4_is_refused(pdu_type: int, length: int) -> None:
    with pytest.raises(PDUError, match=f"has {length} bytes instead of 4"):
        decode_pdu(bytes((pdu_type, 0, 0, 0, 0, length)) + bytes(length))


def test_a_code_that_no_byte_can_hold_is_refused() -> None:
    with pytest.raises(PDUError, match="source of an abort 256"):
        Abort(AbortSource(256)).encode()
    with pytest.raises(PDUError, match="abort reason 256"):
        Abort(AbortSource.PROVIDER, AbortReason(256)).encode()
    with pytest.raises(PDUError, match="result of a rejection 256"):
        AssociationReject(
            result=RejectResult(256), reason=RejectReason.USER_NO_REASON_GIVEN
        ).encode()
