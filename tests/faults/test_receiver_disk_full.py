"""A receiver whose disk is full: nothing half is left, nothing false is said, and it goes on."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

import pytest
import trio

from tests.faults.keeping import Instance, half_files, instance, kept, lost, strange
from tests.io.writing import small_blocks
from tests.operations.calling import calling, receiving
from trio_dicom import Association, ConnectionOptions, CStoreResponse, Inbox
from trio_dicom._io import instance_file

ROOM = 2 * 1024 * 1024  # bytes
PEERS = 4
EACH = 24  # instances, of which the room takes about a third
_really_write = instance_file._write_fully


async def bring(association: Association, it: Instance) -> CStoreResponse:
    response = await association.send_request(it.request)
    assert isinstance(response, CStoreResponse)
    return response


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path, None, None]:
    """A disk with little room, in memory."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk is mounted for this: by root, on Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("durable", [False, True])
async def test_what_has_no_room_is_refused_and_what_was_acknowledged_is_there(
    small_disk: Path, durable: bool
) -> None:
    folder = small_disk / "in"
    refused: list[Instance] = []
    acknowledged: list[Instance] = []

    async def bring_all(peer: int) -> None:
        async with calling(receiver) as association:
            for number in range(EACH):
                it = instance(f"1.{peer}.{number}", 32_000 + 7_000 * (number % 9))
                response = await bring(association, it)
                assert response.status.code in (0x0000, 0xA700)
                (acknowledged if response.status.is_success else refused).append(it)
            assert (await association.c_echo()).status.is_success  # it lives

    async with receiving(Inbox(folder, durable=durable)) as receiver:
        async with trio.open_nursery() as nursery:
            for peer in range(PEERS):
                nursery.start_soon(bring_all, peer)
        found = kept(folder)
        assert acknowledged
        assert refused
        assert lost(acknowledged, found) == []
        assert strange(acknowledged, found) == []
        assert half_files(folder) == []
        # Somebody makes room.
        for it in acknowledged:
            (folder / f"{it.uid}.dcm").unlink()
        async with calling(receiver) as association:
            for it in refused[:10]:
                assert (await bring(association, it)).status.is_success
        assert lost(refused[:10], kept(folder)) == []
    sys.stdout.write(f"{len(acknowledged)} instances had room, {len(refused)} had none\n")


async def test_a_disk_that_is_full_at_any_write_costs_that_instance_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = full_at = 0

    def write(file: BinaryIO, data: bytes) -> None:
        nonlocal writes
        writes += 1
        if writes == full_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        _really_write(file, data)

    def instances() -> list[Instance]:
        return [instance(f"1.{number}", 400 + 300 * number) for number in range(3)]

    async def bring_all(folder: Path) -> list[int]:
        # Small PDUs, so that there are many writes.
        options = ConnectionOptions(max_length=256)
        async with (
            receiving(folder, options=options) as receiver,
            calling(receiver) as association,
        ):
            return [(await bring(association, it)).status.code for it in instances()]

    monkeypatch.setattr(instance_file, "_write_fully", write)
    with small_blocks(200):
        assert await bring_all(tmp_path / "whole") == [0x0000] * 3
        in_all = writes
        for at in range(1, in_all + 1):
            writes, full_at = 0, at
            folder = tmp_path / str(at)
            codes = await bring_all(folder)
            assert sorted(codes) == [0x0000, 0x0000, 0xA700], f"full at write {at}"
            stored = [it for it, code in zip(instances(), codes, strict=True) if not code]
            found = kept(folder)
            assert lost(stored, found) == [], f"full at write {at}"
            assert strange(stored, found) == [], f"full at write {at}"
            assert half_files(folder) == [], f"full at write {at}"
    sys.stdout.write(f"full at each of {in_all} writes\n")
