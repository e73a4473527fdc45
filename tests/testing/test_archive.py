"""The archive in memory, over its own protocol with our client and with scripts."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trio
from pydicom import Dataset, dcmread
from pydicom.config import disable_value_validation
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MRImageStorage,
)

from tests.interop.certificates import make_certificates
from tests.testing.builders import CONTEXTS, instance, query
from trio_dicom import (
    Association,
    AssociationRejected,
    BaseHandler,
    CEchoRequest,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    LocalProtocolError,
    PresentationContext,
    RejectReason,
    open_association,
    response_to,
)
from trio_dicom.testing import MemoryArchive, open_archive

PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"


async def find(
    association: Association, identifier: Dataset | None, *, root: str = STUDY_ROOT
) -> tuple[list[Dataset], int]:
    """The matches and the final status."""
    request = CFindRequest(sop_class_uid=root, data_set=identifier)
    async with association.open_request(request) as responses:
        matches = [response async for response in responses]
        final = await responses.final()
    assert all(isinstance(match, CFindResponse) for match in matches)
    decoded = [match.decoded_data_set() for match in matches]
    return [data_set for data_set in decoded if data_set is not None], final.status.code


async def test_the_archive_echoes(archive: MemoryArchive) -> None:
    async with open_association("127.0.0.1", archive.port, contexts=CONTEXTS) as association:
        assert (await association.c_echo()).status.is_success
    assert archive.address == f"ARCHIVE@127.0.0.1:{archive.port}"


async def test_instances_are_kept_byte_for_byte(
    archive: MemoryArchive, pydicom_files: Path
) -> None:
    path = pydicom_files / "CT_small.dcm"
    async with open_association("127.0.0.1", archive.port, contexts=CONTEXTS) as association:
        assert (await association.c_store(path)).status.is_success
    [kept] = archive.instances
    other = MemoryArchive()
    assert other.instances.add(path).data_set == kept.data_set
    assert path.read_bytes().endswith(bytes(kept.data_set.data))
    assert kept.sop_class_uid == CTImageStorage
    assert "PixelData" not in kept.attributes
    assert kept.attributes.PatientID == dcmread(path).PatientID


async def test_an_instance_that_names_another_one_is_refused(
    archive: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = CStoreRequest(
        sop_class_uid=CTImageStorage, sop_instance_uid="9.9", data_set=instance(1)
    )
    async with open_association("127.0.0.1", archive.port, contexts=CONTEXTS) as association:
        assert (await association.send_request(request)).status.code == 0xA900
        assert len(archive.instances) == 0
        request = CStoreRequest(
            sop_class_uid=CTImageStorage,
            sop_instance_uid="1.2.1",
            data_set=EncodedDataSet(b"\0" * 6, ExplicitVRLittleEndian),
        )
        assert (await association.send_request(request)).status.code == 0xC000
        monkeypatch.setattr(CStoreRequest, "must_have_data_set", False)
        request = CStoreRequest(sop_class_uid=CTImageStorage, sop_instance_uid="1.2.1")
        assert (await association.send_request(request)).status.code == 0xC000
        assert (await association.c_echo()).status.is_success


async def test_patients_studies_series_and_instances_are_found(archive: MemoryArchive) -> None:
    archive.instances.add(instance(1, PatientName="Müller^Änne"))
    archive.instances.add(instance(2, PatientName="Müller^Änne", SeriesInstanceUID="1.2.201"))
    archive.instances.add(
        instance(3, PatientID="P2", StudyInstanceUID="1.2.101", SeriesInstanceUID="1.2.202")
    )
    async with open_association("127.0.0.1", archive.port, contexts=CONTEXTS) as association:
        patients, status = await find(
            association,
            query("PATIENT", PatientID="", PatientName="", NumberOfPatientRelatedInstances=""),
            root=PATIENT_ROOT,
        )
        assert status == 0
        assert [
            (it.PatientID, it.PatientName, it.NumberOfPatientRelatedInstances) for it in patients
        ] == [("P1", "Müller^Änne", 2), ("P2", "Doe^Jane", 1)]
        assert {it.RetrieveAETitle for it in patients} == {"ARCHIVE"}

        studies, _ = await find(
            association,
            query(
                "STUDY",
                StudyInstanceUID="",
                PatientID="P1",
                ModalitiesInStudy="",
                SOPInstanceUID="",
                AccessionNumber="",
            ),
        )
        [study] = studies
        assert study.StudyInstanceUID == "1.2.100"
        assert study.ModalitiesInStudy == "CT"
        assert "SOPInstanceUID" not in study, "no attribute of a study"
        assert not study.AccessionNumber

        series, _ = await find(
            association, query("SERIES", StudyInstanceUID="1.2.100", SeriesInstanceUID="")
        )
        assert [it.SeriesInstanceUID for it in series] == ["1.2.200", "1.2.201"]
        images, _ = await find(association, query("IMAGE", SOPInstanceUID=["1.2.1", "1.2.3"]))
        assert [it.SOPInstanceUID for it in images] == ["1.2.1", "1.2.3"]
        nothing, status = await find(association, query("IMAGE", PatientID="nobody"))
        assert (nothing, status) == ([], 0)


@pytest.mark.parametrize("identifier", [None, Dataset(), query("FRAME"), query("PATIENT")])
async def test_a_query_without_a_level_of_its_model_fails(
    archive: MemoryArchive, identifier: Dataset | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CFindRequest, "must_have_data_set", False)
    async with open_association("127.0.0.1", archive.port, contexts=CONTEXTS) as association:
        assert await find(association, identifier) == ([], 0xA900)


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(1)
async def test_a_query_that_is_left_ends_and_the_next_sees_its_own_matches(
    archive: MemoryArchive,
) -> None:
    for number in range(1, 200):
        archive.instances.add(instance(number))
    async with open_association("127.0.0.1", archive.port, contexts=CONTEXTS) as association:
        request = CFindRequest(sop_class_uid=STUDY_ROOT, data_set=query("IMAGE", SOPInstanceUID=""))
        async with association.open_request(request) as responses:
            await responses.receive()
        matches, status = await find(association, query("IMAGE", SOPInstanceUID="1.2.7"))
    assert [it.SOPInstanceUID for it in matches] == ["1.2.7"]
    assert status == 0


class Inbox(BaseHandler):
    """Takes what a C-GET brings; refuses the instances that it is told to."""

    def __init__(self, refuse: dict[str, int] | None = None) -> None:
        self.received: list[CStoreRequest] = []
        self.refuse = refuse or {}

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.received.append(request)
        return response_to(request, self.refuse.get(request.sop_instance_uid, 0x0000))


async def get(
    archive: MemoryArchive,
    identifier: Dataset | None,
    inbox: Inbox,
    contexts: list[PresentationContext] | None = None,
) -> tuple[list[CGetResponse], CGetResponse]:
    async with open_association(
        "127.0.0.1", archive.port, contexts=contexts or CONTEXTS, handler=inbox
    ) as association:
        request = CGetRequest(sop_class_uid=STUDY_ROOT_GET, data_set=identifier)
        async with association.open_request(request) as responses:
            pending = [it async for it in responses if isinstance(it, CGetResponse)]
            final = await responses.final()
    assert isinstance(final, CGetResponse)
    return pending, final


async def test_a_study_comes_back_as_it_was_stored(archive: MemoryArchive) -> None:
    for number in (1, 2, 3):
        archive.instances.add(instance(number))
    inbox = Inbox()
    pending, final = await get(archive, query("STUDY", StudyInstanceUID="1.2.100"), inbox)
    assert [(it.remaining, it.completed, it.failed, it.warning) for it in pending] == [
        (2, 1, 0, 0),
        (1, 2, 0, 0),
    ]
    assert (final.remaining, final.completed, final.failed, final.warning) == (None, 3, 0, 0)
    assert final.status.code == 0x0000
    assert final.identifier is None
    for request in inbox.received:
        assert request.data_set == archive.instances[request.sop_instance_uid].data_set


async def test_what_the_requestor_refuses_is_listed_at_the_end(archive: MemoryArchive) -> None:
    for number in (1, 2, 3):
        archive.instances.add(instance(number))
    inbox = Inbox({"1.2.1": 0xA700, "1.2.2": 0xB000})
    _, final = await get(archive, query("SERIES", SeriesInstanceUID="1.2.200"), inbox)
    assert (final.completed, final.failed, final.warning) == (1, 1, 1)
    assert final.status.code == 0xB000
    assert final.failed_sop_instance_uids == ("1.2.1",)


@pytest.mark.scenario("B21")
async def test_instances_go_in_a_syntax_that_was_agreed_or_not_at_all(
    archive: MemoryArchive, pydicom_files: Path
) -> None:
    archive.instances.add(instance(1))  # explicit, to be re-encoded
    archive.instances.add(instance(2, SOPClassUID=MRImageStorage))  # without the role
    jpeg = dcmread(pydicom_files / "SC_rgb_jpeg_dcmtk.dcm")
    jpeg.SOPInstanceUID, jpeg.StudyInstanceUID = "1.2.3", "1.2.100"
    assert archive.instances.add(jpeg).data_set.transfer_syntax == JPEGBaseline8Bit
    contexts = [
        PresentationContext(STUDY_ROOT_GET),
        PresentationContext(CTImageStorage, [ImplicitVRLittleEndian], scp_role=True),
        PresentationContext(MRImageStorage),
        PresentationContext(jpeg.SOPClassUID, [ExplicitVRLittleEndian], scp_role=True),
    ]
    inbox = Inbox()
    _, final = await get(
        archive, query("STUDY", StudyInstanceUID="1.2.100"), inbox, contexts=contexts
    )
    assert [it.sop_instance_uid for it in inbox.received] == ["1.2.1"]
    assert inbox.received[0].dataset() == instance(1)
    assert final.failed_sop_instance_uids == ("1.2.2", "1.2.3")
    assert (final.completed, final.failed, final.status.code) == (1, 2, 0xB000)


async def test_a_get_of_which_nothing_goes_well_is_refused(archive: MemoryArchive) -> None:
    """PS3.4 C.4.3.3.1."""
    archive.instances.add(instance(1))
    inbox = Inbox({"1.2.1": 0xA700})
    _, final = await get(archive, query("STUDY", StudyInstanceUID="1.2.100"), inbox)
    assert final.status.code == 0xA702
    assert (final.completed, final.failed, final.warning) == (0, 1, 0)
    assert final.failed_sop_instance_uids == ("1.2.1",)


async def test_a_get_with_warnings_alone_ends_with_a_warning(archive: MemoryArchive) -> None:
    archive.instances.add(instance(1))
    inbox = Inbox({"1.2.1": 0xB000})
    _, final = await get(archive, query("STUDY", StudyInstanceUID="1.2.100"), inbox)
    assert (final.status.code, final.identifier) == (0xB000, None)
    assert (final.completed, final.failed, final.warning) == (0, 0, 1)


@pytest.mark.parametrize("number,uids", [(2, ["1.2.1", "1.2.2"]), (0, "1.2.*"), (1, "1.2.3")])
async def test_what_to_get_is_a_uid_or_a_list_of_them_and_no_wild_card(
    archive: MemoryArchive, number: int, uids: str | list[str]
) -> None:
    for each in (1, 2, 3):
        archive.instances.add(instance(each))
    inbox = Inbox()
    with disable_value_validation():
        identifier = query("IMAGE", StudyInstanceUID="1.2.100", SOPInstanceUID=uids)
    _, final = await get(archive, identifier, inbox)
    assert final.status.is_success
    assert final.completed == len(inbox.received) == number


async def test_nothing_to_get_is_a_success(archive: MemoryArchive) -> None:
    pending, final = await get(archive, query("STUDY", StudyInstanceUID="1.9"), Inbox())
    assert (pending, final.completed, final.status.code) == ([], 0, 0)


@pytest.mark.parametrize(
    "identifier",
    [
        None,
        query("STUDY"),
        query("STUDY", PatientID="P1"),
        query("STUDY", PatientID=["P1", "P2"], StudyInstanceUID="1.2.100"),
    ],
)
async def test_a_get_without_its_unique_key_or_of_several_patients_fails(
    archive: MemoryArchive, identifier: Dataset | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CGetRequest, "must_have_data_set", False)
    archive.instances.add(instance(1))
    pending, final = await get(archive, identifier, Inbox())
    assert (pending, final.status.code) == ([], 0xA900)


async def test_one_patient_is_retrieved_at_a_time(archive: MemoryArchive) -> None:
    """C.4.2.2.1: a single value above the level of studies."""
    stored = archive.instances.add(instance(1))
    assert archive.instances.select(query("PATIENT", PatientID="P1")) == [stored]
    with pytest.raises(ValueError, match="one patient"):
        archive.instances.select(query("PATIENT", PatientID=["P1", "P2"]))


async def test_a_move_is_refused(archive: MemoryArchive) -> None:
    request = CMoveRequest(
        sop_class_uid=STUDY_ROOT_MOVE,
        move_destination="ELSEWHERE",
        data_set=query("STUDY", StudyInstanceUID="1.2.100"),
    )
    async with open_association("127.0.0.1", archive.port, contexts=CONTEXTS) as association:
        response = await association.send_request(request)
    assert response.status.code == 0xA801


async def test_the_called_title_is_checked_if_it_is_to_be() -> None:
    async with open_archive(archive=MemoryArchive("PACS", checks_called_ae=True)) as archive:
        async with open_association(
            archive.host, archive.port, called_ae="PACS", contexts=CONTEXTS
        ) as association:
            await association.c_echo()
        with pytest.raises(AssociationRejected) as rejected:
            async with open_association(
                archive.host, archive.port, called_ae="OTHER", contexts=CONTEXTS
            ):
                pass
        assert rejected.value.reason is RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED


async def test_the_archive_speaks_tls(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificates.server_cert, certificates.server_key)
    client = ssl.create_default_context(cafile=certificates.ca)
    async with (
        open_archive(tls=server) as archive,
        open_association(archive.host, archive.port, tls=client, contexts=CONTEXTS) as association,
    ):
        assert (await association.c_echo()).status.is_success


async def test_a_window_is_agreed_to_and_answered_in_order(archive: MemoryArchive) -> None:
    async with (
        open_association(
            archive.host, archive.port, contexts=CONTEXTS, max_operations_invoked=0
        ) as association,
        trio.open_nursery() as nursery,
    ):
        assert association.negotiated.max_operations_invoked == 16
        for _ in range(100):
            nursery.start_soon(association.send_request, CEchoRequest())


def test_what_is_no_instance_is_not_added() -> None:
    with pytest.raises(LocalProtocolError, match="needs one SOP Class UID"):
        MemoryArchive().instances.add(Dataset())


def test_adding_an_instance_again_replaces_it() -> None:
    instances = MemoryArchive().instances
    instances.add(instance(1, PatientID="old"))
    instances.add(instance(1, PatientID="new"))
    assert [it.attributes.PatientID for it in instances] == ["new"]
    assert "1.2.1" in instances
    assert "1.2.2" not in instances


def test_what_an_archive_shows_of_itself_is_how_much_it_has() -> None:
    archive = MemoryArchive()
    archive.instances.add(instance(1))
    assert repr(archive.instances) == "<Instances: 1 instance>"
    archive.instances.add(instance(2))
    assert "instances=<Instances: 2 instances>" in repr(archive)
    assert "Limits" not in repr(archive)
