"""``trio-dicom store``: files and directories go to a peer."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import trio
from attrs import define, field
from cyclopts import Parameter

from trio_dicom import (
    Association,
    ConnectionEnded,
    ContextResult,
    CStoreRequest,
    EncodedDataSet,
    LocalProtocolError,
    NoAcceptedContext,
    PresentationContext,
    StoredDataSet,
    StoreResult,
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
    storing = _Storing(output, progress, find(path))
    with output.logging():
        if not contexts:
            await storing.run(None)
            output.note("There is nothing to store.")
            return ExitCode.SOME_FAILED
        instrument = output.instrument if out.verbose else progress.instrument(output.recording)
        async with target.associate(contexts, instrument=instrument) as association:
            await storing.run(association)
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
    """Stores files, and reports each in the order in which they were found.

    Attributes:
        tally: What became of them.
    """

    _output: Output
    _progress: StoreProgress
    _found: Iterator[Found]
    tally: Tally = field(factory=Tally, init=False)
    # Those that were found and are not reported yet: the ones that are read ahead.
    _waiting: deque[Found] = field(factory=deque[Found], init=False)

    async def run(self, association: Association | None) -> None:
        """Store what was found, or report it where there is no association."""
        await trio.lowlevel.checkpoint()
        began = trio.current_time()
        try:
            with self._progress.sending():
                # What is found without an association came after the look at the files.
                why = "nothing was proposed for it when the files were looked at"
                if association is not None:
                    await self._store(association)
                    why = "not sent, because the association had ended"
                await self._report_the_rest(why)
        finally:
            # Also when it was interrupted: what is stored is stored.
            if association is not None:
                self._output.line(self.tally.summary(trio.current_time() - began))

    async def _store(self, association: Association) -> None:
        """Report all that have a result."""
        began = trio.current_time()
        with suppress(ConnectionEnded):  # the rest was not tried
            async with association.c_store_many(self._paths()) as results:
                async for result in results:
                    while (found := self._waiting.popleft()).problem:
                        self._report(found, _problem(found))
                    now = trio.current_time()
                    self._report(found, await _outcome(found, result, seconds=now - began))
                    began = now

    def _paths(self) -> Iterator[Path]:
        """The paths of those that can be stored."""
        for found in self._found:
            self._waiting.append(found)
            if not found.problem:
                yield found.path

    async def _report_the_rest(self, why: str) -> None:
        """Look at each that was not sent, and say why it was not."""
        # What is odd about those that were read ahead has been said.
        with self._output.logging(logging.ERROR):
            while self._waiting:
                await self._report_one(self._waiting.popleft(), why)
        for found in self._found:
            await self._report_one(found, why)

    async def _report_one(self, found: Found, why: str) -> None:
        await trio.lowlevel.checkpoint()
        if found.problem:
            self._report(found, _problem(found))
            return
        try:
            request = await c_store_request(found.path)
        except (OSError, LocalProtocolError) as error:
            self._report(found, await _unreadable(found, error))
        else:
            self._report(found, _not_sent(found, request, why))

    def _report(self, found: Found, outcome: Outcome) -> None:
        self._progress.finish(found)
        self.tally.add(outcome)
        self._output.record(**outcome.fields())
        self._output.line(*outcome.words())


def _problem(found: Found) -> Outcome:
    skipped = found.is_special and not found.is_named
    return Outcome(path=found.path, error=found.problem, is_skipped=skipped)


async def _unreadable(found: Found, error: Exception) -> Outcome:
    is_skipped = (
        isinstance(error, LocalProtocolError)
        and not found.is_named
        and await trio.to_thread.run_sync(is_beside_the_point, found.path)
    )
    return Outcome(path=found.path, error=_words(found, error), is_skipped=is_skipped)


def _not_sent(found: Found, request: CStoreRequest, why: str) -> Outcome:
    data_set = request.data_set
    return Outcome(
        path=found.path,
        sop_class_uid=str(request.sop_class_uid),
        sop_instance_uid=str(request.sop_instance_uid),
        size=len(data_set) if isinstance(data_set, EncodedDataSet | StoredDataSet) else None,
        error=why,
    )


async def _outcome(found: Found, result: StoreResult, *, seconds: float) -> Outcome:
    """What became of a file that had its turn.

    Args:
        found: The file.
        result: What is known of it.
        seconds: Since the result of the one before it.
    """
    if result.error is not None and result.sop_instance_uid is None:
        return await _unreadable(found, result.error)
    response = result.response
    return Outcome(
        path=found.path,
        sop_class_uid=result.sop_class_uid,
        sop_instance_uid=result.sop_instance_uid,
        status=result.status,
        error=_words(found, result.error) if response is None else response.error_comment,
        delivery=result.delivery,
        # As it lies in the file; on the wire it is longer or shorter where it was re-encoded.
        size=result.size,
        seconds=seconds,
    )


def _words(found: Found, error: Exception | None) -> str:
    if isinstance(error, NoAcceptedContext):
        return _refusal(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix(f"{found.path} ")


def _refusal(error: NoAcceptedContext) -> str:
    """Its text without all the other contexts, which would come with each file anew."""
    text = f"no accepted presentation context for {error.wanted}"
    for result in ContextResult:
        if f"{error.wanted} ({result.words})" in error.proposed:
            text += f" ({result.words})"
    return text
