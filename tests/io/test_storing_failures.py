"""Instances that cannot be kept: full disks, broken disks, programs that fail."""

from __future__ import annotations

import errno
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from trio.testing import wait_all_tasks_blocked

from tests.io.arriving import Keeper, arrival, data_set, getting, is_clean, limited, names_in
from tests.io.recording import Recorder
from tests.io.talking import is_silent
from tests.io.writing import eventually, slow_writes, small_blocks
from trio_dicom import (
    BaseHandler,
    CStoreRequest,
    CStoreResponse,
    Destination,
    RemoteProtocolError,
)
from trio_dicom.lowlevel import Abort


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.ENOSPC, 0xA700),
        (errno.EDQUOT, 0xA700),
        (errno.EFBIG, 0xA700),
        (errno.EIO, 0x0110),
        (errno.EROFS, 0x0110),
    ],
)
@pytest.mark.parametrize("at", [1, 2, 3, 4], ids=["head", "first", "second", "last"])
async def test_a_disk_that_takes_no_more_is_told_and_the_association_lives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, number: int, status: int, at: int
) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    with small_blocks(100), slow_writes(hangs_at=at, error=OSError(number, "broken")) as disk:
        async with getting(keeper) as get:
            coming = await arrival(get.peer)
            data = data_set(1200)
            await coming.more(data[:400])
            await eventually(lambda: len(disk.sizes) == min(2, at))
            await coming.more(data[400:800])
            await eventually(lambda: len(disk.sizes) == min(3, at))
            if at < 4:  # what it took up is free before the rest has come
                await eventually(lambda: is_clean(tmp_path))
                await eventually(lambda: not get.connection._link.serving._queue.backlog.size)
                assert await is_silent(get.peer)
            answer = await coming.whole(data[800:])
            assert answer.status.code == status
            assert answer.error_comment
            assert is_clean(tmp_path)
            assert len(disk.sizes) == at  # what follows is not even tried
            assert (await get.store(message_id=6)).status.code == 0x0000
    assert "broken" in caplog.text
    assert len(keeper.arrived) == 1
    assert is_clean(tmp_path, "a.dcm")


@contextmanager
def no_file_above(size: int) -> Generator[None, None, None]:
    """Let the system itself refuse what makes a file longer than ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("temporary", [False, True])
async def test_a_disk_that_is_really_full_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: bool
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keeper = Keeper(None if temporary else tmp_path / "a.dcm")
    async with getting(keeper, options=limited(in_memory=100)) as get:
        with no_file_above(100_000):
            answer = await get.store(data_set(200_000))
            assert answer.status.code == 0xA700
            assert answer.error_comment == "the disk is full"
            assert is_clean(tmp_path)
            assert keeper.arrived == []
        assert (await get.store(data_set(200_000), message_id=6)).status.code == 0x0000


async def test_a_file_that_complains_once_more_when_it_is_closed_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A raw file on a network disk without room."""

        def write(self, data: object) -> int:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

        def close(self) -> None:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    def opened(path: Path, *_: object, **__: object) -> Full:
        path.touch()
        return Full()

    monkeypatch.setattr("trio_dicom._io.instance_file.open", opened, raising=False)
    async with getting(Keeper(tmp_path / "a.dcm")) as get:
        assert (await get.store()).status.code == 0xA700
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("on_exists", ["replace", "keep", "rename"])
async def test_a_name_that_cannot_be_given_is_told(tmp_path: Path, on_exists: str) -> None:
    (tmp_path / "a.dcm").mkdir()
    keeper = Keeper(Destination(path=tmp_path / "a.dcm", on_exists=on_exists))  # type: ignore[arg-type]  # a str of these three
    async with getting(keeper) as get:
        renames = on_exists == "rename"
        assert (await get.store()).status.code == (0x0000 if renames else 0x0110)
    assert is_clean(tmp_path, "a.dcm", *(["a-1.dcm"] if renames else []))


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    keeper = Keeper(lambda request: tmp_path / str(request.message_id) / "a.dcm")
    (tmp_path / "6").mkdir()
    async with getting(keeper) as get:
        assert (await get.store()).status.code == 0x0110
        assert (await get.store(message_id=6)).status.code == 0x0000
    assert is_clean(tmp_path / "6", "a.dcm")


@pytest.mark.scenario("B45")
@pytest.mark.parametrize("sink", [ZeroDivisionError(), "a string"])
async def test_a_sink_that_fails_is_logged_and_the_rest_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sink: object
) -> None:
    class Failing(BaseHandler):
        async def c_store_sink(self, request: CStoreRequest) -> Path:
            if request.message_id == 6:
                return tmp_path / "a.dcm"
            if isinstance(sink, Exception):
                raise sink
            return sink  # type: ignore[return-value]  # which is the mistake

    async with getting(Failing()) as get:
        coming = await arrival(get.peer)
        await coming.more(data_set()[:100])
        await wait_all_tasks_blocked()
        assert (await coming.whole(data_set()[100:])).status.code == 0x0110
        assert (await get.store(message_id=6)).status.code == 0x0000
    assert "the handler failed on the peer's C-STORE" in caplog.text
    assert is_clean(tmp_path, "a.dcm")


@pytest.mark.scenario("B45")
@pytest.mark.parametrize("temporary", [False, True])
async def test_a_handler_that_fails_after_the_instance_is_there_leaves_what_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: bool
) -> None:
    class Failing(Keeper):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            raise ZeroDivisionError

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keeper = Failing(None if temporary else tmp_path / "a.dcm")
    async with getting(keeper, options=limited(in_memory=100)) as get:
        assert (await get.store()).status.code == 0x0110
    assert is_clean(tmp_path, *([] if temporary else ["a.dcm"]))


@pytest.mark.scenario("B43")
@pytest.mark.pitfall(29)
async def test_an_instance_above_the_limit_ends_the_association(tmp_path: Path) -> None:
    handler = Recorder()
    async with getting(
        Keeper(tmp_path / "a.dcm"),
        handler=handler,
        options=limited(instance=1000),
        is_finished=False,
    ) as get:
        coming = await arrival(get.peer)
        with small_blocks(100):
            await coming.more(data_set(2000)[:1000])
            await eventually(lambda: len(names_in(tmp_path)) == 1)
        await coming.more(b"\0\0")
        await get.ended.wait()
        assert isinstance(get.error, RemoteProtocolError)
        await get.peer.expect(Abort)
    assert is_clean(tmp_path)
