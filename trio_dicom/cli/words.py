"""Errors in words, for whoever runs a command."""

from __future__ import annotations

from trio_dicom import StatusError, TrioDicomError

__all__ = ["words_of"]


def words_of(error: TrioDicomError) -> str:
    """What happened, with what the peer comments on it: whoever asked it may read the answer."""
    comment = error.comment if isinstance(error, StatusError) else ""
    return f"{error}: {comment}" if comment else str(error)
