"""For each limit a way to try it: is something of this size taken under that limit?"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import trio
from attrs import frozen
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
)
from trio.testing import wait_all_tasks_blocked

from tests.dimse.elements import (
    END_OF_SEQUENCE,
    SEQUENCE,
    UNDEFINED,
    explicit,
    implicit,
    open_item,
)
from tests.dimse.elements import item as item_of
from tests.faults.sides import CLIENT, CT_ID, RECEIVER, asked, associated
from tests.faults.wire import (
    COMMAND,
    DATA,
    ECHO,
    ECHO_REQUEST,
    FIND_REQUEST,
    LAST,
    NO_DATA_SET,
    STORE_REQUEST,
    associate,
    command,
    item,
    proposed,
    said,
    u16,
    ui,
    user_information,
)
from tests.io.talking import Call, find_request, store_request, talking
from tests.operations.calling import Keeper, knocking, receiving
from trio_dicom import (
    BaseHandler,
    CFindRequest,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    Limits,
    PDUError,
    Timeouts,
    response_to,
)

__all__ = ["LIMITS", "Limited", "tower"]

Taken = Callable[[int, int], Awaitable[bool]]


@frozen
class Limited:
    """How a limit is tried.

    Attributes:
        taken: Whether something of the second size is taken under the first.
        limit: The limit to try.
        step: The smallest difference that there is.
    """

    taken: Taken
    limit: int
    step: int = 1


def options(**limits: int) -> ConnectionOptions:
    return ConnectionOptions(max_length=4096, limits=Limits(**limits))


def echo_of(size: int) -> bytes:
    """The command set of a C-ECHO that has so many bytes, an even number."""
    filler = size - len(command(ECHO_REQUEST)) - 8
    return command(ECHO_REQUEST | {0x5180: bytes(filler)})


async def is_answered(says: bytes, **limits: int) -> bool:
    """Whether what the peer says is answered by a message and not by an A-ABORT."""
    async with associated(RECEIVER, options=options(**limits)) as ours:
        await ours.says(says)
        return (await ours.hears_pdu())[0] == 4


async def pdu_length(limit: int, size: int) -> bool:
    return await is_answered(said(echo_of(size - 6), COMMAND | LAST), pdu_length=limit)


async def associate_length(limit: int, size: int) -> bool:
    items = [proposed(1, ECHO), user_information()]
    filler = size - (len(associate(1, items)) - 6) - 4
    async with asked(RECEIVER, options=options(associate_length=limit)) as ours:
        await ours.says(associate(1, [*items, item(0x99, bytes(filler))]))
        return (await ours.hears_pdu())[0] == 2


async def command_set(limit: int, size: int) -> bool:
    return await is_answered(said(echo_of(size), COMMAND | LAST), command_set=limit)


async def data_set(limit: int, size: int) -> bool:
    message = said(command(FIND_REQUEST), 3, CT_ID) + said(bytes(size), DATA | LAST, CT_ID)
    return await is_answered(message, data_set=limit)


async def instance(limit: int, size: int) -> bool:
    message = said(command(STORE_REQUEST), 3, CT_ID) + said(bytes(size), DATA | LAST, CT_ID)
    return await is_answered(message, instance=limit)


async def in_memory(limit: int, size: int) -> bool:
    message = said(command(STORE_REQUEST), 3, CT_ID) + said(bytes(size), DATA | LAST, CT_ID)
    keeper = Keeper()
    async with associated(RECEIVER, into=keeper, options=options(in_memory=limit)) as ours:
        await ours.says(message)
        await ours.hears_pdu()
    return isinstance(keeper.requests[0].data_set, EncodedDataSet)


def tower(levels: int) -> bytes:
    """So many sequences, one in the other, in Explicit VR Little Endian."""
    inner = b""
    for _ in range(levels):
        nested = b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner
        inner = explicit(0x0040_A730, "SQ", nested)
    return inner


async def nesting(limit: int, size: int) -> bool:
    """Of a match, as it came on a connection with that limit."""
    contents = EncodedDataSet(tower(size), ExplicitVRLittleEndian)
    async with (
        talking(options=options(nesting=limit)) as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await peer.expect_message(CFindRequest)
        await peer.reply(request, 0xFF00, data_set=contents)
        await peer.reply(request, 0x0000)
        match = await responses.receive()
        try:
            match.decoded_data_set()
        except PDUError:
            return False
        return True


async def is_decoded(data: bytes, syntax: str, **limits: int) -> bool:
    await trio.lowlevel.checkpoint()
    try:
        EncodedDataSet(data, syntax, limits=Limits(**limits)).decode()
    except PDUError:
        return False
    return True


async def inflated(limit: int, size: int) -> bool:
    deflater = zlib.compressobj(wbits=-15)
    data = explicit(0x7FE0_0010, "OB", bytes(size - 12))
    stream = deflater.compress(data) + deflater.flush()
    return await is_decoded(stream, DeflatedExplicitVRLittleEndian, inflated=limit)


async def elements(limit: int, size: int) -> bool:
    answers = {
        await is_decoded(data, ExplicitVRLittleEndian, elements=limit)
        for data in having(size).values()
    }
    (answer,) = answers
    return answer


def having(number: int) -> dict[str, bytes]:
    """Data sets that have so many elements and items, by where they are."""
    few = b"".join(implicit(0x0009_0000 + tag) for tag in range(number - 2))
    more = b"".join(explicit(0x0009_0000 + tag, "CS") for tag in range(number - 2))
    items = item_of() * (number - 1)
    return {
        "outside": more + explicit(0x0010_0010, "PN") + explicit(0x0010_0020, "LO"),
        "in an item": explicit(SEQUENCE, "SQ", item_of(more)),
        "in an item without length": explicit(SEQUENCE, "SQ", open_item(more)),
        "in implicit VR": explicit(0x0009_1010, "UN", item_of(few)),
        "in an unknown sequence without length": (
            explicit(SEQUENCE, "UN", item_of(few) + END_OF_SEQUENCE, length=UNDEFINED)
        ),
        "in a deeper one": explicit(
            SEQUENCE, "SQ", item_of(explicit(SEQUENCE, "SQ", item_of(more[16:])))
        ),
        "in an unknown one inside": explicit(
            SEQUENCE, "SQ", item_of(explicit(0x0009_1010, "UN", item_of(few[16:])))
        ),
        "items": explicit(SEQUENCE, "SQ", items),
        "items behind a length of their own": (
            explicit(SEQUENCE, "SQ", items + END_OF_SEQUENCE, length=UNDEFINED)
        ),
    }


SMALLEST = 52 + 256  # the bytes of the smallest response, and what it counts besides


async def buffered_responses(limit: int, size: int) -> bool:
    """Whether reading goes on."""
    async with (
        talking(options=options(buffered_responses=limit)) as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await peer.expect_message(CFindRequest)
        fields = {0x0100: u16(0x8020), 0x0120: u16(request.message_id or 0), 0x0800: NO_DATA_SET}
        pending = said(command(fields | {0x0900: u16(0xFF00)}), 3, peer.last_context_id)
        await peer.send_bytes(pending * (size // SMALLEST))
        await wait_all_tasks_blocked()
        goes_on = not connection._link.flow.stopped
        await peer.reply(request, 0x0000)
        await responses.final()
    return goes_on


class Slow(BaseHandler):
    """Answers when it may."""

    def __init__(self) -> None:
        self.gate = trio.Event()

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        await self.gate.wait()
        return response_to(request, 0x0000)


async def unanswered_requests(limit: int, size: int) -> bool:
    """Whether reading goes on."""
    slow = Slow()
    settings: Any = {"handler": slow, "options": options(unanswered_requests=limit)}
    async with associated(CLIENT, **settings) as ours:
        await ours.says(said(command(STORE_REQUEST | {0x0800: NO_DATA_SET}), 3, CT_ID) * size)
        goes_on = not ours.connection._link.flow.stopped  # type: ignore[attr-defined]
        slow.gate.set()
        for _ in range(size):
            await ours.hears_command()
        return goes_on


async def complaints(limit: int, size: int) -> bool:
    """Whether each is in the log."""
    stray = {0x0002: ui(ECHO), 0x0100: u16(0x8030), 0x0120: u16(999), 0x0800: NO_DATA_SET}
    async with associated(CLIENT, options=options(complaints=limit)) as ours:
        await ours.says(said(command(stray | {0x0900: u16(0)}), 3) * size)
        said_so = [it for it in ours.log if "dropped a response" in it]
        assert len(ours.log) <= limit + 1
        return len(said_so) == size


class Writes:
    """An instrument that keeps the size of every write."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def bytes_sent(self, count: int) -> None:
        self.sizes.append(count)

    def bytes_received(self, count: int) -> None: ...
    def pdu_sent(self, pdu: object) -> None: ...
    def event_received(self, event: object) -> None: ...
    def message_sent(self, message: object, context: object) -> None: ...
    def message_received(self, message: object, context: object) -> None: ...


async def write(limit: int, size: int) -> bool:
    """Whether so much of a message goes in one write, headers of PDUs not counted."""
    fragment, header = 1024, 12
    writes = Writes()
    async with (
        talking(
            options=options(write=limit), instrument=writes, accept={"max_length": fragment + 6}
        ) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, store_request(100 * fragment))
        await peer.reply(await peer.expect_message(CStoreRequest), 0x0000)
        assert await call.status() == 0x0000
    longest = max(writes.sizes)
    return longest - longest // (fragment + header) * header >= size


async def max_associations(limit: int, size: int) -> bool:
    """Of a receiver: whether the last of so many peers at a time is let in."""
    answers: list[int] = []
    request = associate(1, [proposed(1, ECHO), user_information()])
    quick = ConnectionOptions(timeouts=Timeouts(abort=0.05))  # for those who are hung up on
    async with (
        receiving(max_associations=limit, options=quick) as receiver,
        trio.open_nursery() as nursery,
    ):
        for _ in range(size):

            async def call(task_status: trio.TaskStatus[None]) -> None:
                async with knocking(receiver) as peer:
                    await peer.send_bytes(request)
                    answers.append((await peer.receive_pdu()).pdu_type)
                    task_status.started()
                    await trio.sleep_forever()

            await nursery.start(call)
        nursery.cancel_scope.cancel()
    assert answers[:limit] == [2] * min(size, limit)
    return answers[-1] == 2


async def max_associations_per_host(limit: int, size: int) -> bool:
    """Of a receiver: whether the last of so many peers of one address is let in."""
    request = associate(1, [proposed(1, ECHO), user_information()])
    answers: list[bytes] = []
    async with receiving(max_associations_per_host=limit) as receiver, AsyncExitStack() as stack:
        for host in ["127.0.0.2", *["127.0.0.1"] * size, "127.0.0.3"]:
            peer = await trio.open_tcp_stream("127.0.0.1", receiver.port, local_address=host)
            await stack.enter_async_context(peer)
            await peer.send_all(request)
            answers.append(await peer.receive_some(1))
    other, *answers, another = answers
    assert other == another == b"\2"
    assert answers[:limit] == [b"\2"] * min(size, limit)
    return answers[-1] == b"\2"


LIMITS = {
    "pdu_length": Limited(pdu_length, 20_000, 2),
    "associate_length": Limited(associate_length, 2000),
    "command_set": Limited(command_set, 1000, 2),
    "data_set": Limited(data_set, 1000),
    "inflated": Limited(inflated, 100_000, 2),
    "elements": Limited(elements, 1000),
    "in_memory": Limited(in_memory, 1000),
    "instance": Limited(instance, 1000),
    "nesting": Limited(nesting, 5),
    "buffered_responses": Limited(buffered_responses, 20 * SMALLEST, SMALLEST),
    "unanswered_requests": Limited(unanswered_requests, 20),
    "complaints": Limited(complaints, 5),
    "write": Limited(write, 8 * 1024, 1024),
    "max_associations": Limited(max_associations, 3),
    "max_associations_per_host": Limited(max_associations_per_host, 3),
}
"""Those of ``Limits`` by their names, and those of a receiver."""
