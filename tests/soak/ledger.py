"""What was offered to whom, what was said of it, and whether that is true."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

from tests.faults.keeping import Instance, instance
from trio_dicom import LocalProtocolError
from trio_dicom.lowlevel import read_head

__all__ = ["Ledger"]

# Bytes of pixel data, even; the large ones are more than is written to a disk at once.
_SIZES = (100, 1_000, 1_000, 4_000, 4_000, 20_000, 20_000, 100_000, 400_000)
_LARGE = 2_500_000
_ONE_IN = 40


@define(eq=False)
class Ledger:
    """The instances of one peer and one round, and what was reported of each.

    Attributes:
        folder: Where the peer keeps them.
        is_strict: Whether it must keep nothing but whole instances: DCMTK leaves halves.
        stored: What was reported stored, by number.
        failed: What was reported failed.
    """

    folder: Path
    is_strict: bool
    stored: set[int] = field(factory=set[int])
    failed: set[int] = field(factory=set[int])
    _offered: set[int] = field(factory=set[int])

    def offer(self, number: int) -> Instance:
        """The instance of that number, which is offered now."""
        assert number not in self._offered
        self._offered.add(number)
        return _instance(number)

    def check(self) -> None:
        """Compare what was reported with what is there, and forget both.

        Raises:
            AssertionError: Something else was reported than is true.
        """
        assert not self.stored & self.failed
        assert self.stored | self.failed == self._offered, "an instance of which nothing was said"
        found = dict(self._found())
        missing = [it.uid for it in map(_instance, self.stored) if found.get(it.uid) != it.digest]
        assert not missing, f"{len(missing)} reported stored, and not there: {missing[:5]}"
        if self.is_strict:
            digests = {it.uid: it.digest for it in map(_instance, self._offered)}
            strange = [uid for uid, digest in found.items() if digests.get(uid) != digest]
            assert not strange, f"not what was offered: {strange[:5]}"
        for path in self._files():
            path.unlink()
        for numbers in (self.stored, self.failed, self._offered):
            numbers.clear()

    def _files(self) -> Iterator[Path]:
        return (it for it in self.folder.iterdir() if it.is_file() and it.suffix != ".log")

    def _found(self) -> Iterator[tuple[str, str]]:
        for path in self._files():
            assert path.suffix == ".dcm" or not self.is_strict, f"a half file: {path.name}"
            content = path.read_bytes()
            try:
                with path.open("rb") as file:
                    head = read_head(file, path)
            except LocalProtocolError:
                assert not self.is_strict, f"{path.name} is no DICOM file"
                continue
            yield (
                str(head.sop_instance_uid),
                hashlib.sha256(content[head.offset :]).hexdigest(),
            )


def _instance(number: int) -> Instance:
    size = _SIZES[number % len(_SIZES)] if number % _ONE_IN else _LARGE
    return instance(f"1.2.{number}", size)
