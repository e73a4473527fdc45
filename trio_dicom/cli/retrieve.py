"""What ``get`` and ``move`` have in common: what is wanted, and what the peer says at the end."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, TypeVar

from attrs import evolve, frozen
from pydicom import Dataset

from trio_dicom import CGetResponse, CMoveResponse, Retrieval, Status
from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.keys import data_set_of, parse_keys
from trio_dicom.cli.options import Attributes
from trio_dicom.cli.output import Output
from trio_dicom.cli.sub_operations import SubOperationBar

__all__ = [
    "Ending",
    "RetrieveLevel",
    "final_response",
    "is_of_frames",
    "report_end",
    "retrieve_query",
]

ResponseT = TypeVar("ResponseT", CGetResponse, CMoveResponse)


class RetrieveLevel(Enum):
    """What a retrieve wants of a peer."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"
    FRAME = "FRAME"


# From the deepest to the highest: a query is of the level of its deepest key.
_FRAME_KEYS: Final = dict.fromkeys(  # PS3.4 Table Y.6-2
    ("SimpleFrameList", "CalculatedFrameList", "TimeRange"), RetrieveLevel.FRAME
)
_UNIQUE_KEYS: Final = {
    "SOPInstanceUID": RetrieveLevel.IMAGE,
    "SeriesInstanceUID": RetrieveLevel.SERIES,
    "StudyInstanceUID": RetrieveLevel.STUDY,
    "PatientID": RetrieveLevel.PATIENT,
}
_KEYS: Final = {**_FRAME_KEYS, **_UNIQUE_KEYS}


def retrieve_query(attribute: Attributes, level: RetrieveLevel | None) -> Dataset:
    """What is wanted.

    Args:
        attribute: The keys, as they were typed.
        level: The level, or None for that of the deepest unique key.

    Raises:
        UsageError: They say nothing, or contradict each other.
    """
    keys = parse_keys(attribute)
    values = {key.name: key.value for key in keys if key.value}
    for name in _UNIQUE_KEYS:
        if set(values.get(name, "")) & set("*?"):
            raise UsageError(
                f"{name} has a wildcard, and a retrieve takes none: find out by 'trio-dicom find' "
                "what there is."
            )
    said = values.get("QueryRetrieveLevel", "").strip().upper()
    if not said:
        depths = [depth for name, depth in _KEYS.items() if name in values]
        if not depths and level is None:
            raise UsageError(
                "say with -k what to send: StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID or "
                "PatientID."
            )
        keys += parse_keys([f"QueryRetrieveLevel={(level or depths[0]).value}"])
    elif level is not None and said != level.value:
        raise UsageError("--level and QueryRetrieveLevel say different things.")
    return data_set_of(keys)


def is_of_frames(query: Dataset) -> bool:
    """Whether a retrieve wants frames of an instance, which one model alone can (PS3.4 Y)."""
    level: object = query.get("QueryRetrieveLevel")
    return level == RetrieveLevel.FRAME.value


@frozen(kw_only=True)
class Ending:
    """How a retrieve ended, by the words of the peer.

    Attributes:
        status: The final status.
        error_comment: What the peer has to say about it.
        remaining: Instances that it did not come to; None where it leaves a count out.
        completed: Those that it sent.
        failed: Those that it could not send.
        warning: Those that it sent with a warning.
    """

    status: Status
    error_comment: str | None
    remaining: int | None
    completed: int | None
    failed: int | None
    warning: int | None

    @classmethod
    def of(cls, response: CGetResponse | CMoveResponse) -> Ending:
        """What a final response says."""
        return cls(
            status=response.status,
            error_comment=response.error_comment,
            remaining=response.remaining,
            completed=response.completed,
            failed=response.failed,
            warning=response.warning,
        )

    @classmethod
    def of_all(cls, endings: Sequence[Ending]) -> Ending:
        """What several retrieves say together: the first that did not go well counts.

        Args:
            endings: One or more.
        """
        if len(endings) == 1:
            return endings[0]
        bad = [it for it in endings if not it.status.is_success]
        return evolve(
            (bad or endings)[0],
            remaining=sum(it.remaining or 0 for it in endings),
            completed=sum(it.completed or 0 for it in endings),
            failed=sum(it.failed or 0 for it in endings),
            warning=sum(it.warning or 0 for it in endings),
        )

    def after(self, failed: Ending) -> Ending:
        """The same where this was about what had failed before."""
        completed, warning = self.completed or 0, self.warning or 0
        left = max((failed.failed or 0) - completed - warning, 0)
        last = failed if left and self.status.is_success else self
        return Ending(
            status=last.status,
            error_comment=last.error_comment,
            remaining=last.remaining,
            completed=(failed.completed or 0) + completed,
            failed=left,
            warning=(failed.warning or 0) + warning,
        )

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, as far as the peer says."""
        return self.status.is_success and not self.failed


async def final_response(retrieval: Retrieval[ResponseT], output: Output) -> ResponseT:
    """The final response, with a bar on the way to it."""
    bar = SubOperationBar.to(output)
    with bar.shown():
        async for step in retrieval:
            bar.show(step)
    return await retrieval.final()


def report_end(response: Ending, output: Output) -> None:
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
