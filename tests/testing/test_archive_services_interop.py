"""The archive's worklist, commitment and procedure steps, asked by other people's clients."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepRetrieve,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
)

from tests.interop import peers
from tests.interop.programs import HOST, program
from tests.interop.pynetdicom_peer import serving
from tests.interop.worklists import worklist_items, worklist_query
from tests.testing.builders import instance
from tests.testing.departments import data
from tests.testing.others import with_pynetdicom
from tests.testing.pynetdicom_client import associated, event_queue
from trio_dicom import StatusError, open_association
from trio_dicom.sop_classes import MODALITY_WORKLIST
from trio_dicom.testing import MemoryArchive

pytestmark = pytest.mark.interop

THE_INSTANCE = "1.2.840.10008.1.20.1.1"
UID = "1.2.3.9"


# --- worklist -------------------------------------------------------------------------


@pytest.fixture(name="wlmscpfs")
async def wlmscpfs_fixture(dcmtk: None, tmp_path: Path) -> AsyncGenerator[peers.Peer, None]:
    """DCMTK's worklist server, with the items of ``worklists``."""
    folder = tmp_path / "wlmscpfs"
    await trio.Path(folder).mkdir()
    async with peers.wlmscpfs(folder) as peer:
        yield peer


async def findscu(folder: Path, peer: MemoryArchive | peers.Peer, *keys: str) -> list[Dataset]:
    """What ``findscu -W`` finds, read from the files that it writes."""
    await trio.Path(folder).mkdir()
    arguments = [part for key in keys for part in ("-k", key)]
    with trio.fail_after(60):
        done = await trio.run_process(
            [
                program("findscu", package="dcmtk"),
                *("-W", "-X", "-od", str(folder), "-aec", peer.ae_title),
                *(*arguments, peer.host, str(peer.port)),
            ],
            check=False,
            capture_stdout=True,
            stderr=subprocess.STDOUT,
        )
    assert done.returncode == 0, done.stdout.decode(errors="replace")
    return [dcmread(path, force=True) for path in await trio.Path(folder).iterdir()]


STEP = "(0040,0100)[0]."
ALWAYS = ("AccessionNumber", "PatientName", "PatientID", f"{STEP}ScheduledProcedureStepID")
# Keys beside ``ALWAYS``, and the accession numbers that match.
QUERIES = {
    "everything": ((), "A1 A2 A3 A4 A5 A6 A7 A8"),
    "modality": ((f"{STEP}Modality=MR",), "A1 A3 A4"),
    "no such modality": ((f"{STEP}Modality=XA",), ""),
    "station": ((f"{STEP}ScheduledStationAETitle=CT1",), "A2 A6"),
    "modality and station": (
        (f"{STEP}Modality=MR", f"{STEP}ScheduledStationAETitle=MR1"),
        "A1 A4",
    ),
    "a date": ((f"{STEP}ScheduledProcedureStepStartDate=20260302",), "A1 A2"),
    "between dates": (
        (f"{STEP}ScheduledProcedureStepStartDate=20260303-20260401",),
        "A3 A4 A5 A6",
    ),
    "from a date": ((f"{STEP}ScheduledProcedureStepStartDate=20260401-",), "A6 A7 A8"),
    "until a date": ((f"{STEP}ScheduledProcedureStepStartDate=-20260302",), "A1 A2"),
    "a period over midnight": (
        (
            f"{STEP}ScheduledProcedureStepStartDate=20260302-20260304",
            f"{STEP}ScheduledProcedureStepStartTime=0900-0730",
        ),
        "A3",
    ),
    "a name": (("PatientName=Doe^Jane",), "A1"),
    "a name with a star": (("PatientName=Do*",), "A1 A2 A3"),
    "a name with a question mark": (("PatientName=Do?^J*",), "A1 A2"),
    "a patient": (("PatientID=P7",), "A7"),
    "an accession number": (("AccessionNumber=A8",), "A8"),
    "name and modality": (("PatientName=Roe*", f"{STEP}Modality=CT"), "A6 A7"),
    "a name in Latin-1": (
        ("SpecificCharacterSet=ISO_IR 100", "PatientName=M?ller^K*"),
        "A4",
    ),
}


@pytest.mark.usefixtures("dcmtk")
async def test_findscu_finds_what_wlmscpfs_has_it_find(
    archive: MemoryArchive, wlmscpfs: peers.Peer, tmp_path: Path
) -> None:
    archive.worklist.extend(worklist_items())
    for number, (name, (keys, expected)) in enumerate(QUERIES.items()):
        given = {key.partition("=")[0] for key in keys}
        asked = (*keys, *(key for key in ALWAYS if key not in given))
        ours = await findscu(tmp_path / f"ours{number}", archive, *asked)
        theirs = await findscu(tmp_path / f"theirs{number}", wlmscpfs, *asked)
        assert {it.AccessionNumber for it in ours} == set(expected.split()), name
        assert _told(ours) == _told(theirs), name
    print(len(QUERIES), "queries")


async def test_our_client_finds_the_same_in_the_archive_and_in_wlmscpfs(
    archive: MemoryArchive, wlmscpfs: peers.Peer
) -> None:
    archive.worklist.extend(worklist_items())
    queries = [
        worklist_query(),
        worklist_query(Modality="MR"),
        worklist_query(ScheduledProcedureStepStartDate="20260303-", Modality="CT"),
    ]
    for query in queries:
        told: list[object] = []
        for peer in (archive, wlmscpfs):
            async with (
                open_association(
                    peer.host,
                    peer.port,
                    called_ae=peer.ae_title,
                    contexts=[MODALITY_WORKLIST],
                ) as association,
                association.c_find(query) as matches,
            ):
                told.append(_told([match.identifier async for match in matches]))
        assert told[0] == told[1]


async def test_a_step_key_of_two_items_is_refused_by_the_archive_and_by_wlmscpfs(
    archive: MemoryArchive, wlmscpfs: peers.Peer
) -> None:
    query = worklist_query(Modality="MR")
    query.ScheduledProcedureStepSequence.append(data(Modality="CT"))
    for peer in (archive, wlmscpfs):
        async with open_association(
            peer.host, peer.port, called_ae=peer.ae_title, contexts=[MODALITY_WORKLIST]
        ) as association:
            with pytest.raises(StatusError, match="A900H"):
                async with association.c_find(query) as matches:
                    await matches.receive()


def _told(found: list[Dataset]) -> list[tuple[str, ...]]:
    """The values of matches, in the order of their accession numbers."""
    return sorted(
        (
            str(it.AccessionNumber),
            str(it.PatientName),
            *(f"{element.tag} {element.value}" for element in it if _is_simple(element)),
            *(
                f"{element.tag} {element.value}"
                for element in it.ScheduledProcedureStepSequence[0]
                if _is_simple(element)
            ),
        )
        for it in found
    )


def _is_simple(element: Any) -> bool:
    # wlmscpfs leaves the level and what it does not know out.
    return element.VR not in ("SQ", "PN") and element.keyword != "SpecificCharacterSet"


async def test_pynetdicom_finds_a_scheduled_step(archive: MemoryArchive) -> None:
    archive.worklist.extend(worklist_items())

    def ask() -> list[tuple[int, str]]:
        with associated(archive, ModalityWorklistInformationFind) as association:
            return [
                (status.Status, "" if found is None else str(found.PatientName))
                for status, found in association.send_c_find(
                    worklist_query(ScheduledProcedureStepStartDate="20260304"),
                    ModalityWorklistInformationFind,
                )
            ]

    assert await trio.to_thread.run_sync(ask) == [
        (0xFF00, "Müller^Käthe"),
        (0xFF00, "Yamada^Tarou=山田^太郎"),
        (0x0000, ""),
    ]


# --- commitment -----------------------------------------------------------------------


def _request() -> Dataset:
    return data(
        TransactionUID="1.2.9",
        ReferencedSOPSequence=[
            data(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=uid)
            for uid in ("1.2.1", "1.2.2")
        ],
    )


@pytest.mark.parametrize("where", ["after", "elsewhere"])
async def test_pynetdicom_hears_what_is_committed(archive: MemoryArchive, where: Any) -> None:
    archive.instances.add(instance(1))
    archive.commitments.report = where

    def ask() -> tuple[int, tuple[int, str, Dataset]]:
        here, on_here = event_queue()
        there, on_there = event_queue()
        entity = AE(ae_title="PYNETDICOM")
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        with serving(entity, [(evt.EVT_N_EVENT_REPORT, on_there)]) as port:
            archive.destinations["PYNETDICOM"] = (HOST, port)
            handlers = [(evt.EVT_N_EVENT_REPORT, on_here)]
            with associated(archive, StorageCommitmentPushModel, handlers=handlers) as association:
                status, _ = association.send_n_action(
                    _request(), 1, StorageCommitmentPushModel, THE_INSTANCE
                )
                report = (there if where == "elsewhere" else here).get(timeout=30)
        return status.Status, report

    status, (event_type, uid, information) = await trio.to_thread.run_sync(ask)
    assert (status, event_type, uid) == (0x0000, 2, THE_INSTANCE)
    assert information.TransactionUID == "1.2.9"
    [committed], [failed] = information.ReferencedSOPSequence, information.FailedSOPSequence
    assert committed.ReferencedSOPInstanceUID == "1.2.1"
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == ("1.2.2", 0x0112)


# --- performed steps ------------------------------------------------------------------


def _performed() -> Dataset:
    empty = ("PatientName PatientID PatientBirthDate PatientSex PerformedStationName StudyID "
             "PerformedLocation PerformedProcedureStepDescription PerformedProcedureStepEndDate "
             "PerformedProcedureTypeDescription PerformedProcedureStepEndTime")  # fmt: skip
    none = ("ReferencedPatientSequence ProcedureCodeSequence PerformedProtocolCodeSequence "
            "PerformedSeriesSequence")  # fmt: skip
    return data(
        **dict.fromkeys(empty.split(), ""),
        **{keyword: [] for keyword in none.split()},
        PerformedProcedureStepID="PPS1",
        PerformedStationAETitle="PYNETDICOM",
        PerformedProcedureStepStartDate="20260302",
        PerformedProcedureStepStartTime="120000",
        PerformedProcedureStepStatus="IN PROGRESS",
        Modality="CT",
        ScheduledStepAttributesSequence=[
            data(
                StudyInstanceUID="1.2.3",
                ReferencedStudySequence=[],
                AccessionNumber="A1",
                RequestedProcedureID="",
                RequestedProcedureDescription="",
                ScheduledProcedureStepID="",
                ScheduledProcedureStepDescription="",
                ScheduledProtocolCodeSequence=[],
            )
        ],
    )


async def test_pynetdicom_performs_a_step(archive: MemoryArchive) -> None:
    series = data(
        PerformingPhysicianName="",
        ProtocolName="Head",
        OperatorsName="",
        SeriesInstanceUID="1.2.3.4",
        SeriesDescription="",
        RetrieveAETitle="",
        ReferencedImageSequence=[],
        ReferencedNonImageCompositeSOPInstanceSequence=[],
    )
    end = data(
        PerformedProcedureStepStatus="COMPLETED",
        PerformedProcedureStepEndDate="20260302",
        PerformedProcedureStepEndTime="123000",
        PerformedSeriesSequence=[series],
    )

    def perform() -> tuple[list[int], Dataset, int]:
        own = ModalityPerformedProcedureStep
        with associated(archive, own, ModalityPerformedProcedureStepRetrieve) as association:
            answers = [
                association.send_n_create(_performed(), own, UID)[0],
                association.send_n_create(_performed(), own, UID)[0],
                association.send_n_set(end, own, UID)[0],
                association.send_n_set(end, own, UID)[0],
            ]
            _, step = association.send_n_get(
                [0x0040_0252], ModalityPerformedProcedureStepRetrieve, UID
            )
        assert step is not None
        return [it.Status for it in answers], step, answers[-1].ErrorID

    statuses, step, error_id = await trio.to_thread.run_sync(perform)
    assert statuses == [0x0000, 0x0111, 0x0000, 0x0110]
    assert error_id == 0xA710
    assert step.PerformedProcedureStepStatus == "COMPLETED"
    assert archive.performed_steps[UID].PerformedSeriesSequence[0].ProtocolName == "Head"


async def test_pynetdicom_is_refused_what_is_no_beginning(archive: MemoryArchive) -> None:
    own, step = ModalityPerformedProcedureStep, _performed()
    step.PerformedProcedureStepStatus = "COMPLETED"

    def perform(association: Association) -> tuple[tuple[int, Dataset | None], tuple[int, int]]:
        # The attribute list of a failure: it reads over that, and goes on.
        refused, attributes = association.send_n_create(step, own, UID)
        association.send_n_create(_performed(), own, UID)
        fixed, _ = association.send_n_set(data(PatientName="Roe^Jane"), own, UID)
        return (refused.Status, attributes), (fixed.Status, fixed.AttributeIdentifierList)

    refused, fixed = await with_pynetdicom(archive, perform, (own, ExplicitVRLittleEndian))
    assert refused == (0x0106, None)
    assert fixed == (0x0105, 0x0010_0010)
