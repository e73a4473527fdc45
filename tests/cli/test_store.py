"""``trio-dicom store``: what goes out, what is reported, and the exit codes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt

from tests.cli.conftest import Command
from tests.cli.servers import answers_all_but_the_first, listening
from tests.interop.programs import free_port
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from trio_dicom import CStoreRequest, Delivery, Status
from trio_dicom._operations import read_ahead
from trio_dicom.cli.outcomes import Outcome, Tally

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def study(tmp_path: Path, ct: Path, pydicom_files: Path) -> Path:
    """A directory with two instances, a DICOMDIR, a text and a subdirectory with one more."""
    study = tmp_path / "study"
    (study / "b").mkdir(parents=True)
    shutil.copy(ct, study / "c.dcm")
    shutil.copy(pydicom_files / "MR_small_RLE.dcm", study / "a.dcm")
    shutil.copy(pydicom_files / "JPEG2000.dcm", study / "b" / "nested")
    shutil.copy(pydicom_files / "dicomdirtests" / "DICOMDIR", study / "DICOMDIR")
    (study / "notes.txt").write_text("nothing to see here")
    return study


async def test_a_directory_goes_out_in_order_and_byte_for_byte(
    command: Command, peer: PynetdicomPeer, study: Path
) -> None:
    ran = await command("store", peer.address, study)
    assert ran.code == 0
    assert [line.split(":")[0] for line in ran.out.splitlines()[:-1]] == [
        f"skipped  {study}/DICOMDIR",
        f"stored   {study}/a.dcm",
        f"stored   {study}/b/nested",
        f"stored   {study}/c.dcm",
        f"skipped  {study}/notes.txt",
    ]
    assert ran.out.splitlines()[-1].startswith("3 stored, 2 skipped: ")
    for path, (syntax, data) in zip(
        (study / "a.dcm", study / "b/nested", study / "c.dcm"), peer.encoded, strict=True
    ):
        assert path.read_bytes().endswith(data)
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax


async def test_json_is_one_object_for_each_file(
    command: Command, peer: PynetdicomPeer, study: Path
) -> None:
    ran = await command("store", peer.address, study, "--json")
    assert ran.code == 0
    assert ran.err == ""
    dicomdir, mr, _, ct, _ = ran.records
    assert ct.pop("seconds") > 0
    assert ct == {
        "path": str(study / "c.dcm"),
        "sop_class_uid": CT,
        "sop_instance_uid": str(pydicom.dcmread(study / "c.dcm").SOPInstanceUID),
        "status": 0,
        "kind": "success",
        "meaning": None,
        "error": None,
        "delivery": "answered",
        "bytes": len(peer.encoded[2][1]),
    }
    assert dicomdir == {
        "path": str(study / "DICOMDIR"),
        "sop_class_uid": None,
        "sop_instance_uid": None,
        "status": None,
        "kind": "skipped",
        "meaning": None,
        "error": "is a DICOMDIR, which is never stored",
        "delivery": "not sent",
        "bytes": None,
        "seconds": None,
    }
    assert mr["kind"] == "success"


async def test_files_can_be_named(command: Command, peer: PynetdicomPeer, study: Path) -> None:
    ran = await command("store", peer.address, study / "c.dcm", study / "a.dcm", "--json")
    assert [it["path"] for it in ran.records] == [str(study / "c.dcm"), str(study / "a.dcm")]


@pytest.mark.parametrize("name", ["notes.txt", "DICOMDIR"])
async def test_a_named_file_that_is_not_dicom_has_failed(
    command: Command, peer: PynetdicomPeer, study: Path, name: str
) -> None:
    ran = await command("store", peer.address, study / name, study / "c.dcm", "--json")
    assert ran.code == 1
    assert [it["kind"] for it in ran.records] == ["error", "success"]
    assert ran.records[0]["error"].startswith("is ")


async def test_a_broken_dicom_file_in_a_directory_has_failed(
    command: Command, peer: PynetdicomPeer, study: Path
) -> None:
    whole = (study / "c.dcm").read_bytes()
    (study / "broken.dcm").write_bytes(whole[:200])
    (study / "odd.dcm").write_bytes(whole[:-1])
    ran = await command("store", peer.address, study, "--json")
    assert ran.code == 1
    kinds = {Path(it["path"]).name: it["kind"] for it in ran.records}
    assert kinds["broken.dcm"] == kinds["odd.dcm"] == "error"
    assert kinds["c.dcm"] == "success"


async def test_a_failure_status_is_reported_and_the_rest_goes_on(
    command: Command, study: Path
) -> None:
    statuses = iter([0xA700, 0xB000, 0x0000] * 2)

    def on_store(event: evt.Event) -> pydicom.Dataset:
        answer = pydicom.Dataset()
        answer.Status = next(statuses)
        answer.ErrorComment = "no space left" if answer.Status == 0xA700 else ""
        return answer

    with pynetdicom_peer(handlers=[(evt.EVT_C_STORE, on_store)]) as peer:
        ran = await command("store", peer.address, study)
        as_json = await command("store", peer.address, study, "--json")
    assert ran.code == as_json.code == 1
    lines = ran.out.splitlines()
    assert lines[1] == (f"failed   {study}/a.dcm: A700H (failure: out of resources): no space left")
    assert lines[2].startswith(f"warning  {study}/b/nested: B000H (warning: ")
    assert lines[3] == f"stored   {study}/c.dcm"
    assert lines[5].startswith("2 stored (1 with a warning), 1 failed, 2 skipped: ")
    failed = as_json.records[1]
    assert failed["status"] == 0xA700
    assert failed["kind"] == "failure"
    assert failed["meaning"] == "out of resources"
    assert failed["error"] == "no space left"
    assert failed["delivery"] == "answered"


async def test_warnings_alone_are_exit_code_0(command: Command, ct: Path) -> None:
    with pynetdicom_peer(handlers=[(evt.EVT_C_STORE, lambda _: 0xB007)]) as peer:
        ran = await command("store", peer.address, ct)
    assert ran.code == 0


@pytest.mark.scenario("B16")
async def test_what_the_peer_takes_in_no_way_is_reported_and_the_rest_goes_on(
    command: Command, study: Path
) -> None:
    def uncompressed(entity: AE) -> None:
        for context in entity.supported_contexts:
            context.transfer_syntax = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]

    with pynetdicom_peer(configure=uncompressed) as peer:
        ran = await command("store", peer.address, study, "--json")
    assert ran.code == 1
    _, rle, j2k, explicit, _ = ran.records
    assert explicit["kind"] == "success"
    for it in (rle, j2k):
        assert it["kind"] == "error"
        assert it["delivery"] == "not sent"
        assert it["sop_instance_uid"]
        assert it["error"].startswith("no accepted presentation context for ")
        assert it["error"].endswith(" (transfer syntaxes not supported)")
        assert len(it["error"]) < 160


async def test_silence_is_reported_and_the_rest_goes_on(command: Command, study: Path) -> None:
    async with listening(answers_all_but_the_first) as address:
        ran = await command("store", address, study, "--json", "--timeout", 0.5)
    assert ran.code == 1
    silent = ran.records[1]
    assert silent["delivery"] == "sent without an answer"
    assert "within 0.5 s" in silent["error"]
    assert ran.records[3]["kind"] == "success"


@pytest.mark.scenario("B40")
async def test_when_the_association_ends_the_rest_is_reported_as_not_sent(
    command: Command, study: Path
) -> None:
    def on_store(event: evt.Event) -> int:
        event.assoc.abort()
        return 0

    with pynetdicom_peer(handlers=[(evt.EVT_C_STORE, on_store)]) as peer:
        ran = await command("store", peer.address, study, "--json")
    assert ran.code == 1
    _, first, second, third, text = ran.records
    assert first["delivery"] == "sent without an answer"
    assert "aborted the association" in first["error"]
    for it in (second, third):
        assert it["kind"] == "error"
        assert it["delivery"] == "not sent"
        assert it["sop_instance_uid"]
        assert it["seconds"] is None
    assert text["kind"] == "skipped"


async def test_no_association_is_exit_code_3_and_nothing_on_standard_output(
    command: Command, study: Path
) -> None:
    ran = await command("store", f"NOBODY@127.0.0.1:{free_port()}", study, "--json")
    assert ran.code == 3
    assert ran.out == ""
    assert ran.err.startswith("trio-dicom: could not connect")


async def test_nothing_to_store_is_exit_code_1_without_a_connection(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    ran = await command("store", "NOBODY@127.0.0.1:1", tmp_path)
    assert ran.code == 1
    assert ran.out.startswith("skipped  ")
    assert ran.err == "There is nothing to store.\n"


async def test_a_path_that_is_not_there_is_a_mistake_before_anything_is_sent(
    command: Command, peer: PynetdicomPeer, ct: Path
) -> None:
    ran = await command("store", peer.address, ct, "no-such-file.dcm")
    assert ran.code == 2
    assert "no-such-file.dcm: No such file or directory" in ran.err
    assert peer.received == []


async def test_no_path_is_a_mistake(command: Command) -> None:
    assert (await command("store", "ARCHIVE@host")).code == 2


@pytest.mark.scenario("B17")
async def test_more_contexts_than_an_association_holds_are_refused_before_connecting(
    command: Command, tmp_path: Path, ct: Path
) -> None:
    data_set = pydicom.dcmread(ct, stop_before_pixels=True)
    for number in range(65):
        data_set.SOPClassUID = data_set.file_meta.MediaStorageSOPClassUID = f"{CT}.99.{number}"
        data_set.save_as(tmp_path / f"{number}.dcm")
    ran = await command("store", "NOBODY@127.0.0.1:1", tmp_path)
    assert ran.code == 2
    assert "130 presentation contexts" in ran.err
    assert "later release" in ran.err


@pytest.mark.scenario("B60")
async def test_an_odd_meta_header_is_logged_once(
    command: Command, peer: PynetdicomPeer, pydicom_files: Path
) -> None:
    ran = await command("store", peer.address, pydicom_files / "rtplan.dcm", "--json")
    assert ran.code == 0
    assert len(ran.records) == 1
    assert ran.err.count("its meta header names other SOP UIDs") == 1


async def test_verbose_shows_no_patient(command: Command, peer: PynetdicomPeer, ct: Path) -> None:
    ran = await command("store", peer.address, ct, "-v")
    patient = pydicom.dcmread(ct)
    assert ran.code == 0
    assert "CStoreRequest" in ran.err
    for value in (str(patient.PatientName), patient.PatientID, patient.StudyInstanceUID):
        assert value not in ran.out + ran.err


async def test_a_file_that_cannot_be_read_has_failed(
    command: Command, peer: PynetdicomPeer, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = read_ahead.request_of

    def forbidden(path: str, **fields: Any) -> CStoreRequest:
        if Path(path).name == "a.dcm":
            raise PermissionError(13, "Permission denied")
        return real(path, **fields)

    monkeypatch.setattr(read_ahead, "request_of", forbidden)
    ran = await command("store", peer.address, study, "--json")
    assert ran.code == 1
    assert ran.records[1]["error"] == "Permission denied"
    assert ran.records[3]["kind"] == "success"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
async def test_pipes_and_dead_links_in_a_directory_are_skipped(
    command: Command, peer: PynetdicomPeer, study: Path
) -> None:
    os.mkfifo(study / "pipe")
    (study / "dead").symlink_to(study / "nowhere")
    (study / "loop").symlink_to(study)
    ran = await command("store", peer.address, study, "--json")
    assert ran.code == 0
    errors = {Path(it["path"]).name: it["error"] for it in ran.records}
    assert list(errors) == [
        "DICOMDIR",
        "a.dcm",
        "nested",
        "c.dcm",
        "dead",
        "loop",
        "notes.txt",
        "pipe",
    ]
    assert errors["pipe"] == errors["dead"] == "is no file"
    assert errors["loop"] == "is a link to a directory"
    assert len(ran.records) == 8


async def test_names_that_would_write_on_the_terminal_are_escaped(
    command: Command, peer: PynetdicomPeer, tmp_path: Path, ct: Path
) -> None:
    shutil.copy(ct, os.fsencode(tmp_path) + b"/\x1b[31mred\n\xff")
    ran = await command("store", peer.address, tmp_path)
    assert ran.code == 0
    assert f"stored   {tmp_path}/\\x1b[31mred\\n\\udcff\n" in ran.out
    as_json = await command("store", peer.address, tmp_path, "--json")
    assert os.fsencode(as_json.records[0]["path"]).endswith(b"\x1b[31mred\n\xff")


async def test_a_broken_data_set_that_must_be_converted_is_reported_and_the_rest_goes_on(
    command: Command, tmp_path: Path, ct: Path, pydicom_files: Path
) -> None:
    shutil.copy(pydicom_files / "MR_truncated.dcm", tmp_path / "a.dcm")
    shutil.copy(ct, tmp_path / "b.dcm")

    def implicit(entity: AE) -> None:
        for context in entity.supported_contexts:
            context.transfer_syntax = [ImplicitVRLittleEndian]

    with pynetdicom_peer(configure=implicit) as peer:
        ran = await command("store", peer.address, tmp_path, "--json")
    assert ran.code == 1
    broken, whole = ran.records
    assert broken["kind"] == "error"
    assert broken["delivery"] == "not sent"
    assert "claims 8192 bytes where 8130 are left" in broken["error"]
    assert whole["kind"] == "success"


@pytest.mark.parametrize(
    "size, seconds, said",
    [
        (1_500_000, 0.5, "1 stored: 1.5 MB in 500 ms, 3.0 MB/s"),
        (3_000_000_000, 60.0, "1 stored: 3.0 GB in 60.0 s, 50.0 MB/s"),
        (0, 0.0, "1 stored"),
    ],
)
def test_the_summary_has_the_rate(size: int, seconds: float, said: str) -> None:
    tally = Tally()
    stored = Outcome(path=Path("a"), status=Status(0), delivery=Delivery.ANSWERED, size=size)
    tally.add(stored)
    assert tally.summary(seconds) == said


def test_the_summary_of_nothing_has_no_rate() -> None:
    tally = Tally()
    tally.add(Outcome(path=Path("a"), error="broken"))
    assert tally.summary(1.0) == "0 stored, 1 failed"
