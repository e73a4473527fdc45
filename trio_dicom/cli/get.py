"""``trio-dicom get``: the peer sends instances here, on our own association."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import trio

from trio_dicom import Inbox, PresentationContext, TrioDicomError
from trio_dicom.cli.exits import ExitCode
from trio_dicom.cli.fetching import Fetching
from trio_dicom.cli.listening import OnExists, check_directory
from trio_dicom.cli.options import (
    OUTPUT_OPTIONS,
    PEER_OPTIONS,
    Attributes,
    OutputOptions,
    PeerOptions,
)
from trio_dicom.cli.output import Output
from trio_dicom.cli.retrieve import RetrieveLevel, is_of_frames, report_end, retrieve_query
from trio_dicom.cli.sub_operations import Arrived
from trio_dicom.cli.target import Target
from trio_dicom.cli.uids import parse_uid
from trio_dicom.cli.words import words_of
from trio_dicom.sop_classes import (
    COMPOSITE_INSTANCE_ROOT_GET,
    PATIENT_ROOT_GET,
    STUDY_ROOT_GET,
)

__all__ = ["get"]

_MODELS: Final = {"study": STUDY_ROOT_GET, "patient": PATIENT_ROOT_GET}


async def get(
    peer: str,
    /,
    *,
    into: Path,
    attribute: Attributes = (),
    level: RetrieveLevel | None = None,
    model: str | None = None,
    on_exists: OnExists = "replace",
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Fetch instances from a peer, with C-GET.

    -k KEY=VALUE says what: StudyInstanceUID=1.2.3, for example. The peer is asked first which
    SOP classes that is, so that each instance can come as it is stored there. If it does not
    say, the usual classes are proposed, uncompressed.

    Some peers cannot send compressed instances where they may send uncompressed ones. What is
    missing then is asked for once more, in compressed transfer syntaxes alone.

    Each instance is written as a DICOM file named after its SOP Instance UID, byte for byte as
    it comes, while it comes. It gets its name when it is complete.

    With --json every instance is an object with path, sop_class_uid, sop_instance_uid,
    transfer_syntax and bytes. The last object has the answer of the peer: status, kind,
    meaning, error, and the counts remaining, completed, failed and warning.

    The exit code is 0 when all that was asked for is here; 1 when it is not, or there is
    nothing of it; 2 for a mistake in the command; 3 when there was no association.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        into: The directory for the files. It is made if it is not there.
        attribute: KEY=VALUE. May be given several times.
        level: What to fetch. If you say nothing, that of the deepest UID among the keys.
        model: Where to look: study, patient, or the UID of a SOP class. If you say nothing,
            study or patient, whichever the peer has, and for frames the Composite Instance Root.
        on_exists: What becomes of a file with the same name: the new one replaces it, or it is
            kept, or the new one gets another name.
        at: How to talk to it.
        out: What to print.
    """
    target, output = Target.of(peer, at), Output(out)
    asked = None if model is None else _model_of(model)
    query = retrieve_query(attribute, level)
    if asked is None and is_of_frames(query):
        asked = COMPOSITE_INSTANCE_ROOT_GET
    arrived = Arrived(output)
    inbox = Inbox(into, on_exists=on_exists, report=arrived.add)
    await check_directory(inbox)
    models = tuple(_MODELS.values()) if asked is None else (asked,)
    fetching = Fetching(target=target, output=output, models=models, query=query, into=inbox)
    with output.logging():
        await fetching.ask()
        begun = trio.current_time()
        try:
            await fetching.fetch()
        except TrioDicomError as error:
            output.note(("trio-dicom: ", "bold red"), words_of(error))
        finally:
            if arrived.count:  # also when it broke off: what is here is here
                output.line(arrived.summary(trio.current_time() - begun))
    if fetching.ending is not None:
        report_end(fetching.ending, output)
        if fetching.ending.is_whole and arrived.count:
            return ExitCode.OK
    if fetching.doubt:
        output.note(fetching.doubt)
    return ExitCode.SOME_FAILED


def _model_of(text: str) -> PresentationContext:
    return _MODELS.get(text.lower()) or PresentationContext(parse_uid("--model", text))
