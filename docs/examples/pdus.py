"""PDUs as values and as bytes."""

from trio_dicom.lowlevel import Abort, PDUBuffer, decode_body, decode_pdu, encode_pdu
from trio_dicom.reasons import AbortReason, AbortSource

abort = Abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU)
assert encode_pdu(abort) == bytes.fromhex("07 00 00000004 00 00 02 02")
assert decode_pdu(encode_pdu(abort)) == abort

# From a stream, PDUs come in pieces. The buffer puts them together.
buffer = PDUBuffer(max_length=16_384)
buffer.feed(encode_pdu(abort)[:7])
assert buffer.next_pdu() is None
buffer.feed(encode_pdu(abort)[7:])
pdu = buffer.next_pdu()
assert pdu is not None
assert decode_body(*pdu) == abort
