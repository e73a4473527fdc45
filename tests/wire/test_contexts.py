"""Presentation contexts, proposed and answered, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.wire.strategies import answered_contexts, proposed_contexts
from trio_dicom._wire.cursor import Cursor
from trio_dicom._wire.items import AnsweredContext, ProposedContext, UnknownItem, split_items
from trio_dicom.errors import PDUError
from trio_dicom.reasons import ContextResult

ABSTRACT = b"\x30\0\0\x051.2.3"
IMPLICIT = b"\x40\0\0\x111.2.840.10008.1.2"
OTHER = b"\x40\0\0\x031.4"

RESULTS = [
    (0, ContextResult.ACCEPTANCE),
    (1, ContextResult.USER_REJECTION),
    (2, ContextResult.NO_REASON),
    (3, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED),
    (4, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED),
]


def proposed(body: bytes) -> ProposedContext:
    return ProposedContext.decode(Cursor(memoryview(body), "item 20H"))


def answered(body: bytes) -> AnsweredContext:
    return AnsweredContext.decode(Cursor(memoryview(body), "item 21H"))


def test_a_proposed_context_has_the_bytes_of_its_table() -> None:
    context = ProposedContext(
        context_id=5, abstract_syntax="1.2.3", transfer_syntaxes=("1.2.840.10008.1.2", "1.4")
    )
    body = b"\x05\0\0\0" + ABSTRACT + IMPLICIT + OTHER
    assert context.encode() == b"\x20\0\0\x29" + body
    assert proposed(body) == context


@pytest.mark.parametrize("code, result", RESULTS)
def test_an_answered_context_has_the_bytes_of_its_table(code: int, result: ContextResult) -> None:
    accepted = result is ContextResult.ACCEPTANCE
    context = AnsweredContext(
        context_id=255, result=result, transfer_syntax="1.2.840.10008.1.2" if accepted else None
    )
    body = bytes((255, 0, code, 0)) + IMPLICIT
    assert context.encode() == b"\x21\0\0\x19" + body
    assert answered(body) == context


@given(proposed_contexts)
def test_every_proposed_context_comes_back(context: ProposedContext) -> None:
    assert proposed(context.encode()[4:]) == context


@given(answered_contexts)
def test_every_answered_context_comes_back(context: AnsweredContext) -> None:
    assert answered(context.encode()[4:]) == context


@pytest.mark.scenario("B03")
@pytest.mark.pitfall(16)
@pytest.mark.parametrize("result", [1, 2, 3, 4, 5, 255])
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\0",
        b"\x40\0\0\0",
        b"\x40\0\0\x111.2.840.10008.1.2",
        b"\x40\0\xff\xff",
        b"\xde\xad\xbe\xef\xde\xad\xbe\xef",
        OTHER + OTHER,
    ],
)
def test_a_refused_context_with_junk_is_refused(result: int, junk: bytes) -> None:
    context = answered(bytes((3, 0, result, 0)) + junk)
    assert context == AnsweredContext(
        context_id=3, result=ContextResult(result), transfer_syntax=None
    )


@pytest.mark.pitfall(26)
def test_a_result_that_the_standard_reserves_is_kept() -> None:
    context = answered(bytes((3, 0, 5, 0)))
    assert context.result == 5
    assert context.result.name == "RESERVED_5"
    assert context.encode() == b"\x21\0\0\x19\3\0\5\0" + IMPLICIT


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    "syntaxes, count", [(b"", 0), (OTHER + IMPLICIT, 2), (OTHER + OTHER, 2), (ABSTRACT, 0)]
)
def test_an_accepted_context_has_exactly_one_transfer_syntax(syntaxes: bytes, count: int) -> None:
    with pytest.raises(PDUError, match=f"context 3 has {count} transfer syntaxes instead of one"):
        answered(b"\3\0\0\0" + syntaxes)


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    "syntaxes, abstract, transfer",
    [
        (b"", 0, 0),
        (IMPLICIT, 0, 1),
        (ABSTRACT, 1, 0),
        (ABSTRACT + ABSTRACT + IMPLICIT, 2, 1),
    ],
)
def test_a_proposed_context_has_one_abstract_and_some_transfer_syntaxes(
    syntaxes: bytes, abstract: int, transfer: int
) -> None:
    with pytest.raises(PDUError, match=f"has {abstract} abstract and {transfer} transfer"):
        proposed(b"\3\0\0\0" + syntaxes)


def test_a_proposed_context_without_transfer_syntaxes_cannot_be_encoded() -> None:
    context = ProposedContext(context_id=3, abstract_syntax="1.2", transfer_syntaxes=())
    with pytest.raises(PDUError, match="context 3 has no transfer syntax"):
        context.encode()


@pytest.mark.parametrize(
    "result, syntax",
    [(ContextResult.ACCEPTANCE, None), (ContextResult.USER_REJECTION, "1.2.840.10008.1.2")],
)
@pytest.mark.scenario("B03")
def test_acceptance_and_a_transfer_syntax_go_together(
    result: ContextResult, syntax: str | None
) -> None:
    with pytest.raises(PDUError, match="an accepted one has a transfer syntax"):
        AnsweredContext(context_id=1, result=result, transfer_syntax=syntax)


@pytest.mark.pitfall(26)
@pytest.mark.parametrize("context_id", [0, 2, 254])
def test_an_even_context_id_is_read_for_others_to_judge_and_never_written(context_id: int) -> None:
    head = bytes((context_id, 0, 0, 0))
    for context in (proposed(head + ABSTRACT + OTHER), answered(head + OTHER)):
        assert context.context_id == context_id
        with pytest.raises(PDUError, match=f"context ID {context_id} is not odd"):
            context.encode()


@pytest.mark.scenario("B17")
@pytest.mark.parametrize("context_id", [257, -1])
def test_a_context_id_that_no_byte_can_hold_is_refused(context_id: int) -> None:
    context = ProposedContext(
        context_id=context_id, abstract_syntax="1.2", transfer_syntaxes=("1.4",)
    )
    with pytest.raises(PDUError, match=f"context ID {context_id} does not fit"):
        context.encode()


def test_a_result_that_no_byte_can_hold_is_refused() -> None:
    context = AnsweredContext(context_id=1, result=ContextResult(256), transfer_syntax=None)
    with pytest.raises(PDUError, match="result of a presentation context 256"):
        context.encode()


@pytest.mark.pitfall(16)
def test_reserved_bytes_padding_and_unknown_sub_items_do_no_harm() -> None:
    unknown = b"\x41\xff\0\2\1\2"
    context = proposed(b"\5\xff\xff\xff\x30\xff\0\x061.2.3\0" + unknown + b"\x40\xff\0\x041.4 ")
    assert context == ProposedContext(
        context_id=5,
        abstract_syntax="1.2.3",
        transfer_syntaxes=("1.4",),
        unknown_items=(UnknownItem(0x41, b"\1\2"),),
    )
    answer = answered(b"\5\xff\0\xff\x40\xff\0\x041.4\0" + unknown)
    assert answer == AnsweredContext(
        context_id=5,
        result=ContextResult.ACCEPTANCE,
        transfer_syntax="1.4",
        unknown_items=(UnknownItem(0x41, b"\1\2"),),
    )


@pytest.mark.pitfall(26)
@pytest.mark.parametrize("cut", [*range(4), *range(5, 11), *range(12, 18)])
def test_a_context_whose_lengths_lie_is_refused(cut: int) -> None:
    body = b"\5\0\0\0" + ABSTRACT[:3] + b"\x031.2" + OTHER
    with pytest.raises(PDUError):
        proposed(body[:cut])
    with pytest.raises(PDUError):
        answered((b"\5\0\0\0" + OTHER + OTHER)[:cut])


def test_items_are_split_where_their_lengths_say() -> None:
    cursor = Cursor(memoryview(b"\x01\xff\0\0\x02\0\0\x02ab\xff\0\0\x01c"), "test")
    found = [(item_type, bytes(body.rest())) for item_type, body in split_items(cursor)]
    assert found == [(1, b""), (2, b"ab"), (0xFF, b"c")]


@pytest.mark.parametrize("syntax", ["１.2", "x" * 65_536])
def test_a_syntax_that_cannot_be_encoded_is_refused(syntax: str) -> None:
    with pytest.raises(PDUError, match=r"UID|syntax"):
        ProposedContext(context_id=1, abstract_syntax=syntax, transfer_syntaxes=("1.4",)).encode()
