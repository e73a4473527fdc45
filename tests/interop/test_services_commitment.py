"""Storage commitment against pynetdicom and Orthanc: every way on which the report can come."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import trio
from pydicom import dcmread

from tests.interop import peers
from tests.interop.pynetdicom_services import ServicesPeer
from trio_dicom import (
    InstanceReference,
    contexts_for_files,
    open_association,
    open_receiver,
    request_commitment,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT

CT = "1.2.840.10008.5.1.4.1.1.2"
ONE, TWO = InstanceReference(CT, "1.2.3.1"), InstanceReference(CT, "1.2.3.2")


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, 2])
async def test_the_report_on_the_same_association_is_taken_as_often_as_it_comes(
    pynetdicom_services: ServicesPeer, when: Literal["before", "after"], times: int
) -> None:
    commitment, memory = pynetdicom_services.commitment, pynetdicom_services.memory
    commitment.when, commitment.times, commitment.failing = (
        when,
        times,
        {TWO.sop_instance_uid: 0x0213},
    )
    async with (
        open_association(
            pynetdicom_services.host, pynetdicom_services.port, contexts=[STORAGE_COMMITMENT]
        ) as association,
        request_commitment(association, [ONE, TWO]) as pending,
    ):
        result = await pending.result()
        await pynetdicom_services.memory.until(
            lambda: len(pynetdicom_services.memory.reports) == times
        )
    assert [it.status for it in memory.reports] == [0x0000] * times
    assert [(it.committed, it.failure_reason) for it in result.instances] == [
        (True, None),
        (False, 0x0213),
    ]


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
@pytest.mark.parametrize("role_selection", [True, False])
@pytest.mark.parametrize("times", [1, 2])
async def test_the_report_on_a_new_association_is_taken_at_the_receiver(
    pynetdicom_services: ServicesPeer, tmp_path: Path, role_selection: bool, times: int
) -> None:
    async with open_receiver(into=tmp_path, ae_title="COMMITTER") as receiver:
        commitment, memory = pynetdicom_services.commitment, pynetdicom_services.memory
        commitment.report_to, commitment.times = receiver.port, times
        commitment.role_selection = role_selection
        async with (
            open_association(
                pynetdicom_services.host,
                pynetdicom_services.port,
                calling_ae=receiver.ae_title,
                contexts=[STORAGE_COMMITMENT],
            ) as association,
            request_commitment(association, [ONE, TWO], receiver=receiver) as pending,
        ):
            assert (await pending.result()).is_complete
            await pynetdicom_services.memory.until(
                lambda: len(pynetdicom_services.memory.reports) == times
            )
    assert [it.status for it in memory.reports] == [0x0000] * times


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
async def test_orthanc_reports_on_a_new_association_what_it_has(
    tmp_path: Path, pydicom_files: Path
) -> None:
    stored, missing = pydicom_files / "CT_small.dcm", InstanceReference(CT, "1.2.3.4")
    (tmp_path / "orthanc").mkdir()
    async with (
        open_receiver(into=tmp_path / "inbox", ae_title="COMMITTER") as receiver,
        peers.orthanc(tmp_path / "orthanc", move_to={"COMMITTER": receiver.port}) as orthanc,
    ):
        contexts = [STORAGE_COMMITMENT, *await contexts_for_files([stored])]
        async with open_association(
            orthanc.host, orthanc.port, calling_ae=receiver.ae_title, contexts=contexts
        ) as association:
            (await association.c_store(stored)).raise_for_status()
            ours = await trio.to_thread.run_sync(_reference, stored)
            async with request_commitment(
                association, [ours, missing], receiver=receiver
            ) as pending:
                with trio.fail_after(30):
                    result = await pending.result()
    assert [(it.reference, it.committed) for it in result.instances] == [
        (ours, True),
        (missing, False),
    ]
    assert result.failed[0].words == "0112H: no such SOP instance"


def _reference(path: Path) -> InstanceReference:
    return InstanceReference.of(dcmread(path, stop_before_pixels=True))
