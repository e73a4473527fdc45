"""What ``get`` and ``move`` have in common: what is wanted, and what the peer says at the end."""

from __future__ import annotations

from typing import Final, TypeVar

from pydicom import Dataset

from trio_dicom import CGetResponse, CMoveResponse, Retrieval
from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.find import Level
from trio_dicom.cli.keys import data_set_of, parse_keys
from trio_dicom.cli.options import Attributes
from trio_dicom.cli.output import Output
from trio_dicom.cli.sub_operations import Counts, SubOperationBar

__all__ = ["final_response", "report_end", "retrieve_query"]

ResponseT = TypeVar("ResponseT", CGetResponse, CMoveResponse)

# From the deepest to the highest: a query is of the level of its deepest unique key.
_UNIQUE_KEYS: Final = {
    "SOPInstanceUID": Level.IMAGE,
    "SeriesInstanceUID": Level.SERIES,
    "StudyInstanceUID": Level.STUDY,
    "PatientID": Level.PATIENT,
}


def retrieve_query(attribute: Attributes, level: Level | None) -> Dataset:
    """What is wanted.

    Args:
        attribute: The keys, as they were typed.
        level: The level, or None for that of the deepest unique key.

    Raises:
        UsageError: They say nothing, or contradict each other.
    """
    keys = parse_keys(attribute)
    values = {key.name: key.value for key in keys if key.value}
    said = values.get("QueryRetrieveLevel", "").strip().upper()
    if not said:
        depths = [depth for name, depth in _UNIQUE_KEYS.items() if name in values]
        if not depths and level is None:
            raise UsageError(
                "say with -k what to send: StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID or "
                "PatientID."
            )
        keys += parse_keys([f"QueryRetrieveLevel={(level or depths[0]).value}"])
    elif level is not None and said != level.value:
        raise UsageError("--level and QueryRetrieveLevel say different things.")
    return data_set_of(keys)


async def final_response(retrieval: Retrieval[ResponseT], output: Output) -> ResponseT:
    """The final response, with a bar on the way to it."""
    bar = SubOperationBar.to(output)
    with bar.shown():
        async for step in retrieval:
            bar.show(step)
    return await retrieval.final()


def report_end(response: Counts, output: Output) -> None:
    """Say what the peer says at the end."""
    status = response.status
    output.record(
        status=status.code,
        kind=status.kind.value,
        meaning=status.meaning or None,
        error=response.error_comment,
        remaining=response.remaining,
        completed=response.completed,
        failed=response.failed,
        warning=response.warning,
    )
    sent = (response.completed or 0) + (response.warning or 0)
    text = "The peer is done" if response.completed is None else f"The peer sent {sent}"
    if response.failed:
        text += f" and failed to send {response.failed}"
    if not status.is_success:
        text += f": {status}"
    if response.error_comment:
        text += f": {response.error_comment}"
    output.line(text)
