"""P-DATA-TF, byte for byte, and the lengths that lie in it."""

from __future__ import annotations

import pytest

from trio_dicom._wire.data import MOST_PDVS, DataTransfer, PresentationDataValue
from trio_dicom._wire.header import PduType, encode_header
from trio_dicom._wire.pdus import decode_pdu
from trio_dicom.errors import PDUError

COMMAND = PresentationDataValue(context_id=1, is_command=True, is_last=True, data=b"\x01\x02\x03")
DATA = PresentationDataValue(context_id=255, is_command=False, is_last=False, data=b"\xff")


def p_data(pdvs: str) -> bytes:
    body = bytes.fromhex(pdvs)
    return encode_header(PduType.P_DATA_TF, len(body)) + body


@pytest.mark.parametrize(
    "is_command, is_last, control",
    [(False, False, 0), (True, False, 1), (False, True, 2), (True, True, 3)],
)
def test_the_message_control_header_has_two_bits(
    is_command: bool, is_last: bool, control: int
) -> None:
    pdv = PresentationDataValue(
        context_id=3, is_command=is_command, is_last=is_last, data=b"\xab\xcd"
    )
    encoded = p_data(f"00000004 03 {control:02X} ABCD")
    assert DataTransfer((pdv,)).encode() == encoded
    assert decode_pdu(encoded) == DataTransfer((pdv,))


def test_several_fragments_stand_one_behind_the_other() -> None:
    encoded = bytes.fromhex("04 00 00000010 00000005 01 03 010203 00000003 FF 00 FF")
    assert DataTransfer((COMMAND, DATA)).encode() == encoded
    assert decode_pdu(encoded) == DataTransfer((COMMAND, DATA))


def test_an_empty_fragment_is_a_fragment() -> None:
    empty = PresentationDataValue(context_id=1, is_command=False, is_last=True, data=b"")
    encoded = bytes.fromhex("04 00 00000006 00000002 01 02")
    assert DataTransfer((empty,)).encode() == encoded
    assert decode_pdu(encoded) == DataTransfer((empty,))


def test_a_fragment_can_be_a_view() -> None:
    view = memoryview(b"\x00\x01\x02\x03")[1:3]
    pdv = PresentationDataValue(context_id=1, is_command=False, is_last=True, data=view)
    assert DataTransfer((pdv,)).encode() == bytes.fromhex("04 00 00000008 00000004 01 02 0102")


def test_a_decoded_fragment_is_a_view_of_the_pdu() -> None:
    encoded = DataTransfer((COMMAND,)).encode()
    pdu = decode_pdu(encoded)
    assert isinstance(pdu, DataTransfer)
    assert isinstance(pdu.pdvs[0].data, memoryview)
    assert pdu.pdvs[0].data.obj is encoded


def test_the_other_bits_of_the_message_control_header_are_ignored() -> None:
    assert decode_pdu(p_data("00000005 01 FF 010203")) == DataTransfer((COMMAND,))


@pytest.mark.pitfall(26)
def test_an_even_context_id_is_read_for_others_to_judge_and_never_written() -> None:
    pdu = decode_pdu(p_data("00000002 04 00"))
    assert isinstance(pdu, DataTransfer)
    assert pdu.pdvs[0].context_id == 4
    with pytest.raises(PDUError, match="context ID 4 is not odd"):
        pdu.encode()


@pytest.mark.pitfall(25)
@pytest.mark.parametrize("length", [0, 1, 6, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_fragment_whose_length_lies_is_refused(length: int) -> None:
    with pytest.raises(PDUError, match=f"claims {length} bytes where 5 are left"):
        decode_pdu(p_data(f"{length:08X} 01 03 010203"))


@pytest.mark.pitfall(25)
def test_a_length_that_lies_behind_a_right_one_is_refused() -> None:
    with pytest.raises(PDUError, match="claims 4 bytes where 3 are left"):
        decode_pdu(p_data("00000002 01 03 00000004 01 03 FF"))


@pytest.mark.parametrize("rest", ["", "00", "00000002 01"])
def test_bytes_too_few_for_a_fragment_are_refused(rest: str) -> None:
    with pytest.raises(PDUError, match="too few"):
        decode_pdu(p_data(rest))


def test_bytes_too_few_for_a_second_fragment_are_refused() -> None:
    with pytest.raises(PDUError, match="2 bytes are too few"):
        decode_pdu(p_data("00000002 01 03 0000"))


def test_a_transfer_without_fragments_cannot_be_encoded() -> None:
    with pytest.raises(PDUError, match="no presentation data value"):
        DataTransfer(()).encode()


@pytest.mark.pitfall(25)
def test_as_many_empty_fragments_as_one_pdu_may_have_are_taken_and_one_more_is_not() -> None:
    empty = bytes.fromhex("00000002 01 00")
    most = DataTransfer.decode(empty * MOST_PDVS)
    assert len(most.pdvs) == MOST_PDVS
    with pytest.raises(PDUError, match="more than 16384"):
        DataTransfer.decode(empty * (MOST_PDVS + 1))
