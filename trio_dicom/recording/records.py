"""One line of a recording, as a value and as JSON."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from attrs import field, frozen

from trio_dicom._wire.header import PduType

__all__ = ["KIND_OF_PDU", "Record", "RecordKind", "Side"]


class Side(Enum):
    """Who it was."""

    US = "us"
    PEER = "peer"

    @property
    def other(self) -> Side:
        """Whoever it was not."""
        return Side.PEER if self is Side.US else Side.US


class RecordKind(Enum):
    """What happened: a PDU was sent, or something else."""

    CONNECTION = "connection"
    NO_CONNECTION = "no connection"
    ASSOCIATE_RQ = "A-ASSOCIATE-RQ"
    ASSOCIATE_AC = "A-ASSOCIATE-AC"
    ASSOCIATE_RJ = "A-ASSOCIATE-RJ"
    P_DATA_TF = "P-DATA-TF"
    RELEASE_RQ = "A-RELEASE-RQ"
    RELEASE_RP = "A-RELEASE-RP"
    ABORT = "A-ABORT"
    NO_PDU = "no PDU"
    END_OF_FILE = "end of file"
    RESET = "reset"
    CLOSE = "close"


KIND_OF_PDU: Final[Mapping[PduType, RecordKind]] = {it: RecordKind[it.name] for it in PduType}


def _hide(data: bytes | None) -> str:
    return "None" if data is None else f"<{len(data)} bytes>"


@frozen(kw_only=True)
class Record:
    """Something that one side did.

    Attributes:
        time: When, in seconds since the recording began.
        association: On which connection: 1, 2, and so on, in the order in which they began.
        by: Who did it. A connection is begun by whoever called.
        kind: What it was. ``NO_CONNECTION`` is a call from which no connection came, as it was
            refused, or TLS did not work. ``NO_PDU`` is bytes that are no PDU, or not all of
            one; ``RESET`` is how the peer's side broke, also by TLS that did not work, ``CLOSE``
            that we have closed ours.
        length: How many bytes were sent; 0 if it was no bytes.
        summary: What was said, without what may be about patients, and without secrets: which
            members there are depends on the kind.
        data: The bytes themselves, where they were recorded.
    """

    time: float
    association: int
    by: Side
    kind: RecordKind
    length: int = 0
    summary: Mapping[str, Any] = field(factory=dict[str, Any])
    data: bytes | None = field(default=None, repr=_hide)

    def encode(self) -> bytes:
        """The line, with its end."""
        values: dict[str, Any] = {
            "time": round(self.time, 6),
            "association": self.association,
            "by": self.by.value,
            "what": self.kind.value,
        }
        if self.length:
            values["length"] = self.length
        values |= self.summary
        if self.data is not None:
            values["bytes"] = b64encode(self.data).decode("ascii")
        return json.dumps(values).encode("ascii") + b"\n"

    @classmethod
    def decode(cls, line: str | bytes) -> Record:
        """The value of a line.

        Raises:
            ValueError: It is none of a recording.
        """
        try:
            values = json.loads(line)
            data = values.pop("bytes", None)
            return cls(
                time=float(values.pop("time")),
                association=int(values.pop("association")),
                by=Side(values.pop("by")),
                kind=RecordKind(values.pop("what")),
                length=int(values.pop("length", 0)),
                summary=values,
                data=None if data is None else b64decode(data, validate=True),
            )
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"no line of a recording: {error!r}") from error
