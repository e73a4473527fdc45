"""Queries at every level, against DCMTK's image archive and Orthanc."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydicom import Dataset

from tests.interop import peers
from tests.interop.certificates import Certificates
from tests.interop.stored_tree import StoredTree, make_tree
from tests.interop.wire import Wire
from trio_dicom import Association, PresentationContext, open_association
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, STUDY_ROOT_FIND

every_archive = pytest.mark.parametrize("archive", ["dcmqrscp", "orthanc"], indirect=True)
every_root = pytest.mark.parametrize(
    "root", [PATIENT_ROOT_FIND, STUDY_ROOT_FIND], ids=["patient root", "study root"]
)

OF_A_STUDY = ("PatientID", "StudyInstanceUID", "StudyDate", "StudyID", "AccessionNumber")
OF_A_SERIES = ("SeriesInstanceUID", "Modality", "SeriesNumber")
OF_AN_IMAGE = ("SOPInstanceUID", "InstanceNumber")


@pytest.fixture
def archive(request: pytest.FixtureRequest) -> peers.Peer:
    peer: peers.Peer = request.getfixturevalue(request.param)
    return peer


@asynccontextmanager
async def stored(
    archive: peers.Peer,
    tree: StoredTree,
    wire: Wire | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[Association, None]:
    """An association with the archive, in which the tree is stored by now."""
    classes = sorted({instance.SOPClassUID for instance in tree.instances})
    contexts = [PATIENT_ROOT_FIND, STUDY_ROOT_FIND, *map(PresentationContext, classes)]
    async with open_association(
        archive.host,
        archive.port,
        called_ae=archive.ae_title,
        contexts=contexts,
        instrument=wire,
        tls=tls,
    ) as association:
        for instance in tree.instances:
            response = await association.c_store(instance)
            assert response.status.is_success
        yield association


@pytest.fixture
def tree(pydicom_files: Path) -> StoredTree:
    return make_tree(pydicom_files)


def query(*wanted: str, **keys: str | list[str]) -> Dataset:
    data_set = Dataset()
    for keyword in wanted:
        setattr(data_set, keyword, None)
    for keyword, value in keys.items():
        setattr(data_set, keyword, value)
    return data_set


async def found_by(
    association: Association, keys: Dataset, root: PresentationContext | None = None
) -> list[Dataset]:
    async with association.c_find(keys, model=root) as matches:
        found = [match.identifier async for match in matches]
    assert matches.status is not None
    assert matches.status.is_success
    return [identifier for identifier in found if identifier is not None]


def values(found: list[Dataset], *keywords: str) -> set[tuple[str, ...]]:
    """Like ``StoredTree.values``; no two matches may be the same."""
    rows = [tuple(str(each[keyword].value) for keyword in keywords) for each in found]
    assert len(rows) == len(set(rows))
    return set(rows)


@every_archive
async def test_patients_are_found_by_a_wildcard(archive: peers.Peer, tree: StoredTree) -> None:
    wanted = ("PatientID", "PatientName")
    keys = query(*wanted, QueryRetrieveLevel="PATIENT", PatientID=f"{tree.patients}*")
    async with stored(archive, tree) as association:
        found = await found_by(association, keys)
    assert values(found, *wanted) == tree.values(*wanted)
    assert len(found) == 2


@every_archive
async def test_studies_of_both_patients_are_found(archive: peers.Peer, tree: StoredTree) -> None:
    keys = query(*OF_A_STUDY, QueryRetrieveLevel="STUDY", PatientID=f"{tree.patients}*")
    async with stored(archive, tree) as association:
        found = await found_by(association, keys)
    assert values(found, *OF_A_STUDY) == tree.values(*OF_A_STUDY)
    assert len(found) == 3


@every_archive
@every_root
async def test_each_level_is_found_below_the_one_above(
    archive: peers.Peer, tree: StoredTree, root: PresentationContext
) -> None:
    """From the patients down to every instance, each level by the unique keys above it."""
    instances: list[tuple[str, ...]] = []
    async with stored(archive, tree) as association:
        for (patient,) in tree.values("PatientID"):
            chosen = {"PatientID": patient}
            keys = query(*OF_A_STUDY, QueryRetrieveLevel="STUDY", **chosen)
            studies = await found_by(association, keys, root)
            assert values(studies, *OF_A_STUDY) == tree.values(*OF_A_STUDY, **chosen)
            for study in studies:
                above = dict(chosen) if root is PATIENT_ROOT_FIND else {}
                above["StudyInstanceUID"] = study.StudyInstanceUID
                keys = query(*OF_A_SERIES, QueryRetrieveLevel="SERIES", **above)
                found = await found_by(association, keys, root)
                assert values(found, *OF_A_SERIES) == tree.values(*OF_A_SERIES, **above)
                for series in found:
                    above["SeriesInstanceUID"] = series.SeriesInstanceUID
                    keys = query(*OF_AN_IMAGE, QueryRetrieveLevel="IMAGE", **above)
                    images = await found_by(association, keys, root)
                    assert values(images, *OF_AN_IMAGE) == tree.values(*OF_AN_IMAGE, **above)
                    instances += values(images, "SOPInstanceUID")
    assert len(instances) == len(tree.instances)
    assert set(instances) == tree.values("SOPInstanceUID")


@every_archive
@pytest.mark.scenario("B58")
async def test_a_list_of_uids_finds_each_of_them(archive: peers.Peer, tree: StoredTree) -> None:
    first, _second, third = sorted(uid for (uid,) in tree.values("StudyInstanceUID"))
    keys = query("PatientID", QueryRetrieveLevel="STUDY", StudyInstanceUID=[first, third])
    async with stored(archive, tree) as association:
        found = await found_by(association, keys, STUDY_ROOT_FIND)
    assert values(found, "StudyInstanceUID") == {(first,), (third,)}


@every_archive
async def test_a_range_of_dates_finds_what_lies_in_it(
    archive: peers.Peer, tree: StoredTree
) -> None:
    keys = query(
        *OF_A_STUDY,
        QueryRetrieveLevel="STUDY",
        PatientID=f"{tree.patients}*",
        StudyDate="20260112-20260121",
    )
    async with stored(archive, tree) as association:
        found = await found_by(association, keys)
    assert values(found, "StudyDate") == {("20260112",), ("20260121",)}


@every_archive
async def test_nothing_found_is_a_success_without_matches(
    archive: peers.Peer, tree: StoredTree
) -> None:
    keys = query("StudyInstanceUID", QueryRetrieveLevel="STUDY", PatientID="NOBODY")
    async with stored(archive, tree) as association:
        assert await found_by(association, keys) == []


async def test_orthanc_counts_what_is_in_a_study(
    orthanc: peers.OrthancPeer, tree: StoredTree
) -> None:
    counts = ("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")
    keys = query(
        *(*counts, "ModalitiesInStudy", "StudyID"),
        QueryRetrieveLevel="STUDY",
        PatientID=f"{tree.patients}*",
    )
    async with stored(orthanc, tree) as association:
        found = {each.StudyID: each for each in await found_by(association, keys)}
    assert {name: tuple(each[count].value for count in counts) for name, each in found.items()} == {
        "11": (2, 5),
        "12": (1, 1),
        "21": (2, 3),
    }
    assert set(found["11"].ModalitiesInStudy) == {"CT", "MR"}


async def test_orthanc_is_asked_over_tls_with_our_certificate(
    tmp_path: Path, tree: StoredTree, certificates: Certificates
) -> None:
    keys = query(*OF_A_STUDY, QueryRetrieveLevel="STUDY", PatientID=f"{tree.patients}*")
    async with (
        peers.orthanc(tmp_path, tls=certificates) as peer,
        stored(peer, tree, tls=certificates.client_context()) as association,
    ):
        assert association.connection.network_stream.is_tls
        found = await found_by(association, keys)
    assert values(found, *OF_A_STUDY) == tree.values(*OF_A_STUDY)


@every_archive
@pytest.mark.scenario("B48")
@pytest.mark.pitfall(1)
async def test_a_query_left_at_its_first_match_does_not_show_in_the_next(
    archive: peers.Peer, tree: StoredTree
) -> None:
    """Quick archives may have sent everything by then, with whatever status: it is drained."""
    wire = Wire()
    everything = query("SOPInstanceUID", QueryRetrieveLevel="STUDY", PatientID=f"{tree.patients}*")
    ((patient,), _other) = sorted(tree.values("PatientID"))
    async with stored(archive, tree, wire) as association:
        async with association.c_find(everything) as matches:
            await matches.receive()
        keys = query(*OF_A_STUDY, QueryRetrieveLevel="STUDY", PatientID=patient)
        found = await found_by(association, keys)
    assert values(found, *OF_A_STUDY) == tree.values(*OF_A_STUDY, PatientID=patient)
    assert len(wire.cancelled) <= 1
    assert wire.answered == wire.asked
