"""``trio-dicom receive``: a port for what peers bring."""

from __future__ import annotations

import json
import signal
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom.uid import CTImageStorage

from tests.cli.conftest import Command
from tests.interop.certificates import Certificates, fingerprint_of
from tests.interop.programs import HOST, free_port
from tests.operations.calling import offer
from tests.operations.getting import files_in
from trio_dicom import (
    Association,
    AssociationRejected,
    ConnectFailed,
    ConnectionLost,
    PresentationContext,
    open_association,
)
from trio_dicom.cli.app import run
from trio_dicom.cli.output import Output
from trio_dicom.sop_classes import VERIFICATION, storage_contexts


@asynccontextmanager
async def receive(*arguments: object) -> AsyncGenerator[int, None]:
    """Run the command until the block is left. Gives its port once it listens."""
    port = free_port()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, ["receive", "--port", str(port), *map(str, arguments)])
            while True:
                try:
                    await (await trio.open_tcp_stream(HOST, port)).aclose()
                except OSError:
                    await trio.sleep(0.01)
                else:
                    break
            yield port
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def calling(port: int, **options: Any) -> AsyncGenerator[Association, None]:
    options = {"contexts": [VERIFICATION, *storage_contexts(CTImageStorage)], **options}
    async with open_association(HOST, port, **options) as association:
        yield association


async def test_what_comes_is_listed_and_stored_until_it_is_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        receive("--into", tmp_path / "in", "--ae", "INBOX") as port,
        calling(port) as association,
    ):
        assert (await association.c_echo()).status.is_success
        assert (await offer(association)).status.is_success
    printed = capsys.readouterr()
    line, summary = printed.out.splitlines()
    assert line == f"received  {tmp_path / 'in' / '1.2.3.dcm'}"
    assert summary.startswith("1 received: ")
    assert printed.err == f"Listening at INBOX@127.0.0.1:{port}. Ctrl-C ends it.\n"
    assert files_in(tmp_path / "in") == ["1.2.3.dcm"]


async def test_sigterm_ends_it_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes: list[int] = []
    listens = trio.Event()

    class Announcing(Output):
        def note(self, *parts: Any) -> None:
            listens.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trio_dicom.cli.receive.Output", Announcing)

        async def receive() -> None:
            codes.append(await run(["receive", "--into", str(tmp_path), "--port", "0"]))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            await listens.wait()
            await trio.testing.wait_all_tasks_blocked()
            signal.raise_signal(signal.SIGTERM)
    assert codes == [0]
    assert capsys.readouterr().out == "0 received\n"


async def test_json_is_one_object_for_each_instance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receive("--into", tmp_path, "--json") as port, calling(port) as association:
        await offer(association)
        await offer(association, "1.2.4")
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [it["sop_instance_uid"] for it in records] == ["1.2.3", "1.2.4"]


async def test_a_file_that_is_there_is_kept_if_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "1.2.3.dcm").write_bytes(b"mine")
    async with (
        receive("--into", tmp_path, "--on-exists", "rename") as port,
        calling(port) as association,
    ):
        await offer(association)
    assert files_in(tmp_path) == ["1.2.3-1.dcm", "1.2.3.dcm"]
    assert (tmp_path / "1.2.3.dcm").read_bytes() == b"mine"


async def test_those_who_may_not_call_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admission = ("--check-called", "--ae", "INBOX", "--calling", "A", "--calling", "B")
    async with receive("--into", tmp_path, *admission) as port:
        async with calling(port, called_ae="INBOX", calling_ae="B") as association:
            assert (await association.c_echo()).status.is_success
        for titles in (("INBOX", "C"), ("OTHER", "A")):
            with pytest.raises(AssociationRejected):
                async with calling(port, called_ae=titles[0], calling_ae=titles[1]):
                    raise AssertionError
    assert "rejected an association of 'C': calling AE title not recognized" in (
        capsys.readouterr().err
    )


async def test_one_address_may_be_left_no_more_than_some_of_the_places(tmp_path: Path) -> None:
    async with (
        receive("--into", tmp_path, "--max-associations-per-host", "1") as port,
        calling(port) as association,
    ):
        with pytest.raises(AssociationRejected, match="local limit exceeded"):
            async with calling(port):
                raise AssertionError
        assert (await association.c_echo()).status.is_success


async def test_classes_that_nobody_knows_are_taken_if_that_is_wanted(tmp_path: Path) -> None:
    contexts = [PresentationContext("1.2.3.4")]
    for options in ([], ["--unknown-classes"]):
        async with (
            receive("--into", tmp_path, *options) as port,
            calling(port, contexts=contexts) as association,
        ):
            assert bool(association.negotiated.accepted_contexts) is bool(options)


async def test_over_tls_a_peer_shows_its_certificate(
    tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    tls = ("--cert", certificates.server_cert, "--key", certificates.server_key)
    async with receive("--into", tmp_path, *tls, "--ca", certificates.ca) as port:
        async with calling(port, tls=certificates.client_context()) as association:
            assert (await offer(association)).status.is_success
        without = certificates.client_context(with_certificate=False)
        with pytest.raises((ConnectionLost, ConnectFailed)):
            async with calling(port, tls=without):
                raise AssertionError
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in capsys.readouterr().err.replace(" ", "_").upper()
    assert files_in(tmp_path) == ["1.2.3.dcm"]


async def test_over_tls_it_may_take_one_certificate_alone(
    tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    tls = ("--cert", certificates.server_cert, "--key", certificates.server_key)
    ca = ("--ca", certificates.ca, "--min-tls", "1.3")
    pins = [fingerprint_of(it) for it in (certificates.client_cert, certificates.server_cert)]
    async with receive("--into", tmp_path, *tls, *ca, "--fingerprint", pins[0]) as port:
        async with calling(port, tls=certificates.client_context()) as association:
            assert (await offer(association)).status.is_success
        old = certificates.client_context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ConnectFailed, ConnectionLost)):
            async with calling(port, tls=old):
                raise AssertionError
    async with receive("--into", tmp_path, *tls, *ca, "--fingerprint", pins[1]) as port:
        with pytest.raises(ConnectionLost):
            async with calling(port, tls=certificates.client_context()):
                raise AssertionError
    told = capsys.readouterr().err
    assert "no version of TLS in common" in told
    assert "is not pinned" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--into"),
        (["--into", "{}", "--key", "x"], "--key means nothing without --cert"),
        (["--into", "{}", "--ca", "x"], "--ca means nothing without --cert"),
        (["--into", "{}", "--fingerprint", "a" * 64], "--fingerprint means nothing without --ca"),
        (["--into", "{}", "--fingerprint", "a"], "64 hexadecimal digits"),
        (["--into", "{}", "--cert", "{}/none"], "--cert {}/none cannot be read"),
        (["--into", "{}", "--cert", "{}/text"], "hold no certificate"),
        (["--into", "{}/text/in"], "--into {}/text/in cannot be used: Not a directory"),
        (["--into", "{}", "--ae", "SEVENTEEN_LETTERS"], "AE title"),
        (["--into", "{}", "--on-exists", "panic"], "on-exists"),
        (["--into", "{}", "--idle-timeout", "0"], "0"),
        (["--into", "{}", "--max-pdu", "3"], "3"),
    ],
)
async def test_a_mistake_is_exit_code_2(
    command: Command, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "text").write_text("nothing")
    with trio.fail_after(10):
        ran = await command(
            "receive", *(it.format(tmp_path) for it in arguments), "--port", free_port()
        )
    assert ran.code == 2
    assert words.format(tmp_path) in ran.err


async def test_authorities_that_are_none_are_exit_code_2(
    command: Command, tmp_path: Path, certificates: Certificates
) -> None:
    (tmp_path / "text").write_text("nothing")
    ran = await command(
        *("receive", "--into", tmp_path, "--cert", certificates.server_cert),
        *("--key", certificates.server_key, "--ca", tmp_path / "text"),
    )
    assert ran.code == 2
    assert "holds no certificates" in ran.err


async def test_a_port_that_is_taken_is_exit_code_2(command: Command, tmp_path: Path) -> None:
    async with receive("--into", tmp_path) as port:
        ran = await command("receive", "--into", tmp_path, "--port", port)
    assert ran.code == 2
    assert f"--port {port} cannot be listened on: Address already in use." in ran.err
