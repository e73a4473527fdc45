"""What became of the instances of ``c_store_many``."""

from __future__ import annotations

from typing import Any, Self

import trio
from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.base import Response
from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._operations.store import Storable
from trio_dicom.connection import ClientConnection
from trio_dicom.errors import (
    ConnectionEnded,
    Delivery,
    LocalProtocolError,
    ResponseTimeout,
    TrioDicomError,
)
from trio_dicom.status import Status

__all__ = ["StoreResult", "StoreResults"]


def _without_values(source: Storable) -> str:
    """What ``repr`` shows of a source. Data sets are patients' data."""
    return f"<{len(source)} elements>" if isinstance(source, Dataset) else repr(source)


@frozen(kw_only=True)
class StoreResult:
    """What became of one instance.

    It does not hold the bytes of the instance, so results can be kept.

    Attributes:
        source: The file or data set, as it was given.
        response: The answer. None without one.
        error: Why there is no answer. None if there is one.
        delivery: How much of the instance had gone out, which is what a retry must know.
            None where nobody knows, because the peer broke the protocol.
        sop_class_uid: What it is an instance of. None if it could not be read.
        sop_instance_uid: Which instance it is, likewise.
        transfer_syntax: How it is encoded in its file. None for a data set in memory.
        size: The bytes of its data set there. It went out with more or less of them where
            the peer accepted another transfer syntax only. None for a data set in memory.
    """

    source: Storable = field(repr=_without_values)
    response: Response | None = None
    error: TrioDicomError | OSError | None = None
    delivery: Delivery | None = Delivery.NOT_SENT
    sop_class_uid: UID | None = None
    sop_instance_uid: UID | None = None
    transfer_syntax: UID | None = None
    size: int | None = None

    @classmethod
    def answered(cls, source: Storable, request: CStoreRequest, response: Response) -> Self:
        """One that the peer has answered."""
        return cls(
            source=source, response=response, delivery=Delivery.ANSWERED, **_described(request)
        )

    @classmethod
    def failed(
        cls, source: Storable, request: CStoreRequest | None, error: TrioDicomError | OSError
    ) -> Self:
        """One without an answer.

        Args:
            source: The file or data set.
            request: What was made of it; None where it could not be read.
            error: Why there is no answer. It loses its traceback, which holds the bytes.
        """
        _forget_where(error)
        match error:
            case ConnectionEnded() | ResponseTimeout():
                delivery = error.delivery
            case LocalProtocolError() | OSError():
                delivery = Delivery.NOT_SENT
            case _:
                delivery = None
        return cls(source=source, error=error, delivery=delivery, **_described(request))

    @property
    def status(self) -> Status | None:
        """The status of the answer. None without one."""
        return None if self.response is None else self.response.status

    @property
    def is_stored(self) -> bool:
        """Whether the peer has it, be it with a warning."""
        status = self.status
        return status is not None and (status.is_success or status.is_warning)


class StoreResults(trio.abc.ReceiveChannel[StoreResult]):
    """What becomes of many instances, in the order in which they were given.

    Any number of tasks may receive: each result goes to one of them.
    """

    def __init__(
        self,
        results: trio.MemoryReceiveChannel[StoreResult],
        scope: trio.CancelScope,
        connection: ClientConnection,
    ) -> None:
        """Wrap the channel on which they come.

        Args:
            results: The channel.
            scope: That of the tasks which store.
            connection: Where they do it.
        """
        self._results = results
        self._scope = scope
        self._connection = connection
        self._error: Exception | None = None

    def fail(self, error: Exception) -> None:
        """There are no more, because of ``error``: raise it behind the results that there are."""
        if self._error is None:
            self._error = error

    async def receive(self) -> StoreResult:
        """The next result.

        Raises:
            trio.EndOfChannel: There are no more.
            trio.ClosedResourceError: The channel was closed, or its block was left.
            ConnectionEnded: Once, in the place of the end: the association has ended, and
                the instances without a result were not tried. Or whatever iterating over
                the sources raised, likewise.
            WouldDeadlock: Responses that this very task reads have stopped the reading.
        """
        try:
            with self._connection.waiting("the result of a C-STORE"):
                return await self._results.receive()
        except trio.EndOfChannel:
            error, self._error = self._error, None
            if error is None:
                raise
        raise error

    async def aclose(self) -> None:
        """Send no more, and take no more results. Leaving the block does it, too.

        What is on the wire is finished in the background.
        """
        self._scope.cancel()
        await self._results.aclose()


def _described(request: CStoreRequest | None) -> dict[str, Any]:
    """What is told of ``request``: all but its data set."""
    if request is None:
        return {}
    data_set = request.data_set
    told: dict[str, Any] = {
        "sop_class_uid": request.sop_class_uid,
        "sop_instance_uid": request.sop_instance_uid,
    }
    if isinstance(data_set, EncodedDataSet | StoredDataSet):
        told |= {"transfer_syntax": data_set.transfer_syntax, "size": len(data_set)}
    return told


def _forget_where(error: BaseException | None) -> None:
    """Take the traceback off ``error`` and off those behind it."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
