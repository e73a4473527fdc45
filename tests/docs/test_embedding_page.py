"""The page about embedding shows what is tested, and all of it."""

from __future__ import annotations

import re

import pytest

from tests.docs.embedding import EXAMPLES

PAGE = (EXAMPLES.parent / "embedding.rst").read_text()


@pytest.mark.parametrize("name", ["service", "guest_mode", "script", "worklist_page"])
def test_the_page_shows_each_marked_part_of_each_example(name: str) -> None:
    marked = set(re.findall(r"^\s*# \[(\w+)$", (EXAMPLES / f"{name}.py").read_text(), re.MULTILINE))
    shown = set(re.findall(rf"examples/{name}\.py\n.*\n   :start-after: \[(\w+)\n", PAGE))
    assert shown == marked
