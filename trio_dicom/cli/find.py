"""``trio-dicom find``: what does the peer have?"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from trio_dicom import PresentationContext
from trio_dicom.cli.asking import MATCH_OPTIONS, MatchOptions, Question
from trio_dicom.cli.exits import ExitCode, UsageError
from trio_dicom.cli.keys import Key, data_set_of, parse_key, parse_keys
from trio_dicom.cli.matches import Column
from trio_dicom.cli.options import (
    OUTPUT_OPTIONS,
    PEER_OPTIONS,
    Attributes,
    OutputOptions,
    PeerOptions,
)
from trio_dicom.cli.output import Output
from trio_dicom.cli.tags import vr_of
from trio_dicom.cli.target import Target
from trio_dicom.cli.uids import parse_uid
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    UPS_PULL,
)

__all__ = ["Level", "column_of", "find"]


class Level(Enum):
    """What a query of an archive asks for."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


_MODELS: Final = {
    "study": STUDY_ROOT_FIND,
    "patient": PATIENT_ROOT_FIND,
    "worklist": MODALITY_WORKLIST,
    "ups": UPS_PULL,
}
_WITH_LEVELS: Final = (STUDY_ROOT_FIND, PATIENT_ROOT_FIND)

# What is asked for, and its titles, where nobody says what. The UID that leads to the next level
# comes last: it is long.
_USUAL: Final = {
    Level.PATIENT: {
        "PatientName": "Name",
        "PatientID": "Patient ID",
        "PatientBirthDate": "Born",
        "PatientSex": "Sex",
        "NumberOfPatientRelatedStudies": "Studies",
    },
    Level.STUDY: {
        "PatientName": "Name",
        "PatientID": "Patient ID",
        "StudyDate": "Date",
        "StudyTime": "Time",
        "AccessionNumber": "Accession",
        "ModalitiesInStudy": "Modalities",
        "StudyDescription": "Description",
        "NumberOfStudyRelatedInstances": "Instances",
        "StudyInstanceUID": "Study Instance UID",
    },
    Level.SERIES: {
        "Modality": "Modality",
        "SeriesNumber": "Number",
        "SeriesDate": "Date",
        "SeriesDescription": "Description",
        "NumberOfSeriesRelatedInstances": "Instances",
        "SeriesInstanceUID": "Series Instance UID",
    },
    Level.IMAGE: {
        "InstanceNumber": "Number",
        "SOPClassUID": "SOP Class UID",
        "SOPInstanceUID": "SOP Instance UID",
    },
}
_USUAL_STEPS: Final = {
    "PatientName": "Name",
    "PatientID": "Patient ID",
    "ProcedureStepState": "State",
    "ScheduledProcedureStepPriority": "Priority",
    "ScheduledProcedureStepStartDateTime": "Start",
    "ProcedureStepLabel": "Label",
    "WorklistLabel": "Worklist",
    "SOPInstanceUID": "SOP Instance UID",
}


async def find(
    peer: str,
    /,
    *,
    attribute: Attributes = (),
    level: Level | None = None,
    model: str | None = None,
    show: MatchOptions = MATCH_OPTIONS,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    r"""Ask a peer what it has, with C-FIND.

    -k KEY=VALUE asks for what matches, -k KEY for whatever value there is. KEY is a keyword, a
    tag, or a path into a sequence: PatientName, 0010,0010,
    ScheduledProcedureStepSequence[0].Modality. VALUE goes out as you type it: wildcards
    (DOE*), ranges (20200101-20201231), lists (CT\MR). Where no key asks for a value, the usual
    ones of the level are asked for.

    With --json every match is an object of the DICOM JSON Model. Matches are printed as they
    come.

    The exit code is 0 when the peer told all that it has, even if that is nothing; 1 when the
    query failed or broke off; 2 for a mistake in the command; 3 when there was no association.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        attribute: KEY or KEY=VALUE. May be given several times.
        level: What to look for. STUDY if you say nothing.
        model: Where to look: study, patient, worklist, ups, or the UID of a SOP class. If you say
            nothing, study or patient, whichever the peer has.
        show: Which matches to print, and how.
        at: How to talk to it.
        out: What to print.
    """
    target, output = Target.of(peer, at), Output(out)
    show.check(output)
    asked = None if model is None else _model_of(model)
    keys, columns = _keys_of(parse_keys(attribute), asked, level)
    question = Question(
        query=data_set_of(keys),
        contexts=_WITH_LEVELS if asked is None else [asked],
        model=asked,
        columns=columns,
    )
    return await question.ask(target, output, show)


def _model_of(text: str) -> PresentationContext:
    return _MODELS.get(text.lower()) or PresentationContext(parse_uid("--model", text))


def _keys_of(
    given: Sequence[Key], model: PresentationContext | None, level: Level | None
) -> tuple[list[Key], list[Column]]:
    """What to ask for, and what to show."""
    has_levels = model is None or model in _WITH_LEVELS
    if level is not None and model in (MODALITY_WORKLIST, UPS_PULL):
        raise UsageError("--level is about archives: this model has none.")
    by_key = {key.name: key.value for key in given}
    level_key = by_key.pop("QueryRetrieveLevel", "").strip().upper()
    if level_key and level is not None and level_key != level.value:
        raise UsageError("--level and QueryRetrieveLevel say different things.")
    usual: dict[str, str] = {}
    if model is UPS_PULL:
        usual = _USUAL_STEPS
    elif has_levels and (not level_key or level_key in Level.__members__):
        level = level or Level(level_key or "STUDY")
        usual = _USUAL[level]
    if not all(by_key.values()):
        usual = {}  # somebody says what
    keys = [parse_key(name) for name in usual if name not in by_key]
    columns = [column_of(parse_key(name), title) for name, title in usual.items()]
    columns += [
        column_of(key)
        for key in given
        if key.name in by_key and key.name not in usual and not _is_known_already(key)
    ]
    keys += given
    if level is not None and not level_key:
        keys.append(parse_key(f"QueryRetrieveLevel={level.value}"))
    if not (usual or given):
        raise UsageError("there is nothing to ask for: say with -k what you want to know.")
    return keys, list(dict.fromkeys(columns))


def _is_known_already(key: Key) -> bool:
    """Whether it asks for one UID, which would come back in each row, and is long."""
    return vr_of(key.path[-1]) == "UI" and bool(key.value) and not set(key.value) & set("\\*?")


def column_of(key: Key, title: str | None = None) -> Column:
    """The column that shows an attribute.

    Args:
        key: The attribute.
        title: What stands above it; None: its own name, without the way to it.
    """
    return Column(title=title or key.name.rpartition(".")[2], name=key.name, path=key.path)
