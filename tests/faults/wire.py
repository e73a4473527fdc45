"""Bytes as the standard lays them out, put together by hand.

No codec of ours is used here, which could be wrong in the same way twice.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import ExplicitVRLittleEndian

__all__ = [
    "COMMAND",
    "DATA",
    "ECHO",
    "ECHO_ID",
    "ECHO_REQUEST",
    "FIND_REQUEST",
    "LAST",
    "NO_DATA_SET",
    "RELEASE_REQUEST",
    "RELEASE_RESPONSE",
    "STORE_REQUEST",
    "abort",
    "answered",
    "associate",
    "command",
    "element",
    "item",
    "p_data",
    "pdu",
    "pdv",
    "proposed",
    "said",
    "text",
    "u16",
    "ui",
    "user_information",
]

COMMAND, DATA, LAST = 0x01, 0x00, 0x02  # bits of the message control header (PS3.8 E.2)
ECHO = "1.2.840.10008.1.1"
ECHO_ID = 1
CT = "1.2.840.10008.5.1.4.1.1.2"
APPLICATION = "1.2.840.10008.3.1.1.1"


def pdu(pdu_type: int, body: bytes = b"", *, length: int | None = None) -> bytes:
    """A PDU (PS3.8 9.3.1); ``length`` is what it claims, if that is a lie."""
    return (
        bytes((pdu_type, 0)) + (len(body) if length is None else length).to_bytes(4, "big") + body
    )


def abort(source: int, reason: int) -> bytes:
    """A-ABORT (PS3.8 Table 9-26)."""
    return pdu(7, bytes((0, 0, source, reason)))


RELEASE_REQUEST = pdu(5, bytes(4))
RELEASE_RESPONSE = pdu(6, bytes(4))


def pdv(context_id: int, control: int, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A presentation data value (PS3.8 Table 9-23)."""
    claimed = len(data) + 2 if length is None else length
    return claimed.to_bytes(4, "big") + bytes((context_id, control)) + data


def p_data(*pdvs: bytes) -> bytes:
    """P-DATA-TF (PS3.8 Table 9-22)."""
    return pdu(4, b"".join(pdvs))


def said(data: bytes, control: int, context_id: int = ECHO_ID) -> bytes:
    """One fragment in a PDU of its own."""
    return p_data(pdv(context_id, control, data))


# --- command sets (PS3.7 6.3.1) -----------------------------------------------------------


def u16(number: int) -> bytes:
    """The value of a US."""
    return number.to_bytes(2, "little")


def ui(uid: str) -> bytes:
    """The value of a UI."""
    return uid.encode() + b"\0" * (len(uid) % 2)


def element(number: int, value: bytes, *, group: int = 0, length: int | None = None) -> bytes:
    """A data element in Implicit VR Little Endian."""
    claimed = len(value) if length is None else length
    return u16(group) + u16(number) + claimed.to_bytes(4, "little") + value


def command(fields: dict[int, bytes], *, group_length: int | None = None) -> bytes:
    """A command set of these elements, by their numbers, with its group length before them."""
    body = b"".join(element(number, value) for number, value in fields.items())
    length = len(body) if group_length is None else group_length
    return element(0, length.to_bytes(4, "little")) + body


NO_DATA_SET = u16(0x0101)
ECHO_REQUEST = {0x0002: ui(ECHO), 0x0100: u16(0x0030), 0x0110: u16(77), 0x0800: NO_DATA_SET}
STORE_REQUEST = {
    0x0002: ui(CT),
    0x0100: u16(0x0001),
    0x0110: u16(9),
    0x0700: u16(0),
    0x0800: u16(0x0001),
    0x1000: ui("1.2.3"),
}
# On a storage context, where only its data set is of interest.
FIND_REQUEST = {0x0002: ui(CT), 0x0100: u16(0x0020), 0x0110: u16(9), 0x0700: u16(0), 0x0800: u16(1)}


# --- associations (PS3.8 9.3.2 and 9.3.3) ---------------------------------------------------


def item(item_type: int, body: bytes = b"", *, length: int | None = None) -> bytes:
    """An item or a sub-item."""
    claimed = len(body) if length is None else length
    return bytes((item_type, 0)) + claimed.to_bytes(2, "big") + body


def text(item_type: int, uid: str) -> bytes:
    """An item whose body is a UID."""
    return item(item_type, uid.encode())


def proposed(context_id: int, abstract: str | None, *syntaxes: str) -> bytes:
    """A presentation context of a request. Without syntaxes it has Explicit VR Little Endian."""
    body = b"" if abstract is None else text(0x30, abstract)
    body += b"".join(text(0x40, it) for it in syntaxes or (ExplicitVRLittleEndian,))
    return item(0x20, bytes((context_id, 0, 0, 0)) + body)


def answered(context_id: int, *syntaxes: str, result: int = 0) -> bytes:
    """A presentation context of an answer, likewise."""
    body = b"".join(text(0x40, it) for it in syntaxes or (ExplicitVRLittleEndian,))
    return item(0x21, bytes((context_id, 0, result, 0)) + body)


def user_information(*items: bytes, max_length: int | None = 16_384) -> bytes:
    """The user information item; None: without a maximum length."""
    first = b"" if max_length is None else item(0x51, max_length.to_bytes(4, "big"))
    return item(0x50, first + b"".join(items))


def associate(
    pdu_type: int,
    items: Iterable[bytes],
    *,
    version: int = 1,
    reserved: bytes = bytes(34),
    called: bytes = b"TRIO_DICOM".ljust(16),
    calling: bytes = b"ARCHIVE".ljust(16),
    application: bytes = text(0x10, APPLICATION),
    length: int | None = None,
) -> bytes:
    """A-ASSOCIATE-RQ (1) or A-ASSOCIATE-AC (2).

    Args:
        pdu_type: Which of them.
        items: Presentation contexts, user information, and whatever else.
        version: The bits of the protocol version.
        reserved: The two reserved bytes before the titles, and the 32 behind them.
        called: The title of 16 bytes.
        calling: Likewise.
        application: The application context item.
        length: What the PDU claims, if that is a lie.
    """
    head = version.to_bytes(2, "big") + reserved[:2] + called + calling + reserved[2:]
    return pdu(pdu_type, head + application + b"".join(items), length=length)
