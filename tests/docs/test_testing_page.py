"""The page of the test kit: its first test is short, and runs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import trio_dicom.testing
from trio_dicom.testing import plugin

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "test_fetch_study.py"
PAGE = DOCS / "testing.rst"


def the_test() -> ast.AsyncFunctionDef:
    [test] = [
        it
        for it in ast.parse(EXAMPLE.read_text()).body
        if isinstance(it, ast.AsyncFunctionDef) and it.name.startswith("test_")
    ]
    return test


def test_the_test_of_a_new_user_is_short_and_needs_neither_port_nor_sleep_nor_mock() -> None:
    test = the_test()
    assert test.end_lineno is not None
    assert test.end_lineno - test.lineno + 1 < 15
    names = {it.id for it in ast.walk(test) if isinstance(it, ast.Name)}
    names |= {it.attr for it in ast.walk(test) if isinstance(it, ast.Attribute)}
    assert not [it for it in names if any(word in it for word in ("port", "sleep", "mock"))]


def test_the_test_passes_as_it_stands(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makepyfile(test_fetch_study=EXAMPLE.read_text())
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_page_shows_it_first() -> None:
    shown = [it for it in PAGE.read_text().splitlines() if "literalinclude::" in it]
    assert shown[0].endswith(" examples/test_fetch_study.py")


@pytest.mark.parametrize("name", [*plugin.__all__, *trio_dicom.testing.__all__])
def test_the_page_names_everything_in_the_kit(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text()
