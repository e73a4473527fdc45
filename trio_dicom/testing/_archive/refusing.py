"""Why a service of the archive does not do what it is asked for."""

from __future__ import annotations

from trio_dicom.status import Code

__all__ = ["AssociationOver", "Refused"]


class AssociationOver(Exception):
    """The association has ended while we had something to say."""


class Refused(Exception):
    """A request that is answered with a failure.

    Attributes:
        status: Which one.
    """

    def __init__(self, status: Code, comment: str) -> None:
        super().__init__(comment)
        self.status = status
