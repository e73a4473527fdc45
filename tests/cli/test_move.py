"""``trio-dicom move``: elsewhere, and here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom.uid import CTImageStorage

from tests.cli.conftest import Command
from tests.cli.servers import listening
from tests.interop.certificates import Certificates
from tests.interop.programs import HOST, free_port
from tests.operations.calling import offer
from tests.operations.getting import ct, files_in
from trio_dicom import CMoveRequest, open_association
from trio_dicom.sop_classes import PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE, storage_contexts
from trio_dicom.testing import ConversationOver, ScriptedPeer

STUDY = ("-k", "StudyInstanceUID=1.2")
Behaviour = Callable[[trio.SocketStream], Awaitable[None]]


class Archive:
    """A peer with two instances, who knows that we are on ``port``.

    Attributes:
        port: Where it brings them, or None for nowhere.
        requests: What it was asked.
    """

    def __init__(
        self, port: int | None = None, status: int = 0x0000, tls: Any = None, **counts: Any
    ) -> None:
        self.port = port
        self.status = status
        self.tls = tls
        self.counts = counts
        self.requests: list[CMoveRequest] = []

    async def __call__(self, stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        with suppress(ConversationOver):
            await peer.accept()
            request = await peer.expect_message(CMoveRequest)
            self.requests.append(request)
            if self.port is not None:
                await self._bring(peer, request, self.port)
            await peer.reply(request, self.status, **self.counts)
            await peer.serve_until_closed()

    async def _bring(self, peer: ScriptedPeer, request: CMoveRequest, port: int) -> None:
        contexts = storage_contexts(CTImageStorage)
        async with open_association(HOST, port, contexts=contexts, tls=self.tls) as association:
            for number in (1, 2):
                response = await offer(
                    association,
                    uid := f"1.2.{number}",
                    data_set=ct(uid, StudyInstanceUID="1.2"),
                    move_originator_ae="TRIO_DICOM",
                    move_originator_message_id=request.message_id,
                )
                assert response.status.is_success
                await peer.reply(request, 0xFF00, remaining=2 - number, completed=number)


async def test_to_somebody_else(command: Command) -> None:
    archive = Archive(completed=7, failed=0, warning=0)
    async with listening(archive) as address:
        ran = await command("move", address, *STUDY, "--to", "OTHER")
        as_json = await command("move", address, *STUDY, "--to", "OTHER", "--json")
    assert (ran.code, ran.out, ran.err) == (0, "The peer sent 7\n", "")
    assert as_json.records == [
        {
            "status": 0,
            "kind": "success",
            "meaning": None,
            "error": None,
            "remaining": None,
            "completed": 7,
            "failed": 0,
            "warning": 0,
        }
    ]
    request, _ = archive.requests
    assert request.move_destination == "OTHER"
    assert request.identifier is not None
    assert request.identifier.QueryRetrieveLevel == "STUDY"


async def test_here_the_files_are_listed_and_lie_in_the_directory(
    command: Command, tmp_path: Path
) -> None:
    port = free_port()
    there = ("--into", tmp_path / "in", "--receive-port", port)
    async with listening(Archive(port, completed=2)) as address:
        ran = await command("move", address, *STUDY, *there)
        as_json = await command("move", address, *STUDY, *there, "--json")
    assert ran.code == as_json.code == 0
    first, second, summary, verdict = ran.out.splitlines()
    assert first == f"received  {tmp_path / 'in' / '1.2.1.dcm'}"
    assert second == f"received  {tmp_path / 'in' / '1.2.2.dcm'}"
    assert summary.startswith("2 received: ")
    assert verdict == "The peer sent 2"
    assert files_in(tmp_path / "in") == ["1.2.1.dcm", "1.2.2.dcm"]
    instance, _, answer = as_json.records
    assert instance.pop("bytes") > 0
    assert instance == {
        "path": str(tmp_path / "in" / "1.2.1.dcm"),
        "sop_class_uid": CTImageStorage,
        "sop_instance_uid": "1.2.1",
        "transfer_syntax": "1.2.840.10008.1.2.1",
    }
    assert answer["completed"] == 2


async def test_here_over_tls_with_the_certificate_of_the_peer(
    command: Command, tmp_path: Path, certificates: Certificates
) -> None:
    port = free_port()
    archive = Archive(port, completed=2, tls=certificates.client_context())
    tls = ("--receive-cert", certificates.server_cert, "--receive-key", certificates.server_key)
    async with listening(archive) as address:
        ran = await command(
            *("move", address, *STUDY, "--into", tmp_path, "--receive-port", port, *tls),
            *("--receive-ca", certificates.ca, "--receive-ae", "INBOX"),
        )
    assert ran.code == 0
    assert archive.requests[0].move_destination == "INBOX"
    assert files_in(tmp_path) == ["1.2.1.dcm", "1.2.2.dcm"]


@pytest.mark.parametrize(
    ("keys", "level"),
    [
        (["PatientID=P"], "PATIENT"),
        (["StudyInstanceUID=1", "SeriesInstanceUID=2"], "SERIES"),
        (["SOPInstanceUID=3", "StudyInstanceUID=1"], "IMAGE"),
        (["StudyInstanceUID=1", "QueryRetrieveLevel=IMAGE"], "IMAGE"),
    ],
)
async def test_the_level_is_that_of_the_deepest_key(
    command: Command, keys: list[str], level: str
) -> None:
    archive = Archive(completed=1)
    attributes = [it for key in keys for it in ("-k", key)]
    async with listening(archive) as address:
        ran = await command("move", address, *attributes, "--to", "OTHER")
    assert ran.code == 0
    (request,) = archive.requests
    assert request.identifier is not None
    assert request.identifier.QueryRetrieveLevel == level
    expected = PATIENT_ROOT_MOVE if level == "PATIENT" else STUDY_ROOT_MOVE
    assert request.sop_class_uid == expected.abstract_syntax


@pytest.mark.parametrize("model", ["patient", "PatientRootQueryRetrieveInformationModelMove"])
async def test_the_model_can_be_named(command: Command, model: str) -> None:
    archive = Archive(completed=1)
    async with listening(archive) as address:
        await command("move", address, *STUDY, "--to", "OTHER", "--model", model)
    assert archive.requests[0].sop_class_uid == PATIENT_ROOT_MOVE.abstract_syntax


async def test_a_peer_that_does_not_know_us_is_exit_code_1_with_advice(
    command: Command, tmp_path: Path
) -> None:
    async with listening(Archive(status=0xA801)) as address:
        ran = await command("move", address, *STUDY, "--into", tmp_path, "--receive-port", 0)
    assert ran.code == 1
    assert "Configure the destination at the peer: AE title TRIO_DICOM, host 127.0.0.1" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("status", "counts", "words"),
    [
        (0xB000, {"completed": 1, "failed": 2}, "The peer sent 1 and failed to send 2: B000H"),
        (0x0000, {"completed": 0}, "The peer sent 0\n"),
        (0xB000, {"error_comment": "odd"}, "The peer is done: B000H"),
    ],
)
async def test_what_was_not_sent_is_exit_code_1(
    command: Command, status: int, counts: dict[str, Any], words: str
) -> None:
    async with listening(Archive(status=status, **counts)) as address:
        ran = await command("move", address, *STUDY, "--to", "OTHER")
    assert ran.code == 1
    assert ran.out.startswith(words)
    assert ran.out.rstrip().endswith(counts.get("error_comment", ""))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*STUDY], "--to AET or --into DIR"),
        ([*STUDY, "--to", "A", "--into", "x"], "not both"),
        (["--to", "A"], "say with -k what to send"),
        (["-k", "StudyDate", "--to", "A"], "say with -k what to send"),
        ([*STUDY, "-k", "QueryRetrieveLevel=IMAGE", "--level", "study", "--to", "A"], "different"),
        ([*STUDY, "--into", "x", "--receive-key", "x"], "--receive-key means nothing"),
        ([*STUDY, "--to", "A", "--receive-port", "104"], "--receive-port is about a receiver"),
        ([*STUDY, "--to", "A", "--receive-host", "::"], "means nothing with --to"),
        ([*STUDY, "--to", "A", "--receive-ae", "X"], "means nothing with --to"),
        ([*STUDY, "--to", "A", "--receive-cert", "x"], "means nothing with --to"),
        ([*STUDY, "--to", "A", "--on-exists", "keep"], "--on-exists is about a receiver"),
        ([*STUDY, "--to", "A", "--model", "?"], "--model"),
        ([*STUDY, "--to", "A", "--receive-port", "70000"], "65535"),
    ],
)
async def test_a_mistake_is_exit_code_2_and_nothing_is_sent(
    command: Command, arguments: list[str], words: str
) -> None:
    ran = await command("move", "NOBODY@127.0.0.1:9", *arguments)
    assert ran.code == 2
    assert words in ran.err


async def test_a_port_that_is_taken_and_a_title_that_is_none_are_exit_code_2(
    command: Command, tmp_path: Path
) -> None:
    async with listening(Archive()) as address:
        port = address.rpartition(":")[2]
        ran = await command("move", address, *STUDY, "--into", tmp_path, "--receive-port", port)
        assert ran.code == 2
        assert f"--receive-port {port} cannot be listened on" in ran.err
        ran = await command(
            *("move", address, *STUDY, "--into", tmp_path, "--receive-port", 0),
            *("--receive-ae", "SEVENTEEN_LETTERS"),
        )
        assert ran.code == 2
        assert "AE title" in ran.err
        ran = await command("move", address, *STUDY, "--to", "SEVENTEEN_LETTERS")
        assert ran.code != 0
        assert "AE title" in ran.err


@pytest.mark.parametrize("counts", [{"completed": 5, "failed": 0, "warning": 0}, {}])
async def test_instances_that_went_elsewhere_are_exit_code_1(
    command: Command, tmp_path: Path, counts: dict[str, int]
) -> None:
    port = free_port()
    async with listening(Archive(**counts)) as address:  # it knows another host by our title
        ran = await command("move", address, *STUDY, "--into", tmp_path, "--receive-port", port)
    assert ran.code == 1
    if counts:
        assert "5 of the instances that the peer says it sent did not come here" in ran.err
        assert f"AE title TRIO_DICOM, host 127.0.0.1, port {port}" in " ".join(ran.err.split())
