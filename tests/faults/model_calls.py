"""The callers of the model, and what they and the handler are told."""

from __future__ import annotations

from math import inf
from typing import Any

import trio
from attrs import define, field

from tests.io.recording import Recorder
from tests.io.talking import COMMITMENT, find_request, get_request, move_request, store_request
from trio_dicom import (
    ClientConnection,
    CStoreRequest,
    CStoreResponse,
    NEventReportRequest,
    NEventReportResponse,
    NGetRequest,
    Request,
    Response,
    TrioDicomError,
    response_to,
)

__all__ = ["KINDS", "WAYS", "Call", "Handler"]

KINDS = ("n_get", "store", "long store", "find", "get", "move")
WAYS = ("ask", "send", "open", "leave")


class Handler(Recorder):
    """Notes everything, and takes what the peer asks.

    Attributes:
        served: The message IDs of the peer's requests that were handled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.served: list[int | None] = []

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.served.append(request.message_id)
        return response_to(request, 0x0000)

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        self.served.append(request.message_id)
        return response_to(request, 0x0000)


@define(eq=False)
class Call:
    """One caller with one request.

    Attributes:
        kind: What it asks.
        way: How: for the answer, until the last byte is written, for a channel, or for a
            channel that it leaves at the first response.
        number: Names its request, whatever its message ID.
        settings: Its timeouts, as for ``send_request``.
        scope: Cancels it.
        has_begun: Whether it has.
        has_ended: Likewise.
        response: The final response, if it got one.
        words: The comments of the pending responses that it got.
        error: What was raised.
        wanted_words: How many words the peer had said when its caller had left.
        has_lapsed: Whether its slot came back although nobody wanted, or gave, the answer.
        is_checked: Whether its outcome was found to be right.
    """

    kind: str
    way: str
    number: int
    settings: dict[str, Any] = field(factory=dict[str, Any])
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    has_begun: bool = False
    has_ended: bool = False
    response: Response | None = None
    words: list[str] = field(factory=list[str])
    error: TrioDicomError | None = None
    begun_at: float = 0.0
    ended_at: float = 0.0
    wanted_words: float = inf
    has_lapsed: bool = False
    is_checked: bool = False

    @property
    def tag(self) -> str:
        """As ``Asked.tag``."""
        return str(self.number)

    @property
    def was_cancelled(self) -> bool:
        """Whether that is how it ended."""
        return self.scope.cancelled_caught

    def patience(self, idle: float) -> float:
        """The least time after which it can have timed out, in seconds."""
        idle = inf if self.kind == "move" else idle
        chosen = self.settings.get("idle_timeout")
        return min(idle if chosen is None else chosen, self.settings.get("timeout") or inf)

    def request(self) -> Request:
        """What it asks, without a message ID."""
        match self.kind:
            case "n_get":
                return NGetRequest(sop_class_uid=COMMITMENT, sop_instance_uid=f"1.9.{self.tag}")
            case "store":
                return store_request(40, f"1.9.{self.tag}")
            case "long store":
                return store_request(1_200, f"1.9.{self.tag}")
            case "find":
                return find_request(self.tag)
            case "get":
                return get_request(self.tag)
            case _:
                request = move_request()
                return type(request)(
                    sop_class_uid=request.sop_class_uid,
                    move_destination=self.tag,
                    data_set=request.data_set,
                )

    async def run(self, connection: ClientConnection) -> None:
        """Make the call."""
        self.has_begun, self.begun_at = True, trio.current_time()
        try:
            with self.scope:
                await self._ask(connection, self.request())
        except TrioDicomError as error:
            self.error = error
        self.has_ended, self.ended_at = True, trio.current_time()

    async def _ask(self, connection: ClientConnection, request: Request) -> None:
        match self.way:
            case "ask":
                self.response = await connection.ask(request, **self.settings)
            case "send":
                await connection.send_request(request, **self.settings)
            case _:
                async with connection.open_request(request, **self.settings) as responses:
                    async for response in responses:
                        self.words.append(response.error_comment or "")
                        if self.way == "leave":
                            return
                    self.response = await responses.final()
