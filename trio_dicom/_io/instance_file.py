"""Writing an instance into a file while it arrives: the half that lives in threads."""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from attrs import define, field
from pydicom.uid import UID

from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._dimse.encoded import StoredDataSet
from trio_dicom._dimse.headers import Bytes
from trio_dicom._dimse.part10 import LOOK, file_meta_bytes, sop_uids
from trio_dicom._io.file_heads import look_at
from trio_dicom._io.naming import give_name
from trio_dicom._io.syncing import make_folder, sync_name
from trio_dicom.errors import LocalProtocolError
from trio_dicom.handler import Destination
from trio_dicom.status import Code, Service, Status

__all__ = ["InstanceFile", "NotKept"]

_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class NotKept(Exception):
    """The instance is not kept, and what the peer is told.

    Attributes:
        status: The status of the answer.
        comment: Its error comment.
    """

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status = status
        self.comment = comment

    @classmethod
    def because_of(cls, error: OSError) -> NotKept:
        """What a file that cannot be written means for the peer (PS3.4 Table B.2-1)."""
        if error.errno in _OUT_OF_SPACE:
            kept = cls(Code.OUT_OF_RESOURCES, "the disk is full")
        elif error.errno in _OUT_OF_RESOURCES:
            kept = cls(Code.OUT_OF_RESOURCES, "no file could be opened")
        else:
            kept = cls(Code.PROCESSING_FAILURE, "the file could not be written")
        kept.__cause__ = error
        return kept


# What fails is a value: an abandoned thread has no taker.
_Result: TypeAlias = StoredDataSet | NotKept | None


@define(eq=False)
class InstanceFile:
    """A DICOM file that grows aside until it is complete.

    ``write`` and ``finish`` run in threads, one at a time, and may be abandoned: after
    ``discard`` the thread cleans up that is at work.

    Args:
        destination: Its place, or None for a temporary file, whose name is of no interest.
        request: What announces the instance.
        transfer_syntax: How its data set is encoded.
        source_ae: The AE title that sends it.

    Attributes:
        unclaimed: What has its name here, until somebody is told of it: as the last of
            ``finish``, whose result nobody gets once it is abandoned.
    """

    _destination: Destination | None
    _request: CStoreRequest
    _transfer_syntax: UID
    _source_ae: str
    _aside: Path = field(init=False)
    _head: bytes = field(init=False, repr=False)
    _file: BinaryIO | None = field(default=None, init=False)
    _beginning: bytes = field(default=b"", init=False, repr=False)
    _length: int = field(default=0, init=False)
    _idle: threading.Condition = field(factory=threading.Condition, init=False)
    _is_busy: bool = field(default=False, init=False)
    _is_unwanted: bool = field(default=False, init=False)
    unclaimed: StoredDataSet | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        name = f".trio_dicom-{secrets.token_hex(8)}.part"
        if self._destination is None:
            self._aside = Path(tempfile.gettempdir(), name)
        else:
            self._aside = self._destination.path.with_name(name)
        self._head = file_meta_bytes(
            sop_class_uid=self._request.sop_class_uid,
            sop_instance_uid=self._request.sop_instance_uid,
            transfer_syntax=self._transfer_syntax,
            source_ae=self._source_ae,
        )

    @property
    def takes_time_to_discard(self) -> bool:
        """Whether there is something to remove, or a thread is at work on it."""
        return self._file is not None or self._is_busy

    @property
    def _is_durable(self) -> bool:
        return self._destination is not None and self._destination.durable

    def write(self, *pieces: Bytes) -> _Result:
        """Write the next bytes; ``NotKept`` if that cannot be done, else None."""

        def work() -> None:
            self._write(pieces)

        return self._guarded(work)

    def finish(self, *pieces: Bytes) -> _Result:
        """Write the last bytes, look at what it is, and give it its name.

        Returns:
            Where it lies, or why it is not kept; None when it was discarded meanwhile.
        """

        def work() -> StoredDataSet | None:
            self._write(pieces)
            if self._file is not None:
                if self._is_durable:  # before it has a name that promises a whole file
                    os.fsync(self._file.fileno())
                self._file.close()
            stored = self._stored(self._aside)
            if self._destination is None:
                return stored
            self._check(stored, self._destination)
            if self._is_unwanted:
                # Perhaps long ago: something newer may have the name by now.
                return None
            path = give_name(self._aside, self._destination)
            self._file = None  # nothing lies aside any more
            if self._is_durable:
                sync_name(path or self._destination.path)
            if path is None:
                self.unclaimed = self._existing(self._destination.path)
            else:
                self.unclaimed = self._stored(path)
            return self.unclaimed

        return self._guarded(work)

    def give_up(self) -> None:
        """Give it no name from here on. ``discard`` is still to be called."""
        # Without the lock, which a thread may hold that removes a file from a dead mount.
        self._is_unwanted = True

    def discard(self, patience: float = 0.0) -> None:
        """Remove what there is of it, now or as soon as the thread at work is done.

        What has its name already keeps it.

        Args:
            patience: Seconds to wait for that thread, so that nothing is left when the
                program ends.
        """
        with self._idle:
            self._is_unwanted = True
            if self._idle.wait_for(lambda: not self._is_busy, patience):
                self._remove()

    def _guarded(self, work: Callable[[], StoredDataSet | None]) -> _Result:
        with self._idle:
            if self._is_unwanted:
                return None
            self._is_busy = True
        try:
            return work()
        except NotKept as reason:
            return reason
        except OSError as error:
            return NotKept.because_of(error)
        finally:
            self._leave_work()

    def _leave_work(self) -> None:
        with self._idle:
            self._is_busy = False
            if self._is_unwanted:
                self._remove()
            self._idle.notify_all()

    def _write(self, pieces: Sequence[Bytes]) -> None:
        if self._file is None:
            self._file = self._open()
            _write_fully(self._file, self._head)
        for data in pieces:
            _write_fully(self._file, data)
            self._length += len(data)
            if len(self._beginning) < LOOK:
                self._beginning += data[: LOOK - len(self._beginning)]

    def _open(self) -> BinaryIO:
        try:
            return self._open_aside()
        except FileNotFoundError:
            if self._destination is None or not self._destination.makes_directory:
                raise
            if self._is_unwanted:
                raise  # the folder may be gone because its owner has removed it
            make_folder(self._aside.parent, durable=self._is_durable)
            return self._open_aside()

    def _open_aside(self) -> BinaryIO:
        # Of our own making: nobody can have put a link there before us.
        return open(self._aside, "xb", buffering=0, opener=self._opener)

    def _opener(self, path: str, flags: int) -> int:
        # Folders for temporary files are everybody's, patients are not.
        return os.open(path, flags, 0o600 if self._destination is None else 0o666)

    def _stored(self, path: Path) -> StoredDataSet:
        return StoredDataSet(
            path=path,
            offset=len(self._head),
            length=self._length,
            transfer_syntax=self._transfer_syntax,
            sop_class_uid=self._request.sop_class_uid,
            sop_instance_uid=self._request.sop_instance_uid,
            is_temporary=self._destination is None,
        )

    def _existing(self, path: Path) -> StoredDataSet:
        """The instance in a file that was there before, which must be this one."""
        why = None
        try:
            stored = look_at(path)[0].stored(path)
        except LocalProtocolError as error:
            stored, why = None, error
        if stored is None or stored.sop_instance_uid != self._request.sop_instance_uid:
            raise NotKept(Code.PROCESSING_FAILURE, "another file has its name") from why
        return stored

    def _check(self, stored: StoredDataSet, destination: Destination) -> None:
        """Look at what has arrived: at the SOP UIDs, and as the destination wants."""
        uids = sop_uids(self._beginning, self._transfer_syntax)
        if uids is None:
            raise NotKept(Code.CANNOT_UNDERSTAND, "the data set does not name one SOP instance")
        if uids != (stored.sop_class_uid, stored.sop_instance_uid):
            raise NotKept(
                Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "the data set is another instance"
            )
        if destination.check is not None:
            status = destination.check(stored)
            if status is not None and Status.of(status, Service.STORAGE).is_failure:
                raise NotKept(status, "the instance is not wanted")

    def _remove(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could not be written may be complained of once more
                self._file.close()
            with suppress(OSError):
                self._aside.unlink()
            self._file = None


def _write_fully(file: BinaryIO, data: Bytes) -> None:
    left = memoryview(data)
    while left:  # a raw write may take less than it is given
        left = left[file.write(left) :]
