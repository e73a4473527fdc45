"""Messages that break rules of the encoding, although they can be understood."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGBaseline8Bit

from tests.dimse.test_messages import messages
from trio_dicom import (
    CEchoRequest,
    CStoreRequest,
    EncodedDataSet,
    Message,
    PresentationContext,
    propose,
)
from trio_dicom.lowlevel import (
    AssociationAccept,
    DataTransfer,
    PresentationDataValue,
    encode_command,
)
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION
from trio_dicom.testing import LinkEnd, ScriptedPeer, scripted_peer
from trio_dicom.testing.breaches import of_command_set

ECHO = VERIFICATION.abstract_syntax
REQUEST = propose(
    contexts=[
        VERIFICATION,
        STUDY_ROOT_FIND,
        PresentationContext(CTImageStorage, [JPEGBaseline8Bit]),
    ]
)

Elements = Iterable[tuple[int, int, bytes]]


def us(value: int) -> bytes:
    return struct.pack("<H", value)


CLASS = (0, 0x0002, b"1.2.840.10008.1.1\0")
FIELD = (0, 0x0100, us(0x0030))
MESSAGE = (0, 0x0110, us(7))
NO_DATA = (0, 0x0800, us(0x0101))


def without_group_length(*elements: tuple[int, int, bytes]) -> bytes:
    return b"".join(
        struct.pack("<HHI", group, element, len(value)) + value
        for group, element, value in elements
    )


def command_set(*elements: tuple[int, int, bytes]) -> bytes:
    rest = without_group_length(*elements)
    return without_group_length((0, 0, struct.pack("<I", len(rest)))) + rest


ECHO_REQUEST = command_set(CLASS, FIELD, MESSAGE, NO_DATA)


def p_data(data: bytes = ECHO_REQUEST, *, context_id: int = 1, control: int = 0x03) -> bytes:
    pdv = struct.pack(">IBB", len(data) + 2, context_id, control) + data
    return struct.pack(">BxI", 0x04, len(pdv)) + pdv


A_UID = "expected a UID, padded by one 00H if it is odd"
COMMAND_SETS = {
    "another group length": (
        without_group_length((0, 0, struct.pack("<I", 99)), CLASS, FIELD, MESSAGE, NO_DATA),
        "(0000,0000): expected 56, as so many bytes follow, but got 99",
    ),
    "a group length of two bytes": (
        without_group_length((0, 0, us(56)), CLASS, FIELD, MESSAGE, NO_DATA),
        "(0000,0000): expected 56, as so many bytes follow, but got 2 bytes",
    ),
    "no group length": (
        without_group_length(CLASS, FIELD, MESSAGE, NO_DATA),
        "(0000,0000): expected it first, but (0000,0002) is",
    ),
    "another order": (
        command_set(CLASS, MESSAGE, FIELD, NO_DATA),
        "(0000,0100): expected it in order, but it comes behind (0000,0110)",
    ),
    "an element of a data set": (
        command_set(CLASS, FIELD, MESSAGE, NO_DATA, (8, 5, b"")),
        "(0008,0005): expected none in C-ECHO-RQ, but it is there",
    ),
    "an element of other messages": (
        command_set(CLASS, FIELD, MESSAGE, (0, 0x0700, us(0)), NO_DATA),
        "(0000,0700): expected none in C-ECHO-RQ, but it is there",
    ),
    "an odd UID": (
        command_set((0, 2, b"1.2.840.10008.1.1"), FIELD, MESSAGE, NO_DATA),
        "(0000,0002): expected an even length, but got 17 bytes",
    ),
    "a UID with a space": (
        command_set((0, 2, b"1.2.840.10008.1.1 "), FIELD, MESSAGE, NO_DATA),
        f"(0000,0002): {A_UID}, but got '1.2.840.10008.1.1 '",
    ),
    "a UID padded twice": (
        command_set((0, 2, b"1.2.840.10008.11\0\0"), FIELD, MESSAGE, NO_DATA),
        f"(0000,0002): {A_UID}, but got '1.2.840.10008.11\\x00\\x00'",
    ),
    "a UID that is too long": (
        command_set((0, 2, b"1" * 66), FIELD, MESSAGE, NO_DATA),
        f"(0000,0002): {A_UID}, but got '{'1' * 66}'",
    ),
}


@pytest.mark.parametrize(("data", "line"), COMMAND_SETS.values(), ids=COMMAND_SETS)
def test_what_is_wrong_with_a_command_set_is_told(data: bytes, line: str) -> None:
    assert [*of_command_set(data, CEchoRequest(message_id=7))] == [line]


def test_a_uid_in_a_command_set_may_be_empty() -> None:
    data = command_set((0, 2, b""), FIELD, MESSAGE, NO_DATA)
    assert [*of_command_set(data, CEchoRequest(message_id=7))] == []


@given(messages())
def test_nothing_is_wrong_with_ours(message: Message) -> None:
    for has_data_set in {False, message.may_have_data_set}:
        data = encode_command(message, has_data_set=has_data_set)
        assert [*of_command_set(data, message)] == []


async def begun(stream: LinkEnd, peer: ScriptedPeer) -> None:
    await stream.send_all(REQUEST.encode())
    await peer.accept(
        refuse=(STUDY_ROOT_FIND.abstract_syntax,),
        transfer_syntaxes=[ExplicitVRLittleEndian, JPEGBaseline8Bit],
        max_length=4096,
    )


DATA_TRANSFERS = {
    "a context that was never proposed": (
        p_data(context_id=9),
        "context 9: expected one that was accepted (1, 5)",
    ),
    "a context that was refused": (
        p_data(context_id=3),
        "context 3: expected one that was accepted (1, 5)",
    ),
    "bits of the message control header": (
        p_data(control=0xF3),
        "message control header: expected 03H, but got F3H",
    ),
    "an odd fragment": (
        p_data(ECHO_REQUEST[:17], control=0x01),
        "fragment: expected an even length, but got 17 bytes",
    ),
    "a PDU that is too long": (
        p_data(bytes(4092), control=0x01),
        "length: expected 4096 bytes at most, but got 4098",
    ),
}


@pytest.mark.parametrize(("data", "line"), DATA_TRANSFERS.values(), ids=DATA_TRANSFERS)
async def test_what_is_wrong_with_a_p_data_tf_fails_the_script(data: bytes, line: str) -> None:
    async with scripted_peer() as (stream, peer):
        await begun(stream, peer)
        await stream.send_all(data)
        with pytest.raises(AssertionError) as wrong:
            await peer.expect_message(CEchoRequest)
    assert str(wrong.value).splitlines() == [
        "expected CEchoRequest, but the DataTransfer breaks rules:",
        f"  {line}",
    ]


async def test_of_several_fragments_it_is_told_which_are_wrong() -> None:
    fragments = [
        PresentationDataValue(context_id=it, is_command=True, is_last=False, data=bytes(size))
        for it, size in ((1, 4), (3, 6), (7, 5))
    ]
    data = bytearray(DataTransfer(tuple(fragments)).encode())
    data[6 + 6 + 4 + 5] |= 0x80  # the control header of the second
    async with scripted_peer() as (stream, peer):
        await begun(stream, peer)
        await stream.send_all(data)
        with pytest.raises(AssertionError) as wrong:
            await peer.receive_message()
    assert str(wrong.value).splitlines() == [
        "expected a message, but the DataTransfer breaks rules:",
        "  context 3: expected one that was accepted (1, 5)",
        "  message control header: expected 01H, but got 81H",
        "  context 7: expected one that was accepted (1, 5)",
        "  fragment: expected an even length, but got 5 bytes",
    ]


async def test_a_command_set_that_is_wrong_fails_the_script_with_all_that_is() -> None:
    async with scripted_peer() as (stream, peer):
        await begun(stream, peer)
        await stream.send_all(p_data(without_group_length(CLASS, MESSAGE, FIELD, NO_DATA)))
        with pytest.raises(AssertionError) as wrong:
            await peer.expect_message(CEchoRequest)
    assert str(wrong.value).splitlines() == [
        "the command set of CEchoRequest breaks rules:",
        "  (0000,0000): expected it first, but (0000,0002) is",
        "  (0000,0100): expected it in order, but it comes behind (0000,0110)",
    ]


async def test_a_script_that_is_not_strict_takes_what_it_understands() -> None:
    async with scripted_peer() as (stream, peer):
        peer.is_strict = False
        await begun(stream, peer)
        broken = without_group_length(CLASS, MESSAGE, FIELD, NO_DATA)
        await stream.send_all(p_data(broken, context_id=3, control=0xF3))
        assert await peer.expect_message(CEchoRequest) == CEchoRequest(message_id=7)


async def test_without_a_negotiation_every_context_goes() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(p_data(context_id=9))
        await peer.expect_message(CEchoRequest)
        assert peer.last_context_id == 9


async def test_where_none_was_accepted_none_goes() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(propose(contexts=[VERIFICATION]).encode())
        await peer.accept(refuse=(ECHO,))
        await stream.send_all(p_data())
        with pytest.raises(AssertionError, match=r"context 1: expected .* accepted \(none was\)"):
            await peer.expect_message(CEchoRequest)


async def test_a_script_on_the_calling_side_knows_what_was_agreed_as_well() -> None:
    async with scripted_peer() as (stream, peer):
        client = ScriptedPeer(stream)
        await client.send(REQUEST)
        await peer.accept(refuse=(STUDY_ROOT_FIND.abstract_syntax,), max_length=64)
        await client.expect(AssociationAccept)
        data_set = Dataset()
        data_set.PatientID = "1"
        instance = CStoreRequest(
            message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid="1.2", data_set=data_set
        )
        await client.send_message(instance, context_id=5, max_fragment=58)
        stored = await peer.expect_message(CStoreRequest, data_set=data_set)
        assert isinstance(stored.data_set, EncodedDataSet)
        assert stored.data_set.transfer_syntax == JPEGBaseline8Bit
        await peer.send_message(CEchoRequest(message_id=1), context_id=3)
        with pytest.raises(AssertionError, match="context 3: expected one that was accepted"):
            await client.receive_message()
