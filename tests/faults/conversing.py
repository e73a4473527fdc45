"""A conversation of a client with a peer: how it goes, and what must come of it when it is cut."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path

import trio
from attrs import define, field, frozen

from tests.io.recording import Recorder
from tests.io.replay import Record, record
from trio_dicom import (
    Association,
    BaseInstrument,
    ConnectionOptions,
    Delivery,
    NEventReportRequest,
    NEventReportResponse,
    PresentationContext,
    TrioDicomError,
    propose,
    response_to,
    wrap_stream,
)
from trio_dicom.testing import FaultyStream, ReplayedPeer, ScriptedPeer

__all__ = [
    "Conversation",
    "Handler",
    "Noted",
    "Recording",
    "Run",
    "Step",
    "descriptors",
    "instances_in",
]

Noted = list[object]

# The command field of a C-STORE-RQ: (0000,0100), two bytes, 0001H.
STORE = b"\x00\x00\x00\x01\x02\x00\x00\x00\x01\x00"


def descriptors() -> int:
    """How many file descriptors are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Handler(Recorder):
    """Keeps its calls, and takes events."""

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        self.calls.append(("n_event_report_request", request))
        return response_to(request, 0x0000)


class Writes(BaseInstrument):
    """An instrument that notes behind which bytes a write ends."""

    def __init__(self) -> None:
        self.ends = [0]

    def bytes_sent(self, count: int) -> None:
        self.ends.append(self.ends[-1] + count)


@frozen
class Step:
    """Something that the client does.

    Attributes:
        name: What.
        do: Does it, with files in a folder, and notes what it gets one by one.
        requests: How many requests that is: what fails with one of them has its `delivery`.
    """

    name: str
    do: Callable[[Association, Path, Noted], Awaitable[None]]
    requests: int = 1


@frozen(kw_only=True)
class Conversation:
    """What a client does, what the peer does, and what the client is told of it.

    Attributes:
        contexts: What is proposed.
        steps: What the client does on its association, one after the other.
        script: What the peer does, from the acceptance on.
        tells: What the handler hears of each of the peer's words, in order; "" for nothing.
        window: The operations invoked.
        options: Those of the connection.
        is_released_by_peer: Whether the peer asks for release, and is the first to do so.
    """

    contexts: Sequence[PresentationContext]
    steps: Sequence[Step]
    script: Callable[[ScriptedPeer], Awaitable[None]]
    tells: Sequence[str]
    window: int = 1
    options: ConnectionOptions = field(factory=ConnectionOptions)
    is_released_by_peer: bool = False

    async def recorded(self, folder: Path) -> Recording:
        """The whole of it, as it goes when nothing breaks."""
        run = Run(self, folder)

        async def converse(stream: trio.abc.Stream) -> None:
            await run.through(FaultyStream(stream))

        return Recording(self, await record(converse, self.script), run)


@define(eq=False, repr=False)
class Run:
    """One client from the first step to the last, whatever comes between.

    Attributes:
        conversation: What it does.
        folder: Where its files are.
        began: How many bytes had gone out when each step began.
        noted: What each step has got.
        errors: What each step raised that did.
        heard: What ``listener.wait`` raised, or None.
        handler: What the callbacks were told.
        writes: Where its writes ended.
    """

    conversation: Conversation
    folder: Path
    began: dict[str, int] = field(factory=dict[str, int])
    noted: dict[str, Noted] = field(factory=dict[str, Noted])
    errors: dict[str, TrioDicomError] = field(factory=dict[str, TrioDicomError])
    heard: TrioDicomError | None = None
    handler: Handler = field(factory=Handler)
    writes: Writes = field(factory=Writes)

    async def through(self, stream: FaultyStream) -> None:
        """Converse over ``stream``, and see that nothing of the connection is left."""
        conversation = self.conversation
        request = propose(
            contexts=conversation.contexts, max_operations_invoked=conversation.window
        )
        async with (
            trio.open_nursery() as nursery,
            wrap_stream(
                stream,
                handler=self.handler,
                instrument=self.writes,
                options=conversation.options,
            ) as connection,
        ):
            nursery.start_soon(self._listen, connection.listener.wait)
            self.began["associate"] = 0
            try:
                negotiated = await connection.send_association_request(request)
            except TrioDicomError as error:
                self.errors["associate"] = error
            else:
                await self._take_steps(Association(connection, negotiated), stream)
        link = connection._link
        assert connection.is_send_queue_empty
        assert link.table.is_empty
        assert link.ending is not None
        assert not link.serving.turns.tasks
        # A thread that was left alone has to clean up what it is at.
        for number in range(int(link.file_threads.total_tokens)):
            await link.file_threads.acquire_on_behalf_of(number)

    async def _take_steps(self, association: Association, stream: FaultyStream) -> None:
        for step in self.conversation.steps:
            self.began[step.name] = stream.sent
            noted = self.noted[step.name] = []
            try:
                await step.do(association, self.folder, noted)
            except TrioDicomError as error:
                self.errors[step.name] = error

    async def _listen(self, wait: Callable[[], Awaitable[None]]) -> None:
        try:
            await wait()
        except TrioDicomError as error:
            self.heard = error


@frozen
class Recording:
    """How a conversation goes when nothing breaks.

    Attributes:
        conversation: Which one.
        record: What was said, and when.
        whole: What the client got of it.
    """

    conversation: Conversation
    record: Record
    whole: Run

    @property
    def said(self) -> bytes:
        """What the peer said, all together."""
        return b"".join(data for _, data in self.record.said)

    def stream(self) -> ReplayedPeer:
        """The peer once more."""
        return self.record.peer()

    @property
    def requests(self) -> dict[str, tuple[int, int]]:
        """Where in what the client says each step begins, and where the peer has its request."""
        began = [*self.whole.began.items()]
        spans: dict[str, tuple[int, int]] = {}
        for (name, begin), (_, end) in pairwise([*began, ("", self.record.heard)]):
            needed = [at for at, _ in self.record.said if begin < at <= end]
            spans[name] = (begin, min(needed, default=end))
        return spans

    def deliveries(self, begin: int, end: int, passed: int) -> set[Delivery]:
        """What a caller may be told of the message from ``begin`` to ``end`` that was cut."""
        if passed <= begin:
            return {Delivery.NOT_SENT}
        if passed >= end:
            return {Delivery.SENT_WITHOUT_ANSWER}
        # The peer may have all of the last write and hang up before we know.
        last = max(it for it in self.whole.writes.ends if it < end)
        doubt = {Delivery.SENT_WITHOUT_ANSWER} if passed >= last else set[Delivery]()
        return {Delivery.PARTLY_SENT} | doubt

    def step_at(self, asked: int) -> str:
        """The step that is not over when the peer has got so much and says nothing to its end."""
        begun = [name for name, begin in self.whole.began.items() if begin < asked]
        return begun[-1] if begun else "associate"

    def words_of(self, step: str) -> range:
        """The words of the peer that belong to a step."""
        names = [*self.whole.began]
        begins = [*self.whole.began.values(), self.record.heard]
        number = names.index(step)
        begin, end = begins[number], begins[number + 1]
        mine = [at for at, (needed, _) in enumerate(self.record.said) if begin < needed <= end]
        return range(mine[0], mine[-1] + 1) if mine else range(0)

    def step_unheard(self, asked: int) -> str:
        """The first step of which the peer does not get all when it gets so much."""
        for name in self.whole.began:
            needed = [self.record.said[word][0] for word in self.words_of(name)]
            if asked < max(needed, default=self.record.heard):
                return name
        raise AssertionError("the peer gets all of every step")

    def owner(self, word: int) -> str:
        """The step that a word of the peer belongs to."""
        return next(name for name in self.whole.began if word in self.words_of(name))

    def step_without(self, words: int) -> str:
        """The first step that does not get all of its answers of that many words."""
        for name in self.whole.began:
            if self.words_of(name).stop > words:
                return name
        raise AssertionError("every step has its answers")

    @property
    def messages(self) -> list[tuple[int, int]]:
        """Where in what the client says each of its messages with a data set begins and ends."""
        found: list[tuple[int, int]] = []
        at, begin = 0, 0
        asked = self.record.asked
        while at < len(asked):
            length = 6 + int.from_bytes(asked[at + 2 : at + 6], "big")
            flags = asked[at + 11] if asked[at] == 0x04 else 0
            if asked[at] == 0x04 and flags & 1:
                begin = at
            if asked[at] == 0x04 and flags == 2:
                found.append((begin, at + length))
            at += length
        return found

    def instances(self, words: int, passed: int) -> tuple[int, int]:
        """See ``instances_in``."""
        return instances_in(self.record, words, passed)


def instances_in(record: Record, words: int, passed: int) -> tuple[int, int]:
    """How many of the peer's instances are whole in its first words, and how many of those we
    have acknowledged in so many bytes of ours.
    """
    came = acknowledged = 0
    for (needed, data), (then, _) in pairwise(record.script):
        if STORE in data[:100] and then > needed:  # otherwise it did not wait for an answer
            came += words > 0
            acknowledged += words > 0 and then <= passed
        words -= 1
    return came, acknowledged
