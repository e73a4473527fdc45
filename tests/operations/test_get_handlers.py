"""Who takes the instances of a C-GET: handlers that are slow, that look, that fail."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from attrs import define, field
from pydicom.uid import ExplicitVRLittleEndian
from trio.testing import MockClock

from tests.io.talking import quick
from tests.operations.getting import (
    CT_ID,
    Taker,
    c_store,
    ct,
    files_in,
    getting,
    retrieving,
    send,
    study_query,
    uids_of,
)
from trio_dicom import (
    BaseHandler,
    CGetRequest,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Destination,
    EncodedDataSet,
    Limits,
    StoredDataSet,
    response_to,
)


class OfTheAssociation(BaseHandler):
    """Takes instances in memory."""

    def __init__(self) -> None:
        self.uids: list[str] = []

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.uids.append(request.sop_instance_uid)
        return response_to(request, 0x0000)


@define(eq=False)
class Looking(Taker):
    """Decodes what it gets."""

    names: list[str] = field(factory=list[str])

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.names.append(str(request.dataset().PatientName))
        return await super().on_c_store_request(request)


def broken(uid: str) -> EncodedDataSet:
    """A data set whose first element claims to be longer than all."""
    return EncodedDataSet(
        b"\x08\x00\x16\x00UI\xfe\xff" + uid.encode().ljust(32, b"\0"), ExplicitVRLittleEndian
    )


async def test_without_into_the_handler_of_the_association_takes_them() -> None:
    handler = OfTheAssociation()
    async with retrieving(None, handler=handler) as (retrieval, peer):
        assert (await send(peer)).status.is_success
    assert handler.uids == ["1.2.3"]
    assert retrieval.instances == []


async def test_and_without_a_handler_nobody_does() -> None:
    async with retrieving(None) as (_, peer):
        assert (await send(peer)).status.code == 0x0122


async def test_a_handler_of_the_call_comes_before_that_of_the_association() -> None:
    handler, taker = OfTheAssociation(), Taker()
    async with getting(handler=handler) as (association, peer):
        async with association.c_get(study_query(), into=taker) as retrieval:
            request = await peer.expect_message(CGetRequest)
            await send(peer, "1.2.1")
            await peer.reply(request, 0x0000)
            await retrieval.final()
        await send(peer, "1.2.2", number=2)
    assert (taker.uids, handler.uids) == (["1.2.1"], ["1.2.2"])


@pytest.mark.scenario("B50")
async def test_a_slow_handler_does_not_stop_responses() -> None:
    proceed = trio.Event()

    class Slow(Taker):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            await proceed.wait()
            return await super().on_c_store_request(request)

    slow = Slow()
    async with (
        getting() as (association, peer),
        association.c_get(study_query(), into=slow) as retrieval,
    ):
        request = await peer.expect_message(CGetRequest)
        await peer.send_message(c_store("1.2.1", 1), context_id=CT_ID)
        await peer.reply(request, 0xFF00, remaining=2, completed=0)
        assert (await retrieval.receive()).remaining == 2
        await peer.reply(request, 0x0000, completed=1)
        assert (await retrieval.final()).completed == 1
        assert slow.uids == []
        proceed.set()
        assert (await peer.expect_message(CStoreResponse)).status.is_success
    assert slow.uids == ["1.2.1"]


@pytest.mark.scenario("B69")
async def test_a_slow_handler_is_not_the_silence_of_the_peer(autojump_clock: MockClock) -> None:
    class Slow(Taker):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            await trio.sleep(1000)
            return await super().on_c_store_request(request)

    async with retrieving(Slow(), options=quick(idle=10)) as (_, peer):
        for number in (1, 2):
            assert (await send(peer, number=number)).status.is_success
    assert trio.current_time() == 2000


@pytest.mark.scenario("B52")
async def test_a_handler_that_cannot_decode_fails_for_that_instance_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    looking = Looking()
    async with retrieving(looking) as (_, peer):
        assert (await send(peer, "1.2.1", data_set=broken("1.2.1"))).status.code == 0x0110
        named = ct("1.2.2", PatientName="Somebody")
        assert (await send(peer, "1.2.2", number=2, data_set=named)).status.is_success
    assert looking.names == ["Somebody"]
    assert "the handler failed on the peer's C-STORE" in caplog.text


@pytest.mark.scenario("B52")
async def test_or_says_why_in_as_many_characters_as_fit() -> None:
    class Talkative(Taker):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            return response_to(request, 0xC001, error_comment="it is broken, " * 10)

    async with retrieving(Talkative()) as (_, peer):
        answer = await send(peer)
        assert answer.status.code == 0xC001
        assert answer.error_comment is not None
        assert answer.error_comment.startswith("it is broken, it is broken")
        assert len(answer.error_comment) <= 64
        assert (await send(peer, number=2)).status.code == 0xC001


@pytest.mark.scenario("B52")
async def test_straight_to_disk_nothing_is_decoded(tmp_path: Path) -> None:
    data = bytes(ct("1.2.1").data) + broken("1.2.1").data
    async with retrieving(tmp_path) as (retrieval, peer):
        data_set = EncodedDataSet(data, ExplicitVRLittleEndian)
        assert (await send(peer, "1.2.1", data_set=data_set)).status.is_success
    assert retrieval.instances[0].path.read_bytes().endswith(data)


async def test_what_is_too_big_for_the_memory_is_in_a_file_for_as_long_as_the_handler_looks(
    tmp_path: Path,
) -> None:
    seen: list[Path] = []

    class Curious(Taker):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            assert isinstance(request.data_set, StoredDataSet)
            assert request.data_set.path.is_file()
            seen.append(request.data_set.path)
            return response_to(request, 0x0000)

    options = ConnectionOptions(limits=Limits(in_memory=1000))
    async with retrieving(Curious(), options=options) as (retrieval, peer):
        assert (await send(peer, data_set=ct(size=2000))).status.is_success
    assert len(seen) == 1
    assert not seen[0].exists()
    assert retrieval.instances == []  # it is not there any more


async def test_a_handler_that_gives_them_places_is_seen_in_the_retrieval(tmp_path: Path) -> None:
    """Some go into files, and some it takes itself."""

    class Sorting(Taker):
        async def c_store_sink(self, request: CStoreRequest) -> Destination | None:
            if request.sop_instance_uid == "1.2.2":
                return None
            return Destination(path=tmp_path / f"image-{request.sop_instance_uid}")

    async with retrieving(Sorting()) as (retrieval, peer):
        for number in range(1, 4):
            assert (await send(peer, f"1.2.{number}", number=number)).status.is_success
    assert uids_of(retrieval) == ["1.2.1", "1.2.3"]
    assert files_in(tmp_path) == ["image-1.2.1", "image-1.2.3"]


async def test_what_a_handler_refuses_that_gave_it_a_place_is_not_among_them(
    tmp_path: Path,
) -> None:
    class Refusing(Taker):
        async def c_store_sink(self, request: CStoreRequest) -> Path:
            return tmp_path / "image"

    async with retrieving(Refusing(status=0xC001)) as (retrieval, peer):
        assert (await send(peer)).status.code == 0xC001
    assert retrieval.instances == []


async def test_a_temporary_file_is_none_of_them_after_one_that_was_not_kept(
    tmp_path: Path,
) -> None:
    """Peers may give each instance the same message ID."""

    class Sorting(Taker):
        async def c_store_sink(self, request: CStoreRequest) -> Path | None:
            return tmp_path / "image" if request.sop_instance_uid == "1.2.1" else None

    options = ConnectionOptions(limits=Limits(in_memory=1000))
    async with retrieving(Sorting(), options=options) as (retrieval, peer):
        assert (await send(peer, "1.2.1", data_set=ct("1.2.9"))).status.code == 0xA900
        assert (await send(peer, "1.2.2", data_set=ct("1.2.2", size=2000))).status.is_success
    assert retrieval.instances == []


async def test_nobody_says_that_an_instance_is_kept_whose_file_goes(tmp_path: Path) -> None:
    class Choosy(BaseHandler):
        """Has a place for some, and says nothing of the others."""

        async def c_store_sink(self, request: CStoreRequest) -> Path | None:
            return tmp_path / "a.dcm" if request.sop_instance_uid == "1.1" else None

    limits = ConnectionOptions(limits=Limits(in_memory=10))
    async with retrieving(Choosy(), options=limits) as (retrieval, peer):
        assert (await send(peer, "1.1")).status.is_success
        assert (await send(peer, "1.2", number=2)).status.code == 0x0122
    assert uids_of(retrieval) == ["1.1"]
    assert files_in(tmp_path) == ["a.dcm"]
