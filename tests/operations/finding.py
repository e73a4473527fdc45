"""An association to be queried, its peer in the hands of the test, and matches to give."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from pydicom import Dataset

from tests.io.talking import talking
from trio_dicom import Association, CFindRequest, Matches, PresentationContext
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION
from trio_dicom.testing import ScriptedPeer

__all__ = ["answer", "finding", "names_of", "patient", "study_query", "take"]


@asynccontextmanager
async def finding(
    contexts: Iterable[PresentationContext] = (STUDY_ROOT_FIND, VERIFICATION), **talk: Any
) -> AsyncGenerator[tuple[Association, ScriptedPeer], None]:
    """An association, and its peer, who obliges when the block ends in order.

    Args:
        contexts: What to propose.
        **talk: As for ``talking``.
    """
    async with talking(contexts=contexts, **talk) as (connection, peer):
        assert connection.association is not None
        yield Association(connection, connection.association), peer


def study_query() -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientName = "*"
    return query


def patient(name: str) -> Dataset:
    match = Dataset()
    match.PatientName = name
    return match


async def answer(
    peer: ScriptedPeer, *names: str, status: int | None = 0x0000, **fields: Any
) -> CFindRequest:
    """Expect a query, and answer it with matches of these names and a final status.

    Args:
        peer: Who answers.
        *names: Of the patients.
        status: The final status; None to say nothing final yet.
        **fields: More fields of the final response.
    """
    request = await peer.expect_message(CFindRequest)
    for name in names:
        await peer.reply(request, 0xFF00, data_set=patient(name))
    if status is not None:
        await peer.reply(request, status, **fields)
    return request


async def names_of(matches: Matches) -> list[str]:
    """The names of all patients that come."""
    return [str(match.identifier.PatientName) async for match in matches]


async def take(matches: Matches, names: list[str]) -> None:
    """Append the names of all patients that come, also of those that come before an error."""
    async for match in matches:
        names += [str(match.identifier.PatientName)]
