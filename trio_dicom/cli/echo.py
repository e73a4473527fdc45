"""``trio-dicom echo``: is the peer there, and does it talk to us?"""

from __future__ import annotations

from typing import Annotated

import trio
from cyclopts import Parameter
from cyclopts.validators import Number

from trio_dicom import (
    ConnectionEnded,
    NoAcceptedContext,
    RemoteProtocolError,
    Response,
    ResponseTimeout,
    TrioDicomError,
)
from trio_dicom.cli.exits import ExitCode
from trio_dicom.cli.options import OUTPUT_OPTIONS, PEER_OPTIONS, OutputOptions, PeerOptions
from trio_dicom.cli.output import Output
from trio_dicom.cli.target import Target
from trio_dicom.sop_classes import VERIFICATION

__all__ = ["echo"]


async def echo(
    peer: str,
    /,
    *,
    repeat: Annotated[int, Parameter(alias="-n", validator=Number(gte=1))] = 1,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Ask a peer whether it is there, with C-ECHO.

    With --json every answer is an object with peer, number, status, kind, meaning, error
    and milliseconds.

    The exit code is 0 when every answer was success; 1 when one was not; 2 for a mistake in
    the command; 3 when there was no association.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        repeat: How many times, one after the other.
        at: How to talk to it.
        out: What to print.
    """
    target, output = Target.of(peer, at), Output(out)
    failed = 0
    with output.logging():
        async with target.associate([VERIFICATION], instrument=output.instrument) as association:
            for number in range(1, repeat + 1):
                began = trio.current_time()
                answer: Response | TrioDicomError
                try:
                    answer = await association.c_echo()
                except ResponseTimeout as error:
                    answer = error
                except (NoAcceptedContext, ConnectionEnded, RemoteProtocolError) as error:
                    _report(output, target, number, error, trio.current_time() - began)
                    return ExitCode.SOME_FAILED
                _report(output, target, number, answer, trio.current_time() - began)
                if isinstance(answer, TrioDicomError) or not answer.status.is_success:
                    failed += 1
    return ExitCode.SOME_FAILED if failed else ExitCode.OK


def _report(
    output: Output,
    target: Target,
    number: int,
    answer: Response | TrioDicomError,
    seconds: float,
) -> None:
    status = None if isinstance(answer, TrioDicomError) else answer.status
    error = str(answer) if isinstance(answer, TrioDicomError) else answer.error_comment
    milliseconds = round(seconds * 1000, 3)
    output.record(
        peer=str(target.peer),
        number=number,
        status=None if status is None else status.code,
        kind="error" if status is None else status.kind.value,
        meaning=(status and status.meaning) or None,
        error=error,
        milliseconds=milliseconds,
    )
    if status is None:
        output.line(("failed", "bold red"), f"  {target.peer}: {error}")
    else:
        verdict = ("ok", "green") if status.is_success else ("failed", "bold red")
        comment = f": {error}" if error else ""
        output.line(verdict, f"  {target.peer}: {status}{comment} in {milliseconds:.1f} ms")
