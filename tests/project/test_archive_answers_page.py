"""The page about the answers of archives is what its rows say."""

from __future__ import annotations

from tests.interop.answers.page import PAGE, text


def test_the_page_says_what_the_rows_say() -> None:
    assert PAGE.read_text() == text(), "python -m tests.interop.answers.page writes it"
