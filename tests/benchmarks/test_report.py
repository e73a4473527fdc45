"""What the page says of runs, without doing any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.curves import CURVES, Point
from benchmarks.kept import Conditions, Kept
from benchmarks.report import page, table
from benchmarks.results import Outcome, Run
from benchmarks.works import WORKS

MIB = 1024 * 1024


def runs(*seconds: float, done: int = 10, start: float = 0.0) -> list[Run]:
    return [Run(each, done, 50 * MIB, start) for each in seconds]


def line(text: str, *begin: str) -> list[str]:
    """The cells of the row of a table that begins with these."""
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]
    (found,) = (row for row in rows if row[: len(begin)] == list(begin))
    return found


def of_import(ours: float, dependencies: float) -> Outcome:
    return Outcome(WORKS["import"], {"trio_dicom": runs(ours), "dependencies": runs(dependencies)})


@pytest.mark.parametrize(
    ("dependencies", "said", "found"),
    [(0.826, "**not reached**", "0.826"), (1 / 1.2, "reached", "0.8333")],
)
def test_a_goal_that_is_nearly_reached_is_not_reached(
    dependencies: float, said: str, found: str
) -> None:
    text = page([of_import(1.0, dependencies)], {}, {})
    title = WORKS["import"].title
    assert line(text, title) == [title, "dependencies", "0.8333", found, "1, 1", said]


def test_the_goals_say_how_many_rounds_each_side_did() -> None:
    work = WORKS["large-disk"]
    outcome = Outcome(work, {"trio_dicom": runs(1, 1, 1, 1, 1), "pynetdicom": runs(30)})
    text = page([outcome], {}, {})
    assert line(text, work.title, "pynetdicom")[4:] == ["5, 1", "reached"]
    assert line(text, work.title, "memory")[4:] == ["5", "reached"]


def test_a_time_of_which_nothing_is_left_is_no_time() -> None:
    work = replace(WORKS["small"], goals={"storescu": 1.0})
    outcome = Outcome(work, {"trio_dicom": runs(1, 1), "storescu": runs(0.1, -0.001, start=0.05)})
    storescu = line(table(outcome), "storescu")
    assert storescu[1:4] == ["less than its start", "", ""]
    assert storescu[-1] == "1: not measured"
    assert outcome.ratios() == {}


def test_nobody_is_compared_with_a_time_of_ours_of_which_nothing_is_left() -> None:
    outcome = of_import(-0.1, 1.0)
    assert outcome.ratios() == {}
    assert line(table(outcome), "dependencies")[2] == ""


def test_no_curve_is_called_as_a_work_is() -> None:
    assert not {curve.name for curve in CURVES} & WORKS.keys()


def kept(path: Path, facts: dict[str, str], *names: str, seconds: float) -> Path:
    measured = Kept()
    conditions = Conditions(facts, scale=0.5, changes={"window": 4})
    for name in names:
        if name in WORKS:
            outcome = Outcome(conditions.work(name), {"trio_dicom": runs(seconds)})
            outcome.missing["pydcm"] = "it is elsewhere"
            outcome.content["trio_dicom"] = "same bytes"
            measured.add(outcome, name, conditions)
        else:
            measured.add([Point(10, seconds, MIB)], name, conditions)
    measured.write(path)
    return path


def test_what_is_kept_is_what_was_measured(tmp_path: Path) -> None:
    path = kept(tmp_path / "kept.json", {"cores": "2"}, "small", "files", seconds=3.0)
    read = Kept.read([path])
    (outcome,), curves = read.in_order()
    assert outcome.work == replace(WORKS["small"], window=4).scaled(0.5)
    assert outcome.runs == {"trio_dicom": runs(3.0)}
    assert outcome.missing == {"pydcm": "it is elsewhere"}
    assert outcome.content == {"trio_dicom": "same bytes"}
    assert curves["files"][1] == [Point(10, 3.0, MIB)]
    read.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == path.read_text()


def test_of_several_runs_the_last_that_has_a_work_counts_and_has_its_facts(
    tmp_path: Path,
) -> None:
    first = kept(tmp_path / "first.json", {"cores": "2"}, "small", "echo", seconds=1.0)
    second = kept(tmp_path / "second.json", {"cores": "64"}, "slices", "small", seconds=2.0)
    both = Kept.read([first, second])
    text = page(*both.in_order(), {name: each.facts for name, each in both.conditions.items()})
    assert "Of one run are small, slices:\n\n- cores: 64" in text
    assert "Of one run are echo:\n\n- cores: 2\n" in text
    titles = [row[3:] for row in text.splitlines() if row.startswith("## ")]
    assert titles == [WORKS[name].title for name in ("slices", "small", "echo")]
    assert [row for row in text.splitlines() if row.startswith("| trio_dicom | 200 ms")]


def test_a_run_keeps_each_work_and_spoils_nothing_that_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    run = ["--only=echo", "--rounds=1", "--scale=0.002", "--contenders=trio_dicom"]
    assert main([*run, f"--keep={path}"]) == 0
    assert Kept.read([path]).outcomes.keys() == {"echo"}
    with pytest.raises(SystemExit):
        main([*run, f"--keep={path}"])
