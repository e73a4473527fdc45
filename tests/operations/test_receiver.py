"""A port of ours: what peers bring is taken, and each is on its own."""

from __future__ import annotations

import errno
import logging
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
from pydicom import dcmread
from pydicom.uid import CTImageStorage
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.operations.calling import CONTEXTS, Keeper, calling, knocking, offer, receiving
from tests.operations.getting import c_store, ct, files_in, pdus_of
from trio_dicom import (
    AssociationAborted,
    BaseHandler,
    ConnectionEnded,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    KeepAlive,
    LocalProtocolError,
    NegotiatedContext,
    Timeouts,
    open_association,
    open_receiver,
    propose,
    response_to,
)
from trio_dicom._operations import receiving as receiving_module
from trio_dicom.lowlevel import Abort, AssociationAccept
from trio_dicom.sop_classes import VERIFICATION


async def test_a_peer_is_answered_that_asks_whether_we_are_there(tmp_path: Path) -> None:
    async with (
        open_receiver(into=tmp_path) as receiver,
        open_association(receiver.host, receiver.port, contexts=[VERIFICATION]) as association,
    ):
        assert (await association.c_echo()).status.is_success
        assert receiver.address == f"TRIO_DICOM@127.0.0.1:{receiver.port}"
        assert receiver.associations == 1


@pytest.mark.scenario("B52", "B63")
async def test_an_instance_is_stored_byte_for_byte_and_says_where_it_came_from(
    tmp_path: Path,
) -> None:
    async with receiving(tmp_path / "in") as receiver, calling(receiver) as association:
        assert (await offer(association)).status.is_success
    (path,) = (tmp_path / "in").iterdir()
    assert path.name == "1.2.3.dcm"
    assert path.read_bytes().endswith(bytes(ct("1.2.3").data))
    assert dcmread(path).file_meta.SourceApplicationEntityTitle == "ARCHIVE"


@pytest.mark.pitfall(31)
@pytest.mark.parametrize("uid", ["../../x", "/abs", "a/b", "..", "a\nb", "1" * 65])
async def test_a_uid_that_is_no_file_name_stays_in_the_directory(tmp_path: Path, uid: str) -> None:
    async with receiving(tmp_path / "in") as receiver, calling(receiver) as association:
        assert (await offer(association, uid)).status.is_success
    (name,) = files_in(tmp_path / "in")
    assert name.startswith("sha256-")
    assert files_in(tmp_path) == ["in"]


@pytest.mark.pitfall(31)
async def test_an_instance_without_a_uid_is_refused_and_the_next_one_stored(
    tmp_path: Path,
) -> None:
    async with receiving(tmp_path / "in") as receiver, calling(receiver) as association:
        nameless = CStoreRequest(
            sop_class_uid=CTImageStorage, sop_instance_uid="\0\0", data_set=ct("1.2.3")
        )
        assert (await association.send_request(nameless)).status.code == 0xA900
        assert (await offer(association)).status.is_success
    assert files_in(tmp_path / "in") == ["1.2.3.dcm"]


async def test_a_directory_that_has_gone_is_made_again(tmp_path: Path) -> None:
    async with receiving(tmp_path / "in") as receiver, calling(receiver) as association:
        assert (await offer(association, "1.1")).status.is_success
        shutil.rmtree(tmp_path / "in")
        assert (await offer(association, "1.2")).status.is_success
    assert files_in(tmp_path / "in") == ["1.2.dcm"]


async def test_a_handler_of_ones_own_takes_what_comes() -> None:
    keeper = Keeper(status=0xB000)
    async with receiving(keeper) as receiver, calling(receiver) as association:
        assert (await offer(association)).status.code == 0xB000
    assert keeper.uids == ["1.2.3"]


async def test_sixteen_peers_bring_instances_at_a_time() -> None:
    keeper = Keeper()

    async def bring(number: int) -> None:
        async with calling(receiver) as association:
            for other in range(10):
                response = await offer(association, f"1.2.{number}.{other}")
                assert response.status.is_success

    async with receiving(keeper) as receiver:
        async with trio.open_nursery() as nursery:
            for number in range(16):
                nursery.start_soon(bring, number)
        assert receiver.associations == 0
    assert len(set(keeper.uids)) == 160


@pytest.mark.scenario("B45")
async def test_a_bug_of_the_handler_costs_one_instance(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(BaseHandler):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            if request.sop_instance_uid == "1.1":
                raise ZeroDivisionError
            return response_to(request, 0x0000)

    async with receiving(Broken()) as receiver, calling(receiver) as association:
        assert (await offer(association, "1.1")).status.code == 0x0110
        assert (await offer(association, "1.2")).status.is_success
    assert "ZeroDivisionError" in caplog.text


class Breaking:
    """An instrument with a bug that shows on one association."""

    def message_received(self, message: object, context: NegotiatedContext) -> None:
        if isinstance(message, CStoreRequest) and message.sop_instance_uid == "1.1":
            raise ZeroDivisionError

    def bytes_sent(self, count: int) -> None: ...
    def bytes_received(self, count: int) -> None: ...
    def pdu_sent(self, pdu: object) -> None: ...
    def event_received(self, event: object) -> None: ...
    def message_sent(self, message: object, context: NegotiatedContext) -> None: ...


async def test_a_bug_on_one_association_does_not_end_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with receiving(instrument=Breaking()) as receiver, calling(receiver) as other:
        with pytest.raises(ConnectionEnded):
            async with calling(receiver) as association:
                await offer(association, "1.1")
        assert (await offer(other, "1.2")).status.is_success
        await wait_all_tasks_blocked()
        assert receiver.associations == 1
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.pitfall(24)
async def test_what_is_no_dicom_is_aborted_and_the_receiver_lives() -> None:
    async with receiving() as receiver:
        async with knocking(receiver) as peer:
            await peer.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
            assert isinstance(await peer.receive_pdu(), Abort)
        async with calling(receiver) as association:
            assert (await association.c_echo()).status.is_success


@pytest.mark.pitfall(32)
async def test_a_peer_that_says_nothing_is_not_waited_for(autojump_clock: MockClock) -> None:
    async with receiving() as receiver, knocking(receiver) as peer:
        await peer.expect_closed()
        assert trio.current_time() == pytest.approx(30.0)


async def test_a_silent_association_is_aborted(autojump_clock: MockClock) -> None:
    options = ConnectionOptions(timeouts=Timeouts(idle=7))
    async with receiving(options=options) as receiver, calling(receiver) as association:
        begun = trio.current_time()
        with pytest.raises(AssociationAborted):
            await association.connection.listener.wait()
        assert trio.current_time() - begun == pytest.approx(7.0)


async def test_leaving_the_block_aborts_what_is_open(nursery: trio.Nursery) -> None:
    heard: list[Exception] = []

    async def call(task_status: trio.TaskStatus[None]) -> None:
        try:
            async with open_association(
                receiver.host, receiver.port, contexts=CONTEXTS
            ) as association:
                task_status.started()
                await association.connection.listener.wait()
        except AssociationAborted as error:
            heard.append(error)

    async with receiving() as receiver:
        await nursery.start(call)
    await wait_all_tasks_blocked()
    assert [type(error) for error in heard] == [AssociationAborted]


async def test_what_the_body_raises_comes_out_alone() -> None:
    with pytest.raises(ZeroDivisionError):
        async with receiving():
            raise ZeroDivisionError


async def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    async with receiving() as receiver:
        with pytest.raises(OSError, check=lambda error: error.errno == errno.EADDRINUSE):
            async with open_receiver(receiver.port, into=tmp_path):
                raise AssertionError


@pytest.mark.scenario("B07")
@pytest.mark.parametrize("title", ["", "   ", "SEVENTEEN_LETTERS", "BACK\\SLASH", "LINE\n"])
async def test_a_title_that_is_none_is_an_error_that_names_it(title: str) -> None:
    with pytest.raises(LocalProtocolError, match="AE title"):
        async with receiving(ae_title=title):
            raise AssertionError


@pytest.mark.parametrize("name", ["max_associations", "max_associations_per_host"])
async def test_a_receiver_of_no_associations_makes_no_sense(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="0 associations"):
        async with receiving(**{name: 0}):
            raise AssertionError


@pytest.mark.scenario("B11")
async def test_it_listens_on_ipv6_and_on_names() -> None:
    async with receiving(host="::1") as receiver:
        assert receiver.address == f"TRIO_DICOM@[::1]:{receiver.port}"
        async with open_association("::1", receiver.port, contexts=CONTEXTS) as association:
            assert (await association.c_echo()).status.is_success
    async with (
        receiving(host="localhost") as receiver,
        open_association(receiver.host, receiver.port, contexts=CONTEXTS) as association,
    ):
        assert (await association.c_echo()).status.is_success


@pytest.mark.pitfall(14)
async def test_it_survives_having_no_file_descriptors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "trio.serve_listeners")
    accept = trio.SocketListener.accept
    refused: list[trio.SocketListener] = []

    async def scarce(listener: trio.SocketListener) -> trio.SocketStream:
        if not refused:
            refused.append(listener)
            raise OSError(errno.EMFILE, "Too many open files")
        return await accept(listener)

    monkeypatch.setattr(trio.SocketListener, "accept", scarce)
    async with (
        receiving() as receiver,
        open_association(receiver.host, receiver.port, contexts=CONTEXTS) as association,
    ):
        assert (await association.c_echo()).status.is_success
    assert refused


async def test_keepalive_is_asked_of_the_system(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[KeepAlive] = []

    def refuse(_stream: trio.SocketStream, keepalive: KeepAlive) -> None:
        asked.append(keepalive)
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(receiving_module, "set_keepalive", refuse)
    options = ConnectionOptions(keepalive=KeepAlive(idle=11))
    async with (
        receiving(options=options) as receiver,
        open_association(receiver.host, receiver.port, contexts=CONTEXTS) as association,
    ):
        assert (await association.c_echo()).status.is_success
    assert asked == [KeepAlive(idle=11)]
    assert "the system does not take" in caplog.text


async def test_a_handler_may_refuse_an_instance_before_it_comes() -> None:
    class Choosy(Keeper):
        async def c_store_sink(self, request: CStoreRequest) -> int | None:
            return 0xA700 if request.sop_instance_uid == "1.1" else None

    keeper = Choosy()
    async with receiving(keeper) as receiver, calling(receiver) as association:
        response = await offer(association, "1.1", data_set=ct("1.1", size=1_000_000))
        assert response.status.code == 0xA700
        assert (await offer(association, "1.2")).status.is_success
    assert keeper.uids == ["1.2"]


@pytest.mark.scenario("B39")
async def test_a_transfer_that_breaks_leaves_nothing_and_the_next_is_complete(
    tmp_path: Path,
) -> None:
    async with receiving(tmp_path / "in") as receiver:
        async with knocking(receiver) as peer:
            await peer.send(propose(contexts=CONTEXTS))
            await peer.expect(AssociationAccept)
            request = c_store("1.2.3", 1, data_set=ct("1.2.3", size=3_000_000))
            await peer.send_bytes(b"".join(pdus_of(request, 65_536)[:-1]))
            while not files_in(tmp_path / "in"):  # aside, under another name
                await trio.testing.wait_all_tasks_blocked()
            assert files_in(tmp_path / "in") != ["1.2.3.dcm"]
        assert files_in(tmp_path / "in") == []
        async with calling(receiver) as association:
            assert (await offer(association)).status.is_success
    assert files_in(tmp_path / "in") == ["1.2.3.dcm"]


@pytest.mark.parametrize("busy", [False, True])
async def test_what_fails_in_the_block_comes_out_alone_even_if_it_is_cancelled_meanwhile(
    tmp_path: Path, busy: bool
) -> None:
    with trio.CancelScope() as scope, pytest.raises(KeyError, match="mine"):  # noqa: PT012
        async with AsyncExitStack() as stack:
            receiver = await stack.enter_async_context(open_receiver(into=tmp_path))
            if busy:
                stream = await trio.open_tcp_stream(receiver.host, receiver.port)
                stack.push_async_callback(trio.aclose_forcefully, stream)
            await wait_all_tasks_blocked(0.01)
            scope.cancel()
            raise KeyError("mine")
