"""The page of pitfalls names tests that exist, and every pitfall that a peer can set."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/pitfalls.md").read_text()


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(\S+\.py)::(\w+)`", PAGE))
    assert len(named) > 40
    for file, name in named:
        source = (ROOT / "tests" / file).read_text()
        assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{file}::{name}"


def test_every_pitfall_that_a_peer_can_set_is_on_the_page() -> None:
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == set(
        range(16, 34)
    )


def test_every_test_of_hostile_peers_is_on_the_page_or_about_limits() -> None:
    """What nobody finds on the page might as well not be there."""
    for path in (ROOT / "tests/faults").glob("test_broken*.py"):
        for name in re.findall(r"^async def (test_\w+)", path.read_text(), re.MULTILINE):
            assert f"faults/{path.name}::{name}" in PAGE
