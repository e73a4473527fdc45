"""Every public operation, cancelled at every step: nothing stays, and the next one works."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import CodeType

import pytest
import trio
from trio.testing import MockClock

from tests.faults import cases_alone, cases_c, cases_n
from tests.faults.cancelling import StepCanceller, at_every_step
from tests.faults.loop_threads import run_in_loop, run_soon_in_loop
from tests.faults.operations import note_calls, public_operations
from tests.faults.scenes import Case, Files, play
from tests.operations.storing import ct_file
from tests.testing.builders import instance
from trio_dicom.testing import Instances

pytestmark = pytest.mark.scenario("B44", "B46", "B47", "B49", "B66")

CASES = (*cases_c.CASES, *cases_n.CASES, *cases_alone.CASES)
SEEDS = range(10 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 1)

# How many steps of each case were cancelled.
_cancelled: dict[str, int] = {}


def name_of(case: Case) -> str:
    parts = [case.name, f"window={case.window}" * (case.window > 1)]
    return "-".join(filter(None, [*parts, f"capacity={case.capacity}" * bool(case.capacity)]))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    directory = tmp_path_factory.mktemp("instances")
    return Files(
        small=ct_file(directory, 1),
        other=ct_file(directory, 2),
        long=ct_file(directory, 3, size=6_000),
        inbox=tmp_path_factory.mktemp("inbox") / "it",
    )


@pytest.fixture(scope="module")
def instances() -> Instances:
    kept = Instances()
    for number in (1, 2):
        kept.add(instance(number, StudyInstanceUID="1.2"))
    return kept


@pytest.fixture
def threads_in_the_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trio.to_thread, "run_sync", run_in_loop)
    monkeypatch.setattr(trio.lowlevel, "start_thread_soon", run_soon_in_loop)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


async def play_once(
    case: Case, files: Files, canceller: StepCanceller, instances: Instances
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        await play(
            case,
            files,
            canceller,
            lambda connect: monkeypatch.setattr(trio, "open_tcp_stream", connect),
            instances if case.has_archive else None,
        )


@pytest.mark.usefixtures("threads_in_the_loop")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_cancelled_at_any_step_it_leaves_nothing_and_the_next_one_works(
    case: Case, seed: int, files: Files, instances: Instances
) -> None:
    async def main() -> int:
        return await at_every_step(
            lambda canceller: play_once(case, files, canceller, instances), seed=seed
        )

    steps = trio.run(main, clock=MockClock(autojump_threshold=0))
    _cancelled[name_of(case)] = _cancelled.get(name_of(case), 0) + steps
    sys.stdout.write(
        f"{name_of(case)}: {steps} steps cancelled, {sum(_cancelled.values())} so far\n"
    )


@pytest.mark.usefixtures("threads_in_the_loop")
def test_there_is_a_case_for_every_public_operation(files: Files, instances: Instances) -> None:
    called: set[CodeType] = set()

    async def main() -> None:
        for case in CASES:
            with note_calls(called):
                await play_once(case, files, StepCanceller(-1), instances)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    operations = public_operations()
    assert len(operations) > 60
    missing = [name for name, code in operations.items() if code not in called]
    assert not missing, f"no case in tests/faults calls {missing}"
    sys.stdout.write(f"{len(operations)} public operations, {len(CASES)} cases\n")
