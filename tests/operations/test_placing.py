"""An instance that is here as a whole, and is put where it belongs."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from pydicom.uid import ExplicitVRLittleEndian
from trio.testing import wait_all_tasks_blocked

from tests.operations.calling import Keeper
from tests.operations.getting import c_store, ct, files_in
from trio_dicom import (
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    Inbox,
    InstanceHandler,
    StoredDataSet,
)
from trio_dicom._io import instance_file
from trio_dicom._operations.placing import place as placed

Make = Callable[[EncodedDataSet], CStoreRequest]


async def place(
    handler: InstanceHandler, request: CStoreRequest, source_ae: str = ""
) -> CStoreResponse:
    return await placed(handler, request, source_ae, trio.CapacityLimiter(1))


@pytest.fixture(params=["in memory", "in a file"])
def request_with(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a request of an instance that is here."""

    def make(data: EncodedDataSet) -> CStoreRequest:
        whole = c_store("1.2.3", 1, data_set=data)
        if request.param == "in memory":
            return whole
        path = tmp_path / "temporary"
        path.write_bytes(b"head" + bytes(data.data))
        stored = StoredDataSet(
            path=path,
            offset=4,
            length=len(data),
            transfer_syntax=ExplicitVRLittleEndian,
            sop_class_uid=whole.sop_class_uid,
            sop_instance_uid=whole.sop_instance_uid,
        )
        return evolve(whole, data_set=stored)

    return make


@pytest.mark.parametrize("size", [100, 1 << 20, 3_000_000])
async def test_it_gets_a_file_if_that_is_wanted(
    tmp_path: Path, request_with: Make, size: int
) -> None:
    data = ct("1.2.3", size=size)
    response = await place(Inbox(tmp_path / "in"), request_with(data), "ARCHIVE")
    assert response.status.is_success
    (path,) = (tmp_path / "in").iterdir()
    assert path.name == "1.2.3.dcm"
    content = path.read_bytes()
    assert content.endswith(bytes(data.data))
    assert b"ARCHIVE" in content[:600]


async def test_a_handler_without_files_gets_it_as_it_is(request_with: Make) -> None:
    class Whole:
        async def on_c_store_request(self, request: CStoreRequest):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return await keeper.on_c_store_request(request)

    keeper = Keeper(status=0xB000)
    request = request_with(ct("1.2.3"))
    for handler in (keeper, Whole()):
        assert (await place(handler, request)).status.code == 0xB000  # type: ignore[arg-type]
    assert keeper.requests == [request, request]


async def test_what_cannot_be_kept_is_said(tmp_path: Path, request_with: Make) -> None:
    inbox = Inbox(tmp_path / "in", check=lambda _: 0xA700)
    response = await place(inbox, request_with(ct("1.2.3")))
    assert response.status.code == 0xA700
    response = await place(Inbox(tmp_path / "in"), request_with(ct("1.2.4")))
    assert response.status.code == 0xA900  # it is another instance
    assert files_in(tmp_path / "in") == []


async def test_a_full_disk_is_said_at_once(
    tmp_path: Path, request_with: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: object, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(instance_file, "_write_fully", full)
    response = await place(Inbox(tmp_path / "in"), request_with(ct("1.2.3", size=3_000_000)))
    assert response.status.code == 0xA700
    assert files_in(tmp_path / "in") == []


async def test_a_file_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    stored = StoredDataSet(
        path=tmp_path / "gone",
        offset=0,
        length=10,
        transfer_syntax=ExplicitVRLittleEndian,
        sop_class_uid="1.2",
        sop_instance_uid="1.2.3",
    )
    request = c_store("1.2.3", 1, data_set=stored)
    response = await place(Inbox(tmp_path / "in"), request)
    assert response.status.code == 0x0110


async def test_a_file_that_became_shorter_is_a_failure(tmp_path: Path) -> None:
    whole = ct("1.2.3", size=3_000_000)
    (tmp_path / "temporary").write_bytes(bytes(whole.data)[:2_000_000])
    stored = StoredDataSet(
        path=tmp_path / "temporary",
        offset=0,
        length=len(whole),
        transfer_syntax=ExplicitVRLittleEndian,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
    )
    request = c_store("1.2.3", 1, data_set=stored)
    response = await place(Inbox(tmp_path / "in"), request)
    assert response.status.code == 0x0110
    assert files_in(tmp_path / "in") == []


async def test_who_is_cancelled_meanwhile_leaves_nothing_half(
    tmp_path: Path, request_with: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gate = threading.Event(), threading.Event()
    real = instance_file._write_fully

    def slow(file: Any, data: bytes) -> None:
        real(file, data)
        begun.set()
        gate.wait()

    monkeypatch.setattr(instance_file, "_write_fully", slow)
    async with trio.open_nursery() as nursery:
        inbox = Inbox(tmp_path / "in")
        request = request_with(ct("1.2.3", size=3_000_000))
        nursery.start_soon(place, inbox, request)
        await trio.to_thread.run_sync(begun.wait)
        nursery.cancel_scope.cancel()
        trio.lowlevel.spawn_system_task(_open_soon, gate)
    # The thread that was at work is through, and what it had begun is no more.
    assert not [name for name in files_in(tmp_path / "in") if name.endswith(".part")]


async def _open_soon(gate: threading.Event) -> None:
    await wait_all_tasks_blocked()
    gate.set()
