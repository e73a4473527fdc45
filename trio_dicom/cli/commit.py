"""``trio-dicom commit``: does the peer keep what was stored there?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Annotated, Final

import trio
from cyclopts import Group, Parameter
from cyclopts.validators import Number
from pydicom.uid import generate_uid

from trio_dicom import (
    Association,
    CommitmentResult,
    PendingCommitment,
    Receiver,
    TrioDicomError,
    open_receiver,
    request_commitment,
)
from trio_dicom.cli.exits import ExitCode
from trio_dicom.cli.files import check_paths, find
from trio_dicom.cli.kept import Kept, Verdict, look_at
from trio_dicom.cli.listening import listening_errors, refuse_options, server_context
from trio_dicom.cli.options import OUTPUT_OPTIONS, PEER_OPTIONS, OutputOptions, PeerOptions
from trio_dicom.cli.output import Output
from trio_dicom.cli.target import Target
from trio_dicom.cli.words import words_of
from trio_dicom.sop_classes import STORAGE_COMMITMENT

__all__ = ["commit"]

_REPORT: Final = Group("The report", sort_key=1)

# Seconds after which the association is released, if the report may come on another one: some
# peers begin only then.
_ON_THE_SAME: Final = 5.0


async def commit(
    peer: str,
    /,
    *path: Annotated[Path, Parameter(required=True)],
    wait: Annotated[float, Parameter(group=_REPORT, validator=Number(gt=0))] = 60.0,
    receive_port: Annotated[
        int | None, Parameter(group=_REPORT, validator=Number(gte=0, lte=65_535))
    ] = None,
    receive_host: Annotated[str | None, Parameter(group=_REPORT)] = None,
    receive_ae: Annotated[str | None, Parameter(group=_REPORT)] = None,
    receive_cert: Annotated[Path | None, Parameter(group=_REPORT)] = None,
    receive_key: Annotated[Path | None, Parameter(group=_REPORT)] = None,
    receive_ca: Annotated[Path | None, Parameter(group=_REPORT)] = None,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Ask a peer to keep what was stored there, by storage commitment.

    It is asked for the instances that are in the files; nothing is stored. The peer reports when
    it has decided, on our association or on one that it opens. Most archives do the latter: then
    say --receive-port, and have them know our AE title with this host and port. The transaction
    UID, by which a later report can be told, is printed before the request goes out.

    With --json every file is an object with path, sop_class_uid, sop_instance_uid, kind, reason,
    error, retrieve_ae and transaction_uid. The kind is committed or failed as the peer reports,
    unknown where no report came, and error or skipped where the file is no instance.

    The exit code is 0 when the peer keeps every instance; 1 when it does not, or did not say;
    2 for a mistake in the command; 3 when there was no association.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        path: Files, and directories with everything in them.
        wait: Seconds for the report to come, once the peer has taken the request.
        receive_port: Our TCP port to which the peer can report; 0 for any that is free.
        receive_host: The address to listen on. If you say nothing, that from which we call.
        receive_ae: Our AE title there. If you say nothing, --calling-ae.
        receive_cert: Let the peer encrypt with TLS, and this certificate of ours in PEM.
        receive_key: Its private key in PEM, if it is not in the same file.
        receive_ca: Take only a peer with a certificate of the authorities in this PEM file.
        at: How to talk to it.
        out: What to print.
    """
    target, output = Target.of(peer, at), Output(out)
    check_paths(path)
    if receive_port is None:
        refuse_options(
            "means nothing without --receive-port",
            {
                "--receive-host": receive_host,
                "--receive-ae": receive_ae,
                "--receive-cert": receive_cert,
                "--receive-key": receive_key,
                "--receive-ca": receive_ca,
            },
        )
    tls = server_context(receive_cert, receive_key, receive_ca, prefix="--receive-")
    with output.logging(logging.ERROR):
        files = [await look_at(found) for found in find(path)]
    references = [it.reference for it in files if it.reference is not None]
    if not references:
        _report(files, None, output)
        output.note("There is nothing to ask for.")
        return ExitCode.SOME_FAILED
    transaction_uid = generate_uid(prefix=None)
    result: CommitmentResult | None = None
    with output.logging():
        try:
            async with AsyncExitStack() as stack:
                association = await stack.enter_async_context(
                    target.associate([STORAGE_COMMITMENT], instrument=output.instrument)
                )
                receiver: Receiver | None = None
                if receive_port is not None:
                    host = receive_host or association.connection.network_stream.local_host
                    with listening_errors("--receive-port", receive_port):
                        receiver = await stack.enter_async_context(
                            open_receiver(
                                receive_port,
                                into=None,
                                ae_title=receive_ae or at.calling_ae,
                                host=host or "127.0.0.1",
                                tls=tls,
                                instrument=output.instrument,
                            )
                        )
                # Now, because the peer may report when this command does not run any more.
                output.note(f"The transaction is {transaction_uid}.")
                pending = await stack.enter_async_context(
                    request_commitment(
                        association,
                        references,
                        receiver=receiver,
                        transaction_uid=transaction_uid,
                    )
                )
                result = await _result(pending, association, receiver, wait)
            if result is None:
                output.note(_no_report(wait, transaction_uid, receiver))
        except TrioDicomError as error:
            output.note(("trio-dicom: ", "bold red"), words_of(error))
    if result is not None:
        files = [it.by(result) for it in files]
    _report(files, transaction_uid, output)
    return _exit_code(files)


async def _result(
    pending: PendingCommitment, association: Association, receiver: Receiver | None, wait: float
) -> CommitmentResult | None:
    """The report, or None if it does not come in time."""
    with trio.move_on_after(wait):
        if receiver is not None:
            with trio.move_on_after(_ON_THE_SAME):
                return await pending.result()
            with suppress(TrioDicomError):  # the peer may have ended it, and it has done its work
                await association.release()
        return await pending.result()
    return None


def _no_report(wait: float, transaction_uid: str, receiver: Receiver | None) -> str:
    text = f"No report came within {wait:g} s on the transaction {transaction_uid}."
    if receiver is None:
        return f"{text} If the peer opens an association for it, say --receive-port."
    return f"{text} The peer must know {receiver.address} for it."


def _report(files: Sequence[Kept], transaction_uid: str | None, output: Output) -> None:
    for it in files:
        output.record(**it.fields(transaction_uid))
        output.line(*it.words())
    counts = {verdict: sum(it.verdict is verdict for it in files) for verdict in Verdict}
    text = f"{counts.pop(Verdict.COMMITTED)} committed"
    text += "".join(f", {count} {verdict.value}" for verdict, count in counts.items() if count)
    output.line(text)


def _exit_code(files: Sequence[Kept]) -> ExitCode:
    is_good = all(it.verdict in (Verdict.COMMITTED, Verdict.SKIPPED) for it in files)
    return ExitCode.OK if is_good else ExitCode.SOME_FAILED
