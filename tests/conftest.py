"""What all tests share: how hard Hypothesis tries, pydicom's files, and what is shown."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pydicom.data
import pytest
from hypothesis import HealthCheck, settings

from tests.interop.programs import program
from tests.secrecy import Secrecy

pytest_plugins = ["pytester", "trio_dicom.testing.plugin"]

SCENARIOS = [f"B{number:02}" for number in range(1, 71)]
PITFALLS = list(range(1, 34))

# The default is the same on every machine and in every run: a red test stays red.
settings.register_profile(
    "default",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
# The long one looks for what nobody thought of: `nox -s fuzz`.
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=5_000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def pydicom_files() -> Path:
    """The folder of pydicom's own test files, as installed; nothing is downloaded."""
    return Path(pydicom.data.__file__).parent / "test_files"


@pytest.fixture(scope="session")
def dcmtk() -> None:
    """Skips the test where DCMTK is missing, before anything is started."""
    program("storescp", package="dcmtk")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Secrecy(), "secrecy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--scenarios",
        action="store_true",
        help="print how many of the selected tests show each scenario and each pitfall",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    shown: Counter[object] = Counter()
    for item in items:
        for marker in (*item.iter_markers("scenario"), *item.iter_markers("pitfall")):
            unknown = set(marker.args) - {*SCENARIOS, *PITFALLS}
            if unknown:
                raise pytest.UsageError(f"{item.nodeid} names no known behaviour: {unknown}")
            shown.update(marker.args)
    config.stash[_SHOWN] = shown


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not config.getoption("--scenarios"):
        return
    shown = config.stash[_SHOWN]
    for name, numbers in (("scenarios", SCENARIOS), ("pitfalls", PITFALLS)):
        terminalreporter.section(name)
        counts = [f"{number}:{shown[number]}" for number in numbers if shown[number]]
        terminalreporter.line("shown  " + " ".join(counts))
        missing = [str(number) for number in numbers if not shown[number]]
        terminalreporter.line("not    " + (" ".join(missing) or "none"))


_SHOWN: pytest.StashKey[Counter[object]] = pytest.StashKey()
