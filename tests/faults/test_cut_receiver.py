"""A receiver whose peers are cut off at every byte: the next one finds it as it was."""

from __future__ import annotations

import gc
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from attrs import define, field
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from trio.testing import MockClock

from tests.faults.conversing import descriptors, instances_in
from tests.faults.cutting import How, cut_all
from tests.io.arriving import is_clean, names_in
from tests.io.replay import Record, record
from tests.io.writing import eventually, small_blocks
from tests.operations.getting import c_store, ct, pdus_of
from trio_dicom import (
    AbortSource,
    CEchoRequest,
    CEchoResponse,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Inbox,
    Limits,
    NEventReportRequest,
    NEventReportResponse,
    PresentationContext,
    ReceivedInstance,
    Receiver,
    open_receiver,
    propose,
    response_to,
)
from trio_dicom.lowlevel import (
    Abort,
    AssociationAccept,
    AssociationReject,
    ReleaseRequest,
    ReleaseResponse,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT, VERIFICATION
from trio_dicom.testing import Cut, Fault, FaultyStream, ReplayedPeer, ScriptedPeer, Trickle

pytestmark = [pytest.mark.scenario("B39"), pytest.mark.pitfall(5)]

PUSH = str(STORAGE_COMMITMENT.abstract_syntax)
CONTEXTS = (
    VERIFICATION,
    PresentationContext(CTImageStorage, (ExplicitVRLittleEndian,)),
    PresentationContext(PUSH, scu_role=False, scp_role=True),
)
ECHO_ID, CT_ID, PUSH_ID = 1, 3, 5


# --- what the peer does -------------------------------------------------------------------


async def associate(peer: ScriptedPeer, called_ae: str = "RECEIVER") -> None:
    await peer.send(propose(contexts=CONTEXTS, called_ae=called_ae, calling_ae="ARCHIVE"))
    # The syntaxes are those that were accepted here, whoever accepted.
    peer.accepted = await peer.expect(AssociationAccept)


async def echo(peer: ScriptedPeer) -> None:
    await peer.send_message(CEchoRequest(message_id=1), context_id=ECHO_ID)
    assert (await peer.expect_message(CEchoResponse)).status.is_success


def instance(number: int) -> CStoreRequest:
    return c_store(f"1.2.{number}", number, data_set=ct(f"1.2.{number}", size=2600))


async def store(peer: ScriptedPeer, number: int) -> None:
    await peer.send_message(instance(number), context_id=CT_ID, max_fragment=1024)
    assert (await peer.expect_message(CStoreResponse)).status.is_success


async def report(peer: ScriptedPeer) -> None:
    information = Dataset()
    information.TransactionUID = "1.2.3"
    event = NEventReportRequest(
        message_id=9,
        sop_class_uid=PUSH,
        sop_instance_uid="1.2.840.10008.1.20.1.1",
        event_type_id=1,
        data_set=information,
    )
    await peer.send_message(event, context_id=PUSH_ID)
    assert (await peer.expect_message(NEventReportResponse)).status.is_success


async def release(peer: ScriptedPeer) -> None:
    await peer.send(ReleaseRequest())
    await peer.expect(ReleaseResponse)
    await peer.aclose()


async def bring(peer: ScriptedPeer) -> None:
    await associate(peer)
    await echo(peer)
    await store(peer, 1)
    await report(peer)
    await store(peer, 2)
    await release(peer)


async def abort_in_the_second(peer: ScriptedPeer) -> None:
    await associate(peer)
    await store(peer, 1)
    await peer.send_bytes(b"".join(pdus_of(instance(2), 1024, context_id=CT_ID)[:3]))
    await peer.send(Abort(AbortSource.USER))
    await peer.aclose()


async def be_rejected(peer: ScriptedPeer) -> None:
    await peer.send(propose(contexts=CONTEXTS, called_ae="ANOTHER"))
    await peer.expect(AssociationReject)
    await peer.aclose()


async def only_echo(peer: ScriptedPeer) -> None:
    await associate(peer)
    await echo(peer)
    await release(peer)


Script = Callable[[ScriptedPeer], Awaitable[None]]
SCRIPTS: dict[str, Script] = {
    "bring": bring,
    "abort": abort_in_the_second,
    "rejection": be_rejected,
}
OPTIONS = {
    "file": ConnectionOptions(),
    "temporary file": ConnectionOptions(limits=Limits(in_memory=100)),
}


# --- the receiver -------------------------------------------------------------------------


@define(eq=False)
class Taken:
    """What a receiver has told its program.

    Attributes:
        instances: The names of the files that it has reported.
        events: The transactions of which it has taken a report.
    """

    instances: list[str] = field(factory=list[str])
    events: list[str] = field(factory=list[str])

    def report(self, instance: ReceivedInstance) -> None:
        assert instance.path.exists()
        self.instances.append(instance.path.name)

    async def take(self, event: NEventReportRequest) -> NEventReportResponse:
        assert event.event_information is not None
        self.events.append(event.event_information.TransactionUID)
        return response_to(event, 0x0000)


@define(eq=False)
class Cutter:
    """Lets a receiver serve over broken links, and sees each time what came of it."""

    receiver: Receiver
    inbox: Path
    taken: Taken
    whole: Record
    after: Record
    files: dict[str, bytes]
    tasks: int
    descriptors: int
    cuts: int = 0

    async def cut(
        self, how: How, *, sending: int | None = None, receiving: int | None = None
    ) -> None:
        """Cut one link, behind so many bytes of ours or of the peer's, and see what came of it."""
        pieces: list[Fault] = [Trickle(700)]
        stream = FaultyStream(
            self.whole.peer(),
            sending=pieces + ([] if sending is None else [Cut(sending, how)]),
            receiving=pieces + ([] if receiving is None else [Cut(receiving, how)]),
        )
        await self.serve(stream)
        if sending is not None:
            words, passed = self.whole.said_before(sending), sending
        else:
            assert receiving is not None
            words, passed = self.whole.whole_at(receiving), stream.sent
        came, acknowledged = instances_in(self.whole, words, passed)
        names = names_in(self.inbox)
        await eventually(lambda: is_clean(self.inbox, *names_in(self.inbox)))
        assert acknowledged <= len(names) <= came
        assert names == [*self.files][: len(names)]
        for name in names:
            assert (self.inbox / name).read_bytes() == self.files[name]
        # What was reported is there; what is there may have come with the end.
        assert self.taken.instances in (names, names[:-1])
        heard = sum(b"1.2.3\0" in data for _, data in self.whole.said[:words])
        assert len(self.taken.events) == heard or words < len(self.whole.said)
        self.forget()
        self.cuts += 1
        if self.cuts % 16 == 0:
            await self.serve_again()

    async def serve(self, stream: FaultyStream) -> None:
        """Serve one peer, who must leave nothing behind, and for whom nobody waits."""
        begun = trio.current_time()
        await self.receiver.serve(stream)
        assert trio.current_time() == begun
        assert self.receiver.associations == 0
        assert not self.receiver._guests
        assert isinstance(stream.stream, ReplayedPeer)
        assert stream.stream.is_closed
        assert trio.lowlevel.current_statistics().tasks_living == self.tasks
        await eventually(lambda: descriptors() == self.descriptors)

    async def serve_again(self) -> None:
        """The one place that there is, is free for the next."""
        stream = FaultyStream(self.after.peer())
        await self.serve(stream)
        assert stream.sent == len(self.after.asked)

    def forget(self) -> None:
        for path in self.inbox.iterdir():
            path.unlink()
        self.taken.instances.clear()
        self.taken.events.clear()


@pytest.mark.parametrize("how", ["eof", "reset"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_peer_of_the_receiver_is_cut_off_at_every_byte(
    name: str, how: How, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "trio_dicom")
    taken = Taken()

    async def main() -> None:
        async with open_receiver(
            into=Inbox(tmp_path / "in", report=taken.report),
            ae_title="RECEIVER",
            checks_called_ae=True,
            max_associations=1,
            on_event=taken.take,
        ) as receiver:
            whole = await record(receiver.serve, SCRIPTS[name])
            files = {path.name: path.read_bytes() for path in sorted((tmp_path / "in").iterdir())}
            after = await record(receiver.serve, only_echo)
            tasks = trio.lowlevel.current_statistics().tasks_living
            cutter = Cutter(
                receiver, tmp_path / "in", taken, whole, after, files, tasks, descriptors()
            )
            cutter.forget()
            said = {"sending": whole.asked, "receiving": b"".join(data for _, data in whole.said)}

            async def cut(direction: str, place: int) -> None:
                await cutter.cut(how, **{direction: place})

            print(f"{name}, {how}: {await cut_all(said, how, cut, cutter.serve_again)}")

    with small_blocks(400):
        trio.run(main, clock=MockClock(autojump_threshold=5))
    gc.collect()
    assert not caplog.records
