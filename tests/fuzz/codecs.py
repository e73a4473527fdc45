"""What reads bytes without any I/O, fed with anything: it reads them or says what is wrong.

Each function takes the bytes of one input and raises where a promise is broken.
"""

from __future__ import annotations

import codecs
import io
import struct
import time
import warnings
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from pydicom import Dataset
from pydicom.charset import python_encoding
from pydicom.errors import BytesLengthException
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.dimse.elements import END_OF_SEQUENCE, UNDEFINED, explicit, implicit, item, open_item
from trio_dicom import (
    AbortReason,
    AbortSource,
    CFindRequest,
    CGetResponse,
    CMoveRequest,
    ContextResult,
    CStoreRequest,
    EncodedDataSet,
    Limits,
    LocalProtocolError,
    NActionRequest,
    NEventReportRequest,
    PDUError,
    PresentationContext,
    RejectReason,
    RejectResult,
    propose,
)
from trio_dicom._dimse.command_set import decode_command_set
from trio_dicom._dimse.deflated import deflate
from trio_dicom._dimse.part10 import sop_uids
from trio_dicom.lowlevel import (
    Abort,
    AnsweredContext,
    AssociationAccept,
    AssociationReject,
    DataTransfer,
    NotConvertible,
    Pdu,
    PDUBuffer,
    PresentationDataValue,
    ReleaseRequest,
    UserIdentity,
    UserIdentityType,
    decode_command,
    decode_pdu,
    encode_command,
    encode_data_set,
    encode_pdu,
    file_meta_bytes,
    read_head,
)

__all__ = [
    "COMMAND_SETS",
    "DATA_SETS",
    "FILES",
    "PDUS",
    "command_set",
    "data_set",
    "file_head",
    "pdu",
]

SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
LIMITS = Limits(data_set=1 << 20, nesting=16)
CODECS = frozenset(python_encoding.values())
"""What text may be decoded with: none is whatever a peer says."""
SECONDS = 5.0
"""That an input may take, on a slow machine; most take a thousandth."""
PYDICOMS = (
    *(ValueError, TypeError, KeyError, AttributeError, NotImplementedError),
    *(struct.error, BytesLengthException),
)
"""What it may raise of values that are none; it does not hang, nor leave the levels."""
_LOOKUP = codecs.lookup


def pdu(data: bytes) -> None:
    """A PDU is read, or refused by ``PDUError``; what was read comes again, byte for byte."""
    found: Pdu | None = None
    with suppress(PDUError):
        found = decode_pdu(data)
    if found is not None:
        _comes_again(found)
    whole, dribbled = _framed(data, len(data) or 1), _framed(data, 3)
    assert whole == dribbled
    if found is not None:
        assert whole == [(data[0], data[6:])]


def _comes_again(found: Pdu) -> None:
    try:
        encoded = encode_pdu(found)
    except PDUError:
        return  # a peer may say what we do not: context IDs that are even
    assert decode_pdu(encoded) == found
    assert encode_pdu(decode_pdu(encoded)) == encoded


def _framed(data: bytes, size: int) -> list[tuple[int, bytes] | str]:
    """What a buffer makes of ``data`` that comes ``size`` bytes at a time."""
    buffer = PDUBuffer(max_length=1 << 20)
    found: list[tuple[int, bytes] | str] = []
    try:
        for at in range(0, len(data), size):
            buffer.feed(data[at : at + size])
            while (cut := buffer.next_pdu()) is not None:
                found.append((cut[0], bytes(cut[1])))
    except PDUError as error:
        found.append(str(error))
    return found


def command_set(data: bytes) -> None:
    """A command set is understood, or refused by ``PDUError``; what it says comes again."""
    try:
        values = decode_command_set(data)
        command = decode_command(data)
    except PDUError:
        return
    assert sum(map(len, values.values())) <= len(data)
    str(command.message)
    try:
        encoded = encode_command(command.message, has_data_set=command.has_data_set)
    except LocalProtocolError:
        return  # a peer may say what we do not: without a UID, or with a title that is too long
    again = decode_command(encoded)
    assert again.has_data_set is command.has_data_set
    assert encode_command(again.message, has_data_set=again.has_data_set) == encoded


def data_set(data: bytes) -> None:
    """A data set is read, or refused by ``PDUError``; what was read goes out, and comes again.

    So it is when all of it has been looked at, which takes no codec but those of the standard's
    character sets, no more levels than the limit, and no time.
    """
    syntax, data = _syntax_of(data)
    sop_uids(data, syntax)
    begun = time.process_time()
    with warnings.catch_warnings(), patch.object(codecs, "lookup", _lookup):
        warnings.simplefilter("ignore")
        # These would quote what the peer has declared.
        warnings.filterwarnings("error", "Unknown encoding|Incorrect value for Specific")
        with suppress(PDUError):
            _goes_out_and_comes_again(EncodedDataSet(data, syntax).decode(LIMITS))
        with suppress(PDUError):
            found = EncodedDataSet(data, syntax).decode(LIMITS)
            _look_at(found)
            _goes_out_and_comes_again(found)
            implicit_vr, little_endian = found.original_encoding
            with suppress(*PYDICOMS):
                found.save_as(io.BytesIO(), implicit_vr=implicit_vr, little_endian=little_endian)
    assert time.process_time() - begun < SECONDS


def _lookup(codec: str) -> codecs.CodecInfo:
    assert codec in CODECS, codec
    return _LOOKUP(codec)


def _look_at(found: Dataset) -> None:
    """Every value is converted, and printed, on every level."""
    levels = [(found, 0)]
    while levels:
        level, depth = levels.pop()
        assert depth <= LIMITS.nesting
        assert CODECS.issuperset(level.original_character_set)
        for tag in list(level.keys()):
            with suppress(*PYDICOMS):
                str(level[tag])
            element = level.get_item(tag)
            if element.VR == "SQ":
                levels += [(item, depth + 1) for item in element.value]


def _goes_out_and_comes_again(found: Dataset) -> None:
    for target in SYNTAXES:
        try:
            encoded = encode_data_set(found, target)
        except (LocalProtocolError, NotConvertible):
            continue  # it has an element or a value that none can have, or not in there
        if not encoded:  # which is how an empty data set goes out
            assert not found
            continue
        try:
            again = EncodedDataSet(encoded, target).decode(LIMITS)
        except PDUError as error:
            raise AssertionError(f"we refuse what we wrote in {target.name}") from error
        assert encode_data_set(again, target) == encoded


def file_head(data: bytes) -> None:
    """The head of a file tells what lies behind it, or the file is refused."""
    try:
        stored = read_head(io.BytesIO(data), Path("fuzzed.dcm"))
    except LocalProtocolError:
        return
    assert 0 <= stored.offset <= stored.offset + stored.length == len(data)
    assert stored.sop_class_uid
    assert stored.sop_instance_uid


def _syntax_of(data: bytes) -> tuple[UID, bytes]:
    """The first byte says how the rest is encoded."""
    return SYNTAXES[data[0] % len(SYNTAXES) if data else 0], data[1:]


# --- seeds --------------------------------------------------------------------------------

_REQUEST = propose(
    contexts=[PresentationContext(CTImageStorage, scp_role=True)],
    max_operations_invoked=4,
    user_identity=UserIdentity(
        identity_type=UserIdentityType.USERNAME_AND_PASSCODE, primary=b"me", secondary=b"pa55word"
    ),
)
PDUS: tuple[bytes, ...] = tuple(
    encode_pdu(each)
    for each in (
        _REQUEST,
        AssociationAccept(
            called_ae="ANY-SCP",
            calling_ae="ME",
            contexts=(
                AnsweredContext(
                    context_id=1,
                    result=ContextResult.ACCEPTANCE,
                    transfer_syntax=ExplicitVRLittleEndian,
                ),
            ),
            user_information=_REQUEST.user_information,
        ),
        AssociationReject(result=RejectResult.TRANSIENT, reason=RejectReason.LOCAL_LIMIT_EXCEEDED),
        DataTransfer(
            tuple(
                PresentationDataValue(context_id=1, is_command=at == 0, is_last=True, data=b"abcd")
                for at in range(2)
            )
        ),
        ReleaseRequest(),
        Abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU),
    )
)
_UIDS = {"sop_class_uid": CTImageStorage, "sop_instance_uid": "1.2.3"}
COMMAND_SETS: tuple[bytes, ...] = (
    encode_command(
        CStoreRequest(
            **_UIDS,  # type: ignore[arg-type]  # two of its fields
            message_id=1,
            move_originator_ae="ME",
            move_originator_message_id=7,
        ),
        has_data_set=True,
    ),
    encode_command(CFindRequest(sop_class_uid="1.2", message_id=2), has_data_set=True),
    encode_command(
        CMoveRequest(sop_class_uid="1.2", message_id=3, move_destination="THERE"),
        has_data_set=True,
    ),
    encode_command(
        CGetResponse(
            status=0xB000, message_id_being_responded_to=4, remaining=1, completed=2, failed=3
        ),
        has_data_set=False,
    ),
    encode_command(
        NActionRequest(sop_class_uid="1.2", sop_instance_uid="1.3", message_id=5, action_type_id=1),
        has_data_set=True,
    ),
    encode_command(
        NEventReportRequest(
            sop_class_uid="1.2", sop_instance_uid="1.3", message_id=6, event_type_id=2
        ),
        has_data_set=False,
    ),
)
_SEQUENCE = 0x0008_1140
_NAMES = explicit(0x0008_0016, "UI", b"1.2\0") + explicit(0x0008_0018, "UI", b"1.2.3\0")
_EXPLICIT = (
    explicit(0x0008_0005, "CS", b"ISO_IR 192")
    + _NAMES
    + explicit(
        _SEQUENCE,
        "SQ",
        open_item(explicit(0x0008_1150, "UI", b"1.2\0")) + END_OF_SEQUENCE,
        length=UNDEFINED,
    )
    + explicit(0x0010_0010, "PN", b"Doe^Jane")
    + explicit(0x0028_0010, "US", b"\2\0")
    + explicit(0x7FE0_0010, "OW", bytes(8))
)
_TOWER = b""
for _ in range(LIMITS.nesting + 4):
    _TOWER = explicit(_SEQUENCE, "SQ", item(_TOWER))
DATA_SETS: tuple[bytes, ...] = (
    b"\0"
    + implicit(0x0008_0016, b"1.2\0")
    + implicit(0x0008_0018, b"1.2.3\0")
    + implicit(_SEQUENCE, item(implicit(0x0008_1150, b"1.2\0")))
    + implicit(0x0009_0010, b"SOMEBODY")
    + implicit(0x0009_1001, b"abcd")
    + implicit(0x0010_0010, b"Doe^Jane"),
    b"\1" + _EXPLICIT,
    b"\1"
    + explicit(
        0x0009_1002,
        "UN",
        open_item(implicit(0x0008_1150, b"1.2\0")) + END_OF_SEQUENCE,
        length=UNDEFINED,
    ),
    b"\1"
    + explicit(
        _SEQUENCE,
        "UN",
        item(explicit(0x0008_0005, "UN", b"punycode") + explicit(0x0040_A160, "UT", b"a-b0")),
    )
    + explicit(0x0071_0010, "LO", b"AGFA-AG_HPState ")
    + explicit(0x0071_1018, "UN", item(explicit(_SEQUENCE, "UN", item(_NAMES)))),
    b"\0"
    + implicit(_SEQUENCE, item(implicit(0x0008_0005, b"latin9") + implicit(0x0010_0010, b"A-B0")))
    + implicit(0x0071_0010, b"AGFA-AG_HPState ")
    + implicit(0x0071_1018, item(implicit(_SEQUENCE, item(implicit(0x0008_1150, b"1.2\0"))))),
    b"\1" + explicit(_SEQUENCE, "UN", b"\xfe\xff\1\xe0" + item(_TOWER)[4:]),
    b"\1"
    + explicit(
        _SEQUENCE,
        "SQ",
        item(
            explicit(0x0008_0005, "CS", b"ISO 2022 IR 7 DOE^JOHN")
            + explicit(0x0010_0010, "PN", b"DOE^JOHN")
        ),
    ),
    b"\1" + explicit(0x0008_0060, "SQ", item(b"")) + explicit(_SEQUENCE, "CS", b"CT"),
    b"\2" + explicit(0x0028_0010, "US", b"\0\2", order=">"),
    b"\3" + deflate(_EXPLICIT),
)
FILES: tuple[bytes, ...] = (
    file_meta_bytes(
        sop_class_uid=CTImageStorage,
        sop_instance_uid=UID("1.2.3"),
        transfer_syntax=ExplicitVRLittleEndian,
        source_ae="ME",
    )
    + _EXPLICIT,
    _EXPLICIT,
)
