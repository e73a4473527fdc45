"""The DIMSE-N services of an association (PS3.7 10.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from attrs import evolve
from pydicom import Dataset

from trio_dicom._dimse.base import Request, Response, TagLike
from trio_dicom._dimse.n_messages import (
    NActionRequest,
    NActionResponse,
    NCreateRequest,
    NCreateResponse,
    NDeleteRequest,
    NDeleteResponse,
    NEventReportRequest,
    NEventReportResponse,
    NGetRequest,
    NGetResponse,
    NSetRequest,
    NSetResponse,
)
from trio_dicom._operations.requester import Requester
from trio_dicom._protocol.contexts import NegotiatedContext

__all__ = ["NServices"]

R = TypeVar("R", bound=Response)


class NServices(Requester):
    """N-GET, N-SET, N-ACTION, N-CREATE, N-DELETE and N-EVENT-REPORT."""

    __slots__ = ()

    async def n_get(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        attributes: Iterable[TagLike] = (),
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> NGetResponse:
        """Ask for attributes of an instance (PS3.7 10.1.2).

        Args:
            sop_class_uid: The SOP class of the instance. Where a meta SOP class was
                accepted for it, as in print management, or another one of the UPS
                classes, that context is used.
            sop_instance_uid: The instance.
            attributes: Keywords or tags of those wanted; none means all. One keyword may
                stand alone.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``attribute_list`` has the values, and its ``status`` says
            whether there are any.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        if isinstance(attributes, str):  # a keyword, and not the letters in it
            attributes = (attributes,)
        request = NGetRequest(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            attribute_identifiers=attributes,
        )
        return await self._ask(
            request, NGetResponse, context=context, idle_timeout=idle_timeout, timeout=timeout
        )

    async def n_set(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        modification_list: Dataset,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> NSetResponse:
        """Change attributes of an instance (PS3.7 10.1.3).

        Args:
            sop_class_uid: The SOP class of the instance, as for ``n_get``.
            sop_instance_uid: The instance.
            modification_list: The attributes with their new values. It is not changed.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``attribute_list`` has what became of the values, if the
            peer says so.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        request = NSetRequest(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            data_set=modification_list,
        )
        return await self._ask(
            request, NSetResponse, context=context, idle_timeout=idle_timeout, timeout=timeout
        )

    async def n_action(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        action_type_id: int,
        information: Dataset | None = None,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> NActionResponse:
        """Have something done with an instance (PS3.7 10.1.4).

        Args:
            sop_class_uid: The SOP class of the instance, as for ``n_get``.
            sop_instance_uid: The instance.
            action_type_id: What to do, in the numbers of the SOP class.
            information: How to do it. It is not changed.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``action_reply`` has what the action gave, if anything.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        request = NActionRequest(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            action_type_id=action_type_id,
            data_set=information,
        )
        return await self._ask(
            request, NActionResponse, context=context, idle_timeout=idle_timeout, timeout=timeout
        )

    async def n_create(
        self,
        sop_class_uid: str,
        sop_instance_uid: str | None = None,
        attribute_list: Dataset | None = None,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> NCreateResponse:
        """Have an instance made (PS3.7 10.1.5).

        Args:
            sop_class_uid: The SOP class of the instance, as for ``n_get``.
            sop_instance_uid: Its UID; None lets the peer choose one, which the response
                then has.
            attribute_list: The attributes with their values. It is not changed.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``attribute_list`` has the values of the new instance, if
            the peer tells them.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        request = NCreateRequest(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            data_set=attribute_list,
        )
        return await self._ask(
            request, NCreateResponse, context=context, idle_timeout=idle_timeout, timeout=timeout
        )

    async def n_delete(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> NDeleteResponse:
        """Have an instance taken away (PS3.7 10.1.6).

        Args:
            sop_class_uid: The SOP class of the instance, as for ``n_get``.
            sop_instance_uid: The instance.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        request = NDeleteRequest(sop_class_uid=sop_class_uid, sop_instance_uid=sop_instance_uid)
        return await self._ask(
            request, NDeleteResponse, context=context, idle_timeout=idle_timeout, timeout=timeout
        )

    async def n_event_report(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        event_type_id: int,
        information: Dataset | None = None,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> NEventReportResponse:
        """Tell the peer what happened to an instance (PS3.7 10.1.1).

        Events are told by the provider of a SOP class, so its context must have been
        proposed, and accepted, with ``scp_role=True``.

        Args:
            sop_class_uid: The SOP class of the instance, as for ``n_get``.
            sop_instance_uid: The instance.
            event_type_id: What happened, in the numbers of the SOP class.
            information: More about it. It is not changed.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``event_reply`` has what the peer says to it, if anything.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        request = NEventReportRequest(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            event_type_id=event_type_id,
            data_set=information,
        )
        return await self._ask(
            request,
            NEventReportResponse,
            context=context,
            idle_timeout=idle_timeout,
            timeout=timeout,
        )

    async def _ask(
        self,
        request: Request,
        response_class: type[R],
        *,
        context: NegotiatedContext | None,
        idle_timeout: float | None,
        timeout: float | None,
    ) -> R:
        response = await self.send_request(
            request, context=context, idle_timeout=idle_timeout, timeout=timeout
        )
        assert isinstance(response, response_class)  # the listener lets no other through
        if response.sop_class_uid is None:
            # Peers leave it out, and without it the words for their status are lost.
            response = evolve(response, sop_class_uid=request.sop_class_uid)
        return response
