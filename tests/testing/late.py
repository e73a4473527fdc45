"""An archive that takes its time for an answer."""

from __future__ import annotations

import pytest
import trio

from trio_dicom import NegotiatedContext
from trio_dicom._dimse.message import Message, Response
from trio_dicom.testing._archive.session import Session

__all__ = ["answer_late"]


def answer_late(monkeypatch: pytest.MonkeyPatch, late: type[Response], *, seconds: float) -> None:
    """Have every archive wait for so long before it sends a ``late``."""
    send = Session.send

    async def send_late(self: Session, message: Message, context: NegotiatedContext) -> None:
        if isinstance(message, late):
            await trio.sleep(seconds)
        await send(self, message, context)

    monkeypatch.setattr(Session, "send", send_late)
