"""What a peer says about keeping the instances in files, file by file."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final

import trio
from attrs import evolve, frozen

from trio_dicom import (
    CommitmentResult,
    InstanceReference,
    LocalProtocolError,
    c_store_request,
)
from trio_dicom.cli.files import Found, is_beside_the_point

__all__ = ["Kept", "Verdict", "look_at"]


class Verdict(Enum):
    """What is known about a file's instance, in one word."""

    COMMITTED = "committed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ERROR = "error"
    SKIPPED = "skipped"


_STYLES: Final = {
    Verdict.COMMITTED: "green",
    Verdict.FAILED: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.ERROR: "bold red",
    Verdict.SKIPPED: "dim",
}
_WIDTH: Final = max(len(verdict.value) for verdict in Verdict)


@frozen(kw_only=True)
class Kept:
    """What is known about one file's instance.

    Attributes:
        path: The file.
        verdict: What is known.
        reference: The instance in it, if it is one.
        reason: The peer's failure reason, if it gave one.
        error: Why it is not kept, or what is wrong with the file.
        retrieve_ae: From whom the instance can be retrieved, if the peer says so.
    """

    path: Path
    verdict: Verdict = Verdict.UNKNOWN
    reference: InstanceReference | None = None
    reason: int | None = None
    error: str | None = None
    retrieve_ae: str | None = None

    def by(self, result: CommitmentResult) -> Kept:
        """The same when the peer has reported."""
        for it in result.instances:
            if it.reference != self.reference:
                continue
            if it.committed:
                ae_title = it.retrieve_ae or None
                return evolve(self, verdict=Verdict.COMMITTED, retrieve_ae=ae_title)
            return evolve(self, verdict=Verdict.FAILED, reason=it.failure_reason, error=it.words)
        return self

    def words(self) -> tuple[tuple[str, str], str]:
        """A line for people: the verdict and its style, then the rest."""
        text = f"{self.path}: {self.error}" if self.error else str(self.path)
        return (f"{self.verdict.value:<{_WIDTH}}  ", _STYLES[self.verdict]), text

    def fields(self, transaction_uid: str | None) -> dict[str, object]:
        """An object for programs.

        Args:
            transaction_uid: That of the request, if there was one.
        """
        reference = self.reference
        return {
            "path": str(self.path),
            "sop_class_uid": None if reference is None else reference.sop_class_uid,
            "sop_instance_uid": None if reference is None else reference.sop_instance_uid,
            "kind": self.verdict.value,
            "reason": self.reason,
            "error": self.error,
            "retrieve_ae": self.retrieve_ae,
            "transaction_uid": None if reference is None else transaction_uid,
        }


async def look_at(found: Found) -> Kept:
    """Which instance is in a file."""
    await trio.lowlevel.checkpoint()
    path = found.path
    if found.problem:
        skipped = found.is_special and not found.is_named
        return Kept(path=path, verdict=_bad(skipped), error=found.problem)
    try:
        request = await c_store_request(path)
    except OSError as error:
        return Kept(path=path, verdict=Verdict.ERROR, error=error.strerror or str(error))
    except LocalProtocolError as error:
        skipped = not found.is_named and await trio.to_thread.run_sync(is_beside_the_point, path)
        words = str(error).removeprefix(f"{path} ")
        return Kept(path=path, verdict=_bad(skipped), error=words)
    return Kept(
        path=path, reference=InstanceReference(request.sop_class_uid, request.sop_instance_uid)
    )


def _bad(skipped: bool) -> Verdict:  # what it is called says so
    return Verdict.SKIPPED if skipped else Verdict.ERROR
