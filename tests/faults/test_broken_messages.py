"""What a peer may say wrong on an association: each is refused, or taken as it was meant.

The same bytes go to a client of ours and to a receiver of ours. What they answer is compared
byte by byte.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import frozen

from tests.faults.sides import CT_ID, RECEIVER, REFUSED_ID, SIDES, associated
from tests.faults.wire import (
    COMMAND,
    DATA,
    ECHO,
    ECHO_REQUEST,
    FIND_REQUEST,
    LAST,
    NO_DATA_SET,
    STORE_REQUEST,
    abort,
    command,
    element,
    p_data,
    pdu,
    pdv,
    said,
    u16,
    ui,
)
from tests.io.recording import CT
from tests.operations.getting import files_in
from trio_dicom import ConnectionOptions, Limits, RemoteProtocolError

UNRECOGNIZED, INVALID = abort(2, 1), abort(2, 6)  # by the provider (PS3.8 Table 9-26)
BY_USER = abort(0, 0)

OPTIONS = ConnectionOptions(
    limits=Limits(pdu_length=1_000_000, command_set=2000, data_set=100_000, instance=200_000)
)
WHOLE_ECHO = command(ECHO_REQUEST)
WHOLE_STORE = command(STORE_REQUEST)
RESPONSE = {
    0x0002: ui(ECHO),
    0x0100: u16(0x8030),
    0x0120: u16(999),
    0x0800: NO_DATA_SET,
    0x0900: u16(0),
}
CANCEL = {0x0100: u16(0x0FFF), 0x0120: u16(999), 0x0800: NO_DATA_SET}


def without(fields: dict[int, bytes], number: int) -> dict[int, bytes]:
    return {key: value for key, value in fields.items() if key != number}


@frozen
class Case:
    """What the peer says, and what comes of it."""

    pitfall: int
    what: str
    bytes: bytes
    abort: bytes
    why: str

    def __str__(self) -> str:
        return f"{self.pitfall}: {self.what}"


def one(data: bytes, control: int = COMMAND | LAST, context_id: int = 1, **lie: int) -> bytes:
    return p_data(pdv(context_id, control, data, **lie))


def bytewise(at: int) -> bytes:
    is_last = at == len(WHOLE_ECHO) - 1
    return one(WHOLE_ECHO[at : at + 1], COMMAND | LAST if is_last else COMMAND)


HEADERS = [
    Case(24, "4 GiB of P-DATA", b"\4\0\xff\xff\xff\xff", INVALID, "4294967295 bytes is refused"),
    Case(24, "one byte too much", pdu(4, length=1_000_001), INVALID, "1000001 bytes is refused"),
    Case(24, "4 GiB of A-ASSOCIATE-RQ", b"\1\0\xff\xff\xff\xff", INVALID, "ASSOCIATE_RQ of"),
    Case(24, "an A-RELEASE-RQ of 5", pdu(5, bytes(5)), INVALID, "RELEASE_RQ of 5 bytes"),
    Case(24, "an A-RELEASE-RP of 3", pdu(6, bytes(3)), INVALID, "RELEASE_RP of 3 bytes"),
    Case(24, "an A-ABORT of 1 GiB", pdu(7, length=1 << 30), INVALID, "ABORT of 1073741824"),
    Case(24, "HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n", UNRECOGNIZED, "48H is not a PDU type"),
    Case(24, "GET", b"GET / HTTP/1.1\r\n\r\n", UNRECOGNIZED, "47H is not a PDU type"),
    Case(24, "SSH", b"SSH-2.0-OpenSSH_9.2\r\n", UNRECOGNIZED, "53H is not a PDU type"),
    Case(24, "a TLS client hello", b"\x16\3\1\2\0\1\0\1\xfc\3\3", UNRECOGNIZED, "16H is not a PDU"),
    Case(24, "a TLS alert", b"\x15\3\3\0\2\2\x28", UNRECOGNIZED, "15H is not a PDU type"),
    Case(24, "PDU type 0", pdu(0), UNRECOGNIZED, "00H is not a PDU type"),
    Case(24, "PDU type 8", pdu(8), UNRECOGNIZED, "08H is not a PDU type"),
    Case(24, "PDU type FF", b"\xff" * 6, UNRECOGNIZED, "FFH is not a PDU type"),
]
FRAGMENTS = [
    Case(25, "P-DATA without a PDV", p_data(), INVALID, "0 bytes are too few"),
    Case(25, "half a PDV header", p_data(bytes(5)), INVALID, "5 bytes are too few"),
    *[
        Case(25, f"PDV length {size}", one(b"ab", length=size), INVALID, f"claims {size} bytes")
        for size in (0, 1, 5, 7, 1000, 1 << 31, (1 << 32) - 1)
        if size != 5
    ],
    Case(25, "a PDV length that is too small", one(b"abcdef", length=4), INVALID, "too few"),
    Case(
        25,
        "a lie behind a right PDV",
        p_data(pdv(1, COMMAND, WHOLE_ECHO[:8]), pdv(1, COMMAND, b"", length=99)),
        INVALID,
        "claims 99 bytes",
    ),
    Case(25, "16,385 PDVs in a PDU", p_data(*[pdv(1, COMMAND)] * 16_385), INVALID, "more than"),
    Case(25, "65 PDUs with nothing in them", one(b"", COMMAND) * 65, BY_USER, "endless empty"),
    Case(25, "64 and 1 PDVs", p_data(*[pdv(1, COMMAND)] * 65), BY_USER, "endless empty"),
    Case(
        25,
        "a data set in empty fragments",
        said(WHOLE_STORE, 3, CT_ID) + one(b"", DATA, CT_ID) * 65,
        BY_USER,
        "endless empty",
    ),
    *[
        Case(26, f"context {it}", one(WHOLE_ECHO, 3, it), INVALID, f"context {it}, which")
        for it in (0, 2, 7, 255)
    ],
    Case(28, "a refused context", one(WHOLE_ECHO, 3, REFUSED_ID), INVALID, "context 5, which"),
]
COMMANDS = [
    Case(27, "no end", one(bytes(1000), COMMAND) * 3, BY_USER, "more than 2000 bytes"),
    Case(27, "nothing in it", one(b""), BY_USER, "command field"),
    Case(27, "an element cut", one(WHOLE_ECHO[:-1]), BY_USER, r"claims 2 of 1 bytes"),
    Case(27, "a header cut", one(WHOLE_ECHO[:-5]), BY_USER, "ends inside an element"),
    Case(
        27,
        "an element of 4 GiB",
        one(element(0, b"\0\0\0\0") + element(2, b"ab", length=0xFFFF_FFFF)),
        BY_USER,
        "claims 4294967295 of 2 bytes",
    ),
    Case(27, "a data set in its place", one(element(0x16, ui(CT), group=8)), BY_USER, "0008,0016"),
    Case(
        27,
        "an element twice",
        one(WHOLE_ECHO + element(0x0110, u16(78))),
        BY_USER,
        "comes twice",
    ),
    *[
        Case(
            27,
            f"a message ID of {size} bytes",
            one(command(ECHO_REQUEST | {0x0110: bytes(size)})),
            BY_USER,
            "US of|message_id",
        )
        for size in (0, 1, 3, 4)
    ],
    *[
        Case(
            27,
            f"no {number:04X}",
            one(command(without(STORE_REQUEST, number)), 3, CT_ID),
            BY_USER,
            what,
        )
        for number, what in (
            (0x0100, "command field"),
            (0x0110, "message_id"),
            (0x0002, "sop_class_uid"),
            (0x1000, "sop_instance_uid"),
        )
    ],
    *[
        Case(
            27,
            f"command field {code:04X}",
            one(command(ECHO_REQUEST | {0x0100: u16(code)})),
            BY_USER,
            f"{code:04X}H|command field",
        )
        for code in (0x0000, 0x0002, 0x0031, 0x8002, 0xFFFF)
    ],
]
ORDER = [
    Case(28, "data first", one(b"ab", DATA), BY_USER, "without a command set"),
    Case(
        28,
        "data in a command set",
        one(WHOLE_ECHO[:8], COMMAND) + one(b"ab", DATA),
        BY_USER,
        "without",
    ),
    Case(28, "data that was not announced", one(WHOLE_ECHO) + one(b"ab", DATA), BY_USER, "without"),
    Case(
        28,
        "a command where data should come",
        one(WHOLE_STORE, 3, CT_ID) + one(WHOLE_ECHO, 3, CT_ID),
        BY_USER,
        "where the data set should go on",
    ),
    Case(
        28,
        "a command amid data",
        one(WHOLE_STORE, 3, CT_ID) + one(b"ab", DATA, CT_ID) + one(WHOLE_ECHO, 3, CT_ID),
        BY_USER,
        "where the data set should go on",
    ),
    Case(
        28,
        "contexts interleaved",
        one(WHOLE_STORE, 3, CT_ID) + one(WHOLE_ECHO, 3, 1),
        BY_USER,
        "fragment on context 1 inside a message on 3",
    ),
    Case(
        28,
        "a command set on two contexts",
        one(WHOLE_ECHO[:8], COMMAND, 1) + one(WHOLE_ECHO[8:], 3, CT_ID),
        BY_USER,
        "fragment on context 3 inside a message on 1",
    ),
    Case(
        29,
        "a data set without end",
        one(command(FIND_REQUEST), 3, CT_ID) + one(bytes(10_000), DATA, CT_ID) * 11,
        BY_USER,
        "more than 100000 bytes",
    ),
    Case(
        29,
        "an instance without end",
        one(WHOLE_STORE, 3, CT_ID) + one(bytes(10_000), DATA, CT_ID) * 21,
        BY_USER,
        "more than 200000 bytes",
    ),
]
CASES = [*HEADERS, *FRAGMENTS, *COMMANDS, *ORDER]


@pytest.mark.pitfall(24, 25, 26, 27, 28, 29)
@pytest.mark.scenario("B43")
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_fault_is_aborted_in_the_name_of_whoever_found_it(side: str, case: Case) -> None:
    async with associated(side, options=OPTIONS) as ours:
        await ours.says(case.bytes)
        assert await ours.last_words() == case.abort
    error = ours.error
    assert isinstance(error, RemoteProtocolError)
    assert bytes((error.abort_source, error.abort_reason)) == case.abort[-2:]
    assert re.search(case.why, str(error))


ODD = [
    ("a wrong group length", one(command(ECHO_REQUEST, group_length=7)), 0x0000),
    ("no group length", one(WHOLE_ECHO[12:]), 0x0000),
    (
        "elements in another order",
        one(command(dict(sorted(ECHO_REQUEST.items(), reverse=True)))),
        0x0000,
    ),
    ("an element that nobody knows", one(command(ECHO_REQUEST | {0x5180: b"abc "})), 0x0000),
    ("a UID with a space", one(command(ECHO_REQUEST | {2: ECHO.encode() + b" "})), 0x0000),
    ("a UID with many NULs", one(command(ECHO_REQUEST | {2: ECHO.encode() + b"\0" * 5})), 0x0000),
    ("64 empty fragments", one(b"", COMMAND) * 64 + one(WHOLE_ECHO), 0x0000),
    ("reserved bits of a PDV", one(WHOLE_ECHO, 0xFF), 0x0000),
    ("a reserved byte of a PDU", b"\4\xff" + one(WHOLE_ECHO)[2:], 0x0000),
    ("one byte at a time", b"".join(map(bytewise, range(len(WHOLE_ECHO)))), 0x0000),
    (
        "command and data in one PDU",
        p_data(pdv(CT_ID, 3, command(FIND_REQUEST)), pdv(CT_ID, 2, b"ab")),
        0x0211,
    ),
    (
        "a service that we do not have",
        one(command(FIND_REQUEST), 3, CT_ID) + one(b"ab", LAST, CT_ID),
        0x0211,
    ),
    (
        "an instance without a data set",
        one(command(STORE_REQUEST | {0x0800: NO_DATA_SET}), 3, CT_ID),
        -1,
    ),
    ("an empty data set", one(WHOLE_STORE, 3, CT_ID) + one(b"", LAST, CT_ID), -1),
    ("an answer to nothing", one(command(RESPONSE)), None),
    ("a pending answer to nothing", one(command(RESPONSE | {0x0900: u16(0xFF00)})), None),
    ("a cancel of nothing", one(command(CANCEL)), None),
]
"""What is odd and clear all the same, and the status of the answer.

None: there is no answer. -1: it says more about who keeps instances than about the peer.
"""


@pytest.mark.pitfall(16, 18, 25, 27, 28)
@pytest.mark.scenario("B27", "B45")
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("what, data, status", ODD, ids=[it[0] for it in ODD])
async def test_what_is_odd_but_clear_is_taken(
    side: str, what: str, data: bytes, status: int | None
) -> None:
    async with associated(side, options=OPTIONS) as ours:
        await ours.says(data)
        if status is not None:
            answer = await ours.hears_pdu()
            assert answer[0] == 4
            if status != -1:
                assert answer.endswith(element(0x0900, u16(status)))
        assert await ours.lives()
        assert ours.errors == []


@pytest.mark.scenario("B52")
async def test_an_inbox_refuses_an_instance_without_a_data_set(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    async with associated(RECEIVER, into=inside) as ours:
        await ours.says(one(command(STORE_REQUEST | {0x0800: NO_DATA_SET}), 3, CT_ID))
        answer = await ours.hears_pdu()
        assert element(0x0900, u16(0xC000)) in answer
        assert element(0x0902, b"there is no data set") in answer
        assert await ours.lives()
        assert ours.log == []
    assert files_in(inside) == []
