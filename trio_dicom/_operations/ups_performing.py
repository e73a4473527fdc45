"""Performing unified procedure steps: claim, update, complete, cancel (PS3.4 CC.2.1, CC.2.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import trio
from attrs import define, evolve
from pydicom import Dataset
from pydicom.uid import generate_uid

from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.reading import as_dt, copied
from trio_dicom._operations.references import CodedEntry
from trio_dicom._operations.ups_contexts import PERFORMING, ups_context
from trio_dicom._operations.ups_requests import UPS_CLASS, UPSRequests, act, give_reason
from trio_dicom._operations.ups_values import ClaimedStep, PerformedWork, UPSState
from trio_dicom.errors import LocalProtocolError
from trio_dicom.status import Status

__all__ = ["UPSPerforming"]

_CHANGE_STATE: Final = 1  # action type (PS3.4 Table CC.2.1-1)


@define(eq=False)
class UPSPerforming(UPSRequests):
    """What who performs a step does with it."""

    async def claim(
        self, sop_instance_uid: str, *, transaction_uid: str | None = None
    ) -> ClaimedStep:
        """Take a scheduled step, and begin with it (PS3.4 CC.2.1).

        Args:
            sop_instance_uid: The step.
            transaction_uid: A UID of your own for the lock, which you have kept. Without it the
                lock is lost, and with it the step, where the peer grants it and this call is
                cancelled, times out or loses its association before it knows. With it
                ``ClaimedStep(sop_instance_uid=..., transaction_uid=...)`` goes on from there.

        Raises:
            StatusError: Somebody else has it (C301H, C302H), or there is no such step.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        step = ClaimedStep(
            sop_instance_uid=sop_instance_uid,
            transaction_uid=transaction_uid or generate_uid(prefix=None),
        )
        return await _change_state(self, step, UPSState.IN_PROGRESS)

    async def update(self, step: ClaimedStep | str, modifications: Dataset) -> Status:
        """Change attributes of a step (PS3.4 CC.2.6).

        Args:
            step: The step that we perform, or the UID of one that is scheduled.
            modifications: The attributes with their new values, of sequences all items. It
                is not changed.

        Raises:
            LocalProtocolError: The step has ended, or the state would change by this.
                Nothing was sent.
            StatusError: The peer refused it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        await trio.lowlevel.checkpoint()
        data_set = copied(modifications)
        if "ProcedureStepState" in data_set or "TransactionUID" in data_set:
            raise LocalProtocolError(
                "state and lock of a step do not change by an update: "
                "there are claim, complete and cancel"
            )
        if isinstance(step, ClaimedStep):
            _check_open(step)
            data_set.TransactionUID = step.transaction_uid
        uid = step.sop_instance_uid if isinstance(step, ClaimedStep) else step
        declare_text(data_set)
        response = await self.association.n_set(
            UPS_CLASS,
            uid,
            data_set,
            context=ups_context(self.association.negotiated, PERFORMING, data_set),
            idle_timeout=self.idle_timeout,
            timeout=self.timeout,
        )
        response.raise_for_status()
        return response.status

    async def report_progress(
        self, step: ClaimedStep, percent: float, description: str = ""
    ) -> Status:
        """Tell how far a step is.

        Args:
            step: The step that we perform.
            percent: How much of it is done, in percent.
            description: The same in words.

        Raises:
            LocalProtocolError: As ``update``; so are the others.
        """
        item = Dataset()
        item.ProcedureStepProgress = f"{percent:g}"
        if description:
            item.ProcedureStepProgressDescription = description
        progress = Dataset()
        progress.ProcedureStepProgressInformationSequence = [item]
        return await self.update(step, progress)

    async def complete(self, step: ClaimedStep, work: PerformedWork | None = None) -> ClaimedStep:
        """Say that a step is done (PS3.4 CC.2.1). It cannot be changed any more.

        Args:
            step: The step that we perform.
            work: What was done. It may be left out where an update has told it.

        Raises:
            LocalProtocolError: The step has ended before. Nothing was sent.
            StatusError: The peer refused it: C304H if it was not told all that it must know.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        await trio.lowlevel.checkpoint()
        _check_open(step)
        if work is not None:
            performed = Dataset()
            performed.UnifiedProcedureStepPerformedProcedureSequence = [work.data_set()]
            await self.update(step, performed)
        return await _change_state(self, step, UPSState.COMPLETED)

    async def cancel(
        self, step: ClaimedStep, reason: CodedEntry | None = None, explanation: str = ""
    ) -> ClaimedStep:
        """Give up a step that we perform (PS3.4 CC.2.1). It cannot be changed any more.

        Args:
            step: The step.
            reason: Why. Without reason and explanation the peer must have been told by an
                update.
            explanation: The same in words.

        Raises:
            LocalProtocolError: As ``complete``; so are the others.
        """
        await trio.lowlevel.checkpoint()
        _check_open(step)
        if reason is not None or explanation:
            item = Dataset()
            item.ProcedureStepCancellationDateTime = as_dt(datetime.now().astimezone())
            give_reason(item, reason, explanation)
            progress = Dataset()
            progress.ProcedureStepProgressInformationSequence = [item]
            await self.update(step, progress)
        return await _change_state(self, step, UPSState.CANCELED)


async def _change_state(requests: UPSRequests, step: ClaimedStep, state: UPSState) -> ClaimedStep:
    information = Dataset()
    information.ProcedureStepState = state.value
    information.TransactionUID = step.transaction_uid
    status = await act(requests, step.sop_instance_uid, _CHANGE_STATE, information, PERFORMING)
    return evolve(step, state=state, status=status)


def _check_open(step: ClaimedStep) -> None:
    if step.state is not UPSState.IN_PROGRESS:
        raise LocalProtocolError(f"the step is {step.state.value} and cannot be changed any more")
