"""An instance that gets its name while its association ends: whoever is to know, knows."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from tests.operations.calling import Keeper, bringing
from tests.operations.getting import (
    c_store,
    ct,
    files_in,
    getting,
    pdus_of,
    study_query,
    uids_of,
)
from tests.operations.moving import move_to, moving
from trio_dicom import (
    CCancelRequest,
    CGetRequest,
    ConnectionEnded,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Destination,
    Inbox,
    ReceivedInstance,
    Timeouts,
    open_receiver,
)
from trio_dicom._io import instance_file
from trio_dicom._io.instance_file import InstanceFile
from trio_dicom._io.naming import give_name as really_give_name
from trio_dicom.testing import ScriptedPeer

QUICK = ConnectionOptions(timeouts=Timeouts(abort=0.05))
ENDS = ["aclose", "reset", "abort"]
HANG_UP: dict[str, Callable[[ScriptedPeer], Awaitable[None]]] = {
    name: getattr(ScriptedPeer, name) for name in ENDS
}


@define(eq=False)
class Naming:
    """A disk that gives a file its name when somebody has given it up, or the test is over.

    Attributes:
        begun: Set when a thread is about to give it.
    """

    begun: trio.Event = field(factory=trio.Event)
    _given_up: threading.Event = field(factory=threading.Event)
    _token: trio.lowlevel.TrioToken = field(factory=trio.lowlevel.current_trio_token)

    @contextmanager
    def installed(self, *, hangs: bool) -> Generator[None, None, None]:
        really_discard = InstanceFile.discard

        def give_name(aside: Path, destination: Destination) -> Path | None:
            trio.from_thread.run_sync(self.begun.set, trio_token=self._token)
            self._given_up.wait()
            return really_give_name(aside, destination)

        def discard(file: InstanceFile, patience: float = 0.0) -> None:
            if not hangs:
                self._given_up.set()
            really_discard(file, patience)

        with (
            patch.object(instance_file, "give_name", give_name),
            patch.object(InstanceFile, "discard", discard),
        ):
            try:
                yield
            finally:
                self._given_up.set()


@contextmanager
def naming(*, hangs: bool = False) -> Generator[Naming, None, None]:
    disk = Naming()
    with disk.installed(hangs=hangs):
        yield disk


def whole(**elements: Any) -> bytes:
    """The PDUs of an instance."""
    return b"".join(pdus_of(c_store("1.2.3", 1, data_set=ct(**elements)), 65_536))


@pytest.mark.scenario("B39", "B63")
@pytest.mark.parametrize("end", ENDS)
async def test_a_receiver_reports_what_gets_its_name_while_the_peer_hangs_up(
    tmp_path: Path, end: str
) -> None:
    reported: list[ReceivedInstance] = []
    inbox = Inbox(tmp_path, report=reported.append)
    with naming() as disk:
        async with open_receiver(into=inbox) as receiver, bringing(receiver) as peer:
            await peer.send_bytes(whole())
            await disk.begun.wait()
            await HANG_UP[end](peer)
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    assert [it.path for it in reported] == [tmp_path / "1.2.3.dcm"]


async def test_a_receiver_reports_what_gets_its_name_while_its_block_is_left(
    tmp_path: Path,
) -> None:
    reported: list[ReceivedInstance] = []
    inbox = Inbox(tmp_path, report=reported.append)
    with naming() as disk, trio.CancelScope() as scope:
        async with open_receiver(into=inbox, options=QUICK) as receiver, bringing(receiver) as peer:
            await peer.send_bytes(whole())
            await disk.begun.wait()
            scope.cancel()
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    assert [it.path for it in reported] == [tmp_path / "1.2.3.dcm"]


@pytest.mark.parametrize("end", ENDS)
async def test_a_c_get_lists_what_gets_its_name_while_the_peer_hangs_up(
    tmp_path: Path, end: str
) -> None:
    with naming() as disk:
        async with getting() as (association, peer):
            with pytest.raises(ConnectionEnded):  # noqa: PT012 - the script is a part of it
                async with association.c_get(study_query(), into=tmp_path) as retrieval:
                    await peer.expect_message(CGetRequest)
                    await peer.send_bytes(whole())
                    await disk.begun.wait()
                    await HANG_UP[end](peer)
                    await retrieval.final()
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    assert uids_of(retrieval) == ["1.2.3"]


async def test_a_c_get_that_is_left_meanwhile_takes_what_gets_its_name_and_says_so(
    tmp_path: Path,
) -> None:
    reported: list[ReceivedInstance] = []
    inbox = Inbox(tmp_path, report=reported.append)
    with naming() as disk:
        async with getting() as (association, peer):
            async with association.c_get(study_query(), into=inbox):
                request = await peer.expect_message(CGetRequest)
                await peer.send_bytes(whole())
                await disk.begun.wait()
            await peer.expect_message(CCancelRequest)
            answer = await peer.expect_message(CStoreResponse)
            await peer.reply(request, 0xFE00)
    assert answer.status.is_success
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    assert [it.path for it in reported] == [tmp_path / "1.2.3.dcm"]


async def test_a_c_move_lists_what_gets_its_name_while_the_peer_hangs_up(tmp_path: Path) -> None:
    with naming() as disk:
        async with (
            open_receiver(into=Keeper()) as receiver,
            moving() as (association, peer),
            move_to(association, peer, into=tmp_path, receiver=receiver) as (retrieval, request),
        ):
            async with bringing(receiver) as archive:
                # It names no originator, so it is held until it is here and shows whose it is.
                await archive.send_bytes(whole(StudyInstanceUID="1.2"))
                await disk.begun.wait()
                await archive.reset()
                await peer.reply(request, 0xB000)
            await retrieval.final()
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    assert [it.sop_instance_uid for it in retrieval.instances] == ["1.2.3"]


@define(eq=False)
class Clerk:
    """Takes instances into files, and looks at the clock.

    Attributes:
        directory: Where they go.
        seconds: What it has for each of which it hears.
    """

    directory: Path
    seconds: list[float] = field(factory=list[float])

    async def c_store_sink(self, request: CStoreRequest) -> Path:
        return self.directory / f"{request.sop_instance_uid}.dcm"

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.seconds.append(trio.current_effective_deadline() - trio.current_time())
        return CStoreResponse(status=0x0000)


async def test_a_handler_has_a_second_for_it(tmp_path: Path, mock_clock: MockClock) -> None:
    assert mock_clock.rate == 0
    clerk = Clerk(tmp_path)
    with naming() as disk:
        async with open_receiver(into=clerk) as receiver, bringing(receiver) as peer:
            await peer.send_bytes(whole())
            await disk.begun.wait()
            await peer.reset()
    assert clerk.seconds == [1.0]
    assert files_in(tmp_path) == ["1.2.3.dcm"]


async def test_a_disk_that_hangs_holds_up_nobody(tmp_path: Path, mock_clock: MockClock) -> None:
    reported: list[ReceivedInstance] = []
    inbox = Inbox(tmp_path, report=reported.append)
    with naming(hangs=True) as disk:
        async with open_receiver(into=inbox) as receiver, bringing(receiver) as peer:
            await peer.send_bytes(whole())
            await disk.begun.wait()
            await peer.reset()
            mock_clock.autojump_threshold = 0
        assert trio.current_time() <= 2
    assert reported == []
