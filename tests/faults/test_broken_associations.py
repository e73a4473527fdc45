"""Association requests and answers that lie, repeat themselves, or say what nobody asked for."""

from __future__ import annotations

import re

import pytest
from attrs import frozen

from tests.faults.sides import CLIENT, RECEIVER, asked
from tests.faults.wire import (
    ECHO,
    abort,
    answered,
    associate,
    item,
    pdu,
    proposed,
    text,
    user_information,
)
from tests.io.recording import CT
from trio_dicom import ConnectionOptions, Limits, RemoteProtocolError

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
INVALID = abort(2, 6)
BY_USER = abort(0, 0)  # before a request it speaks for the user (PS3.8 Table 9-10, Sta2)
OPTIONS = ConnectionOptions(limits=Limits(associate_length=100_000))
USER = user_information()
APPLICATION_ITEM = text(0x10, "1.2.840.10008.3.1.1.1")


@frozen
class Case:
    """What the peer says first, and what is wrong with it."""

    what: str
    bytes: bytes
    why: str

    def __str__(self) -> str:
        return self.what


def accepting(*contexts: bytes, user: bytes = USER, **more: bytes) -> bytes:
    return associate(2, [*contexts, user], **more)


def asking(*contexts: bytes, user: bytes = USER, **more: bytes) -> bytes:
    return associate(1, [*contexts, user], **more)


def framed(pdu_type: int) -> list[Case]:
    """Lengths of the PDU itself."""
    name = {1: "ASSOCIATE_RQ", 2: "ASSOCIATE_AC"}[pdu_type]
    return [
        Case("a length of 0", pdu(pdu_type), f"{name}: 2 bytes should follow"),
        Case("a length of 67", pdu(pdu_type, bytes(67)), f"{name}: 32 bytes should follow"),
        Case("one byte too long", pdu(pdu_type, length=100_001), f"{name} of 100001 bytes"),
        Case("4 GiB", pdu(pdu_type, length=0xFFFF_FFFF), f"{name} of 4294967295 bytes"),
    ]


def with_lies(pdu_type: int) -> list[Case]:
    """Each length inside of it in turn, too long for what is around it."""
    proposal = pdu_type == 1
    whole = associate(
        pdu_type,
        [
            proposed(1, ECHO, EXPLICIT) if proposal else answered(1, EXPLICIT),
            user_information(item(0x55, b"NAME"), item(0x54, b"\0\x031.2\1\1")),
        ],
    )
    places = {
        "the application context": whole.index(APPLICATION_ITEM),
        "a presentation context": whole.index(b"\x20\0\0" if proposal else b"\x21\0\0", 74),
        "a transfer syntax": whole.index(b"\x40\0"),
        "the user information": whole.index(b"\x50\0\0"),
        "the maximum length": whole.index(b"\x51\0\0\4"),
        "a version name": whole.index(b"\x55\0\0\4"),
        "a role selection": whole.index(b"\x54\0\0\7"),
    }
    if proposal:
        places["an abstract syntax"] = whole.index(b"\x30\0")
    return [
        Case(
            f"{what} of 65,535 bytes",
            whole[: at + 2] + b"\xff\xff" + whole[at + 4 :],
            "65535 bytes should follow",
        )
        for what, at in places.items()
    ] + [
        Case(
            "a UID inside a role selection of 65,535 bytes",
            whole.replace(b"\x54\0\0\7\0\3", b"\x54\0\0\7\xff\xff"),
            "65535 bytes should follow",
        ),
        Case("a maximum length of 2 bytes", asso(pdu_type, item(0x51, b"ab")), "bytes should"),
        Case("a window of 3 bytes", asso(pdu_type, USER[4:], item(0x53, b"abc")), "bytes should"),
    ]


def asso(pdu_type: int, *user_items: bytes) -> bytes:
    first = proposed(1, ECHO) if pdu_type == 1 else answered(1)
    return associate(pdu_type, [first, item(0x50, b"".join(user_items))])


def repeated(pdu_type: int) -> list[Case]:
    first = proposed(1, ECHO) if pdu_type == 1 else answered(1)
    return [
        Case(
            "two application contexts",
            associate(pdu_type, [APPLICATION_ITEM, first, USER]),
            "item 10H comes twice",
        ),
        Case("two user informations", associate(pdu_type, [first, USER, USER]), "50H comes twice"),
    ]


def tiny(pdu_type: int) -> list[Case]:
    first = proposed(1, ECHO) if pdu_type == 1 else answered(1)
    return [
        Case(
            f"a maximum length of {length}",
            associate(pdu_type, [first, user_information(max_length=length)]),
            "no fragment fits",
        )
        for length in range(1, 8)
    ]


ANSWERS = [
    *framed(2),
    *with_lies(2),
    *repeated(2),
    *tiny(2),
    Case("a context twice", accepting(answered(1), answered(1)), "twice"),
    Case("accepted and refused", accepting(answered(1), answered(1, result=3)), "twice"),
    Case("an even context", accepting(answered(2)), "context 2 is accepted"),
    Case("context 0", accepting(answered(0)), "context 0 is accepted"),
    Case("a context of ours", accepting(answered(255)), "context 255 is accepted"),
    Case("two syntaxes", accepting(answered(1, EXPLICIT, IMPLICIT)), "2 transfer"),
    Case("another syntax", accepting(answered(1, "1.2.3")), "'1.2.3', which was not"),
]
REQUESTS = [
    *framed(1),
    *with_lies(1),
    *repeated(1),
    *tiny(1),
    Case("a context twice", asking(proposed(1, ECHO), proposed(1, CT)), "context 1 is proposed"),
    Case("an even context", asking(proposed(2, ECHO)), "context 2 is not odd"),
    Case("context 0", asking(proposed(0, ECHO)), "context 0 is not odd"),
    Case(
        "129 contexts",
        asking(*[proposed(2 * number + 1 & 0xFF, ECHO) for number in range(129)]),
        "context 1 is proposed twice",
    ),
    Case("no abstract syntax", asking(proposed(1, None)), "0 abstract"),
    Case("two", asking(proposed(1, ECHO)[:-25] + text(0x30, CT)), "65535|should follow|abstract"),
    Case(
        "no transfer syntax",
        asking(item(0x20, b"\1\0\0\0" + text(0x30, ECHO))),
        "0 transfer syntaxes",
    ),
]


@pytest.mark.pitfall(16, 24, 26)
@pytest.mark.scenario("B43")
@pytest.mark.parametrize("case", ANSWERS, ids=str)
async def test_an_answer_that_lies_is_aborted_and_no_association(case: Case) -> None:
    async with asked(CLIENT, options=OPTIONS) as ours:
        await ours.says(case.bytes)
        assert await ours.last_words() == INVALID
    assert isinstance(ours.error, RemoteProtocolError)
    assert re.search(case.why, str(ours.error))


@pytest.mark.pitfall(16, 24, 26)
@pytest.mark.scenario("B43")
@pytest.mark.parametrize("case", REQUESTS, ids=str)
async def test_a_request_that_lies_is_aborted_and_no_association(case: Case) -> None:
    async with asked(RECEIVER, options=OPTIONS) as ours:
        await ours.says(case.bytes)
        assert await ours.last_words() == BY_USER
    assert isinstance(ours.error, RemoteProtocolError)
    assert re.search(case.why, str(ours.error))
