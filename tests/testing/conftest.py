"""What the tests of the kit share."""

from __future__ import annotations

import pytest

from trio_dicom.testing import MemoryArchive


@pytest.fixture
def archive(dicom_server: MemoryArchive) -> MemoryArchive:
    """An empty archive that listens on loopback, on ``archive.port``."""
    return dicom_server
