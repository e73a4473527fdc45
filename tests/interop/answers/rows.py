"""All rows of the table."""

from __future__ import annotations

from tests.interop.answers import structures, values

__all__ = ["QUESTIONS"]

QUESTIONS = (*values.QUESTIONS, *structures.QUESTIONS)
