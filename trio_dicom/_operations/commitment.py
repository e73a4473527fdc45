"""Storage commitment: asking a peer to keep instances, and hearing whether it does (PS3.4 J)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Final

import trio
from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.uid import UID, generate_uid

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._dimse.message import response_to
from trio_dicom._dimse.n_messages import NEventReportRequest, NEventReportResponse
from trio_dicom._io.lifetime import peeled
from trio_dicom._operations.n_services import NServices
from trio_dicom._operations.reading import items_of, number_of, text_of, uid_of
from trio_dicom._operations.references import InstanceReference
from trio_dicom.errors import AssociationReleased, LocalProtocolError, TrioDicomError
from trio_dicom.handler import EventSource
from trio_dicom.sop_classes import STORAGE_COMMITMENT
from trio_dicom.status import Code, Status

__all__ = ["CommitmentResult", "InstanceCommitment", "PendingCommitment", "request_commitment"]

_PUSH_MODEL: Final = STORAGE_COMMITMENT.abstract_syntax
_THE_INSTANCE: Final = UID("1.2.840.10008.1.20.1.1")  # all requests go to it (PS3.4 J.3)
_REQUEST: Final = 1  # action type (PS3.4 J.3.2)
_EVENT_TYPES: Final = (1, 2)  # all committed, some failed (PS3.4 Table J.3-2)
_DUPLICATE_TRANSACTION: Final = 0x0131  # the one reason that is no DIMSE status, too


@frozen(kw_only=True)
class InstanceCommitment:
    """What a peer says about one instance.

    Attributes:
        reference: The instance.
        committed: Whether the peer keeps it. Nothing else is a reason to delete yours.
        failure_reason: The Failure Reason (0008,1197) if it gave one.
        retrieve_ae: The AE title from which it can be retrieved, if the peer says so; else "".
    """

    reference: InstanceReference
    committed: bool
    failure_reason: int | None = None
    retrieve_ae: str = ""

    @property
    def words(self) -> str:
        """What became of it, in words (PS3.3 C.14.1.1)."""
        if self.committed:
            return "committed"
        if self.failure_reason is None:
            return "failed, or not mentioned in the report"
        if self.failure_reason == _DUPLICATE_TRANSACTION:
            meaning = "duplicate transaction UID"
        else:
            meaning = Status.of(self.failure_reason).meaning or "a reason of the peer's own"
        return f"{self.failure_reason:04X}H: {meaning}"


@frozen(kw_only=True)
class CommitmentResult:
    """The report on a request for storage commitment (PS3.4 J.3.3).

    Attributes:
        transaction_uid: The request that it answers.
        instances: What became of each instance, in the order of the request.
    """

    transaction_uid: UID
    instances: tuple[InstanceCommitment, ...]

    @property
    def is_complete(self) -> bool:
        """Whether the peer keeps every instance."""
        return all(it.committed for it in self.instances)

    @property
    def failed(self) -> tuple[InstanceCommitment, ...]:
        """The instances that it does not keep, or does not mention."""
        return tuple([it for it in self.instances if not it.committed])

    @classmethod
    def of_report(
        cls, request: NEventReportRequest, asked: Iterable[InstanceReference] = ()
    ) -> CommitmentResult | None:
        """Read a report, for handlers that wait for reports of requests made long ago.

        Args:
            request: What the peer reports.
            asked: The instances of the request. Without them the result has those that the
                report mentions.

        Returns:
            The result, or None if it is no report on storage commitment.

        Raises:
            PDUError: The data set of the report is broken.
        """
        if request.sop_class_uid != _PUSH_MODEL or request.event_type_id not in _EVENT_TYPES:
            return None
        information = request.event_information
        transaction = None if information is None else uid_of(information, "TransactionUID")
        if information is None or transaction is None:
            return None
        said = _said(information)
        instances = [
            said.get(it.sop_instance_uid) or InstanceCommitment(reference=it, committed=False)
            for it in asked
        ]
        return cls(transaction_uid=transaction, instances=tuple(instances or list(said.values())))


@define(eq=False)
class PendingCommitment:
    """A request for storage commitment that the peer has accepted and not yet reported on.

    Attributes:
        transaction_uid: Names the request, in the report as well.
        references: The instances that it is about.
    """

    transaction_uid: UID
    references: tuple[InstanceReference, ...]
    _association: NServices
    _receiver: EventSource | None
    _result: CommitmentResult | None = field(default=None, init=False)
    _arrived: trio.Event = field(factory=trio.Event, init=False)

    async def result(self) -> CommitmentResult:
        """Wait for the report. That may take the peer hours: bound it by ``trio.fail_after``.

        Raises:
            ConnectionEnded: The association has ended, and there is no receiver to which
                the report could come.
            RemoteProtocolError: The peer broke the protocol; likewise.
        """
        await trio.lowlevel.checkpoint()
        if self._receiver is not None:
            await self._arrived.wait()
        elif not self._arrived.is_set():
            await self._report_or_end()
        if self._result is None:
            raise AssociationReleased(
                "the association was released before the report on storage commitment came: "
                "wait for it with a receiver, to which the peer can open an association"
            )
        return self._result

    async def take(self, request: NEventReportRequest) -> NEventReportResponse | None:
        """Answer the report if it is the one; the receiver of events calls this."""
        await trio.lowlevel.checkpoint()
        if request.sop_class_uid != _PUSH_MODEL:
            return None
        information = request.event_information
        if information is None or uid_of(information, "TransactionUID") != self.transaction_uid:
            return None
        result = CommitmentResult.of_report(request, self.references)
        if result is None:
            return response_to(request, Code.NO_SUCH_EVENT_TYPE)
        # A peer that reports again, or on both ways, is answered again.
        if self._result is None:
            self._result = result
            self._arrived.set()
        return response_to(request, Code.SUCCESS)

    async def _report_or_end(self) -> None:
        listener = self._association.connection.listener
        # Shielded, or else who is cancelled would get a group, of the two that are.
        listening = trio.CancelScope(shield=True)

        async def end() -> None:
            with listening:
                with suppress(TrioDicomError):
                    await listener.wait()
                nursery.cancel_scope.cancel()

        with peeled():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(end)
                try:
                    await self._arrived.wait()
                finally:
                    listening.cancel()
        if self._result is None:  # what came before the end is valid all the same
            await listener.wait()


@asynccontextmanager
async def request_commitment(
    association: NServices,
    instances: Iterable[InstanceReference | Dataset],
    *,
    receiver: EventSource | None = None,
    transaction_uid: str | None = None,
    idle_timeout: float | None = None,
    timeout: float | None = None,
) -> AsyncGenerator[PendingCommitment, None]:
    """Ask a peer to take over the responsibility for instances (PS3.4 J.3.2).

    ::

        async with request_commitment(association, instances) as commitment:
            result = await commitment.result()
        for instance in result.failed:
            print(instance.reference.sop_instance_uid, instance.words)

    The peer reports when it has decided: on this association, before or after it has
    answered the request, or on one that it opens to us. While the block is open the report
    is taken, wherever it comes, and answered as often as it comes.

    Args:
        association: One on which the peer accepted ``STORAGE_COMMITMENT``.
        instances: What to keep, as references or as the instances themselves.
        receiver: Where the peer can open an association to us, if it can.
        transaction_uid: A UID of your own for the request. Keep it if the report may come
            when this program does not run any more.
        idle_timeout: As for ``send_request``.
        timeout: As for ``send_request``, for the request alone.

    Raises:
        LocalProtocolError: There are no instances, or one has no UID. Nothing was sent.
        StatusError: The peer refused the request.
        NoAcceptedContext: As ``send_request``; so are the others.
    """
    await trio.lowlevel.checkpoint()
    references = tuple(dict.fromkeys(map(_reference, instances)))
    if not references:
        raise LocalProtocolError("storage commitment of no instances")
    commitment = PendingCommitment(
        as_uid(transaction_uid or generate_uid(prefix=None)), references, association, receiver
    )
    information = Dataset()
    information.TransactionUID = commitment.transaction_uid
    information.ReferencedSOPSequence = [it.data_set() for it in references]
    elsewhere = nullcontext() if receiver is None else receiver.events(commitment.take)
    # Before the request goes out: the report may be faster than the answer.
    with association.events(commitment.take), elsewhere:
        response = await association.n_action(
            _PUSH_MODEL,
            _THE_INSTANCE,
            _REQUEST,
            information,
            idle_timeout=idle_timeout,
            timeout=timeout,
        )
        response.raise_for_status()
        yield commitment


def _reference(instance: InstanceReference | Dataset) -> InstanceReference:
    return InstanceReference.of(instance) if isinstance(instance, Dataset) else instance


def _said(information: Dataset) -> dict[UID, InstanceCommitment]:
    """What the report says of each instance. A failure is believed before a success."""
    everywhere = text_of(information, "RetrieveAETitle")
    said: dict[UID, InstanceCommitment] = {}
    for item in items_of(information, "ReferencedSOPSequence"):
        if (reference := InstanceReference.in_item(item)) is not None:
            said[reference.sop_instance_uid] = InstanceCommitment(
                reference=reference,
                committed=True,
                retrieve_ae=text_of(item, "RetrieveAETitle") or everywhere,
            )
    for item in items_of(information, "FailedSOPSequence"):
        if (reference := InstanceReference.in_item(item)) is not None:
            said[reference.sop_instance_uid] = InstanceCommitment(
                reference=reference,
                committed=False,
                failure_reason=number_of(item, "FailureReason"),
            )
    return said
