"""How the file of an instance is called, whatever its peer calls the instance."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.operations.getting import files_in, retrieving, send, uids_of
from trio_dicom import Inbox, ReceivedInstance
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
        assert (await send(peer, uid)).status.is_success
    assert files_in(inside) == [file_name(uid)]
    assert uids_of(retrieval) == [uid]
    assert reported == retrieval.instances
    assert files_in(tmp_path) == ["a"]
    assert f"is stored as {file_name(uid)}" in caplog.text
    assert f" {uid} " not in caplog.text
    assert uid.encode("latin-1") in reported[0].path.read_bytes()
