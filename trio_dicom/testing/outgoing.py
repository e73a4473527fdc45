"""Messages as the P-DATA-TF PDUs that carry them, whole or not."""

from __future__ import annotations

from pydicom.uid import UID

from trio_dicom._dimse.encoded import StoredDataSet
from trio_dicom._dimse.fragment import fragment
from trio_dicom._dimse.message import Message, encode_command
from trio_dicom._dimse.transcode import encode_data_set

__all__ = ["message_bytes"]

_CONTROL_HEADER = 11  # where it stands in a P-DATA-TF with one PDV (PS3.8 Tables 9-22, 9-23)
_LAST = 0x02


def message_bytes(
    message: Message,
    *,
    context_id: int,
    transfer_syntax: UID,
    max_fragment: int,
    is_last: bool = True,
) -> bytes:
    """All PDUs of ``message``, one after the other.

    Args:
        message: With its message ID. A data set is encoded, if it is not yet.
        context_id: The context that they name.
        transfer_syntax: That of the context.
        max_fragment: Bytes of the longest fragment.
        is_last: Whether the last fragment of all says that it is.
    """
    match message.data_set:
        case None:
            data = b""
        case StoredDataSet(path=path, offset=offset, length=length):
            data = path.read_bytes()[offset : offset + length]
        case data_set:
            data = encode_data_set(data_set, transfer_syntax)
    sets = [(encode_command(message, has_data_set=bool(data)), True)]
    if data:
        sets.append((data, False))
    whole = bytearray()
    last = 0
    for payload, is_command in sets:
        pieces = fragment(
            context_id, payload, is_command=is_command, is_last=True, size=max_fragment
        )
        # Header, slice, header, slice; neither set is empty, so the last two are the last PDU.
        whole += b"".join(pieces)
        last = len(whole) - len(pieces[-1]) - len(pieces[-2])
    if not is_last:
        whole[last + _CONTROL_HEADER] &= ~_LAST
    return bytes(whole)
