"""A directory that takes the instances that peers send."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Final, Literal, TypeAlias

import trio
from attrs import define, field, frozen, validators
from pydicom.uid import UID

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.encoded import StoredDataSet
from trio_dicom._dimse.message import response_to
from trio_dicom._io.failures import Complaints
from trio_dicom._io.syncing import make_folder
from trio_dicom.handler import Destination, InstanceHandler
from trio_dicom.options import Limits
from trio_dicom.status import Code

__all__ = ["Inbox", "Into", "ReceivedInstance", "file_name", "inbox_for"]

_SAFE: Final = re.compile(r"[0-9.]{1,64}")
_HASHED: Final = "sha256-"


@frozen(kw_only=True)
class ReceivedInstance:
    """An instance that came and was stored.

    Attributes:
        path: The DICOM file in which it lies.
        sop_class_uid: Its SOP class.
        sop_instance_uid: The instance.
        transfer_syntax: How its data set is encoded: as it came.
        size: The bytes of its data set.
    """

    path: Path
    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax: UID
    size: int

    @classmethod
    def of(cls, stored: StoredDataSet) -> ReceivedInstance:
        """What lies in a file."""
        return cls(
            path=stored.path,
            sop_class_uid=stored.sop_class_uid,
            sop_instance_uid=stored.sop_instance_uid,
            transfer_syntax=stored.transfer_syntax,
            size=len(stored),
        )


def file_name(sop_instance_uid: str) -> str:
    """The name of the file of an instance: its UID, if that is one that a file can have.

    Anything else would let a peer write where it wants: that becomes ``sha256-HEX.dcm``.
    """
    if _SAFE.fullmatch(sop_instance_uid) and sop_instance_uid.strip("."):
        return f"{sop_instance_uid}.dcm"
    # They were read as latin-1, which has a character for every byte.
    digest = hashlib.sha256(sop_instance_uid.encode("latin-1", "backslashreplace"))
    return f"{_HASHED}{digest.hexdigest()}.dcm"


@define(eq=False)
class Inbox:
    """Stores what comes as DICOM files in one directory, while it comes.

    Each file is named after its SOP instance UID and gets that name when it is complete. It
    holds the data set byte for byte in the transfer syntax in which it came.

    Attributes:
        directory: Where. It is made if it is not there.
        on_exists: As for ``Destination``.
        report: Called with every instance that was stored, in the order in which they were.
            What it raises is logged: the instance is stored, and the peer is told so. One that
            gets its name just while its association ends is reported as well, as
            ``InstanceHandler`` says.
        check: As for ``Destination``.
        durable: As for ``Destination``.
    """

    directory: Path = field(converter=Path)
    on_exists: Literal["replace", "keep", "rename"] = field(
        default="replace",
        kw_only=True,
        validator=validators.in_(("replace", "keep", "rename")),
    )
    report: Callable[[ReceivedInstance], None] | None = field(default=None, kw_only=True)
    check: Callable[[StoredDataSet], int | None] | None = field(default=None, kw_only=True)
    durable: bool = field(default=False, kw_only=True)
    # An inbox takes from many connections, and has no limits of its own.
    _complaints: Complaints = field(
        factory=lambda: Complaints(Limits().complaints), init=False, repr=False
    )

    async def make_directory(self) -> None:
        """Make the directory, with those above it, unless it is there.

        It is made for the first instance anyway: this finds out earlier that it cannot be.

        Raises:
            OSError: That cannot be done.
        """
        is_wanted = True

        def work() -> None:
            if is_wanted:
                make_folder(self.directory, durable=self.durable)

        # A dead mount takes none of the program's own threads.
        limiter = trio.CapacityLimiter(1)
        try:
            await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
        finally:
            # A thread that begins only now would make again what its owner has removed.
            is_wanted = False

    async def c_store_sink(self, request: CStoreRequest) -> Destination:
        """See ``InstanceHandler``."""
        await trio.lowlevel.checkpoint()
        name = file_name(request.sop_instance_uid)
        if name.startswith(_HASHED):
            self._complain("a SOP instance UID that is no file name is stored as %s", name)
        return Destination(
            path=self.directory / name,
            on_exists=self.on_exists,
            makes_directory=True,
            check=self.check,
            durable=self.durable,
        )

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``."""
        # It has its name. If its association ends just now, the program has it all the same.
        await trio.lowlevel.cancel_shielded_checkpoint()
        if not isinstance(request.data_set, StoredDataSet):  # the sink was not asked: it has none
            return response_to(
                request, Code.CANNOT_UNDERSTAND, error_comment="there is no data set"
            )
        if self.report is not None:
            try:
                self.report(ReceivedInstance.of(request.data_set))
            except Exception:  # noqa: BLE001 - logged with its traceback
                # It has its name: a refusal would be untrue, and have it sent again.
                self._complain(
                    "the report of an instance failed, which is stored all the same", is_bug=True
                )
        return response_to(request, Code.SUCCESS)

    def _complain(self, words: str, *arguments: object, is_bug: bool = False) -> None:
        self._complaints.log(f"the inbox {self.directory}", words, *arguments, is_bug=is_bug)


Into: TypeAlias = str | PathLike[str] | InstanceHandler
"""Where instances go: a directory, an ``Inbox``, or whoever takes them."""


async def inbox_for(into: Into) -> InstanceHandler:
    """The handler that ``into`` means, ready to take instances.

    Args:
        into: A directory, which becomes an ``Inbox``; or a handler, which stays as it is.

    Raises:
        OSError: The directory cannot be made.
    """
    handler = Inbox(Path(into)) if isinstance(into, str | PathLike) else into
    if isinstance(handler, Inbox):
        await handler.make_directory()
    else:
        await trio.lowlevel.checkpoint()
    return handler
