"""Searching for unified procedure steps (PS3.4 CC.2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import trio
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.find import Matches
from trio_dicom._operations.reading import copied
from trio_dicom._operations.ups_values import UnifiedStep, UPSState
from trio_dicom._protocol.negotiation import NegotiatedAssociation
from trio_dicom.errors import NoAcceptedContext
from trio_dicom.sop_classes import UPS_PULL, UPS_QUERY, UPS_WATCH
from trio_dicom.status import Status

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["UnifiedSteps", "search_keys", "search_model"]

# What a UnifiedStep shows.
_RETURN_KEYS: Final = (
    "SOPInstanceUID",
    "PatientName",
    "PatientID",
    "ScheduledProcedureStepStartDateTime",
    "ScheduledWorkitemCodeSequence",
    "InputReadinessState",
    "ProcedureStepState",
    "ProcedureStepProgressInformationSequence",
    "ScheduledProcedureStepPriority",
    "WorklistLabel",
    "ProcedureStepLabel",
)
_MODELS: Final = tuple(it.abstract_syntax for it in (UPS_PULL, UPS_WATCH, UPS_QUERY))


class UnifiedSteps(trio.abc.ReceiveChannel[UnifiedStep]):
    """The steps that a search finds, as they come.

    The end of ``async for`` says that the peer has sent all that it has; see
    ``ResultChannel`` for what it does otherwise.
    """

    def __init__(self, matches: Matches) -> None:
        """Wrap the matches of a query.

        Args:
            matches: What ``c_find`` gave.
        """
        self._matches = matches

    @property
    def status(self) -> Status | None:
        """The status of the final response, once that has been met. Until then None."""
        return self._matches.status

    async def receive(self) -> UnifiedStep:
        """The next step.

        Raises:
            trio.EndOfChannel: There are no more.
            StatusError: There are no more, and the search did not end well.
            PDUError: What the peer sent is no data set.
            ConnectionEnded: As ``Matches.receive``; so are the others.
        """
        match = await self._matches.receive()
        return UnifiedStep.in_data_set(match.decoded_data_set() or Dataset())

    def close(self) -> None:
        """Nobody reads here any more."""
        self._matches.close()

    async def aclose(self) -> None:
        """``close``, as a checkpoint."""
        await self._matches.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def search_keys(query: Dataset | None, state: UPSState | None) -> Dataset:
    """The keys of a search: those of the caller, and what a ``UnifiedStep`` shows."""
    keys = copied(query)
    for keyword in _RETURN_KEYS:
        if keyword not in keys:
            setattr(keys, keyword, [] if keyword.endswith("Sequence") else "")
    if state is not None:
        keys.ProcedureStepState = state.value
    return declare_text(keys)


def search_model(association: NegotiatedAssociation) -> UID:
    """The SOP class to search in: always the one of the context (PS3.4 CC.2.8.1.2.1).

    Raises:
        NoAcceptedContext: The peer accepted none of those that can be searched.
    """
    contexts = association.contexts
    for model in _MODELS:
        if any(it.abstract_syntax == model and it.accepted and it.as_scu for it in contexts):
            return model
    raise NoAcceptedContext(
        "a search for unified procedure steps (UPS Pull, Watch or Query)",
        proposed=[str(it) for it in contexts if it.abstract_syntax in _MODELS],
        accepted=[str(it) for it in contexts if it.accepted],
    )
