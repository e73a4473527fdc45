"""Why a service of the archive does not do what it is asked for."""

from __future__ import annotations

from trio_dicom.status import Status

__all__ = ["AssociationOver", "Refused"]


class AssociationOver(Exception):
    """The association has ended while we had something to say."""


class Refused(Exception):
    """A request that is answered with a failure.

    Attributes:
        status: Which one.
        error_id: The Error ID (0000,0903) of the answer, where the standard has one.
    """

    def __init__(self, status: Status | int, comment: str, *, error_id: int | None = None) -> None:
        super().__init__(comment)
        self.status = status
        self.error_id = error_id
