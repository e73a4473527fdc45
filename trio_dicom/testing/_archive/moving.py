"""C-MOVE: instances sent to somebody else (PS3.4 C.4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_dicom._dimse.c_messages import CMoveRequest
from trio_dicom._dimse.message import Response
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code
from trio_dicom.testing._archive.refusing import Refused

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["move"]


async def move(_session: Session, _request: CMoveRequest, _on: NegotiatedContext) -> Response:
    """Nobody to move to is known."""
    await trio.lowlevel.checkpoint()
    raise Refused(Code.MOVE_DESTINATION_UNKNOWN, "the archive knows nobody to move to")
