"""``trio-dicom store``: files and directories go to a peer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import trio
from attrs import define, evolve, field
from cyclopts import Parameter

from trio_dicom import (
    Association,
    ConnectionEnded,
    ContextResult,
    CStoreRequest,
    Delivery,
    EncodedDataSet,
    LocalProtocolError,
    NoAcceptedContext,
    PresentationContext,
    RemoteProtocolError,
    ResponseTimeout,
    StoredDataSet,
    TrioDicomError,
    c_store_request,
    contexts_for_files,
)
from trio_dicom.cli.exits import ExitCode, UsageError
from trio_dicom.cli.files import Found, check_paths, find, is_beside_the_point
from trio_dicom.cli.options import OUTPUT_OPTIONS, PEER_OPTIONS, OutputOptions, PeerOptions
from trio_dicom.cli.outcomes import Outcome, Tally
from trio_dicom.cli.output import Output
from trio_dicom.cli.progress import StoreProgress
from trio_dicom.cli.target import Target

__all__ = ["store"]

_MOST_CONTEXTS: Final = 128  # PS3.8 9.3.2.2: their IDs are the odd numbers of one byte


async def store(
    peer: str,
    /,
    *path: Annotated[Path, Parameter(required=True)],
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Store files at a peer.

    The files are looked at first, so that the peer can take each as it is: what it accepts
    goes out byte for byte, the rest is re-encoded where no value changes by it, and
    otherwise reported. Nothing is sent twice.

    What is not DICOM, and a DICOMDIR, is reported and skipped where it lies in a directory.
    It counts as failed where it was named itself.

    With --json every file is an object with path, sop_class_uid, sop_instance_uid, status,
    kind, meaning, error, delivery, bytes and seconds. The kind is that of the status:
    success, warning, failure. Without an answer it is error, or skipped.

    The exit code is 0 when every instance was stored; 1 when some were not, or there was
    none; 2 for a mistake in the command; 3 when there was no association.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        path: Files, and directories with everything in them.
        at: How to talk to it.
        out: What to print.
    """
    target, output = Target.of(peer, at), Output(out)
    check_paths(path)
    progress = StoreProgress.to(output)
    # What is odd about a file is said when it has its turn, not twice.
    with output.logging(logging.ERROR):
        contexts = await contexts_for_files(progress.looking(find(path)))
    _check_number(contexts)
    storing = _Storing(output, progress)
    with output.logging():
        if not contexts:
            await storing.all_of(path, None)
            output.note("There is nothing to store.")
            return ExitCode.SOME_FAILED
        instrument = output.instrument or progress.instrument()
        async with target.associate(contexts, instrument=instrument) as association:
            await storing.all_of(path, association)
    return ExitCode.SOME_FAILED if storing.tally.failed else ExitCode.OK


def _check_number(contexts: Sequence[PresentationContext]) -> None:
    if len(contexts) > _MOST_CONTEXTS:
        raise UsageError(
            f"these files need {len(contexts)} presentation contexts, and an association has "
            f"{_MOST_CONTEXTS}. Store them in parts; several associations at once come with a "
            "later release."
        )


@define(eq=False)
class _Storing:
    """One file after the other, whatever becomes of each.

    Attributes:
        tally: What became of them.
    """

    _output: Output
    _progress: StoreProgress
    tally: Tally = field(factory=Tally, init=False)
    _ended: str | None = field(default=None, init=False)

    async def all_of(self, paths: Sequence[Path], association: Association | None) -> None:
        """Store what lies at ``paths``, or report it where there is no association."""
        await trio.lowlevel.checkpoint()
        began = trio.current_time()
        try:
            with self._progress.sending():
                for found in find(paths):
                    self._progress.begin(found)
                    outcome = await self._one(found, association)
                    self._progress.end()
                    self.tally.add(outcome)
                    self._output.record(**outcome.fields())
                    self._output.line(*outcome.words())
        finally:
            # Also when it was interrupted: what is stored is stored.
            if association is not None:
                self._output.line(self.tally.summary(trio.current_time() - began))

    async def _one(self, found: Found, association: Association | None) -> Outcome:
        await trio.lowlevel.checkpoint()
        if found.problem:
            skipped = found.is_special and not found.is_named
            return Outcome(path=found.path, error=found.problem, is_skipped=skipped)
        try:
            request = await c_store_request(found.path)
        except OSError as error:
            return Outcome(path=found.path, error=error.strerror or str(error))
        except LocalProtocolError as error:
            return Outcome(
                path=found.path,
                error=str(error).removeprefix(f"{found.path} "),
                is_skipped=not found.is_named
                and await trio.to_thread.run_sync(is_beside_the_point, found.path),
            )
        if association is None or self._ended:
            # Without an association it came after the look at the files, or has an odd UID.
            why = self._ended or "nothing was proposed for it when the files were looked at"
            return _outcome(found, request, error=why)
        began = trio.current_time()
        outcome = await self._send(found, request, association)
        return evolve(outcome, seconds=trio.current_time() - began)

    async def _send(
        self, found: Found, request: CStoreRequest, association: Association
    ) -> Outcome:
        await trio.lowlevel.checkpoint()
        delivery: Delivery | None = Delivery.NOT_SENT
        try:
            response = await association.send_request(request)
        except (ConnectionEnded, RemoteProtocolError) as error:
            self._ended = "not sent, because the association had ended"
            delivery = error.delivery if isinstance(error, ConnectionEnded) else None
            words = str(error)
        except NoAcceptedContext as error:
            words = _refusal(error)
        except ResponseTimeout as error:
            delivery, words = error.delivery, str(error)
        except TrioDicomError as error:
            words = str(error).removeprefix(f"{found.path} ")
        except OSError as error:
            words = error.strerror or str(error)
        else:
            return evolve(
                _outcome(found, request, error=response.error_comment),
                status=response.status,
                delivery=Delivery.ANSWERED,
            )
        return evolve(_outcome(found, request, error=words), delivery=delivery)


def _refusal(error: NoAcceptedContext) -> str:
    """Its text without all the other contexts, which would come with each file anew."""
    text = f"no accepted presentation context for {error.wanted}"
    for result in ContextResult:
        if f"{error.wanted} ({result.words})" in error.proposed:
            text += f" ({result.words})"
    return text


def _outcome(found: Found, request: CStoreRequest, *, error: str | None) -> Outcome:
    data_set = request.data_set
    return Outcome(
        path=found.path,
        sop_class_uid=str(request.sop_class_uid),
        sop_instance_uid=str(request.sop_instance_uid),
        # As it lies in the file; on the wire it is longer or shorter where it was re-encoded.
        size=len(data_set) if isinstance(data_set, EncodedDataSet | StoredDataSet) else None,
        error=error,
    )
