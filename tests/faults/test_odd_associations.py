"""Association requests and answers that are odd, and mean something all the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.sides import CLIENT, CT_ID, RECEIVER, REFUSED_ID, OurClient, asked
from tests.faults.wire import (
    ECHO,
    answered,
    associate,
    item,
    pdu,
    proposed,
    text,
    user_information,
)
from tests.io.recording import CT
from trio_dicom import AssociationRejected

EXPLICIT = "1.2.840.10008.1.2.1"
ASKED = [proposed(1, ECHO, EXPLICIT), proposed(CT_ID, CT, EXPLICIT)]
GRANTED = [answered(1), answered(CT_ID), answered(REFUSED_ID, result=3)]
USER = user_information()
WINDOW_0_0, WINDOW_8_8 = item(0x53, b"\0\0\0\0"), item(0x53, b"\0\x08\0\x08")
ROLES = item(0x54, len(CT).to_bytes(2, "big") + CT.encode() + b"\1\1")
ROLES_OF_ANOTHER = item(0x54, b"\0\x031.2\1\1")
IDENTITY = item(0x58, b"\1\0\0\4NAME\0\0")
UNKNOWN = item(0x5F, b"what is this")
RESERVED = bytes(range(1, 35))
REFUSED_WITH_JUNK = item(0x21, b"\5\0\3\0" + item(0x40, b"\xff\0junk"))
REFUSALS_OF_NOTHING = answered(99, result=3), answered(4, result=1)
SYNTAX_WITH_NULS = item(0x21, b"\1\0\0\0" + item(0x40, EXPLICIT.encode() + b"\0\0"))


def padded(text_item: bytes, padding: bytes) -> bytes:
    """A UID item with its UID padded."""
    return item(text_item[0], text_item[4:] + padding)


BOTH = [
    ("unknown user items", {"user": user_information(UNKNOWN, item(0x52, b"1.2.3"), UNKNOWN)}),
    ("unknown items", {"more": [item(0x99, b"new"), item(0x11)]}),
    ("no maximum length", {"user": user_information(max_length=None)}),
    ("a maximum length of 0", {"user": user_information(max_length=0)}),
    ("a maximum length of 8", {"user": user_information(max_length=8)}),
    ("a maximum length of 4 GiB", {"user": user_information(max_length=0xFFFF_FFFF)}),
    ("a maximum length twice", {"user": user_information(item(0x51, b"\0\0\1\0"))}),
    ("reserved bytes", {"reserved": RESERVED}),
    ("titles padded with NULs", {"called": b"TRIO_DICOM\0\0\0\0\0\0"}),
    ("titles of NULs alone", {"called": bytes(16), "calling": bytes(16)}),
    (
        "titles of any bytes",
        {"called": bytes(range(240, 256)), "calling": b"\n\r\x1b[2J\\".ljust(16)},
    ),
    ("a window of 0 and 0", {"user": user_information(WINDOW_0_0)}),
    ("a window of 8 and 8", {"user": user_information(WINDOW_8_8)}),
    ("roles of a class that is not here", {"user": user_information(ROLES_OF_ANOTHER)}),
    ("roles twice", {"user": user_information(ROLES, ROLES)}),
    ("an identity request", {"user": user_information(IDENTITY)}),
    ("no user information", {"user": b""}),
    ("every bit of the version", {"version": 0xFFFF}),
    ("1,000 user items", {"user": user_information(*[UNKNOWN] * 1000)}),
]
REQUESTS = [
    (
        "UIDs padded with NUL",
        {
            "contexts": [
                item(
                    0x20,
                    b"\1\0\0\0"
                    + padded(text(0x30, ECHO), b"\0")
                    + padded(text(0x40, EXPLICIT), b"\0"),
                )
            ]
        },
    ),
    (
        "UIDs padded with spaces",
        {
            "contexts": [
                item(
                    0x20,
                    b"\1\0\0\0"
                    + padded(text(0x30, ECHO), b"  ")
                    + padded(text(0x40, EXPLICIT), b" "),
                )
            ]
        },
    ),
    (
        "128 contexts",
        {"contexts": [proposed(2 * number + 1, ECHO, EXPLICIT) for number in range(128)]},
    ),
    ("contexts in any order", {"contexts": [proposed(CT_ID, CT), proposed(1, ECHO)]}),
    (
        "unknown sub-items of a context",
        {
            "contexts": [
                item(
                    0x20,
                    b"\1\xff\xff\xff" + text(0x30, ECHO) + item(0x77, b"x") + text(0x40, EXPLICIT),
                )
            ]
        },
    ),
]
ANSWERS = [
    ("contexts in any order", {"contexts": GRANTED[::-1]}),
    ("a context that is not answered", {"contexts": GRANTED[:1]}),
    ("junk in the syntax of a refused context", {"contexts": [*GRANTED[:2], REFUSED_WITH_JUNK]}),
    ("no syntax in a refused context", {"contexts": [*GRANTED[:2], item(0x21, b"\5\0\3\0")]}),
    ("a result that does not exist", {"contexts": [*GRANTED[:2], answered(REFUSED_ID, result=5)]}),
    ("a refusal of what was not proposed", {"contexts": [*GRANTED, *REFUSALS_OF_NOTHING]}),
    ("a refusal twice", {"contexts": [*GRANTED, answered(REFUSED_ID, result=4)]}),
    ("a syntax padded with NUL", {"contexts": [SYNTAX_WITH_NULS]}),
    ("no application context", {"application": b""}),
    ("another application context", {"application": text(0x10, "1.2.3")}),
    ("version 0", {"version": 0}),
]  # fmt: skip


def first_word(side: str, oddity: dict[str, Any]) -> bytes:
    settings = dict(oddity)
    contexts = settings.pop("contexts", ASKED if side == RECEIVER else GRANTED)
    user, more = settings.pop("user", USER), settings.pop("more", [])
    return associate(1 if side == RECEIVER else 2, [*contexts, user, *more], **settings)


ODD = [
    *[(RECEIVER, what, oddity) for what, oddity in (*BOTH, *REQUESTS)],
    *[(CLIENT, what, oddity) for what, oddity in (*BOTH, *ANSWERS)],
]


@pytest.mark.pitfall(16, 17, 26)
@pytest.mark.scenario("B03", "B24")
@pytest.mark.parametrize("side, what, oddity", ODD, ids=[f"{it[0]}: {it[1]}" for it in ODD])
async def test_it_is_an_association_all_the_same(
    side: str, what: str, oddity: dict[str, Any]
) -> None:
    async with asked(side) as ours:
        await ours.says(first_word(side, oddity))
        if side == RECEIVER:
            answer = await ours.hears_pdu()
            assert answer[0] == 2
            # The titles go back, padded with spaces whatever they came with.
            assert answer[10:42] == first_word(side, oddity)[10:42].replace(b"\0", b" ")
            assert (b"\x53\0\0\4" in answer) is ("window" in what)
        assert await ours.lives()
        assert ours.errors == []
        if isinstance(ours, OurClient):
            association = ours.connection.association
            assert association is not None
            assert association.max_operations_invoked == 1  # nobody asked for more
            accepted = {it.context_id for it in association.accepted_contexts}
            assert accepted <= {1, CT_ID}
            assert association.context(CT_ID).as_scp is (what == "roles twice")


@pytest.mark.pitfall(33)
@pytest.mark.scenario("B02")
@pytest.mark.parametrize("result", [0, 1, 2, 3, 255])
@pytest.mark.parametrize("source", [0, 1, 2, 3, 4, 255])
@pytest.mark.parametrize("reason", [0, 1, 2, 3, 7, 10, 255])
async def test_a_rejection_keeps_its_numbers_known_or_not(
    result: int, source: int, reason: int
) -> None:
    async with asked(CLIENT) as ours:
        await ours.says(pdu(3, bytes((0, result, source, reason))))
        assert await ours.last_words() == b""
    error = ours.error
    assert isinstance(error, AssociationRejected)
    assert (error.result, error.source, error.reason.code) == (result, source, reason)


@pytest.mark.pitfall(33)
@pytest.mark.parametrize("version", [0, 2, 0xFFFE])
async def test_a_version_that_nobody_speaks_is_rejected_by_the_provider(version: int) -> None:
    async with asked(RECEIVER) as ours:
        await ours.says(associate(1, [*ASKED, USER], version=version))
        # Rejected for good, by the provider for ACSE: protocol version (PS3.8 Table 9-21).
        assert await ours.last_words() == pdu(3, bytes((0, 1, 2, 2)))
