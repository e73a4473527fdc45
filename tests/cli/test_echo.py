"""``trio-dicom echo`` and what is the same for every command that calls a peer."""

from __future__ import annotations

import pytest
import trio
from pynetdicom import AE, evt

from tests.cli.conftest import Command
from tests.cli.servers import answers_all_but_the_first, listening
from tests.interop.programs import free_port
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer


async def test_a_peer_that_is_there_is_ok(command: Command, peer: PynetdicomPeer) -> None:
    ran = await command("echo", peer.address)
    assert ran.code == 0
    assert ran.out.startswith(f"ok  {peer.address}: 0000H (success) in ")
    assert ran.err == ""


async def test_json_is_one_object_for_each_answer(command: Command, peer: PynetdicomPeer) -> None:
    ran = await command("echo", peer.address, "--repeat", 3, "--json")
    assert ran.code == 0
    assert [it["number"] for it in ran.records] == [1, 2, 3]
    for it in ran.records:
        assert it.pop("milliseconds") > 0
        assert it.pop("number")
        assert it == {
            "peer": peer.address,
            "status": 0,
            "kind": "success",
            "meaning": None,
            "error": None,
        }


async def test_the_calling_title_reaches_the_peer(command: Command) -> None:
    heard: list[str] = []

    def on_accept(event: evt.Event) -> None:
        heard.append(event.assoc.requestor.ae_title)

    with pynetdicom_peer(handlers=[(evt.EVT_ACCEPTED, on_accept)]) as peer:
        await command("echo", peer.address, "--calling-ae", "BENCH")
    assert heard == ["BENCH"]


async def test_a_failure_status_is_exit_code_1(command: Command) -> None:
    with pynetdicom_peer(handlers=[(evt.EVT_C_ECHO, lambda _: 0x0210)]) as peer:
        ran = await command("echo", peer.address)
        as_json = await command("echo", peer.address, "--json")
    assert ran.code == as_json.code == 1
    assert "0210H (failure: duplicate invocation)" in ran.out
    assert as_json.records[0]["status"] == 0x0210
    assert as_json.records[0]["kind"] == "failure"


async def test_silence_is_exit_code_1_and_the_next_echo_is_tried(command: Command) -> None:
    async with listening(answers_all_but_the_first) as address:
        ran = await command("echo", address, "-n", 2, "--idle-timeout", 0.5, "--json")
    assert ran.code == 1
    assert [it["kind"] for it in ran.records] == ["error", "success"]
    assert "within 0.5 s" in ran.records[0]["error"]


async def test_a_peer_that_takes_no_echo_is_exit_code_1(command: Command) -> None:
    def without_verification(entity: AE) -> None:
        entity.remove_supported_context("1.2.840.10008.1.1")

    with pynetdicom_peer(configure=without_verification) as peer:
        ran = await command("echo", peer.address, "--json")
    assert ran.code == 1
    assert "Verification SOP Class" in ran.records[0]["error"]


async def test_an_abort_instead_of_an_answer_is_exit_code_1(command: Command) -> None:
    def on_echo(event: evt.Event) -> int:
        event.assoc.abort()
        return 0

    with pynetdicom_peer(handlers=[(evt.EVT_C_ECHO, on_echo)]) as peer:
        ran = await command("echo", peer.address, "--repeat", 5)
    assert ran.code == 1
    assert "aborted the association" in ran.out
    assert len(ran.out.splitlines()) == 1


@pytest.mark.scenario("B10")
async def test_a_closed_port_is_exit_code_3(command: Command) -> None:
    ran = await command("echo", f"NOBODY@127.0.0.1:{free_port()}", "--json")
    assert ran.code == 3
    assert ran.out == ""
    assert ran.err.startswith("trio-dicom: could not connect to 127.0.0.1:")


@pytest.mark.scenario("B10")
@pytest.mark.parametrize("host", ["no-such-host.invalid", "two..dots"])
async def test_an_unknown_host_is_exit_code_3(command: Command, host: str) -> None:
    ran = await command("echo", f"NOBODY@{host}:104")
    assert ran.code == 3
    assert host in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.scenario("B01")
async def test_a_rejection_is_exit_code_3_with_its_reason(command: Command) -> None:
    def picky(entity: AE) -> None:
        entity.require_called_aet = True

    with pynetdicom_peer(configure=picky) as peer:
        ran = await command("echo", f"WRONG@{peer.host}:{peer.port}")
    assert ran.code == 3
    assert "rejected the association" in ran.err
    assert "called AE title not recognized" in ran.err


@pytest.mark.scenario("B05")
async def test_a_peer_that_says_nothing_is_exit_code_3(command: Command) -> None:
    async def say_nothing(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with listening(say_nothing) as address:
        ran = await command("echo", address, "--associate-timeout", 0.1)
    assert ran.code == 3
    assert "did not answer the association request within 0.1 s" in ran.err


async def test_a_peer_that_hangs_up_is_exit_code_3(command: Command) -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()

    async with listening(hang_up) as address:
        ran = await command("echo", address)
    assert ran.code == 3


@pytest.mark.pitfall(24)
async def test_a_web_server_is_exit_code_3(command: Command) -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.receive_some()

    async with listening(answer) as address:
        ran = await command("echo", address)
    assert ran.code == 3
    assert "Traceback" not in ran.err


async def test_what_a_peer_says_cannot_write_on_the_terminal(command: Command) -> None:
    ran = await command("echo", "\x1b[31mRED@\x1b[2Jhost")
    assert "\x1b" not in ran.err


async def test_verbose_logs_the_conversation_to_standard_error_alone(
    command: Command, peer: PynetdicomPeer
) -> None:
    ran = await command("echo", peer.address, "-v", "--json")
    assert ran.code == 0
    assert len(ran.records) == 1
    for words in ("AssociationRequest", "CEchoRequest", "CEchoResponse", "ReleaseRequest"):
        assert words in ran.err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
@pytest.mark.parametrize(
    "option", ["--connect-timeout", "--associate-timeout", "--idle-timeout", "--timeout"]
)
async def test_no_time_at_all_is_a_mistake_in_the_command(
    command: Command, option: str, seconds: str
) -> None:
    ran = await command("echo", "ARCHIVE@host", f"{option}={seconds}")
    assert ran.code == 2
    assert option in ran.err
    assert "more than 0 seconds" in ran.err


@pytest.mark.scenario("B07")
@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ([], "PEER"),
        (["ARCHIVE@::1"], "needs brackets"),
        (["ARCHIVE@host", "--calling-ae", ""], "calling AE title"),
        (["ARCHIVE@host", "--calling-ae", "LONGER THAN SIXTEEN"], "calling AE title"),
        (["LONGER THAN SIXTEEN@host"], "called AE title"),
        (["ARCHIVE@host", "--max-pdu", "-1"], "--max-pdu"),
        (["ARCHIVE@host", "--max-pdu", "7"], "maximum length"),
        (["ARCHIVE@host", "--max-pdu", "4294967296"], "maximum length"),
        (["ARCHIVE@host", "--repeat", "0"], "--repeat"),
        (["ARCHIVE@host", "--nonsense"], "--nonsense"),
        (["ARCHIVE@host", "surplus"], "surplus"),
    ],
)
async def test_a_mistake_in_the_command_is_exit_code_2(
    command: Command, arguments: list[str], complaint: str
) -> None:
    ran = await command("echo", *arguments)
    assert ran.code == 2
    assert complaint in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
