"""The test kit as pytest fixtures, for pytest-trio.

Opt in with a line in a ``conftest.py`` or a test module::

    pytest_plugins = ["trio_dicom.testing.plugin"]

Nothing of the kit is imported before a test asks for a fixture. All of them work with
``autojump_clock``, also where files are read and written: see ``patient_clock``.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from trio_dicom import testing

if TYPE_CHECKING:
    from trio_dicom.association import Association
    from trio_dicom.testing.stage import Script

__all__ = [
    "dicom_archive",
    "dicom_association",
    "dicom_files",
    "dicom_server",
    "scripted_peer",
]


@pytest.fixture
async def _dicom_clock() -> AsyncGenerator[None, None]:
    """A ``MockClock`` waits for threads: once, because fixtures end in any order."""
    with testing.patient_clock():
        yield


@pytest.fixture
def _dicom_clock_if_any(request: pytest.FixtureRequest) -> object:
    """``_dicom_clock``, which only tests of pytest-trio can have, and nothing for the others.

    What depends on it does both: pytest-trio sets it up within Trio where it has to.
    """
    if request.node.get_closest_marker("trio") is None:
        return None
    return request.getfixturevalue("_dicom_clock")


@pytest.fixture
async def dicom_archive(_dicom_clock: None) -> testing.MemoryArchive:
    """An empty archive in memory: ``MemoryArchive``."""
    return testing.MemoryArchive()


@pytest.fixture
async def dicom_server(
    dicom_archive: testing.MemoryArchive,
) -> AsyncGenerator[testing.MemoryArchive, None]:
    """``dicom_archive``, listening on loopback: on its ``host`` and ``port``, for any client."""
    async with testing.open_archive(archive=dicom_archive):
        yield dicom_archive


@pytest.fixture
async def dicom_association(
    dicom_archive: testing.MemoryArchive,
) -> AsyncGenerator[Association, None]:
    """An association with ``dicom_archive`` in memory, for everything that the archive does.

    Its contexts are ``COMMON_CONTEXTS``. For others open one of your own, with
    ``open_memory_association``.
    """
    async with testing.open_memory_association(
        dicom_archive.serve, called_ae=dicom_archive.ae_title, contexts=testing.COMMON_CONTEXTS
    ) as association:
        yield association


_LEFT_ALONE: Final = pytest.StashKey[AssertionError | None]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that would pass if nobody has met one of its scripts.

    The fixture cannot do that: it is not told whether the test has failed by itself.
    """
    __tracebackhide__ = True
    result = yield
    if (error := item.stash.get(_LEFT_ALONE, None)) is not None:
        raise error
    return result


@pytest.fixture
async def scripted_peer(
    request: pytest.FixtureRequest,
    _dicom_clock: None,
) -> AsyncGenerator[Callable[[Script], testing.LinkEnd], None]:
    """Called with a script, it gives the stream at whose other end the script is played.

    When the script fails the test does. When it is over, the other side may only end the
    conversation. A script that is not over when the test is, is cancelled; but it fails the test
    if it still waits for the first byte.
    """
    from trio_dicom.testing.serving import settled  # noqa: PLC0415  not before it is used
    from trio_dicom.testing.stage import staging  # noqa: PLC0415

    async with staging() as stage:

        def play(script: Script) -> testing.LinkEnd:
            ours, theirs = testing.memory_link()
            stage.serving.nursery.start_soon(stage.play, script, theirs)
            return ours

        yield play
        await settled()  # what was done last may be another thing than a script expects
        request.node.stash[_LEFT_ALONE] = stage.left_alone()


@pytest.fixture
def dicom_files(tmp_path: Path, _dicom_clock_if_any: object) -> Callable[..., list[Path]]:
    """Writes DICOM files with made-up instances, and gives their paths.

    ::

        files = dicom_files(3, patients=2, sop_class=MRImageStorage, size=100_000)

    It takes what ``made_up_instances`` takes. Each call makes others, the same in every run, unless
    it is given a ``seed`` that another one had: with that it makes those again.
    """
    free, taken = itertools.count(), set[int]()

    def write(count: int = 1, **what: Any) -> list[Path]:
        if "seed" not in what:
            what["seed"] = next(it for it in free if it not in taken)
        taken.add(what["seed"])
        made = testing.made_up_instances(count, **what)
        return testing.write_instances(tmp_path / "dicom_files", made)

    return write
