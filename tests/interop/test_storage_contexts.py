"""What C-GET brings on the contexts of ``storage_contexts``, from archives as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from attrs import define, field
from pydicom import Dataset, dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt

from tests.interop.peers import OrthancPeer, Peer
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from trio_dicom import (
    BaseHandler,
    CGetRequest,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    PresentationContext,
    Response,
    contexts_for_files,
    open_association,
    response_to,
)
from trio_dicom.sop_classes import STUDY_ROOT_GET, storage_contexts

# The same class in two JPEG syntaxes, and one uncompressed.
FILES = ("CT_small.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm")


@define(eq=False)
class Inbox(BaseHandler):
    """Remembers in which transfer syntax each instance arrived."""

    syntaxes: dict[str, str] = field(factory=dict)

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        assert isinstance(request.data_set, EncodedDataSet)
        self.syntaxes[request.sop_instance_uid] = request.data_set.transfer_syntax
        return response_to(request, 0x0000)


async def store(peer: Peer, paths: Sequence[Path]) -> None:
    async with open_association(
        peer.host, peer.port, called_ae=peer.ae_title, contexts=await contexts_for_files(paths)
    ) as association:
        for path in paths:
            (await association.c_store(path)).raise_for_status()


async def get(
    peer: Peer | PynetdicomPeer,
    study: str,
    contexts: Sequence[PresentationContext],
    *,
    may_store: bool = True,
) -> tuple[Response, dict[str, str]]:
    inbox = Inbox()
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = study
    async with open_association(
        peer.host,
        peer.port,
        called_ae=peer.ae_title,
        contexts=[STUDY_ROOT_GET, *contexts],
        handler=inbox,
    ) as association:
        asked = {it.abstract_syntax for it in contexts}
        accepted = [
            it for it in association.negotiated.accepted_contexts if it.abstract_syntax in asked
        ]
        assert accepted
        assert all(it.as_scp for it in accepted)
        # So that the same association may store, too.
        assert all(it.as_scu for it in accepted) == may_store
        request = CGetRequest(sop_class_uid=STUDY_ROOT_GET.abstract_syntax, data_set=query)
        async with association.open_request(request) as responses:
            return await responses.final(), inbox.syntaxes


@pytest.mark.scenario("B21")
async def test_dcmqrscp_sends_an_instance(dcmqrscp: Peer, pydicom_files: Path) -> None:
    path = pydicom_files / "CT_small.dcm"
    head = dcmread(path, stop_before_pixels=True)
    await store(dcmqrscp, [path])
    response, syntaxes = await get(
        dcmqrscp, head.StudyInstanceUID, storage_contexts(CTImageStorage)
    )
    assert response.status.is_success
    assert syntaxes == {head.SOPInstanceUID: ExplicitVRLittleEndian}


@pytest.mark.scenario("B21")
async def test_orthanc_sends_each_instance_as_it_is_stored(
    orthanc: OrthancPeer, pydicom_files: Path
) -> None:
    paths = [pydicom_files / name for name in FILES]
    await store(orthanc, paths)
    contexts = storage_contexts([CTImageStorage, SecondaryCaptureImageStorage], as_stored=True)
    for path in paths:
        head = dcmread(path, stop_before_pixels=True)
        response, syntaxes = await get(orthanc, head.StudyInstanceUID, contexts)
        assert response.status.is_success
        assert syntaxes[head.SOPInstanceUID] == head.file_meta.TransferSyntaxUID


@pytest.mark.scenario("B21")
async def test_orthanc_says_what_it_cannot_decompress_and_the_association_lives(
    orthanc: OrthancPeer, pydicom_files: Path
) -> None:
    # Its answer has elements in the command set that belong into the data set.
    path = pydicom_files / "JPEG2000.dcm"
    head = dcmread(path, stop_before_pixels=True)
    await store(orthanc, [path])
    response, syntaxes = await get(
        orthanc, head.StudyInstanceUID, storage_contexts(SecondaryCaptureImageStorage)
    )
    assert response.status.is_failure
    assert syntaxes == {}


@pytest.mark.scenario("B21")
@pytest.mark.parametrize("may_store", [True, False])
async def test_pynetdicom_grants_what_it_is_configured_to(
    may_store: bool, pydicom_files: Path
) -> None:
    instance = dcmread(pydicom_files / "CT_small.dcm")

    def configure(entity: AE) -> None:
        entity.add_supported_context(STUDY_ROOT_GET.abstract_syntax)
        entity.add_supported_context(CTImageStorage, scu_role=may_store, scp_role=True)

    def on_get(_event: evt.Event) -> Iterator[object]:
        yield 1
        yield 0xFF00, instance

    with pynetdicom_peer(handlers=[(evt.EVT_C_GET, on_get)], configure=configure) as peer:
        response, syntaxes = await get(
            peer, instance.StudyInstanceUID, storage_contexts(CTImageStorage), may_store=may_store
        )
    assert response.status.is_success
    assert list(syntaxes) == [instance.SOPInstanceUID]
