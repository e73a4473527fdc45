"""``trio-dicom get``: the peer sends instances here, on our own association."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio
from pydicom import Dataset

from trio_dicom import CGetResponse, Inbox, PresentationContext, TrioDicomError
from trio_dicom.cli.classes import contexts_within, sop_classes_of
from trio_dicom.cli.exits import ExitCode
from trio_dicom.cli.find import Level
from trio_dicom.cli.listening import OnExists, check_directory
from trio_dicom.cli.options import (
    OUTPUT_OPTIONS,
    PEER_OPTIONS,
    Attributes,
    OutputOptions,
    PeerOptions,
)
from trio_dicom.cli.output import Output
from trio_dicom.cli.retrieve import final_response, report_end, retrieve_query
from trio_dicom.cli.sub_operations import Arrived
from trio_dicom.cli.target import Target
from trio_dicom.cli.uids import parse_uid
from trio_dicom.sop_classes import (
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    storage_contexts,
)

__all__ = ["get"]

_logger = logging.getLogger("trio_dicom")

_MODELS: Final = {"study": STUDY_ROOT_GET, "patient": PATIENT_ROOT_GET}
_TO_ASK: Final = {STUDY_ROOT_GET: STUDY_ROOT_FIND, PATIENT_ROOT_GET: PATIENT_ROOT_FIND}
_MOST_CONTEXTS: Final = 128  # PS3.8 9.3.2.2: their IDs are the odd numbers of one byte


async def get(
    peer: str,
    /,
    *,
    into: Path,
    attribute: Attributes = (),
    level: Level | None = None,
    model: str | None = None,
    on_exists: OnExists = "replace",
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Fetch instances from a peer, with C-GET.

    -k KEY=VALUE says what: StudyInstanceUID=1.2.3, for example. The peer is asked first which
    SOP classes that is, so that each instance can come as it is stored there. If it does not
    say, the usual classes are proposed, uncompressed.

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
            study or patient, whichever the peer has.
        on_exists: What becomes of a file with the same name: the new one replaces it, or it is
            kept, or the new one gets another name.
        at: How to talk to it.
        out: What to print.
    """
    target, output = Target.of(peer, at), Output(out)
    asked = None if model is None else _model_of(model)
    query = retrieve_query(attribute, level)
    arrived = Arrived(output)
    inbox = Inbox(into, on_exists=on_exists, report=arrived.add)
    await check_directory(inbox)
    models = tuple(_MODELS.values()) if asked is None else (asked,)
    response: CGetResponse | None = None
    with output.logging():
        contexts, doubt = await _contexts(target, output, models, query)
        begun = trio.current_time()
        try:
            async with (
                target.associate([*models, *contexts], instrument=output.instrument) as association,
                association.c_get(query, into=inbox, model=asked, check=False) as retrieval,
            ):
                response = await final_response(retrieval, output)
        except TrioDicomError as error:
            output.note(("trio-dicom: ", "bold red"), str(error))
        finally:
            if arrived.count:  # also when it broke off: what is here is here
                output.line(arrived.summary(trio.current_time() - begun))
    if response is not None:
        report_end(response, output)
        if response.status.is_success and not response.failed and arrived.count:
            return ExitCode.OK
    if doubt:
        output.note(doubt)
    return ExitCode.SOME_FAILED


def _model_of(text: str) -> PresentationContext:
    return _MODELS.get(text.lower()) or PresentationContext(parse_uid("--model", text))


async def _contexts(
    target: Target, output: Output, models: Sequence[PresentationContext], query: Dataset
) -> tuple[tuple[PresentationContext, ...], str]:
    """What to propose for the instances, and what may be wrong with it.

    It takes an association of its own: what it finds out is what the next one proposes.
    """
    to_ask = [_TO_ASK[model] for model in models if model in _TO_ASK]
    classes: tuple[str, ...] | None = ()
    why = "does not say"
    if to_ask:
        try:
            async with target.associate(to_ask, instrument=output.instrument) as association:
                classes = await sop_classes_of(association, query)
        except TrioDicomError as error:
            why = f"did not say ({error})"
    if classes is None:
        return storage_contexts(), "The peer knows of nothing that matches."
    if not classes:
        doubt = (
            f"The peer {why} which SOP classes there are, so the usual ones were proposed, "
            "uncompressed."
        )
        return storage_contexts(), doubt
    contexts, are_all = contexts_within(classes, _MOST_CONTEXTS - len(models))
    doubt = "There are so many SOP classes that not every transfer syntax could be proposed."
    return contexts, "" if are_all else doubt
