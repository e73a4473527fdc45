"""The assembled client, fed with what may or may not be a server's bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache

import trio
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from tests.faults.keeping import instance
from tests.fuzz.lockstep import (
    A_LOT,
    DRIBBLED,
    HOW,
    LIMITS,
    folder,
    no_bugs,
    run,
    stream_of,
    written,
)
from tests.io.recording import Recorder
from trio_dicom import (
    AbortReason,
    AbortSource,
    Association,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    NActionRequest,
    NEventReportRequest,
    NGetRequest,
    PresentationContext,
    RejectReason,
    RejectResult,
    Timeouts,
    TrioDicomError,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort, AssociationReject, ReleaseRequest
from trio_dicom.sop_classes import (
    STORAGE_COMMITMENT,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)
from trio_dicom.testing import ConversationOver, ScriptedPeer, memory_link

__all__ = ["client", "server_streams"]

CONTEXTS = (
    VERIFICATION,
    PresentationContext(CTImageStorage, scu_role=True, scp_role=True),
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    STORAGE_COMMITMENT,
)
CT_ID, COMMITMENT_ID = 3, 11
THE_INSTANCE = "1.2.840.10008.1.20.1.1"
COMMITMENT = STORAGE_COMMITMENT.abstract_syntax
OPTIONS = ConnectionOptions(timeouts=Timeouts(move_idle=60), limits=LIMITS, max_fragment_pdu=256)
LONGEST = 2_000  # seconds: every request by its idle timeout, and the end by its own


def query() -> Dataset:
    data_set = Dataset()
    data_set.QueryRetrieveLevel = "STUDY"
    data_set.StudyInstanceUID = "1.2"
    return data_set


async def use(stream: trio.abc.Stream, handler: Recorder, inbox: str) -> int:
    """Ask for everything, one after the other; how many steps did not fail."""
    done = 0
    association: Association
    async with wrap_stream(stream, handler=handler, options=OPTIONS) as connection:

        async def associate() -> None:
            nonlocal association
            negotiated = await connection.send_association_request(propose(contexts=CONTEXTS))
            association = Association(connection, negotiated)

        async def find() -> None:
            async with association.c_find(query(), check=False) as matches:
                async for match in matches:
                    str(match.identifier)

        async def get() -> None:
            async with association.c_get(query(), into=inbox, check=False) as retrieval:
                async for _ in retrieval:
                    pass

        async def move() -> None:
            async with association.c_move(query(), destination="THERE", check=False) as retrieval:
                async for _ in retrieval:
                    pass

        steps: tuple[Callable[[], Awaitable[object]], ...] = (
            associate,
            lambda: association.c_echo(),  # noqa: PLW0108 - it is there when it is called
            lambda: connection.ask(instance("1.9", 600).request),
            find,
            get,
            move,
            lambda: association.n_get(COMMITMENT, THE_INSTANCE),
            lambda: association.n_action(COMMITMENT, THE_INSTANCE, 1, query()),
            connection.send_association_release_request,
        )
        for step in steps:
            try:
                await step()
            except TrioDicomError:
                if step is associate:
                    break
            else:
                done += 1
    return done


def client(data: bytes) -> int:
    """Whatever a server says, every call ends with what it promises, and nothing is left.

    Returns:
        How many steps the client took in order.
    """
    stream, handler = stream_of(data), Recorder()
    with no_bugs(), folder() as inbox:

        async def main() -> int:
            return await use(stream, handler, str(inbox))

        done = run(main, within=LONGEST)
        assert stream.is_closed
        assert handler.names.count("connection_closed") == 1
        assert handler.names[-1] == "connection_closed"
        written(stream)
    return done


# --- seeds --------------------------------------------------------------------------------


async def serve(peer: ScriptedPeer) -> None:
    """A server that does what is asked, and a little of what is not."""
    await peer.accept(max_length=512)
    try:
        while True:
            message = await peer.receive_message()
            match message:
                case CFindRequest():
                    for number in range(3):
                        await peer.reply(
                            message, 0xFF00, data_set=query(), max_fragment=40 + number
                        )
                    await peer.reply(message, 0x0000)
                case CGetRequest():
                    for number in range(2):
                        it = instance(f"1.{number}", 300 + 5000 * number, message_id=number + 1)
                        await peer.send_message(it.request, context_id=CT_ID)
                        await peer.expect_message(CStoreResponse)
                        await peer.reply(
                            message, 0xFF00, remaining=1 - number, completed=1 + number, failed=0
                        )
                    await peer.reply(message, 0x0000)
                case CMoveRequest():
                    await peer.reply(message, 0xFF00, remaining=1, completed=0, failed=0)
                    await peer.reply(message, 0xB000, completed=0, failed=1, data_set=query())
                case NGetRequest():
                    await peer.send_message(
                        NEventReportRequest(
                            sop_class_uid=COMMITMENT,
                            sop_instance_uid=THE_INSTANCE,
                            message_id=9,
                            event_type_id=1,
                            data_set=query(),
                        ),
                        context_id=COMMITMENT_ID,
                    )
                    await peer.reply(message, 0x0000, data_set=query())
                case CEchoRequest() | CStoreRequest() | NActionRequest():
                    await peer.reply(message, 0x0000)
                case _:
                    pass
    except ConversationOver:
        pass


async def _recorded() -> bytes:
    ours, theirs = memory_link()
    peer = ScriptedPeer(ours)
    with folder() as inbox:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, peer)
            await use(theirs, Recorder(), str(inbox))
    return bytes(peer.sent)


@cache
def server_streams() -> tuple[bytes, ...]:
    """What servers said to the client: all of it, and the other ways to begin and to end."""
    whole = trio.run(_recorded)
    accept = whole[: 6 + int.from_bytes(whole[2:6], "big")]
    ends = (
        Abort(AbortSource.USER),
        Abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU),
        ReleaseRequest(),
    )
    reject = AssociationReject(
        result=RejectResult.TRANSIENT, reason=RejectReason.LOCAL_LIMIT_EXCEEDED
    )
    streams = (whole, reject.encode(), *(accept + end.encode() for end in ends))
    return (*(HOW + stream for stream in streams), DRIBBLED + accept + A_LOT)
