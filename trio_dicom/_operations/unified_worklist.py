"""The unified worklist of a peer: unified procedure steps (PS3.4 Annex CC)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import trio
from attrs import define, evolve
from pydicom import Dataset
from pydicom.uid import generate_uid

from trio_dicom._dimse.base import TagLike
from trio_dicom._dimse.c_messages import CFindRequest
from trio_dicom._dimse.command_set import as_uid
from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.find import Matches
from trio_dicom._operations.reading import as_dt, copied
from trio_dicom._operations.references import CodedEntry
from trio_dicom._operations.ups_contexts import (
    ASKING_TO_CANCEL,
    CREATING,
    GETTING,
    ups_context,
)
from trio_dicom._operations.ups_performing import UPSPerforming
from trio_dicom._operations.ups_requests import UPS_CLASS, act, give_reason
from trio_dicom._operations.ups_search import UnifiedSteps, search_keys, search_model
from trio_dicom._operations.ups_subscribing import UPSSubscribing
from trio_dicom._operations.ups_values import PRESENT_AT_CREATION, UnifiedStep, UPSState
from trio_dicom.errors import LocalProtocolError
from trio_dicom.status import Status

__all__ = ["UnifiedWorklist"]

_REQUEST_CANCEL: Final = 2  # action type (PS3.4 Table CC.2.2-1)

_WITH_VALUES: Final = ("ProcedureStepLabel", "ScheduledProcedureStepStartDateTime")


@define(eq=False)
class UnifiedWorklist(UPSPerforming, UPSSubscribing):
    """The unified procedure steps of a peer, through an association with it.

    A refusal raises `StatusError`; a warning is in the ``status`` of what is returned.
    ``ups_events`` receives what the peer reports to those who subscribed.

    Each request goes out on a context of a SOP class that has it: ``UPS_PUSH`` for creating,
    ``UPS_PULL`` for performing, ``UPS_WATCH`` for subscribing. Where that was not accepted,
    another one of the UPS classes is tried. Text beyond ASCII goes out as UTF-8 unless your
    data set has a ``SpecificCharacterSet`` that suffices.

    Attributes:
        association: One on which the peer accepted what you need of ``UPS_CLASSES``.
        idle_timeout: As for ``send_request``, for each request.
        timeout: As for ``send_request``, for each request.
    """

    async def create(
        self,
        attributes: Dataset,
        *,
        sop_instance_uid: str | None = None,
    ) -> UnifiedStep:
        """Put a step on the worklist (PS3.4 CC.2.5).

        What the standard wants to be there, be it empty, is added where you leave it out,
        beside your sequences and not in their items. A Patient ID is yours to give: a step
        has one where its subject needs to be identified. A new step is ``SCHEDULED``; unless
        you say otherwise it begins now, with priority ``MEDIUM``, and its input is ``READY``.

        Args:
            attributes: What there is to say, the Procedure Step Label at least. It is not
                changed.
            sop_instance_uid: A UID of your own for the step.

        Raises:
            LocalProtocolError: The label is missing, or the state is another one. Nothing
                was sent.
            StatusError: The peer refused it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        await trio.lowlevel.checkpoint()
        data_set = copied(attributes)
        now = datetime.now().astimezone()
        for keyword, value in (
            ("ProcedureStepState", UPSState.SCHEDULED.value),
            ("ScheduledProcedureStepPriority", "MEDIUM"),
            ("ScheduledProcedureStepStartDateTime", as_dt(now)),
            ("InputReadinessState", "READY"),
        ):
            data_set.setdefault(keyword, value)
        if data_set.ProcedureStepState != UPSState.SCHEDULED.value:
            raise LocalProtocolError(f"a new step is SCHEDULED, not {data_set.ProcedureStepState}")
        if missing := [keyword for keyword in _WITH_VALUES if not data_set.get(keyword)]:
            raise LocalProtocolError(f"a unified procedure step needs {', '.join(missing)}")
        for keyword in PRESENT_AT_CREATION:
            if keyword not in data_set:
                setattr(data_set, keyword, [] if keyword.endswith("Sequence") else "")
        uid = as_uid(sop_instance_uid or generate_uid(prefix=None))
        declare_text(data_set)
        response = await self.association.n_create(
            UPS_CLASS,
            uid,
            data_set,
            context=ups_context(self.association.negotiated, CREATING, data_set),
            idle_timeout=self.idle_timeout,
            timeout=self.timeout,
        )
        response.raise_for_status()
        data_set.update(copied(response.attribute_list))  # what the peer made of it
        step = UnifiedStep.in_data_set(data_set, response.sop_instance_uid or uid)
        return evolve(step, status=response.status)

    async def get(self, sop_instance_uid: str, attributes: Iterable[TagLike] = ()) -> UnifiedStep:
        """Ask for a step (PS3.4 CC.2.7).

        Args:
            sop_instance_uid: The step.
            attributes: Keywords or tags of what you want to know; none means all.

        Raises:
            StatusError: The peer does not tell.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        response = await self.association.n_get(
            UPS_CLASS,
            sop_instance_uid,
            attributes,
            context=ups_context(self.association.negotiated, GETTING),
            idle_timeout=self.idle_timeout,
            timeout=self.timeout,
        )
        response.raise_for_status()
        step = UnifiedStep.in_data_set(
            response.attribute_list or Dataset(), as_uid(sop_instance_uid)
        )
        return evolve(step, status=response.status)

    @asynccontextmanager
    async def search(
        self, query: Dataset | None = None, *, state: UPSState | None = None, check: bool = True
    ) -> AsyncGenerator[UnifiedSteps, None]:
        """Search the worklist (PS3.4 CC.2.8).

        ::

            async with worklist.search(state=UPSState.SCHEDULED) as steps:
                async for step in steps:
                    print(step.label)

        Leaving the block before the end sends C-CANCEL. The search uses UPS Pull, Watch or
        Query, whichever the peer accepted; to use a certain one, call ``c_find``.

        Args:
            query: The keys. What a ``UnifiedStep`` shows is asked for, too. It is not changed.
            state: The state to search for, as a key.
            check: As for ``c_find``.

        Raises:
            StatusError: In the loop, at its end, as ``check`` says.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        await trio.lowlevel.checkpoint()
        request = CFindRequest(
            sop_class_uid=search_model(self.association.negotiated),
            data_set=search_keys(query, state),
        )
        async with self.association.open_request(
            request, idle_timeout=self.idle_timeout, timeout=self.timeout
        ) as responses:
            yield UnifiedSteps(Matches(responses, check=check))

    async def request_cancel(
        self,
        sop_instance_uid: str,
        reason: CodedEntry | None = None,
        explanation: str = "",
        *,
        contact_name: str = "",
        contact_uri: str = "",
    ) -> Status:
        """Ask for a step to be cancelled that somebody else performs, or nobody yet (CC.2.2).

        Success means that the request was heard. Whether the step ends is not ours to say.

        Args:
            sop_instance_uid: The step.
            reason: Why.
            explanation: The same in words.
            contact_name: Whom to talk to about it.
            contact_uri: How.

        Raises:
            StatusError: The peer refused it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        information = Dataset()
        give_reason(information, reason, explanation)
        if contact_uri:
            information.ContactURI = contact_uri
        if contact_name:
            information.ContactDisplayName = contact_name
        return await act(self, sop_instance_uid, _REQUEST_CANCEL, information, ASKING_TO_CANCEL)
