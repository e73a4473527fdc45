"""C-MOVE: to somebody else, and to a receiver of ours."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import CTImageStorage
from trio.testing import wait_all_tasks_blocked

from tests.operations.calling import Keeper, offer, receiving
from tests.operations.getting import ct, files_in, study_query
from tests.operations.moving import deliver, move_to, moving, originated
from trio_dicom import (
    CMoveRequest,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    LocalProtocolError,
    MoveDestination,
    NoAcceptedContext,
    StatusError,
    open_association,
    open_receiver,
)
from trio_dicom.sop_classes import PATIENT_ROOT_MOVE, VERIFICATION, storage_contexts


async def test_to_somebody_else_goes_what_the_caller_says() -> None:
    query = study_query()
    async with moving() as (association, peer), association.c_move(query, "OTHER") as retrieval:
        request = await peer.expect_message(CMoveRequest)
        assert request.move_destination == "OTHER"
        assert request.identifier == query
        await peer.reply(request, 0xFF00, remaining=1, completed=1, failed=0, warning=0)
        await peer.reply(request, 0x0000, completed=2)
        assert [step.remaining async for step in retrieval] == [1]
        assert retrieval.response is not None
        assert retrieval.response.completed == 2
        assert retrieval.instances == []
        assert retrieval.destination == MoveDestination(ae_title="OTHER")


async def test_the_model_and_the_level_are_chosen_as_for_a_query() -> None:
    query = Dataset()
    query.PatientID = "P"
    async with (
        moving() as (association, peer),
        association.c_move(query, "OTHER", level="patient") as retrieval,
    ):
        request = await peer.expect_message(CMoveRequest)
        assert request.sop_class_uid == PATIENT_ROOT_MOVE.abstract_syntax
        assert request.identifier is not None
        assert request.identifier.QueryRetrieveLevel == "PATIENT"
        assert "QueryRetrieveLevel" not in query
        await peer.reply(request, 0x0000)
        await retrieval.final()


async def test_without_a_context_nothing_is_sent(tmp_path: Path) -> None:
    async with moving(contexts=[VERIFICATION]) as (association, _):
        with pytest.raises(NoAcceptedContext):
            async with association.c_move(study_query(), into=tmp_path, receive_port=0):
                raise AssertionError


@pytest.mark.parametrize("title", ["", "SEVENTEEN_LETTERS"])
async def test_a_destination_that_is_no_title_is_an_error(title: str) -> None:
    async with moving() as (association, _):
        with pytest.raises(LocalProtocolError, match="destination's AE title"):
            async with association.c_move(study_query(), title):
                raise AssertionError


async def test_a_destination_is_said_once(tmp_path: Path) -> None:
    async with moving() as (association, _), receiving() as receiver:
        for where in ({"into": tmp_path}, {"receiver": receiver}):
            with pytest.raises(LocalProtocolError, match="one destination"):
                async with association.c_move(study_query(), "OTHER", **where):  # type: ignore[arg-type]
                    raise AssertionError
        with pytest.raises(LocalProtocolError, match="needs a destination"):
            async with association.c_move(study_query()):
                raise AssertionError


@pytest.mark.parametrize(
    "option",
    [
        {"receive_port": 0},
        {"receive_port": 11_112},
        {"receive_host": "127.0.0.1"},
        {"receive_ae": "INBOX"},
        {"receive_tls": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)},
    ],
)
async def test_how_to_listen_means_nothing_where_c_move_opens_no_receiver(
    option: dict[str, Any],
) -> None:
    (name,) = option
    async with moving() as (association, _), receiving() as receiver:
        with pytest.raises(LocalProtocolError, match=f"{name}= is for the receiver that into="):
            async with association.c_move(study_query(), "OTHER", **option):
                raise AssertionError
        with pytest.raises(LocalProtocolError, match=f"{name}= is for the receiver that into="):
            async with association.c_move(study_query(), receiver=receiver, **option):
                raise AssertionError


async def test_into_a_directory_a_receiver_listens_before_the_request_is_sent(
    tmp_path: Path,
) -> None:
    async with (
        moving() as (association, peer),
        move_to(association, peer, into=tmp_path / "in", receive_port=0) as (retrieval, request),
    ):
        assert request.move_destination == "TRIO_DICOM"  # our calling AE title
        place = retrieval.destination
        assert (place.ae_title, place.host) == ("TRIO_DICOM", "127.0.0.1")
        assert place.port is not None
        contexts = storage_contexts(CTImageStorage)
        async with open_association("127.0.0.1", place.port, contexts=contexts) as bringing:
            for number, uid in enumerate(("1.2.3", "1.2.4"), start=1):
                data_set = ct(uid, StudyInstanceUID="1.2")
                answer = await offer(bringing, uid, data_set=data_set, **originated(request))
                assert answer.status.is_success
                await peer.reply(request, 0xFF00, remaining=2 - number, completed=number)
        await peer.reply(request, 0x0000, completed=2)
        assert [step.completed async for step in retrieval] == [1, 2]
        assert [it.sop_instance_uid for it in retrieval.instances] == ["1.2.3", "1.2.4"]
        assert files_in(tmp_path / "in") == ["1.2.3.dcm", "1.2.4.dcm"]
        assert (
            retrieval.instances[0]
            .path.read_bytes()
            .endswith(bytes(ct("1.2.3", StudyInstanceUID="1.2").data))
        )
    with pytest.raises(OSError, match="all attempts to connect"):
        await trio.open_tcp_stream("127.0.0.1", place.port)


async def test_its_title_and_address_can_be_chosen(tmp_path: Path) -> None:
    async with (
        moving() as (association, peer),
        move_to(
            association,
            peer,
            into=tmp_path,
            receive_port=0,
            receive_ae="INBOX",
            receive_host="0.0.0.0",
        ) as (retrieval, request),
    ):
        assert request.move_destination == "INBOX"
        assert retrieval.destination.host == "127.0.0.1"  # where the peer reaches us
        await peer.reply(request, 0x0000)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            0xA801,
            "Configure the destination at the peer: AE title TRIO_DICOM, host 127.0.0.1, port",
        ),
        (0xC000, "Perhaps the peer does not know the destination: AE title TRIO_DICOM, host"),
    ],
)
async def test_a_peer_that_does_not_know_us_is_told_about(
    tmp_path: Path, status: int, words: str
) -> None:
    async with moving() as (association, peer):
        async with move_to(association, peer, into=tmp_path, receive_port=0) as (retrieval, it):
            await peer.reply(it, status, error_comment="who?")
            with pytest.raises(StatusError, match=words) as caught:
                await retrieval.final()
        assert f"port {retrieval.destination.port}" in str(caught.value)
        assert caught.value.comment == "who?"
        assert caught.value.status.code == status


async def test_another_failure_has_no_such_advice() -> None:
    async with moving() as (association, peer):
        async with move_to(association, peer, "OTHER") as (retrieval, request):
            await peer.reply(request, 0xA702)
            with pytest.raises(StatusError) as caught:
                await retrieval.receive()
        assert "OTHER" not in str(caught.value)


async def test_without_the_check_a_failure_is_an_answer() -> None:
    async with (
        moving() as (association, peer),
        move_to(association, peer, "OTHER", check=False) as (retrieval, request),
    ):
        await peer.reply(request, 0xA801)
        assert (await retrieval.final()).status.code == 0xA801


async def test_what_is_still_arriving_at_the_end_is_waited_for(tmp_path: Path) -> None:
    gate = trio.Event()

    class Slow(Keeper):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            await gate.wait()
            return await super().on_c_store_request(request)

    keeper = Slow()
    async with (
        receiving(keeper) as receiver,
        moving() as (association, peer),
        move_to(association, peer, receiver=receiver) as (retrieval, request),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(lambda: deliver(receiver, **originated(request)))
        await wait_all_tasks_blocked()
        await peer.reply(request, 0x0000)
        ended = trio.Event()

        async def end() -> None:
            await retrieval.final()
            ended.set()

        nursery.start_soon(end)
        await wait_all_tasks_blocked()
        assert not ended.is_set()
        gate.set()
        await ended.wait()
        assert keeper.uids == ["1.2.3"]


async def test_a_directory_that_cannot_be_made_is_an_error_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    async with moving() as (association, _):
        with pytest.raises(NotADirectoryError):
            async with association.c_move(study_query(), into=tmp_path / "file" / "in"):
                raise AssertionError


async def test_a_receiver_of_ones_own_has_the_place_or_gets_one(tmp_path: Path) -> None:
    async with (
        moving() as (association, peer),
        open_receiver(into=None, host="0.0.0.0", ae_title="INBOX") as receiver,
    ):
        assert not receiver.takes_instances
        with pytest.raises(LocalProtocolError, match="no place for instances"):
            async with association.c_move(study_query(), receiver=receiver):
                raise AssertionError
        async with move_to(association, peer, into=tmp_path, receiver=receiver) as (
            retrieval,
            request,
        ):
            assert request.move_destination == "INBOX"
            assert retrieval.destination.host == "127.0.0.1"  # where the peer reaches us
            assert (await deliver(receiver, **originated(request))).status.is_success
            await peer.reply(request, 0x0000)
            await retrieval.final()
    assert files_in(tmp_path) == ["1.2.3.dcm"]


async def test_what_the_peer_says_it_sent_and_did_not_come_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with (
        receiving(Keeper()) as receiver,
        moving() as (association, peer),
        move_to(association, peer, receiver=receiver) as (retrieval, request),
    ):
        assert (await deliver(receiver, **originated(request))).status.is_success
        await peer.reply(request, 0x0000, completed=4, warning=1)
        assert retrieval.missing == 0  # who knows
        for _ in range(2):
            await retrieval.final()
        assert retrieval.missing == 4
        text = "4 of the instances that the peer says it sent did not come here. Does it send"
        place = f"AE title TRIO_DICOM, host 127.0.0.1, port {receiver.port}?"
        (said,) = (it.getMessage() for it in caplog.records if "did not come" in it.getMessage())
        assert said == f"{text} them to {place}"


async def test_of_what_goes_to_somebody_else_nothing_is_missing() -> None:
    async with (
        moving() as (association, peer),
        move_to(association, peer, "OTHER") as (retrieval, request),
    ):
        await peer.reply(request, 0x0000, completed=4)
        await retrieval.final()
        assert retrieval.missing == 0


async def test_a_receiver_of_its_own_has_the_options_of_the_connection(tmp_path: Path) -> None:
    options = ConnectionOptions(max_length=4096)
    async with (
        moving(options=options) as (association, peer),
        move_to(association, peer, into=tmp_path, receive_port=0) as (retrieval, request),
    ):
        port = retrieval.destination.port
        assert port is not None
        async with open_association("127.0.0.1", port, contexts=[VERIFICATION]) as archive:
            assert archive.negotiated.peer_max_length == 4096
        await peer.reply(request, 0x0000)
