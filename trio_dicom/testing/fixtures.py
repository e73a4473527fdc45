"""The test kit as pytest fixtures, for pytest-trio: import what you need in a conftest."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from trio_dicom.testing.archive import MemoryArchive, open_archive
from trio_dicom.testing.links import LinkEnd
from trio_dicom.testing.scripted import ScriptedPeer
from trio_dicom.testing.scripts import scripted_peer

__all__ = ["archive", "scripted"]


@pytest.fixture
async def archive() -> AsyncGenerator[MemoryArchive, None]:
    """An empty archive that listens on loopback, on ``archive.port``."""
    async with open_archive() as opened:
        yield opened


@pytest.fixture
async def scripted() -> AsyncGenerator[tuple[LinkEnd, ScriptedPeer], None]:
    """A stream for the program under test, and the scripted peer at its other end."""
    async with scripted_peer() as both:
        yield both
