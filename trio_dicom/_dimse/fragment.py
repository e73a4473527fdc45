"""Messages out: command sets and data sets cut into P-DATA-TF PDUs (PS3.8 9.3.5, Annex E)."""

from __future__ import annotations

from struct import Struct

from trio_dicom.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["fragment", "max_fragment"]

# PDU type 04H, reserved, PDU length; PDV length, context ID, message control header
_HEADER = Struct(">BxIIBB")
_P_DATA_TF = 0x04
_PDV_OVERHEAD = 6  # PDV length, context ID and message control header
_SHORTEST_LIMIT = _PDV_OVERHEAD + 2
_COMMAND = 0x01
_LAST = 0x02


def max_fragment(peer_max_length: int, own_max: int) -> int:
    """The most bytes of a message that go into one PDU.

    The peer's limit covers the list of PDVs, so a fragment is 6 bytes shorter. It is
    even, because every fragment must be (PS3.8 Annex E.1).

    Args:
        peer_max_length: The maximum length that the peer told, in bytes; 0 is no limit.
        own_max: The longest list of PDVs that we care to send, in bytes.

    Raises:
        RemoteProtocolError: The peer's limit leaves no room for a fragment.
        LocalProtocolError: Ours does not.
    """
    if 0 < peer_max_length < _SHORTEST_LIMIT:
        raise RemoteProtocolError(
            f"the peer's maximum length of {peer_max_length} leaves no room for a message"
        )
    if own_max < _SHORTEST_LIMIT:
        raise LocalProtocolError(f"a maximum length of {own_max} leaves no room for a message")
    limit = min(peer_max_length, own_max) if peer_max_length else own_max
    return limit - _PDV_OVERHEAD & ~1


def fragment(
    context_id: int,
    payload: bytes | bytearray | memoryview,
    *,
    is_command: bool,
    is_last: bool,
    size: int,
) -> list[bytes | memoryview]:
    """The PDUs that carry ``payload``: header, slice, header, slice and so on.

    Each PDU has one PDV. The slices are views of ``payload``, nothing is copied.

    Args:
        context_id: The presentation context.
        payload: A command set or data set, or the next part of one.
        is_command: Which of the two.
        is_last: Whether the payload ends it. If so the last PDV says so, also when it
            is exactly full; an empty end gives one empty PDV.
        size: The longest fragment in bytes, from ``max_fragment``.

    Raises:
        LocalProtocolError: The payload has an odd length, or the size is below 2.
    """
    view = memoryview(payload)
    length = len(view)
    if length & 1:
        raise LocalProtocolError(f"{length} bytes to send: a fragment must have an even length")
    if size < 2:
        raise LocalProtocolError(f"fragments of {size} bytes")
    if not length and not is_last:
        return []
    size &= ~1
    kind = _COMMAND if is_command else 0
    final = kind | _LAST if is_last else kind
    pieces: list[bytes | memoryview] = []
    start = 0
    if length > size:
        header = _HEADER.pack(_P_DATA_TF, size + _PDV_OVERHEAD, size + 2, context_id, kind)
        while length - start > size:
            pieces += (header, view[start : start + size])
            start += size
    rest = length - start
    pieces.append(_HEADER.pack(_P_DATA_TF, rest + _PDV_OVERHEAD, rest + 2, context_id, final))
    if rest:
        pieces.append(view[start:])
    return pieces
