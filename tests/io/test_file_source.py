"""How a file is read while it is sent: at once, or in threads and one block ahead."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import trio

from tests.io.disk import BLOCK, slow_disk
from trio_dicom._io import file_source
from trio_dicom._io.file_source import Buffers, FileSource


def source_of(path: Path, data: bytes, *, buffers: Buffers, unit: int = 1) -> FileSource:
    path.write_bytes(data)
    limiter = trio.CapacityLimiter(2)
    return FileSource(path, 0, len(data), limiter, buffers, unit)


async def taken(source: FileSource, size: int = BLOCK) -> memoryview:
    """The next bytes, as the sender gets them."""
    block = source.take(size)
    if block is None:
        await source.fetch()
        block = source.take(size)
    assert block is not None
    return block


async def blocks_of(source: FileSource) -> list[bytes]:
    blocks: list[bytes] = []
    while sum(map(len, blocks)) < source.length:
        blocks.append(bytes(await taken(source, source.length)))
        assert blocks[-1]
    source.close()
    return blocks


class PageCache:
    """What the system has in memory, by the number of the read, counted from 1."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, holds: Iterable[int]) -> None:
        self.asked = 0
        self._holds = set(holds)
        monkeypatch.setattr(os, "preadv", self._preadv, raising=False)
        monkeypatch.setattr(file_source, "_RWF_NOWAIT", 8)

    def _preadv(self, fd: int, buffers: list[memoryview], offset: int, flags: int) -> int:
        assert flags == 8
        self.asked += 1
        if self.asked not in self._holds:
            raise BlockingIOError
        os.lseek(fd, offset, os.SEEK_SET)
        return os.readv(fd, buffers)


async def test_what_lies_in_memory_needs_no_thread_but_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(4 * BLOCK + 10)
    with slow_disk() as disk:
        cache = PageCache(monkeypatch, holds=range(1, 10))
        blocks = await blocks_of(source_of(tmp_path / "file", data, buffers=Buffers()))
    assert b"".join(blocks) == data
    assert list(map(len, blocks)) == [BLOCK, BLOCK, BLOCK, BLOCK, 10]
    assert cache.asked == 4
    assert len(disk.files) == 1  # the one that opened it


async def test_what_does_not_lie_in_memory_is_read_in_threads_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(6 * BLOCK)
    with slow_disk() as disk:
        cache = PageCache(monkeypatch, holds=[1])
        blocks = await blocks_of(source_of(tmp_path / "file", data, buffers=Buffers()))
    assert b"".join(blocks) == data
    assert cache.asked == 2
    assert len(disk.files) == 5


async def test_a_file_that_is_half_in_memory_is_read_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(fd: int, buffers: list[memoryview], offset: int, flags: int) -> int:
        buffers[0][:10] = bytes(10)
        return 10

    data = os.urandom(3 * BLOCK)
    with slow_disk():
        monkeypatch.setattr(os, "preadv", half, raising=False)
        monkeypatch.setattr(file_source, "_RWF_NOWAIT", 8)
        blocks = await blocks_of(source_of(tmp_path / "file", data, buffers=Buffers()))
    assert b"".join(blocks) == data


async def test_blocks_end_where_fragments_do(tmp_path: Path) -> None:
    data = os.urandom(3 * BLOCK)
    with slow_disk():
        source = source_of(tmp_path / "file", data, buffers=Buffers(), unit=1000)
        blocks = await blocks_of(source)
        assert b"".join(blocks) == data
        assert list(map(len, blocks)) == [4000, 4000, 4000, 288]
        # Fragments that are longer than a block are sent in parts.
        source = source_of(tmp_path / "file", data, buffers=Buffers(), unit=BLOCK + 2)
        assert list(map(len, await blocks_of(source))) == [BLOCK] * 3


async def test_the_next_block_is_read_while_this_one_is_sent(tmp_path: Path) -> None:
    with slow_disk(hangs_at=3) as disk:
        source = source_of(tmp_path / "file", bytes(5 * BLOCK), buffers=Buffers())
        assert len(await taken(source)) == BLOCK
        # From here on it is known that it comes from the disk.
        assert len(await taken(source)) == BLOCK
        await disk.reached.wait()  # by nobody's read but the one ahead
        disk.let_go.set()
        for _ in range(3):
            assert len(await taken(source)) == BLOCK
        source.close()


async def test_a_file_uses_two_buffers_again_and_again(tmp_path: Path) -> None:
    buffers = Buffers()
    with slow_disk():
        for _ in range(3):
            await blocks_of(source_of(tmp_path / "file", bytes(9 * BLOCK), buffers=buffers))
            assert len(buffers._free) == 2
            used = {id(buffer.obj) for buffer in buffers._free}
            await blocks_of(source_of(tmp_path / "file", bytes(9 * BLOCK), buffers=buffers))
            assert {id(buffer.obj) for buffer in buffers._free} == used


async def test_no_block_is_read_ahead_while_another_file_hangs(tmp_path: Path) -> None:
    with slow_disk(hangs_at=1) as disk:
        limiter = trio.CapacityLimiter(2)
        (tmp_path / "file").write_bytes(bytes(4 * BLOCK))
        hanging, other = (
            FileSource(tmp_path / "file", 0, 4 * BLOCK, limiter, Buffers()) for _ in range(2)
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(taken, hanging)
            await disk.reached.wait()
            for _ in range(4):
                assert len(await taken(other)) == BLOCK
                assert limiter.borrowed_tokens == 1
            disk.let_go.set()
        hanging.close()
        other.close()


@pytest.mark.parametrize("hangs_at", [1, 3], ids=["the first block", "a block ahead"])
async def test_a_thread_that_was_abandoned_writes_into_nobodys_buffer(
    hangs_at: int, tmp_path: Path
) -> None:
    buffers = Buffers()
    theirs = bytes([1]) * BLOCK
    with slow_disk(hangs_at=hangs_at) as disk:
        left = source_of(tmp_path / "left", bytes(4 * BLOCK), buffers=buffers)
        limiter = left._limiter
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                for _ in range(3):
                    await taken(left)

            if hangs_at == 1:
                nursery.start_soon(read)
            else:
                await taken(left)
                await taken(left)
            await disk.reached.wait()
            nursery.cancel_scope.cancel()
        left.close()
        other = source_of(tmp_path / "other", theirs * 2, buffers=buffers)
        blocks = [await taken(other), buffers.take(), buffers.take()]
        for block in blocks:
            block[:] = theirs
        assert limiter.borrowed_tokens == 1
        disk.let_go.set()
        await all_returned(limiter)
        assert blocks == [theirs] * 3
        other.close()
        assert all(file.closed for file in disk.files)


async def all_returned(limiter: trio.CapacityLimiter) -> None:
    for number in range(int(limiter.total_tokens)):
        await limiter.acquire_on_behalf_of(number)
