"""What the faults of an archive make of one association."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

import trio
from attrs import define, field

from trio_dicom._dimse.message import Request, Response, response_to
from trio_dicom._protocol.events import Event, FragmentReceived, MessageReceived
from trio_dicom._wire.associate import AssociationRequest
from trio_dicom._wire.control import AssociationReject
from trio_dicom.reasons import ContextResult
from trio_dicom.testing._archive.refusing import Refused
from trio_dicom.testing.archive_faults import (
    Fail,
    HangUp,
    NoAnswer,
    OfAnswers,
    Refuse,
    Reject,
    Slow,
    StopReading,
)

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session
    from trio_dicom.testing.archive import MemoryArchive

__all__ = ["Disturber"]

OfRequestsT = TypeVar("OfRequestsT", Fail, NoAnswer, HangUp, Slow, StopReading)


@define(eq=False)
class _Disturbed:
    """A request that faults meet.

    Attributes:
        request: The request.
        faults: Those whose time has not come.
        pauses: Those that hold each answer up.
        answers: How many were given so far.
        is_mute: Whether no more are given.
    """

    request: Request
    faults: list[OfAnswers]
    pauses: list[Slow]
    answers: int = 0
    is_mute: bool = False

    def take_due(self, *, at_last: bool) -> list[OfAnswers]:
        """The faults whose time has come, at the latest with the last answer."""
        due = [it for it in self.faults if at_last or it.after <= self.answers]
        self.faults = [it for it in self.faults if it not in due]
        return due

    def pause(self) -> float:
        """Seconds before the next answer."""
        return sum(it.pause(self.answers) for it in self.pauses if it.after <= self.answers)


@define(eq=False)
class Disturber:
    """Sees to it that one association of an archive has the faults that it shall have.

    Attributes:
        session: The association.
    """

    session: Session
    _disturbed: dict[int, _Disturbed] = field(factory=dict[int, _Disturbed], init=False)
    _begun: int | None = field(default=None, init=False)  # the request that is arriving
    _waiting: list[MessageReceived] = field(factory=list[MessageReceived], init=False)
    _drawing: random.Random | None = field(default=None, init=False)

    # --- what comes -------------------------------------------------------------------

    def rejection(self) -> AssociationReject | None:
        """Why an association is rejected that is asked for now, or None."""
        rejects = self.session.archive.faults.striking(Reject, lambda _: True)
        return next((AssociationReject(result=it.result, reason=it.reason) for it in rejects), None)

    def refusals(self, request: AssociationRequest) -> dict[str, ContextResult]:
        """The abstract syntaxes that are refused on an association, and why.

        Args:
            request: What asks for it.
        """
        proposed = {it.abstract_syntax for it in request.contexts}
        refuses = self.session.archive.faults.striking(
            Refuse, lambda _: True, strikes=lambda it: it.abstract_syntax in proposed
        )
        return {it.abstract_syntax: it.result for it in refuses}

    async def notice(self, event: Event) -> None:
        """Look at what has come before anything comes of it, and read no more if it says so."""
        if not isinstance(event, FragmentReceived | MessageReceived):
            return
        request = event.message
        if not isinstance(request, Request) or request.message_id is None:
            return
        archive = self.session.archive
        if request.message_id != self._begun:
            self._begun = request.message_id
            if _due_for(request, archive, StopReading):
                await self.session.stop_reading()
        if isinstance(event, MessageReceived):
            self._begun = None
            faults: list[OfAnswers] = [
                *_due_for(request, archive, Fail),
                *_due_for(request, archive, NoAnswer),
                *_due_for(request, archive, HangUp),
            ]
            pauses = _due_for(request, archive, Slow)
            if faults or pauses:
                self._disturbed[request.message_id] = _Disturbed(request, faults, pauses)

    async def next_of(
        self, requests: trio.MemoryReceiveChannel[MessageReceived]
    ) -> MessageReceived:
        """The request that is answered next: the first, unless they are shuffled."""
        if not self._waiting:
            self._waiting.append(await requests.receive())
        shuffle = self.session.archive.faults.shuffle()
        if shuffle is None:
            return self._waiting.pop(0)
        if self._drawing is None:
            self._drawing = random.Random(shuffle.seed)  # noqa: S311 - nobody's secret
        association = self.session.machine.association
        assert association is not None
        with trio.move_on_after(shuffle.seconds):
            while len(self._waiting) < association.max_operations_performed:
                self._waiting.append(await requests.receive())
        if len(self._waiting) > 1:
            self.session.archive.faults.has_shuffled()
        return self._waiting.pop(self._drawing.randrange(len(self._waiting)))

    # --- what goes out ----------------------------------------------------------------

    async def before_serving(self, request: Request) -> None:
        """Do what is wrong with ``request`` before anything is done about it.

        Raises:
            Refused: It fails.
            AssociationOver: The association is no more.
        """
        disturbed = self._disturbed.get(request.message_id or 0)
        if disturbed is not None:
            for fault in disturbed.take_due(at_last=False):
                await self._strike(disturbed, fault)

    async def answer(self, response: Response) -> Response | None:
        """What is sent instead of ``response``: itself, another one, or nothing.

        Raises:
            Refused: It was a pending one, and the request fails.
            AssociationOver: The association is no more.
        """
        message_id = response.message_id_being_responded_to or 0
        disturbed = self._disturbed.get(message_id)
        if disturbed is None:
            return response
        await trio.sleep(disturbed.pause())
        is_final = not response.status.is_pending
        if is_final:
            del self._disturbed[message_id]
        for fault in disturbed.take_due(at_last=is_final):
            if is_final and isinstance(fault, Fail):
                response = response_to(
                    disturbed.request, fault.status, error_comment=fault.comment or None
                )
            else:
                await self._strike(disturbed, fault)
        disturbed.answers += 1
        return None if disturbed.is_mute else response

    async def _strike(self, disturbed: _Disturbed, fault: OfAnswers) -> None:
        match fault:
            case Fail():
                raise Refused(fault.status, fault.comment)
            case HangUp():
                await self.session.hang_up(fault.how)
            case _:
                disturbed.is_mute = True


def _due_for(
    request: Request, archive: MemoryArchive, kind: type[OfRequestsT]
) -> list[OfRequestsT]:
    """The faults of a kind that meet ``request``, which has come now."""
    return archive.faults.striking(kind, lambda it: isinstance(request, it.of))
