"""The benchmarks, at a scale at which nothing is measured but everything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import measure
from benchmarks.__main__ import main
from benchmarks.contenders import Contender, Peers, contender
from benchmarks.content import SAME_BYTES, compared
from benchmarks.curves import CURVES, measured
from benchmarks.measure import Failed, Laboratory
from benchmarks.report import curve_table, page, table
from benchmarks.results import Run
from benchmarks.works import WORKS

# Two files, two echoes, twenty matches.
TINY = 0.002


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path, Peers(), lambda _: None)


def rows(text: str) -> list[str]:
    """The first cells of the tables in a Markdown text."""
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]


def a_client_that_does(what: str, folder: Path) -> Contender:
    """A client whose work is this expression of the ``job``."""
    client = folder / "client.py"
    client.write_text(f"ACTIONS = {{'store': lambda job: lambda: {what}}}\n")
    driver = contender("trio_dicom", "store", Peers()).driver
    return Contender("somebody", (*driver[:-1], str(client)))


@pytest.mark.parametrize("name", ["slices", "find-tls", "associations"])
def test_each_client_gets_a_row_beside_ours(laboratory: Laboratory, name: str) -> None:
    work = WORKS[name].scaled(TINY)
    outcome = laboratory.do(work, 1, ("trio_dicom", "pynetdicom", "bare"))
    assert not outcome.failed
    text = page([outcome], {}, {name: {"machine": "of the test"}})
    both = {"trio_dicom", "pynetdicom"}
    assert both | ({"bare"} if name == "slices" else set()) <= set(rows(text))
    ratio = outcome.shares()["pynetdicom"].ratio
    assert ratio is not None
    assert f"{ratio:.2f}" in text


def test_instances_in_memory_arrive_as_well(laboratory: Laboratory) -> None:
    outcome = laboratory.do(WORKS["large-memory"].scaled(TINY), 1, ("trio_dicom", "bare"))
    assert not outcome.failed
    assert outcome.runs.keys() == {"trio_dicom", "bare"}


def test_a_window_and_several_associations_lose_nothing(laboratory: Laboratory) -> None:
    names = ("ours-window-16", "ours-4-associations")
    outcome = laboratory.do(WORKS["small"].scaled(TINY * 4), 1, names)
    assert not outcome.failed
    assert outcome.runs.keys() == set(names)


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("len(job['paths'])", "instances arrived"),  # it says so, and has sent nothing
        ("0", "did 0 of 2"),
        ("1 / 0", "ended with 1"),
    ],
)
def test_a_client_that_does_less_has_no_result(
    laboratory: Laboratory, tmp_path: Path, does: str, why: str
) -> None:
    work = WORKS["small"].scaled(TINY / 2)
    with laboratory.server(work) as server, pytest.raises(Failed, match=why):
        laboratory.once(work, a_client_that_does(does, tmp_path), server)


def test_pynetdicom_sends_files_as_they_are(laboratory: Laboratory) -> None:
    work = WORKS["small"].scaled(TINY / 2)
    sent = laboratory.files(work.count, work.size).paths
    first = bytes.fromhex("08000500")  # Specific Character Set
    # pydicom would not write a group length again.
    group_length = bytes.fromhex("08000000") + b"UL" + bytes.fromhex("040008000000")
    for path in sent:
        path.write_bytes(path.read_bytes().replace(first, group_length + first, 1))
    with laboratory.server(work, keep=True) as server:
        laboratory.once(work, contender("pynetdicom", "store", Peers()), server)
        assert compared(sent, server.instances()) == SAME_BYTES


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        ("job['paths'][:1]", "of somebody 1 of 2 instances arrived"),
        ("job['paths'][:1] * 2", "instance 2.25.1000000000001 arrived, which was not to come"),
    ],
)
def test_a_client_that_sends_something_else_is_not_measured_and_hides_nobody(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    paths: str,
    why: str,
) -> None:
    ours = contender("trio_dicom", "store", Peers()).driver[-1]
    sends = f"(ours({{**job, 'paths': {paths}}})(), len(job['paths']))[1]"
    cheats = a_client_that_does(sends, tmp_path)
    client = tmp_path / "client.py"
    prepare = f"import runpy\nours = runpy.run_path({ours!r})['ACTIONS']['store']\n"
    client.write_text(prepare + client.read_text())

    def chosen(name: str, action: str, peers: Peers) -> Contender:
        return cheats if name == "pynetdicom" else contender(name, action, peers)

    monkeypatch.setattr(measure, "contender", chosen)
    monkeypatch.setattr(measure, "_SECOND_TRIES", 0)
    who = "--contenders=trio_dicom,pynetdicom"
    assert main(["--only=small", f"--scale={TINY / 2}", "--rounds=1", who]) == 1
    said = capsys.readouterr().out
    assert f"**somebody failed**: {why}" in said
    assert "same bytes" in said
    assert "trio_dicom" in rows(said)
    assert "somebody" not in rows(said)


def test_a_peer_may_try_again_and_the_report_says_so(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = contender("trio_dicom", "store", Peers())
    breaks = a_client_that_does("1 / 0", tmp_path)
    tried: list[str] = []

    def drive(self: Laboratory, who: Contender, job: dict[str, object]) -> Run:
        tried.append(who.name)
        return original(self, breaks if len(tried) == 1 else ours, job)

    original = Laboratory._drive
    monkeypatch.setattr(Laboratory, "_drive", drive)
    outcome = laboratory.do(WORKS["small"].scaled(TINY / 2), 1, ("pynetdicom",))
    assert not outcome.failed
    assert len(tried) == 3  # once more when it broke, and once to be measured
    assert "Runs of pynetdicom that broke off and were repeated: 1." in table(outcome)


def test_a_peer_that_is_not_here_is_named_with_the_reason(
    laboratory: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = laboratory.do(WORKS["echo"].scaled(TINY), 1, ("trio_dicom", "pydcm"))
    assert "pydcm did not take part: no Python that has pydcm" in page([outcome], {}, {})


def test_a_curve_has_a_row_for_each_size(laboratory: Laboratory) -> None:
    (files,) = (curve for curve in CURVES if curve.name == "files")
    points = measured(laboratory, files, 1, 0.001)
    assert [point.size for point in points] == [10, 100]
    assert {"10", "100"} <= set(rows(curve_table(files, points)))


def test_an_unknown_work_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only=nonsense"])
    assert "small" in capsys.readouterr().err
