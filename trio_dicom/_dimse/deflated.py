"""Deflated data sets: RFC 1951 without a header (PS3.5 A.5)."""

from __future__ import annotations

import zlib
from typing import Final

from trio_dicom.errors import PDUError

__all__ = ["deflate", "inflate", "inflate_beginning"]

# Padding, or the checksum and length that some writers leave there as gzip does.
_TRAILER: Final = 9


def deflate(data: bytes) -> bytes:
    """``data`` deflated; a stream of odd length gets one 00H (PS3.5 A.5)."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    stream = compressor.compress(data) + compressor.flush()
    return stream + b"\0" if len(stream) & 1 else stream


def inflate(stream: bytes | bytearray | memoryview, *, limit: int) -> bytes:
    """What ``stream`` holds.

    Args:
        stream: A deflated data set, with or without its padding.
        limit: The most that it may hold, in bytes. No more memory is taken.

    Raises:
        PDUError: It is no deflate stream, has no end, is followed by something,
            or holds more than ``limit``.
    """
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(stream, limit + 1)
    except zlib.error:
        raise PDUError("a deflated data set is no deflate stream") from None
    if len(data) > limit:
        raise PDUError(f"a deflated data set of {len(stream)} bytes holds more than {limit}")
    if not inflater.eof:
        raise PDUError("a deflated data set ends in the middle")
    if len(inflater.unused_data) > _TRAILER:
        raise PDUError("a deflated data set is followed by something else")
    return data


def inflate_beginning(stream: bytes | bytearray | memoryview, size: int) -> bytes:
    """At most ``size`` bytes of what a deflate stream holds, from its cut-off beginning.

    Raises:
        PDUError: It is no deflate stream.
    """
    try:
        return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(stream, size)
    except zlib.error:
        raise PDUError("a deflated data set is no deflate stream") from None
