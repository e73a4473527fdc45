"""Why a service of the archive does not do what it is asked for."""

from __future__ import annotations

from typing import Any

from trio_dicom.status import Status

__all__ = ["AssociationOver", "Refused"]


class AssociationOver(Exception):
    """The association has ended while we had something to say."""


class Refused(Exception):
    """A request that is answered with a failure.

    Attributes:
        status: Which one.
        fields: What the answer says besides the comment, by the names of its fields.
    """

    def __init__(self, status: Status | int, comment: str, **fields: Any) -> None:
        super().__init__(comment)
        self.status = status
        self.fields = fields
