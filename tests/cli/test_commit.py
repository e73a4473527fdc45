"""``trio-dicom commit``: what the peer keeps, what it does not, and what it does not say."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from pydicom import Dataset

from tests.cli.conftest import Command
from tests.cli.servers import listening
from tests.cli.test_process import environment, trio_dicom_command
from tests.interop.programs import HOST, free_port
from tests.interop.series import STUDY, write_study
from trio_dicom import (
    InstanceReference,
    NActionRequest,
    NEventReportRequest,
    PresentationContext,
    open_association,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT
from trio_dicom.testing import ConversationOver, ScriptedPeer

Behaviour = Callable[[trio.SocketStream], Awaitable[None]]

PUSH_MODEL = STORAGE_COMMITMENT.abstract_syntax
THE_INSTANCE = "1.2.840.10008.1.20.1.1"


@pytest.fixture
def study(pydicom_files: Path, tmp_path: Path) -> Path:
    """A folder with two images and a note about them."""
    folder = tmp_path / "study"
    folder.mkdir()
    write_study(pydicom_files / "CT_small.dcm", folder, instances=2)
    (folder / "notes.txt").write_text("for later")
    return folder


def report_on(request: NActionRequest, *failed: int) -> NEventReportRequest:
    """The report: the first instances are kept, and the last ones fail for these reasons."""
    asked = request.action_information
    assert asked is not None
    references = InstanceReference.in_sequence(asked, "ReferencedSOPSequence")
    items = [it.data_set() for it in references]
    kept, others = items[: len(items) - len(failed)], items[len(items) - len(failed) :]
    for item, reason in zip(others, failed, strict=True):
        item.FailureReason = reason
    information = Dataset()
    information.TransactionUID = asked.TransactionUID
    information.RetrieveAETitle = "ARCHIVE"
    information.ReferencedSOPSequence = kept
    if others:
        information.FailedSOPSequence = others
    return NEventReportRequest(
        message_id=1,
        sop_class_uid=PUSH_MODEL,
        sop_instance_uid=THE_INSTANCE,
        event_type_id=2 if others else 1,
        data_set=information,
    )


def reporting(*failed: int, port: int | None = None) -> Behaviour:
    """A peer that reports at once: on our association, or at that port."""

    async def behave(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        await peer.accept()
        with suppress(ConversationOver):
            request = await peer.expect_message(NActionRequest)
            await peer.reply(request, 0x0000)
            report = report_on(request, *failed)
            if port is None:
                await peer.send_message(report)
            else:
                role = PresentationContext(PUSH_MODEL, scu_role=False, scp_role=True)
                async with open_association(HOST, port, contexts=[role]) as association:
                    answer = await association.send_request(report)
                    assert answer.status.is_success
            await peer.serve_until_closed()

    return behave


async def silent(stream: trio.SocketStream) -> None:
    """A peer that takes the request and never reports."""
    await ScriptedPeer(stream).serve_until_closed()


async def refusing(stream: trio.SocketStream) -> None:
    """A peer that does not take the request."""
    peer = ScriptedPeer(stream)
    await peer.accept()
    with suppress(ConversationOver):
        await peer.reply(await peer.receive_message(), 0x0110, error_comment="no room")
        await peer.serve_until_closed()


async def test_every_file_is_named_with_what_became_of_it(command: Command, study: Path) -> None:
    async with listening(reporting()) as address:
        ran = await command("commit", address, study)
    assert ran.code == 0
    assert ran.err.startswith("The transaction is 2.25.")
    assert len(ran.err.splitlines()) == 1
    assert ran.out.splitlines() == [
        f"committed  {study / '1.dcm'}",
        f"committed  {study / '2.dcm'}",
        f"skipped    {study / 'notes.txt'}: is no DICOM file, or has no SOP class and instance UID",
        "2 committed, 1 skipped",
    ]


async def test_what_fails_is_a_failure_with_its_reason(command: Command, study: Path) -> None:
    async with listening(reporting(0x0112)) as address:
        ran = await command("commit", address, study / "1.dcm", study / "2.dcm", "--json")
    assert ran.code == 1
    kept, failed = ran.records
    transaction = kept.pop("transaction_uid")
    assert transaction == failed.pop("transaction_uid")
    assert kept == {
        "path": str(study / "1.dcm"),
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "sop_instance_uid": f"{STUDY}.2.1",
        "kind": "committed",
        "reason": None,
        "error": None,
        "retrieve_ae": "ARCHIVE",
    }
    assert failed == {
        "path": str(study / "2.dcm"),
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "sop_instance_uid": f"{STUDY}.1.2",
        "kind": "failed",
        "reason": 0x0112,
        "error": "0112H: no such SOP instance",
        "retrieve_ae": None,
    }


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
async def test_the_report_may_come_to_a_port_of_ours(command: Command, study: Path) -> None:
    port = free_port()
    async with listening(reporting(port=port)) as address:
        ran = await command("commit", address, study, "--receive-port", port)
    assert ran.code == 0, ran.err
    assert ran.out.endswith("2 committed, 1 skipped\n")


async def test_our_port_has_an_ae_title_of_its_own_if_that_is_wanted(
    command: Command, study: Path
) -> None:
    options = ("--receive-port", 0, "--receive-ae", "REPORTS")
    async with listening(silent) as address:
        ran = await command("commit", address, study, "--wait", "0.1", *options)
    assert "The peer must know REPORTS@127.0.0.1:" in ran.err


async def test_whoever_is_interrupted_knows_the_transaction(study: Path) -> None:
    asked = trio.Event()
    transactions: list[str] = []

    async def behave(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        await peer.accept()
        with suppress(ConversationOver):
            request = await peer.expect_message(NActionRequest)
            assert request.action_information is not None
            transactions.append(request.action_information.TransactionUID)
            await peer.reply(request, 0x0000)
            asked.set()
            await peer.serve_until_closed()

    async with listening(behave) as address:
        process = await trio.lowlevel.open_process(
            trio_dicom_command("commit", address, study),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        with trio.fail_after(30):
            async with process.stderr:
                await asked.wait()
                process.send_signal(signal.SIGINT)
                complaint = b"".join([data async for data in process.stderr])
                assert await process.wait() == 130
    assert complaint.decode().splitlines() == [
        f"The transaction is {transactions[0]}.",
        "trio-dicom: interrupted",
    ]


@pytest.mark.parametrize(
    "options, words",
    [
        ([], "say --receive-port"),
        (["--receive-port", "0"], "The peer must know TRIO_DICOM@127.0.0.1:"),
    ],
)
async def test_a_peer_that_does_not_report_leaves_it_unknown(
    command: Command, study: Path, options: list[str], words: str
) -> None:
    async with listening(silent) as address:
        ran = await command("commit", address, study, "--wait", "0.2", *options)
    assert ran.code == 1
    assert ran.out.splitlines()[0] == f"unknown    {study / '1.dcm'}"
    assert ran.out.splitlines()[-1] == "0 committed, 2 unknown, 1 skipped"
    assert "No report came within 0.2 s on the transaction 2.25." in ran.err
    assert words in ran.err


async def test_a_refusal_is_told(command: Command, study: Path) -> None:
    async with listening(refusing) as address:
        ran = await command("commit", address, study / "1.dcm")
    assert ran.code == 1
    assert ran.out.splitlines() == [f"unknown    {study / '1.dcm'}", "0 committed, 1 unknown"]
    assert "0110H" in ran.err
    assert "no room" in ran.err


async def test_a_named_file_that_is_no_instance_counts(command: Command, study: Path) -> None:
    async with listening(reporting()) as address:
        ran = await command("commit", address, study / "1.dcm", study / "notes.txt")
    assert ran.code == 1
    assert ran.out.splitlines()[-1] == "1 committed, 1 error"


async def test_two_files_of_one_instance_are_asked_for_once_and_both_reported(
    command: Command, study: Path
) -> None:
    copy = study / "copy.dcm"
    copy.write_bytes((study / "1.dcm").read_bytes())
    async with listening(reporting()) as address:
        ran = await command("commit", address, study / "1.dcm", copy)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "2 committed"


@pytest.mark.parametrize(
    "arguments, words, code",
    [
        ([], "requires", 2),
        (["{study}/none"], "No such file", 2),
        (["{study}/1.dcm", "--wait", "0"], "--wait", 2),
        (["{study}/1.dcm", "--receive-port", "99999"], "--receive-port", 2),
        (["{study}/1.dcm", "--receive-key", "x", "--receive-port", "1"], "--receive-cert", 2),
        (["{study}/1.dcm", "--receive-key", "x"], "nothing without --receive-port", 2),
        (["{study}/1.dcm", "--receive-ae", "X"], "nothing without --receive-port", 2),
        (["{study}/1.dcm"], "could not connect", 3),
        (["{study}/notes.txt"], "nothing to ask for", 1),
    ],
)
async def test_mistakes_are_told_apart(
    command: Command, study: Path, arguments: list[str], words: str, code: int
) -> None:
    filled = [it.format(study=study) for it in arguments]
    ran = await command("commit", "NOBODY@127.0.0.1:1", *filled)
    assert ran.code == code
    assert words in ran.err


async def test_a_port_that_is_taken_is_a_mistake(command: Command, study: Path) -> None:
    async with listening(silent) as address:
        port = address.rpartition(":")[2]
        ran = await command("commit", address, study, "--receive-port", port)
    assert ran.code == 2
    assert f"--receive-port {port} cannot be listened on" in ran.err
