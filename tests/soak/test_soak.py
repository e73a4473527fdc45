"""A short run of what ``nox -s soak`` runs for long, and that it would notice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from tests.operations.calling import calling, receiving
from tests.operations.getting import files_in
from tests.soak.ledger import Ledger
from tests.soak.measuring import MEMORY_BYTES, Sample, growth
from tests.soak.soaking import has_dcmtk, soak
from trio_dicom import Inbox

QUIET = Sample(memory=50_000_000, descriptors=9, tasks=7, threads=3)


@pytest.mark.interop
async def test_what_is_reported_is_true_over_links_that_break(tmp_path: Path) -> None:
    result = await soak(
        tmp_path,
        operations=300,
        associations=40,
        rounds=2,
        seed=7,
        faulty=0.5,
        dcmtk=has_dcmtk(),
        report=lambda _: None,
    )
    sys.stdout.write(result.numbers() + "\n")
    result.check(memory=False)
    assert result.work.operations > 150
    assert result.broken.total() > 3


async def _put(folder: Path, ledger: Ledger, numbers: range) -> None:
    async with receiving(Inbox(folder)) as receiver, calling(receiver) as association:
        for number in numbers:
            await association.send_request(ledger.offer(number).request)
            ledger.stored.add(number)


def _lose(folder: Path) -> None:
    (folder / "1.2.1.dcm").unlink()


def _change(folder: Path) -> None:
    path = folder / "1.2.1.dcm"
    path.write_bytes(path.read_bytes()[:-2] + b"\1\1")


def _leave_half(folder: Path) -> None:
    (folder / ".trio_dicom-0123456789abcdef.part").touch()


def _add(folder: Path) -> None:
    (folder / "1.2.9.dcm").write_bytes((folder / "1.2.1.dcm").read_bytes())
    (folder / "1.2.1.dcm").write_bytes(b"junk")


@pytest.mark.parametrize("spoil", [_lose, _change, _leave_half, _add])
async def test_what_is_not_true_is_noticed(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    ledger = Ledger(tmp_path, is_strict=True)
    await _put(tmp_path, ledger, range(3))
    ledger.check()
    assert files_in(tmp_path) == []
    await _put(tmp_path, ledger, range(3))
    spoil(tmp_path)
    with pytest.raises(AssertionError):
        ledger.check()


async def test_an_instance_of_which_nothing_was_said_is_noticed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, is_strict=True)
    ledger.offer(1)
    with pytest.raises(AssertionError, match="nothing was said"):
        ledger.check()


def test_what_grows_is_noticed() -> None:
    assert growth([QUIET] * 4) == []
    for name in ("descriptors", "tasks"):
        more = evolve(QUIET, **{name: 10})
        assert growth([QUIET, QUIET, QUIET, more]) == [
            f"{name}: {getattr(QUIET, name)} at most in the first half, 10 in the second"
        ]
        assert growth([QUIET, more, more, QUIET]) == []
    larger = evolve(QUIET, memory=round(QUIET.memory * 1.05) + MEMORY_BYTES + 1000)
    assert len(growth([QUIET, QUIET, larger, larger])) == 1
    assert growth([QUIET, QUIET, larger, larger], memory=False) == []
