"""The cut again, where several requests are open at once or the peer asks as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache

import pytest
import trio
from attrs import evolve, frozen
from pydicom import Dataset
from trio.testing import MockClock

from tests.io.asking import Outcomes, ask
from tests.io.conversation import QUERY, STORE
from tests.io.recording import CONTEXTS, CT, FIND, Recorder
from tests.io.replay import Cut, Record, record
from trio_dicom import (
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    ClientConnection,
    ConnectionEnded,
    ConnectionLost,
    CStoreRequest,
    CStoreResponse,
    PresentationContext,
    Response,
    TrioDicomError,
    propose,
    response_to,
    wrap_stream,
)
from trio_dicom.testing import ConversationOver, FaultyStream, ScriptedPeer

pytestmark = [pytest.mark.scenario("B39"), pytest.mark.pitfall(5)]

GET = "1.2.840.10008.5.1.4.1.2.2.3"
REQUEST = propose(
    contexts=[
        *CONTEXTS,
        PresentationContext(CT, ["1.2.840.10008.1.2"], scu_role=True, scp_role=True),
        PresentationContext(GET),
    ],
    max_operations_invoked=3,
)
# Their numbers are fixed, so that it does not matter which task comes first.
REQUESTS = (
    evolve(CEchoRequest(), message_id=1),
    evolve(STORE, message_id=2),
    CFindRequest(sop_class_uid=FIND, data_set=QUERY, message_id=3),
)


class Storing(Recorder):
    """Takes the instances of a C-GET, and some time over each."""

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.calls.append(("c_store_request", request))
        await trio.sleep(1)
        return response_to(request, 0x0000)


async def use_together(connection: ClientConnection, outcomes: Outcomes) -> None:
    async with trio.open_nursery() as nursery:
        for request in REQUESTS:
            nursery.start_soon(ask, connection, outcomes, request)


async def answer_together(peer: ScriptedPeer) -> None:
    requests = {it.message_id: it for it in [await peer.receive_message() for _ in REQUESTS]}
    await peer.reply(requests[3], 0xFF00, data_set=QUERY)
    await peer.reply(requests[2], 0x0000)
    await peer.reply(requests[1], 0x0000)
    await peer.reply(requests[3], 0x0000)


async def retrieve(connection: ClientConnection, outcomes: Outcomes) -> None:
    await ask(connection, outcomes, CGetRequest(sop_class_uid=GET, data_set=QUERY))


async def send_instances(peer: ScriptedPeer) -> None:
    request = await peer.expect_message(CGetRequest)
    for number in (1, 2):
        instance = Dataset()
        instance.PatientID = "x" * 40
        store = CStoreRequest(
            message_id=number, sop_class_uid=CT, sop_instance_uid="1.2", data_set=instance
        )
        await peer.send_message(store, context_id=3, max_fragment=64)
        answer = await peer.receive_message()
        assert isinstance(answer, CStoreResponse)
        await peer.reply(request, 0xFF00)
    await peer.reply(request, 0x0000)


@frozen
class Conversation:
    """What a client does, what the peer does, and what the handler hears of it in order."""

    use: Callable[[ClientConnection, Outcomes], Awaitable[None]]
    answer: Callable[[ScriptedPeer], Awaitable[None]]
    words: tuple[str, ...]
    requests: int

    async def client(self, stream: trio.abc.Stream, outcomes: Outcomes, handler: Recorder) -> None:
        async with wrap_stream(stream, handler=handler) as connection:
            try:
                await connection.send_association_request(REQUEST)
                await self.use(connection, outcomes)
            except TrioDicomError as error:
                outcomes.append(error)

    async def peer(self, peer: ScriptedPeer) -> None:
        await peer.accept(window=(3, 1))
        await self.answer(peer)
        with pytest.raises(ConversationOver):
            await peer.receive_message()


TOGETHER = Conversation(
    use_together,
    answer_together,
    ("request_pending", "request_completed", "request_completed", "request_completed"),
    requests=3,
)
RETRIEVE = Conversation(
    retrieve,
    send_instances,
    ("c_store_request", "request_pending") * 2 + ("request_completed",),
    requests=1,
)


@cache
def recorded(conversation: Conversation) -> Record:
    async def main() -> Record:
        handler, outcomes = Storing(), Outcomes()
        return await record(
            lambda it: conversation.client(it, outcomes, handler), conversation.peer
        )

    return trio.run(main, clock=MockClock(autojump_threshold=0))


async def cut_run(conversation: Conversation, stream: FaultyStream) -> tuple[Outcomes, Storing]:
    tasks = trio.lowlevel.current_statistics().tasks_living
    begun = trio.current_time()
    outcomes, handler = Outcomes(), Storing()
    await conversation.client(stream, outcomes, handler)
    assert stream._is_closed
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    assert trio.current_time() - begun <= 30 + 60 + 30 + 1 + 5
    return outcomes, handler


@pytest.mark.parametrize("conversation", [TOGETHER, RETRIEVE], ids=["together", "retrieve"])
@pytest.mark.parametrize("cut", Cut)
def test_every_request_ends_wherever_the_peer_is_cut_off(
    conversation: Conversation, cut: Cut
) -> None:
    whole = recorded(conversation)
    silent = cut is Cut.SILENCE

    async def main() -> None:
        for position in range(whole.length):
            stream = whole.cut(cut, position)
            outcomes, handler = await cut_run(conversation, stream)
            if position < whole.ends[0]:
                [outcome] = outcomes
                assert silent or isinstance(outcome, ConnectionLost)
                assert handler.names == ["connection_closed"]
                continue
            heard = [
                "receive_association_accept",
                *conversation.words[: whole.whole_at(position) - 1],
            ]
            told = [it for it in handler.names if it != "request_timed_out"]
            if position in whole.ends and heard[-1] == "c_store_request":
                # An instance whose peer is gone may be served or not.
                told, heard = (
                    [it for it in names if it != "c_store_request"] for names in (told, heard)
                )
            # Serving tasks run beside the dispatcher, so their calls are counted, not ordered.
            assert sorted(told[:-1]) == sorted(heard)
            if position == whole.ends[0] and len(outcomes) == 1 and not silent:
                # Accepted and cut off in the same moment: asking for it may say either.
                assert isinstance(outcomes[0], ConnectionLost)
                continue
            assert len(outcomes) == conversation.requests
            answered = [it for it in outcomes if isinstance(it, Response)]
            assert len(answered) == heard.count("request_completed")
            errors = [it for it in outcomes if not isinstance(it, Response)]
            if not silent:
                assert isinstance(handler.told_of_the_end, ConnectionLost)
                assert all(type(it) is ConnectionLost for it in errors)
                assert len({id(it) for it in errors}) == len(errors)
            else:
                assert handler.names.count("request_timed_out") == len(errors)
                assert isinstance(handler.told_of_the_end, ConnectionEnded)

    trio.run(main, clock=MockClock(autojump_threshold=0))
