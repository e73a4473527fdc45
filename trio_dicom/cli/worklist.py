"""``trio-dicom worklist``: who is next?"""

from __future__ import annotations

from typing import Final

from trio_dicom.cli.asking import MATCH_OPTIONS, MatchOptions, Question
from trio_dicom.cli.exits import ExitCode, UsageError
from trio_dicom.cli.find import column_of
from trio_dicom.cli.keys import data_set_of, parse_key, parse_keys
from trio_dicom.cli.options import (
    OUTPUT_OPTIONS,
    PEER_OPTIONS,
    Attributes,
    OutputOptions,
    PeerOptions,
)
from trio_dicom.cli.output import Output
from trio_dicom.cli.target import Target
from trio_dicom.sop_classes import MODALITY_WORKLIST

__all__ = ["worklist"]

_STEP: Final = "ScheduledProcedureStepSequence[0]"
_DATE: Final = f"{_STEP}.ScheduledProcedureStepStartDate"
_MODALITY: Final = f"{_STEP}.Modality"
_STATION: Final = f"{_STEP}.ScheduledStationAETitle"

# What is in the table, with its titles.
_SHOWN: Final = {
    _DATE: "Date",
    f"{_STEP}.ScheduledProcedureStepStartTime": "Time",
    _MODALITY: "Modality",
    _STATION: "Station",
    "PatientName": "Name",
    "PatientID": "Patient ID",
    "PatientBirthDate": "Born",
    "PatientSex": "Sex",
    "AccessionNumber": "Accession",
    f"{_STEP}.ScheduledProcedureStepDescription": "Description",
}
# What an acquisition needs besides (PS3.4 Table K.6-1): JSON has it.
_BESIDES: Final = (
    f"{_STEP}.ScheduledPerformingPhysicianName",
    f"{_STEP}.ScheduledProcedureStepID",
    f"{_STEP}.ScheduledStationName",
    f"{_STEP}.ScheduledProcedureStepLocation",
    f"{_STEP}.ScheduledProtocolCodeSequence",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "RequestedProcedurePriority",
    "StudyInstanceUID",
    "ReferencedStudySequence",
    "ReferringPhysicianName",
    "RequestingPhysician",
    "PatientWeight",
    "MedicalAlerts",
    "Allergies",
    "PregnancyStatus",
)


async def worklist(
    peer: str,
    /,
    *,
    date: str | None = None,
    modality: str | None = None,
    station: str | None = None,
    attribute: Attributes = (),
    show: MatchOptions = MATCH_OPTIONS,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Ask a peer for its worklist: which procedure steps are scheduled.

    It asks for what a modality usually wants to know; -k adds to that, as with find.

    With --json every match is an object of the DICOM JSON Model, with more in it than the table
    shows. The exit codes are those of find.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        date: The day for which it is scheduled, as 20260131, or from - to: 20260101-20260131.
        modality: The modality for which it is, such as MR.
        station: The AE title for which it is.
        attribute: KEY or KEY=VALUE. May be given several times.
        show: Which matches to print, and how.
        at: How to talk to it.
        out: What to print.
    """
    target, output = Target.of(peer, at), Output(out)
    show.check(output)
    given = parse_keys(attribute)
    names = {key.name for key in given}
    for name, value in ((_DATE, date), (_MODALITY, modality), (_STATION, station)):
        if value is None:
            continue
        if name in names:
            raise UsageError(f"{name} is asked for twice, by -k and by an option of its own.")
        given.append(parse_key(f"{name}={value}"))
    names = {key.name for key in given}
    keys = [*given, *(parse_key(it) for it in (*_SHOWN, *_BESIDES) if it not in names)]
    columns = [column_of(parse_key(name), title) for name, title in _SHOWN.items()]
    columns += [column_of(key) for key in given if key.name not in _SHOWN]
    question = Question(
        query=data_set_of(keys),
        contexts=[MODALITY_WORKLIST],
        model=MODALITY_WORKLIST,
        columns=list(dict.fromkeys(columns)),
    )
    return await question.ask(target, output, show)
