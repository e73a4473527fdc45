"""What the tests of the kit share."""

from __future__ import annotations

import pytest

from tests.interop.pynetdicom_pause import make_pauses_sure
from trio_dicom.testing import MemoryArchive

make_pauses_sure()


@pytest.fixture
def archive(dicom_server: MemoryArchive) -> MemoryArchive:
    """An empty archive that listens on loopback, on ``archive.port``."""
    return dicom_server
