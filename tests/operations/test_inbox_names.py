"""How the file of an instance is called, whatever its peer calls the instance."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.operations.getting import c_store, ct, files_in, retrieving, send, uids_of
from trio_dicom import CStoreRequest, Inbox, Limits, ReceivedInstance, StoredDataSet
from trio_dicom._operations.inbox import file_name


@pytest.mark.pitfall(31)
@pytest.mark.parametrize("uid", ["1", "1.2.3", "1.2.840.10008.1.2", "0." + "1" * 62, ".1", "1."])
def test_a_uid_of_digits_and_dots_is_a_file_name(uid: str) -> None:
    assert file_name(uid) == f"{uid}.dcm"


UNSAFE = [
    "../../x",
    "/abs",
    "a/b",
    "..",
    ".",
    "....",
    "1.2\x003",
    "1.2\n3",
    "1.2.3\n",
    "1" * 65,
    "",
    "1.2.3 ",
    "1\\2",
    "C:1.2",
    "é",
    "١.٢",  # digits, but none of ASCII
    "con",
    "1" * 10_000,
    "-1.2",
]


@pytest.mark.pitfall(31)
@pytest.mark.parametrize("uid", UNSAFE)
def test_any_other_becomes_a_hash(uid: str) -> None:
    name = file_name(uid)
    digest = hashlib.sha256(uid.encode("latin-1", "backslashreplace")).hexdigest()
    assert name == f"sha256-{digest}.dcm"


# What can be in a command set; spaces and NULs at the end are padding.
ON_THE_WIRE = [it for it in UNSAFE if it and it.isascii() and it == it.rstrip()] + ["é"]


@pytest.mark.pitfall(31)
@pytest.mark.scenario("B53")
@pytest.mark.parametrize("uid", ON_THE_WIRE)
async def test_an_instance_with_such_a_uid_is_stored_and_reported(
    uid: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inside = tmp_path / "a" / "inbox"
    reported: list[ReceivedInstance] = []
    async with retrieving(Inbox(inside, report=reported.append)) as (retrieval, peer):
        peer.is_strict = False  # since the answer repeats the UID
        assert (await send(peer, uid)).status.is_success
    assert files_in(inside) == [file_name(uid)]
    assert uids_of(retrieval) == [uid]
    assert reported == retrieval.instances
    assert files_in(tmp_path) == ["a"]
    assert f"is stored as {file_name(uid)}" in caplog.text
    assert f" {uid} " not in caplog.text
    assert uid.encode("latin-1") in reported[0].path.read_bytes()


@pytest.mark.pitfall(31)
@pytest.mark.parametrize("number", [1, 9, 10, 11, 50])
async def test_such_uids_fill_no_log(
    number: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox(tmp_path)
    for uid in range(number):
        request = CStoreRequest(sop_class_uid="1.2", sop_instance_uid=f"bad {uid}", data_set=None)
        await inbox.c_store_sink(request)
    said = [record.getMessage() for record in caplog.records]
    most = Limits().complaints
    assert said[:most] == [
        f"a SOP instance UID that is no file name is stored as {file_name(f'bad {uid}')}"
        for uid in range(min(number, most))
    ]
    rest = [] if number < most else [f"no more of that is logged about the inbox {tmp_path}"]
    assert said[most:] == rest


async def test_nor_do_reports_that_fail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def report(_: ReceivedInstance) -> None:
        raise RuntimeError("no room in the database")

    inbox = Inbox(tmp_path, report=report)
    stored = StoredDataSet(
        path=tmp_path / "1.2.3.dcm",
        offset=400,
        length=100,
        transfer_syntax=ct().transfer_syntax,
        sop_class_uid="1.2",
        sop_instance_uid="1.2.3",
    )
    for _ in range(50):
        response = await inbox.on_c_store_request(c_store("1.2.3", 1, data_set=stored))
        assert response.status.is_success
    assert len(caplog.records) == Limits().complaints + 1
