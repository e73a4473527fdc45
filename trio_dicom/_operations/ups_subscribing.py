"""Subscribing to the events of unified procedure steps (PS3.4 CC.2.3)."""

from __future__ import annotations

from typing import Final

import trio
from attrs import define
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._operations.reading import copied
from trio_dicom._operations.ups_contexts import WATCHING
from trio_dicom._operations.ups_requests import UPSRequests, act
from trio_dicom.errors import LocalProtocolError
from trio_dicom.status import Status

__all__ = ["UPSSubscribing"]

# Action types (PS3.4 Table CC.2.3-1).
_SUBSCRIBE: Final = 3
_UNSUBSCRIBE: Final = 4
_SUSPEND: Final = 5

_ALL_STEPS: Final = UID("1.2.840.10008.5.1.4.34.5")
_MATCHING_STEPS: Final = UID("1.2.840.10008.5.1.4.34.5.1")


@define(eq=False)
class UPSSubscribing(UPSRequests):
    """What who watches steps does."""

    async def subscribe(
        self,
        sop_instance_uid: str | None = None,
        *,
        matching: Dataset | None = None,
        receiving_ae: str | None = None,
        deletion_lock: bool = False,
    ) -> Status:
        """Have events reported. ``ups_events`` receives them.

        Args:
            sop_instance_uid: The step; None: all that there are and will be.
            matching: Only steps that match these keys, of all. Not every peer can do that.
                It is not changed.
            receiving_ae: The AE title to which the peer reports; None: our own.
            deletion_lock: Whether the peer keeps ended steps until we unsubscribe.

        Raises:
            LocalProtocolError: One step, and keys. Nothing was sent.
            StatusError: The peer refused it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        await trio.lowlevel.checkpoint()
        if sop_instance_uid is not None and matching is not None:
            raise LocalProtocolError("a subscription is to one step or to those that match")
        information = copied(matching)
        information.DeletionLock = "TRUE" if deletion_lock else "FALSE"
        information.ReceivingAE = self._receiving(receiving_ae)
        everything = _ALL_STEPS if matching is None else _MATCHING_STEPS
        return await act(self, sop_instance_uid or everything, _SUBSCRIBE, information, WATCHING)

    async def unsubscribe(
        self,
        sop_instance_uid: str | None = None,
        *,
        matching: bool = False,
        receiving_ae: str | None = None,
    ) -> Status:
        """Have no more events reported, and let go of a deletion lock.

        Args:
            sop_instance_uid: The step; None: all, and those to come.
            matching: End the subscription to those that match, where there is one.
            receiving_ae: As for ``subscribe``.

        Raises:
            StatusError: The peer refused it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        information = Dataset()
        information.ReceivingAE = self._receiving(receiving_ae)
        everything = _MATCHING_STEPS if matching else _ALL_STEPS
        return await act(self, sop_instance_uid or everything, _UNSUBSCRIBE, information, WATCHING)

    async def suspend(self, *, matching: bool = False, receiving_ae: str | None = None) -> Status:
        """Have no events reported of steps to come; subscriptions to those that are stay.

        Args:
            matching: As for ``unsubscribe``.
            receiving_ae: As for ``subscribe``.

        Raises:
            StatusError: The peer refused it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        information = Dataset()
        information.ReceivingAE = self._receiving(receiving_ae)
        everything = _MATCHING_STEPS if matching else _ALL_STEPS
        return await act(self, everything, _SUSPEND, information, WATCHING)

    def _receiving(self, ae_title: str | None) -> str:
        return self.association.negotiated.calling_ae if ae_title is None else ae_title
