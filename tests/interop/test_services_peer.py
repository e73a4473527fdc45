"""The pynetdicom peer of the N-services itself: is it the peer when a test fails?"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel

from tests.interop.pynetdicom_peer import serving
from tests.interop.pynetdicom_services import ServicesPeer, pynetdicom_services
from tests.interop.services.work_items import GLOBAL
from trio_dicom import (
    Association,
    NEventReportRequest,
    NEventReportResponse,
    PresentationContext,
    open_association,
    response_to,
)
from trio_dicom.sop_classes import (
    BASIC_GRAYSCALE_PRINT,
    MODALITY_WORKLIST,
    MPPS,
    MPPS_RETRIEVE,
    STORAGE_COMMITMENT,
    UPS_CLASSES,
    UPS_EVENT,
    UPS_PULL,
    UPS_PUSH,
)

FILM_SESSION = "1.2.840.10008.5.1.1.1"
FILM_BOX = "1.2.840.10008.5.1.1.2"
IMAGE_BOX = "1.2.840.10008.5.1.1.4"
PRINTER = "1.2.840.10008.5.1.1.16"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def peer() -> Generator[ServicesPeer, None, None]:
    with pynetdicom_services() as peer:
        yield peer


@asynccontextmanager
async def associated(
    peer: ServicesPeer, *contexts: PresentationContext
) -> AsyncGenerator[Association, None]:
    async with open_association(
        peer.host, peer.port, called_ae=peer.ae_title, contexts=contexts
    ) as association:
        yield association


def data_set(**values: object) -> Dataset:
    built = Dataset()
    for keyword, value in values.items():
        setattr(built, keyword, value)
    return built


def event_of(request: NEventReportRequest) -> Dataset:
    information = request.event_information
    assert information is not None
    return information


async def test_a_worklist_gives_what_matches_and_what_was_asked_for(peer: ServicesPeer) -> None:
    scheduled = data_set(Modality="MR", ScheduledStationAETitle="MR1")
    peer.worklist.append(
        data_set(
            PatientName="Doe^Jane",
            PatientID="1",
            PatientSex="F",
            ScheduledProcedureStepSequence=[scheduled],
        )
    )
    key = data_set(PatientName="Doe*", PatientID="")
    other = data_set(ScheduledProcedureStepSequence=[data_set(Modality="CT")])
    async with associated(peer, MODALITY_WORKLIST) as association:
        async with association.c_find(key) as matches:
            found = [match.identifier async for match in matches]
        async with association.c_find(other) as matches:
            assert [match async for match in matches] == []
    assert found == [data_set(PatientName="Doe^Jane", PatientID="1")]
    assert [asked.data_set for asked in peer.memory.asked] == [key, other]


async def test_a_performed_step_is_created_changed_read_and_then_final(peer: ServicesPeer) -> None:
    uid = generate_uid()
    sop_class = MPPS.abstract_syntax
    async with associated(peer, MPPS, MPPS_RETRIEVE) as association:
        wrong = data_set(PerformedProcedureStepStatus="COMPLETED")
        assert (await association.n_create(sop_class, uid, wrong)).status.code == 0x0106
        begun = data_set(PerformedProcedureStepStatus="IN PROGRESS", Modality="CT")
        assert (await association.n_create(sop_class, uid, begun)).status.is_success
        assert (await association.n_create(sop_class, uid, begun)).status.code == 0x0111
        unnamed = await association.n_create(sop_class, None, begun)
        assert unnamed.sop_instance_uid in peer.steps.instances
        done = data_set(PerformedProcedureStepStatus="COMPLETED")
        assert (await association.n_set(sop_class, uid, done)).status.is_success
        assert (await association.n_set(sop_class, uid, done)).status.code == 0x0110
        read = await association.n_get(MPPS_RETRIEVE.abstract_syntax, uid)
        assert read.attribute_list is not None
        assert read.attribute_list.Modality == "CT"
        peer.memory.refusing["N-SET"] = 0x0213
        assert (await association.n_set(sop_class, uid, done)).status.code == 0x0213
    assert peer.steps.instances[uid].PerformedProcedureStepStatus == "COMPLETED"
    services = [asked.service for asked in peer.memory.asked]
    assert services == ["N-CREATE"] * 4 + ["N-SET"] * 2 + ["N-GET", "N-SET"]


async def test_a_unified_step_goes_its_way_and_its_subscriber_hears_of_it(
    peer: ServicesPeer,
) -> None:
    uid, transaction = generate_uid(), generate_uid()
    push, pull = UPS_PUSH.abstract_syntax, UPS_PULL.abstract_syntax
    events: list[tuple[int | None, Dataset]] = []

    async def take(request: NEventReportRequest) -> NEventReportResponse:
        assert request.sop_instance_uid == uid
        events.append((request.event_type_id, event_of(request)))
        response = response_to(request, 0)
        assert isinstance(response, NEventReportResponse)
        return response

    async with associated(peer, *UPS_CLASSES) as association:
        with association.connection.events(take):
            subscription = data_set(ReceivingAE="TRIO_DICOM", DeletionLock="FALSE")
            await association.n_action(push, GLOBAL, 3, subscription)
            new = data_set(ProcedureStepState="SCHEDULED", ProcedureStepLabel="Read", Modality="")
            assert (await association.n_create(push, uid, new)).status.is_success
            claim = data_set(ProcedureStepState="IN PROGRESS", TransactionUID=transaction)
            assert (await association.n_action(push, uid, 1, claim)).status.is_success
            assert (await association.n_action(push, uid, 1, claim)).status.code == 0xC302
            assert (await association.n_set(push, uid, new)).status.code == 0xC301
            key = data_set(ProcedureStepState="IN PROGRESS", SOPInstanceUID="", TransactionUID="")
            async with association.c_find(key, model=pull) as matches:
                (found,) = [match.identifier async for match in matches]
            assert found == data_set(ProcedureStepState="IN PROGRESS", SOPInstanceUID=uid)
            assert (await association.n_action(push, uid, 2, Dataset())).status.is_success
            performed = [data_set(PerformedStationNameCodeSequence=[])]
            update = data_set(
                TransactionUID=transaction,
                UnifiedProcedureStepPerformedProcedureSequence=performed,
            )
            done = data_set(ProcedureStepState="COMPLETED", TransactionUID=transaction)
            assert (await association.n_action(push, uid, 1, done)).status.code == 0xC304
            assert (await association.n_set(push, uid, update)).status.is_success
            assert (await association.n_action(push, uid, 1, done)).status.is_success
            assert (await association.n_action(push, uid, 1, done)).status.code == 0xB306
            read = await association.n_get(push, uid)
            assert read.attribute_list is not None
            assert "TransactionUID" not in read.attribute_list
            await peer.memory.until(lambda: len(peer.memory.reports) == 4)
    states = [(kind, event.get("ProcedureStepState")) for kind, event in events]
    assert states == [(1, "SCHEDULED"), (1, "IN PROGRESS"), (2, None), (1, "COMPLETED")]
    assert [report.status for report in peer.memory.reports] == [0, 0, 0, 0]
    assert {report.sop_class_uid for report in peer.memory.reports} == {push}
    assert UPS_EVENT in UPS_CLASSES


async def test_a_film_is_printed_with_what_was_set(peer: ServicesPeer) -> None:
    image = data_set(Rows=1, Columns=2, PixelData=b"\x00\xff")
    async with associated(peer, BASIC_GRAYSCALE_PRINT) as association:
        printer = await association.n_get(PRINTER, "1.2.840.10008.5.1.1.17")
        assert printer.attribute_list is not None
        assert printer.attribute_list.PrinterStatus == "NORMAL"
        session = await association.n_create(FILM_SESSION, None, data_set(NumberOfCopies=2))
        assert session.sop_instance_uid is not None
        reference = data_set(
            ReferencedSOPClassUID=FILM_SESSION, ReferencedSOPInstanceUID=session.sop_instance_uid
        )
        box = await association.n_create(
            FILM_BOX,
            None,
            data_set(ImageDisplayFormat="STANDARD\\1,2", ReferencedFilmSessionSequence=[reference]),
        )
        assert box.attribute_list is not None
        assert box.sop_instance_uid is not None
        first, second = box.attribute_list.ReferencedImageBoxSequence
        assert first.ReferencedSOPClassUID == IMAGE_BOX
        content = data_set(ImageBoxPosition=1, BasicGrayscaleImageSequence=[image])
        await association.n_set(IMAGE_BOX, first.ReferencedSOPInstanceUID, content)
        assert (await association.n_action(FILM_BOX, box.sop_instance_uid, 1)).status.is_success
        deleted = await association.n_delete(FILM_SESSION, session.sop_instance_uid)
        assert deleted.status.is_success
    (sheet,) = peer.printer.printed
    assert sheet.session.NumberOfCopies == 2
    assert [box.ImageBoxPosition for box in sheet.images] == [1, 2]
    assert sheet.images[0].BasicGrayscaleImageSequence[0].PixelData == b"\x00\xff"
    assert not peer.printer.sessions
    assert not peer.printer.film_boxes
    assert not peer.printer.image_boxes
    assert second.ReferencedSOPInstanceUID != first.ReferencedSOPInstanceUID


def commitment_request(*instances: str) -> Dataset:
    references = [
        data_set(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=uid) for uid in instances
    ]
    return data_set(TransactionUID=generate_uid(), ReferencedSOPSequence=references)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_commitment_is_reported_on_the_same_association(
    peer: ServicesPeer, when: str
) -> None:
    peer.commitment.failing["1.2.4"] = 0x0112
    peer.commitment.when = "before" if when == "before" else "after"
    peer.commitment.times = 2
    request = commitment_request("1.2.3", "1.2.4")
    heard: list[Dataset] = []
    twice = trio.Event()

    async def take(event: NEventReportRequest) -> NEventReportResponse:
        assert event.event_type_id == 2
        heard.append(event_of(event))
        if len(heard) == 2:
            twice.set()
        response = response_to(event, 0)
        assert isinstance(response, NEventReportResponse)
        return response

    async with associated(peer, STORAGE_COMMITMENT) as association:
        with association.connection.events(take):
            answer = await association.n_action(
                StorageCommitmentPushModel, COMMITMENT_INSTANCE, 1, request
            )
            assert answer.status.is_success
            if when == "after":
                await twice.wait()
            assert len(heard) == 2
            await peer.memory.until(lambda: len(peer.memory.reports) == 2)
    assert [report.status for report in peer.memory.reports] == [0, 0]
    (failed,) = heard[0].FailedSOPSequence
    (committed,) = heard[0].ReferencedSOPSequence
    assert heard[0].TransactionUID == request.TransactionUID
    assert (committed.ReferencedSOPInstanceUID, failed.ReferencedSOPInstanceUID) == (
        "1.2.3",
        "1.2.4",
    )
    assert failed.FailureReason == 0x0112


@pytest.mark.parametrize("role_selection", [True, False])
async def test_commitment_is_reported_on_a_new_association(
    peer: ServicesPeer, role_selection: bool
) -> None:
    heard: list[tuple[str, Dataset]] = []

    def on_report(event: evt.Event) -> tuple[int, None]:
        heard.append((event.assoc.requestor.ae_title.strip(), event.event_information))
        return 0x0000, None

    receiver = AE(ae_title="TRIO_DICOM")
    receiver.add_supported_context(
        StorageCommitmentPushModel, scu_role=not role_selection, scp_role=role_selection
    )
    peer.commitment.role_selection = role_selection
    request = commitment_request("1.2.3")
    with serving(receiver, [(evt.EVT_N_EVENT_REPORT, on_report)]) as peer.commitment.report_to:
        async with associated(peer, STORAGE_COMMITMENT) as association:
            answer = await association.n_action(
                StorageCommitmentPushModel, COMMITMENT_INSTANCE, 1, request
            )
            assert answer.status.is_success
        await peer.memory.until(lambda: len(peer.memory.reports) == 1)
    (report,) = peer.memory.reports
    assert report.status == 0
    assert bool(report.as_scp) == role_selection
    ((caller, information),) = heard
    assert caller == "PYNETDICOM"
    assert information.TransactionUID == request.TransactionUID
