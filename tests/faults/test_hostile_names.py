"""Peers that name files: what they bring stays in the directory it is for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.sides import CT_ID, RECEIVER, associated
from tests.faults.test_hostile_data import STORED, in_pdus
from tests.faults.wire import STORE_REQUEST, command, said
from tests.io.recording import CT
from tests.operations.getting import ct, files_in, retrieving, send
from trio_dicom._operations.inbox import file_name

UIDS = [
    b"../../x", b"/abs", b"a/b", b"..", b".", b"....", b"1.2\x003", b"1.2\n3", b"1" * 65,
    b"1" * 10_000, b"C:1.2", b"1\\2", b"con", b"-1.2", b"~root", b"$HOME", b"*", b"\xe9", b"%2e%2e",
    b"./.trio_dicom-0.part", b"1.2.3.dcm", b"\x1b[2J", b" 1.2", b"..\\..\\x",
]  # fmt: skip


def everything(top: Path) -> set[str]:
    """The paths of all there is in ``top``, and below."""
    return {
        os.path.relpath(Path(folder, name), top)
        for folder, folders, files in os.walk(top)
        for name in (*folders, *files)
    }


@pytest.mark.pitfall(31)
@pytest.mark.scenario("B53")
@pytest.mark.parametrize("uid", UIDS)
async def test_a_receiver_writes_into_its_directory_alone(uid: bytes, tmp_path: Path) -> None:
    data = ct("@@").data.replace(
        b"UI\2\0@@", b"UI" + len(even(uid)).to_bytes(2, "little") + even(uid)
    )
    store = command(STORE_REQUEST | {0x1000: even(uid)})
    async with associated(RECEIVER, into=tmp_path / "a" / "in") as ours:
        await ours.says(said(store, 3, CT_ID) + in_pdus(bytes(data)))
        assert STORED in await ours.hears_pdu()
        assert await ours.lives()
        assert not any("\n" in it or "\x1b" in it for it in ours.log)
    name = file_name(uid.rstrip(b"\0 ").decode("latin-1"))
    assert everything(tmp_path) == {"a", "a/in", f"a/in/{name}"}


def even(uid: bytes) -> bytes:
    return uid + b"\0" * (len(uid) & 1)


@pytest.mark.pitfall(31)
@pytest.mark.parametrize("side", ["client", "receiver"])
@pytest.mark.parametrize(
    "named, contained", [("1.2.3", "1.2.4"), ("1.2.3", "../1.2.3"), ("../x", "1.2.3")]
)
async def test_a_data_set_that_is_another_instance_leaves_nothing(
    side: str, named: str, contained: str, tmp_path: Path
) -> None:
    data = ct(contained)
    inside = tmp_path / "in"
    if side == "client":
        async with retrieving(inside) as (_, peer):
            peer.is_strict = False  # since the answer repeats the UID
            response = await send(peer, named, data_set=data)
            assert response.status.code == 0xA900
    else:
        store = command(STORE_REQUEST | {0x1000: even(named.encode())})
        async with associated(RECEIVER, into=inside) as ours:
            await ours.says(said(store, 3, CT_ID) + in_pdus(bytes(data.data)))
            assert b"\0\x09\2\0\0\0\0\xa9" in await ours.hears_pdu()
            assert await ours.lives()
    assert everything(tmp_path) == {"in"}
    assert files_in(inside) == []


@pytest.mark.pitfall(31)
async def test_links_in_the_directory_are_replaced_and_not_followed(tmp_path: Path) -> None:
    """Somebody else may write there, too."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "1.2.3.dcm").symlink_to(outside)
    async with associated(RECEIVER, into=inside) as ours:
        await ours.says(said(command(STORE_REQUEST), 3, CT_ID) + in_pdus(bytes(ct("1.2.3").data)))
        assert STORED in await ours.hears_pdu()
    assert outside.read_bytes() == b"precious"
    assert not (inside / "1.2.3.dcm").is_symlink()
    assert CT.encode() in (inside / "1.2.3.dcm").read_bytes()
