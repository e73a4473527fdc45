"""The DIMSE-N services of an association (PS3.7 10.1)."""

from __future__ import annotations

from attrs import define

from trio_dicom._operations.requester import Requester

__all__ = ["NServices"]


@define(eq=False)
class NServices(Requester):
    """N-GET, N-SET, N-ACTION, N-CREATE, N-DELETE and N-EVENT-REPORT."""
