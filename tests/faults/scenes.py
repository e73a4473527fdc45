"""What an operation needs that is to be cancelled, and what must be so afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio
from attrs import define, field, frozen
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.faults.cancelling import StepCanceller
from tests.faults.obliging import ObligingPeer
from tests.faults.remains import Remains, assert_nothing_open
from tests.faults.transcript import Transcript
from tests.io.recording import Recorder
from tests.operations.moving import deliver, originated
from trio_dicom import (
    Association,
    CMoveRequest,
    ConnectionEnded,
    PresentationContext,
    Receiver,
    open_association,
    open_receiver,
)
from trio_dicom.lowlevel import Abort, ReleaseRequest
from trio_dicom.sop_classes import (
    BASIC_GRAYSCALE_PRINT,
    MPPS,
    PRINT_JOB,
    STORAGE_COMMITMENT,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    UPS_PULL,
    UPS_PUSH,
    UPS_WATCH,
    VERIFICATION,
)
from trio_dicom.testing import Instances, LinkEnd, MemoryArchive, ScriptedPeer, memory_link

__all__ = ["CONTEXTS", "Case", "Files", "Scene", "play"]

CONTEXTS = (
    VERIFICATION,
    PresentationContext(CTImageStorage, (ExplicitVRLittleEndian,), scu_role=True, scp_role=True),
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    STORAGE_COMMITMENT,
    PresentationContext(MPPS.abstract_syntax, scu_role=True, scp_role=True),
    UPS_PUSH,
    UPS_PULL,
    UPS_WATCH,
    BASIC_GRAYSCALE_PRINT,
    PRINT_JOB,
)


@frozen
class Files:
    """Files that all scenes share.

    Attributes:
        small: An instance that is read in one go.
        other: Another one.
        long: One of which several PDUs are made.
        inbox: Where instances go; every scene has it for itself.
    """

    small: Path
    other: Path
    long: Path
    inbox: Path


@define(eq=False)
class Heard(trio.abc.Stream):
    """The peer's end of a link, and what it has heard there.

    Attributes:
        end: The end.
        data: Everything that it has received.
    """

    end: LinkEnd
    data: bytearray = field(factory=bytearray)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.end.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.end.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = await self.end.receive_some(max_bytes)
        self.data += data
        return data

    async def aclose(self) -> None:
        await self.end.aclose()


@define(eq=False)
class Scene:
    """The surroundings of one operation.

    Attributes:
        case: What is played.
        files: What there is on disk.
        nursery: That of the peers.
        instances: What an archive has.
        handler: What the client's handler was told on the first association.
        heard: What each peer has heard.
        ours: The client's end of each link.
    """

    case: Case
    files: Files
    nursery: trio.Nursery
    instances: Instances | None = None
    handler: Recorder = field(factory=Recorder)
    heard: list[Heard] = field(factory=list[Heard])
    ours: list[LinkEnd] = field(factory=list[LinkEnd])
    _association: Association | None = None
    _receiver: Receiver | None = None

    @property
    def association(self) -> Association:
        """The one that stands before the operation begins."""
        assert self._association is not None
        return self._association

    @property
    def receiver(self) -> Receiver:
        """Likewise."""
        assert self._receiver is not None
        return self._receiver

    async def connect(self, host: str, port: int, **_: object) -> LinkEnd:
        """Stand in for TCP: every connection leads to an obliging peer, or to the archive."""
        for _step in range(2):
            await trio.lowlevel.checkpoint()
        ours, theirs = self.link()
        heard = Heard(theirs)
        self.heard.append(heard)
        self.nursery.start_soon(self._serve, heard)
        return ours

    def link(self) -> tuple[LinkEnd, LinkEnd]:
        """A link of which the client has the first end."""
        ours, theirs = memory_link(capacity=self.case.capacity)
        self.ours.append(ours)
        return ours, theirs

    async def bring(self, request: CMoveRequest, uid: str) -> None:
        """Bring an instance to the receiver, as the C-MOVE wants it."""
        await deliver(self.receiver, uid, **originated(request))

    async def _serve(self, heard: Heard) -> None:
        if self.instances is not None:
            await MemoryArchive(instances=self.instances).serve(heard)
            return
        window = self.case.window
        obliging = ObligingPeer(
            ScriptedPeer(heard),
            deliver=None if self._receiver is None else self.bring,
            window=None if window == 1 else (window, 1),
        )
        await obliging.serve()


Body = Callable[[Scene], Awaitable[object]]


@frozen(kw_only=True)
class Case:
    """An operation, or several in a row, and what they stand on.

    Attributes:
        body: Does it, and asserts that it did what it should.
        window: Requests that may be open at once.
        capacity: Bytes that a link holds; None for no limit.
        is_alone: Whether no association stands before.
        ends: Whether it ends the association.
        has_archive: Whether the peer is an archive, which heeds C-CANCEL.
        has_receiver: Whether a receiver is open.
    """

    body: Body
    window: int = 1
    capacity: int | None = None
    is_alone: bool = False
    ends: bool = False
    has_archive: bool = False
    has_receiver: bool = False

    @property
    def name(self) -> str:
        """What it is called in the tests."""
        return self.body.__name__


async def play(
    case: Case,
    files: Files,
    canceller: StepCanceller,
    patch: Callable[[Callable[..., object]], None],
    instances: Instances | None = None,
) -> None:
    """Play ``case`` once, have it cancelled, and see that nothing is left of it.

    Args:
        case: What is played.
        files: What it may read, and where it may write.
        canceller: Cancels it.
        patch: Puts another function in the place of ``trio.open_tcp_stream``.
        instances: What the archive has, if the peer is one.
    """
    before, begun = await Remains.now(), trio.current_time()
    async with trio.open_nursery() as nursery:
        scene = Scene(case, files, nursery, instances)
        patch(scene.connect)
        if case.has_receiver:
            async with open_receiver(into=files.inbox) as scene._receiver:
                await _cancelled(scene, canceller)
                assert scene.receiver.associations == 0
        else:
            await _cancelled(scene, canceller)
        await _a_new_connection_works(scene)
    assert await Remains.now() == before
    # Everybody answers and closes at once, so whoever waits has missed something.
    assert trio.current_time() - begun == 0
    for heard in scene.heard:
        _check_what_was_written(heard)
    for end in scene.ours:
        assert end._is_closed
    if scene.handler.calls:
        check_callbacks(scene.handler)
    _check_files(files)


async def _cancelled(scene: Scene, canceller: StepCanceller) -> None:
    case = scene.case

    async def body() -> None:
        await case.body(scene)

    if case.is_alone:
        await canceller.run(body)
        return
    async with open_association(
        "peer", contexts=CONTEXTS, handler=scene.handler, max_operations_invoked=case.window
    ) as scene._association:
        association, connection = scene.association, scene.association.connection
        await trio.testing.wait_all_tasks_blocked()
        await canceller.run(body)
        try:
            assert (await association.c_echo()).status.is_success
            await connection.wait_send_queue_empty()
            assert connection.can_still_process_p_data_tf
        except ConnectionEnded:
            assert case.ends
        await trio.testing.wait_all_tasks_blocked()
        assert_nothing_open(connection)
        if not case.ends:
            await association.release()
            assert scene.handler.told_of_the_end is None


async def _a_new_connection_works(scene: Scene) -> None:
    async with open_association("peer", contexts=[VERIFICATION]) as association:
        assert (await association.c_echo()).status.is_success


def _check_what_was_written(heard: Heard) -> None:
    transcript = Transcript.of(heard.data)
    assert transcript.is_between_pdus
    if transcript.pdus:
        # An abort may come in the middle of a message, everything else behind its end.
        assert isinstance(transcript.last, Abort | ReleaseRequest)
        if isinstance(transcript.last, ReleaseRequest):
            assert transcript.is_between_messages


def check_callbacks(handler: Recorder) -> None:
    """Assert that the end came once and last, and each request's callbacks in their order."""
    _ = handler.told_of_the_end
    ended: set[int] = set()
    for name, *arguments in handler.calls:
        if name.startswith("request_"):
            message_id = arguments[0].message_id
            assert message_id not in ended, f"{name} behind the end of request {message_id}"
            if name != "request_pending":
                ended.add(message_id)


def _check_files(files: Files) -> None:
    """Every file under a final name is whole, and there is no other."""
    if files.inbox.exists():
        for path in files.inbox.iterdir():
            assert path.suffix == ".dcm", f"{path} was left"
            assert path.stat().st_size > 300
        shutil.rmtree(files.inbox)
