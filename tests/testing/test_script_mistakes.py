"""What the author of a script is told who got something wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from trio_dicom import CEchoRequest, CFindRequest, propose
from trio_dicom.lowlevel import AssociationReject, DataTransfer, PresentationDataValue
from trio_dicom.sop_classes import STUDY_ROOT_FIND
from trio_dicom.testing import COMMON_CONTEXTS, scripted_peer

MISTAKES: dict[str, tuple[Callable[[Any], Awaitable[object]], str]] = {
    "a message where a PDU is meant": (
        lambda peer: peer.expect(CEchoRequest),
        "CEchoRequest is a message and no PDU: `expect_message` takes it",
    ),
    "a PDU where a message is meant": (
        lambda peer: peer.expect_message(AssociationReject),
        "AssociationReject is a PDU and no message: `expect` takes it",
    ),
    "a message instead of its class": (
        lambda peer: peer.expect_message(CEchoRequest()),
        "`expect_message` takes the class of a message, not one of CEchoRequest",
    ),
    "a PDU instead of its class": (
        lambda peer: peer.expect(DataTransfer(())),
        "`expect` takes the class of a PDU, not one of DataTransfer",
    ),
    "another class": (
        lambda peer: peer.expect(PresentationDataValue),
        "`expect` takes the class of a PDU, not PresentationDataValue",
    ),
    "a context where a UID is meant": (
        lambda peer: peer.expect_message(CFindRequest, sop_class_uid=STUDY_ROOT_FIND),
        (
            "sop_class_uid is expected to be a PresentationContext, which nothing that comes has:"
            " the UID in it is its `abstract_syntax`"
        ),
    ),
}


@pytest.mark.parametrize(("expect", "message"), MISTAKES.values(), ids=MISTAKES)
async def test_an_expectation_that_nothing_can_meet_is_an_error_at_once(
    expect: Callable[[Any], Awaitable[object]], message: str
) -> None:
    async with scripted_peer() as (_stream, peer):
        with pytest.raises(TypeError) as error:
            await expect(peer)
    assert str(error.value) == message


async def test_a_script_that_accepts_nothing_is_told_so_in_a_line() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(propose(contexts=COMMON_CONTEXTS, called_ae="PACS").encode())
        with pytest.raises(AssertionError) as error:
            await peer.expect_message(CEchoRequest)
    assert str(error.value) == (
        "expected CEchoRequest, but got AssociationRequest from TRIO_DICOM to PACS with"
        f" {len(COMMON_CONTEXTS)} contexts: `accept` takes it, and answers"
    )


async def test_whatever_else_comes_is_told_in_short() -> None:
    async with scripted_peer() as (stream, peer):
        pdv = PresentationDataValue(context_id=1, is_command=True, is_last=True, data=b"??")
        await stream.send_all(DataTransfer((pdv,) * 50).encode())
        with pytest.raises(
            AssertionError, match=r"but got DataTransfer.*\(\d{4} characters\)$"
        ) as e:
            await peer.expect(AssociationReject)
    assert len(str(e.value)) < 500
