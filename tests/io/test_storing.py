"""Instances of a C-GET that are written to disk while they arrive."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from pydicom import dcmread
from trio.testing import wait_all_tasks_blocked

from tests.io.arriving import (
    UID,
    Keeper,
    arrival,
    data_set,
    getting,
    is_clean,
    limited,
    names_in,
    whole_file,
)
from tests.io.recording import CT, Recorder
from tests.io.talking import CT_ID, answer_to, is_silent, store_request, talking
from tests.io.writing import slow_writes
from trio_dicom import (
    BaseHandler,
    CStoreRequest,
    CStoreResponse,
    Destination,
    EncodedDataSet,
    StoredDataSet,
    response_to,
)
from trio_dicom._io import reception

OTHER = data_set(600)


@pytest.mark.scenario("B50", "B63")
async def test_an_instance_is_a_dicom_file_under_its_name(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    async with getting(keeper) as get:
        answer = await get.store()
        assert (answer.status.code, answer.sop_class_uid) == (0x0000, CT)
    assert (tmp_path / "a.dcm").read_bytes() == whole_file(data_set())
    read = dcmread(tmp_path / "a.dcm")
    assert read.SOPInstanceUID == read.file_meta.MediaStorageSOPInstanceUID == UID
    assert read.file_meta.SourceApplicationEntityTitle == "ANY-SCP"
    [request] = keeper.arrived
    stored = request.data_set
    assert isinstance(stored, StoredDataSet)
    assert (stored.path, stored.length) == (tmp_path / "a.dcm", len(data_set()))
    assert stored.path.read_bytes()[stored.offset :] == data_set()
    assert is_clean(tmp_path, "a.dcm")


@pytest.mark.scenario("B52")
async def test_a_base_handler_with_a_sink_answers_success(tmp_path: Path) -> None:
    class Sink(BaseHandler):
        async def c_store_sink(self, request: CStoreRequest) -> Path:
            return tmp_path / request.sop_instance_uid

    async with getting(Sink()) as get:
        assert (await get.store()).status.code == 0x0000
    assert is_clean(tmp_path, UID)


@pytest.mark.scenario("B50")
async def test_nothing_has_the_name_before_the_last_byte(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    async with getting(keeper) as get:
        coming = await arrival(get.peer)
        await wait_all_tasks_blocked()
        [announced] = keeper.announced
        assert (announced.sop_instance_uid, announced.data_set) == (UID, None)
        big = data_set(3 * reception._WORTH_IT)
        with slow_writes(hangs_at=2) as disk:
            await coming.more(big[:-2])
            await disk.reached.wait()
            [aside] = names_in(tmp_path)
            assert aside.startswith(".trio_dicom-")
        assert keeper.arrived == []
        await coming.more(big[-2:], is_last=True)
        assert (await coming.answer()).status.code == 0x0000
    assert (tmp_path / "a.dcm").read_bytes() == whole_file(big)
    assert is_clean(tmp_path, "a.dcm")


@pytest.mark.parametrize(
    ("on_exists", "names", "kept"),
    [
        ("replace", ["a.dcm"], "a.dcm"),
        ("keep", ["a.dcm"], None),
        ("rename", ["a.dcm", "a-1.dcm"], "a-1.dcm"),
    ],
)
async def test_another_file_with_the_name_is_treated_as_the_program_wants(
    tmp_path: Path, on_exists: str, names: list[str], kept: str | None
) -> None:
    (tmp_path / "a.dcm").write_bytes(whole_file(OTHER))
    keeper = Keeper(Destination(path=tmp_path / "a.dcm", on_exists=on_exists))  # type: ignore[arg-type]  # a str of these three
    async with getting(keeper) as get:
        assert (await get.store()).status.code == 0x0000
    assert is_clean(tmp_path, *names)
    for name in names:
        expected = data_set() if name == kept else OTHER
        assert (tmp_path / name).read_bytes() == whole_file(expected)
    [request] = keeper.arrived
    assert isinstance(request.data_set, StoredDataSet)
    assert request.data_set.path == tmp_path / (kept or "a.dcm")


@pytest.mark.parametrize("on_exists", ["replace", "keep", "rename"])
async def test_the_same_bytes_stay_as_they_are(tmp_path: Path, on_exists: str) -> None:
    (tmp_path / "a.dcm").write_bytes(whole_file(data_set()))
    before = (tmp_path / "a.dcm").stat()
    keeper = Keeper(Destination(path=tmp_path / "a.dcm", on_exists=on_exists))  # type: ignore[arg-type]  # a str of these three
    async with getting(keeper) as get:
        assert (await get.store()).status.code == 0x0000
    after = (tmp_path / "a.dcm").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert is_clean(tmp_path, "a.dcm")


async def test_what_is_kept_instead_must_be_an_instance(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"my notes")
    keeper = Keeper(Destination(path=tmp_path / "a.dcm", on_exists="keep"))
    async with getting(keeper) as get:
        answer = await get.store()
        assert answer.status.code == 0x0110
        assert answer.error_comment == "another file has its name"
    assert (tmp_path / "a.dcm").read_bytes() == b"my notes"
    assert is_clean(tmp_path, "a.dcm")


@pytest.mark.pitfall(31)
@pytest.mark.scenario("B52")
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (data_set(uid="1.2.4"), 0xA900),
        (data_set(sop_class=CT + ".1"), 0xA900),
        (data_set(uid=None), 0xC000),
        (b"no data set at all", 0xC000),
        (b"", 0xC000),
    ],
    ids=["instance", "class", "none", "nonsense", "nothing"],
)
async def test_what_is_not_what_was_announced_is_not_kept(
    tmp_path: Path, data: bytes, status: int
) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    async with getting(keeper) as get:
        answer = await get.store(data)
        assert answer.status.code == status
        assert 0 < len(answer.error_comment or "") <= 64
        assert keeper.arrived == []
        assert is_clean(tmp_path)
        assert (await get.store(message_id=6)).status.code == 0x0000
    assert is_clean(tmp_path, "a.dcm")


async def test_a_check_sees_what_has_arrived_and_may_refuse_it(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def check(stored: StoredDataSet) -> int | None:
        assert not (tmp_path / "a.dcm").exists()
        seen.append(stored.path.read_bytes()[stored.offset :])
        return 0xA901 if len(seen) == 1 else None

    keeper = Keeper(Destination(path=tmp_path / "a.dcm", check=check))
    async with getting(keeper) as get:
        assert (await get.store()).status.code == 0xA901
        assert keeper.arrived == []
        assert is_clean(tmp_path)
        assert (await get.store(message_id=6)).status.code == 0x0000
    assert seen == [data_set(), data_set()]
    assert is_clean(tmp_path, "a.dcm")


@pytest.mark.parametrize("status", [0x0000, 0xB000])
async def test_a_check_that_does_not_fail_refuses_nothing(tmp_path: Path, status: int) -> None:
    keeper = Keeper(Destination(path=tmp_path / "a.dcm", check=lambda _: status))
    async with getting(keeper) as get:
        assert (await get.store()).status.code == 0x0000
    assert is_clean(tmp_path, "a.dcm")


@pytest.mark.scenario("B45")
async def test_a_check_that_breaks_is_logged_and_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def check(_: StoredDataSet) -> int:
        raise ZeroDivisionError

    keeper = Keeper(Destination(path=tmp_path / "a.dcm", check=check))
    async with getting(keeper) as get:
        assert (await get.store()).status.code == 0x0110
        assert is_clean(tmp_path)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("size", [398, 400])
async def test_up_to_the_limit_an_instance_is_held_in_memory(size: int) -> None:
    keeper = Keeper()
    async with getting(keeper, options=limited(in_memory=400)) as get:
        assert (await get.store(data_set(size))).status.code == 0x0000
    [request] = keeper.arrived
    assert isinstance(request.data_set, EncodedDataSet)
    assert request.data_set.data == data_set(size)
    assert request.dataset().SOPInstanceUID == UID


async def test_above_the_limit_it_lies_in_a_temporary_file_until_it_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keeper = Keeper()
    keeper.gate = trio.Event()
    async with getting(keeper, options=limited(in_memory=400)) as get:
        coming = await arrival(get.peer)
        await coming.more(data_set(402), is_last=True)
        await keeper.has_arrived.wait()
        stored = keeper.arrived[0].data_set
        assert isinstance(stored, StoredDataSet)
        assert stored.path.parent == tmp_path
        assert stored.path.read_bytes() == whole_file(data_set(402))
        assert stored.path.stat().st_mode & 0o077 == 0  # patients are nobody else's business
        keeper.gate.set()
        assert (await coming.answer()).status.code == 0x0000
        assert is_clean(tmp_path)


@pytest.mark.scenario("B50")
async def test_the_connections_handler_takes_what_no_get_takes(tmp_path: Path) -> None:
    ours, theirs = Keeper(tmp_path / "connection"), Keeper(tmp_path / "get")
    async with getting(None, handler=ours) as get:
        await get.store()
    async with getting(theirs, handler=ours) as get:
        await get.store()
    async with talking(handler=ours) as (_, peer):
        await (await arrival(peer)).whole()
    assert (len(ours.arrived), len(theirs.arrived)) == (2, 1)
    assert is_clean(tmp_path, "connection", "get")


async def test_a_handler_needs_no_sink() -> None:
    class Bare:
        """Meets the interface that there was before instances could go to disk."""

        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            assert isinstance(request.data_set, EncodedDataSet)
            return response_to(request, 0xB007)

    async with getting(Bare()) as get:  # type: ignore[arg-type]  # which is the point
        assert (await get.store()).status.code == 0xB007


async def test_whoever_takes_nothing_says_so_and_the_rest_is_read() -> None:
    async with getting(Recorder()) as get:
        for number in (5, 6):
            coming = await arrival(get.peer, number)
            await coming.more(data_set()[:-2])
            assert await is_silent(get.peer)
            assert (await coming.whole(data_set()[-2:])).status.code == 0x0122


async def test_an_instance_without_a_data_set_goes_to_the_handler_as_it_is() -> None:
    keeper = Keeper()
    async with talking(handler=keeper) as (_, peer):
        bare = CStoreRequest(sop_class_uid=CT, sop_instance_uid=UID, message_id=9)
        await answer_to(peer, bare, CT_ID)
        await answer_to(peer, store_request(message_id=10), CT_ID)
    assert keeper.arrived[0] == bare
    assert len(keeper.announced) == 1
