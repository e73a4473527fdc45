"""``trio-dicom move``: the peer sends instances elsewhere, or here."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import trio
from cyclopts import Group, Parameter
from cyclopts.validators import Number

from trio_dicom import (
    Association,
    CMoveResponse,
    Inbox,
    MoveRetrieval,
    PresentationContext,
    TrioDicomError,
    open_receiver,
)
from trio_dicom.cli.exits import ExitCode, UsageError
from trio_dicom.cli.listening import (
    OnExists,
    check_directory,
    listening_errors,
    refuse_options,
    server_context,
)
from trio_dicom.cli.options import (
    OUTPUT_OPTIONS,
    PEER_OPTIONS,
    Attributes,
    OutputOptions,
    PeerOptions,
)
from trio_dicom.cli.output import Output
from trio_dicom.cli.retrieve import (
    Ending,
    RetrieveLevel,
    final_response,
    is_of_frames,
    report_end,
    retrieve_query,
)
from trio_dicom.cli.sub_operations import Arrived
from trio_dicom.cli.target import Target
from trio_dicom.cli.uids import parse_uid
from trio_dicom.cli.words import words_of
from trio_dicom.sop_classes import COMPOSITE_INSTANCE_ROOT_MOVE, PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE

__all__ = ["move"]

_RECEIVER: Final = Group("Our receiver", sort_key=1)
_PORT: Final = 11_112  # DICOM's own
_MODELS: Final = {"study": STUDY_ROOT_MOVE, "patient": PATIENT_ROOT_MOVE}


async def move(
    peer: str,
    /,
    *,
    attribute: Attributes = (),
    to: str | None = None,
    into: Path | None = None,
    level: RetrieveLevel | None = None,
    model: str | None = None,
    receive_port: Annotated[
        int | None, Parameter(group=_RECEIVER, validator=Number(gte=0, lte=65_535))
    ] = None,
    receive_host: Annotated[str | None, Parameter(group=_RECEIVER)] = None,
    receive_ae: Annotated[str | None, Parameter(group=_RECEIVER)] = None,
    receive_cert: Annotated[Path | None, Parameter(group=_RECEIVER)] = None,
    receive_key: Annotated[Path | None, Parameter(group=_RECEIVER)] = None,
    receive_ca: Annotated[Path | None, Parameter(group=_RECEIVER)] = None,
    on_exists: Annotated[OnExists | None, Parameter(group=_RECEIVER)] = None,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Have a peer send instances elsewhere, or here, with C-MOVE.

    -k KEY=VALUE says what: StudyInstanceUID=1.2.3, for example. With --to the peer sends it to
    somebody whom it knows. With --into it comes here: a port is opened for it, and the peer must
    know our AE title with this host and port. If it does not, the error says what to configure.

    With --json every instance that comes here is an object with path, sop_class_uid,
    sop_instance_uid, transfer_syntax and bytes. The last object has the answer of the peer:
    status, kind, meaning, error, and the counts remaining, completed, failed and warning.

    The exit code is 0 when the peer sent all that was asked for; 1 when it did not, or has
    nothing of it, or says that it sent what did not come here; 2 for a mistake in the command; 3
    when there was no association.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        attribute: KEY=VALUE. May be given several times.
        to: The AE title of somebody else.
        into: The directory for the files. It is made if it is not there.
        level: What to send. If you say nothing, that of the deepest UID among the keys.
        model: Where to look: study, patient, or the UID of a SOP class. If you say nothing, study
            or patient, whichever the peer has, and for frames the Composite Instance Root.
        receive_port: The TCP port of ours: 11112 if you say nothing; 0 for any that is free.
        receive_host: The address to listen on. If you say nothing, that from which we call.
        receive_ae: Our AE title there. If you say nothing, --calling-ae.
        receive_cert: Let the peer encrypt with TLS, and this certificate of ours in PEM.
        receive_key: Its private key in PEM, if it is not in the same file.
        receive_ca: Take only a peer with a certificate of the authorities in this PEM file.
        on_exists: What becomes of a file with the same name: the new one replaces it, which is
            what happens if you say nothing, or it is kept, or the new one gets another name.
        at: How to talk to it.
        out: What to print.
    """
    target, output = Target.of(peer, at), Output(out)
    if (to is None) is (into is None):
        raise UsageError("say where to, with --to AET or --into DIR, and not both.")
    if to is not None:
        refuse_options(
            "is about a receiver of ours, and means nothing with --to",
            {
                "--receive-port": receive_port,
                "--receive-host": receive_host,
                "--receive-ae": receive_ae,
                "--receive-cert": receive_cert,
                "--receive-key": receive_key,
                "--receive-ca": receive_ca,
                "--on-exists": on_exists,
            },
        )
    port = _PORT if receive_port is None else receive_port
    asked = None if model is None else _model_of(model)
    query = retrieve_query(attribute, level)
    if asked is None and is_of_frames(query):
        asked = COMPOSITE_INSTANCE_ROOT_MOVE
    arrived = Arrived(output)
    tls = server_context(receive_cert, receive_key, receive_ca, prefix="--receive-")
    inbox = None
    if into is not None:
        inbox = Inbox(into, on_exists=on_exists or "replace", report=arrived.add)
        await check_directory(inbox)

    @asynccontextmanager
    async def moving(association: Association) -> AsyncGenerator[MoveRetrieval, None]:
        async with AsyncExitStack() as stack:
            receiver = None
            if inbox is not None:
                host = receive_host or association.connection.network_stream.local_host
                with listening_errors("--receive-port", port):
                    receiver = await stack.enter_async_context(
                        open_receiver(
                            port,
                            into=None,
                            ae_title=receive_ae or at.calling_ae,
                            host=host or "127.0.0.1",
                            tls=tls,
                            instrument=output.instrument,
                        )
                    )
            yield await stack.enter_async_context(
                association.c_move(query, to, into=inbox, receiver=receiver, model=asked)
            )

    contexts = list(_MODELS.values()) if asked is None else [asked]
    begun = trio.current_time()
    with output.logging():
        async with target.associate(contexts, instrument=output.instrument) as association:
            try:
                async with moving(association) as retrieval:
                    response = await final_response(retrieval, output)
            except TrioDicomError as error:
                output.note(("trio-dicom: ", "bold red"), words_of(error))
                return ExitCode.SOME_FAILED
            finally:
                if arrived.count:  # also when it broke off: what is here is here
                    output.line(arrived.summary(trio.current_time() - begun))
    report_end(Ending.of(response), output)
    if into is not None and (retrieval.missing or not arrived.count):
        return ExitCode.SOME_FAILED  # whatever the peer says; the library has warned of it
    return _exit_code(response)


def _exit_code(response: CMoveResponse) -> ExitCode:
    """Whether all was sent, and that was something."""
    is_all = response.status.is_success and not response.failed
    has_nothing = response.completed == 0 and not response.warning
    return ExitCode.SOME_FAILED if has_nothing or not is_all else ExitCode.OK


def _model_of(text: str) -> PresentationContext:
    return _MODELS.get(text.lower()) or PresentationContext(parse_uid("--model", text))
