"""The archive in memory, asked by Orthanc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.interop import peers
from tests.testing.builders import instance
from trio_dicom.testing import MemoryArchive

STUDY = {"StudyInstanceUID": "1.2.100"}
SERIES = {**STUDY, "SeriesInstanceUID": "1.2.200"}


@pytest.mark.interop
async def test_orthanc_queries_every_level_and_retrieves_one_instance(
    archive: MemoryArchive, tmp_path: Path
) -> None:
    for number in (1, 2):
        archive.instances.add(instance(number))
    async with peers.orthanc(tmp_path, move_to={archive.ae_title: archive.port}) as orthanc:
        archive.destinations[orthanc.ae_title] = (orthanc.host, orthanc.port)
        ours = f"/modalities/{archive.ae_title.lower()}"

        async def number_found(level: str, keys: dict[str, str]) -> int:
            asked: Any = await orthanc.post(f"{ours}/query", {"Level": level, "Query": keys})
            return len(await orthanc.get(f"{asked['Path']}/answers"))

        assert await number_found("Patient", {"PatientID": "P1"}) == 1
        assert await number_found("Study", STUDY) == 1
        assert await number_found("Series", SERIES) == 1
        assert await number_found("Instance", {**SERIES, "SOPInstanceUID": ""}) == 2

        one = {**SERIES, "SOPInstanceUID": "1.2.2"}
        what = {"Level": "Instance", "Resources": [one], "TargetAet": orthanc.ae_title}
        await orthanc.post(f"{ours}/move", what)
        [stored] = await orthanc.get("/instances")
        tags = await orthanc.get(f"/instances/{stored}/simplified-tags")
        assert tags["SOPInstanceUID"] == "1.2.2"
