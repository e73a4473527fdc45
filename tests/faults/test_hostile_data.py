"""Data sets that would cost us more than they cost the peer, to a client and to a receiver."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.dimse.elements import explicit
from tests.faults.limits import tower
from tests.faults.sides import CLIENT, CT_ID, RECEIVER, SIDES, associated
from tests.faults.wire import DATA, LAST, STORE_REQUEST, command, element, said
from tests.io.recording import CT
from tests.io.talking import find_request, talking
from trio_dicom import (
    BaseHandler,
    CFindRequest,
    CFindResponse,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    Inbox,
    Limits,
    PDUError,
    response_to,
)

STORED = b"\0\x09\2\0\0\0\0\0"  # (0000,0900), success
UIDS = explicit(0x0008_0016, "UI", CT.encode() + b"\0") + explicit(0x0008_0018, "UI", b"1.2.3\0")
NAME = explicit(0x0010_0010, "PN", b"A^B ")
OPEN = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
CLOSE = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
# So few that trying it takes no time; limits have tests of their own.
FEW = ConnectionOptions(limits=Limits(elements=2000))
HOSTILE = {
    "1,000 levels with lengths": tower(1000),
    "900 levels without": OPEN * 900 + CLOSE * 900,
    "10,000 levels that never end": OPEN * 10_000,
    "an element cut": NAME[:-2],
    "a header cut": NAME[:6],
    "4 GiB": b"\x10\0\x10\0UN\0\0\xfe\xff\xff\xff",
    "an odd length": explicit(0x0010_0010, "PN", b"A^B ", length=3),
    "a VR that does not exist": b"\x10\0\x10\0ZZ\4\0A^B ",
    "group 0000": element(2, b"1.2.3\0"),
    "group 0002": explicit(0x0002_0010, "UI", b"1.2\0"),
    "a delimiter": b"\xfe\xff\x0d\xe0\0\0\0\0",
    "an item outside": b"\xfe\xff\x00\xe0\0\0\0\0",
    "Implicit VR after all": element(0x10, b"A^B ", group=0x10),
    "5,000 tiny elements": b"".join(
        explicit(0x0009_0000 + 2 * (number >> 16 << 16) + (number & 0xFFFF), "CS", b"")
        for number in range(5000)
    ),
    "a character set of 60,000 bytes": explicit(0x0008_0005, "CS", b"ISO_IR 6\\" * 6000),
}
"""What does not belong into a data set, behind what does."""


class Decoding(BaseHandler):
    """Decodes what comes, as handlers do, and cannot be bothered with errors."""

    def __init__(self) -> None:
        self.errors: list[PDUError] = []

    async def c_store_sink(self, request: CStoreRequest) -> None:
        """No file."""

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        try:
            request.decoded_data_set()
        except PDUError as error:
            self.errors.append(error)
            raise
        return response_to(request, 0x0000)


def in_pdus(data: bytes, context_id: int = CT_ID) -> bytes:
    pieces = [data[at : at + 16_000] for at in range(0, len(data), 16_000)] or [b""]
    *first, last = pieces
    return b"".join(said(it, DATA, context_id) for it in first) + said(last, LAST, context_id)


@pytest.mark.pitfall(30)
@pytest.mark.scenario("B52")
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("what", HOSTILE)
async def test_an_instance_that_is_decoded_costs_itself_alone(side: str, what: str) -> None:
    decoding = Decoding()
    place = {"handler": decoding} if side == CLIENT else {"into": decoding}
    data = UIDS + HOSTILE[what]
    async with associated(side, options=FEW, **place) as ours:
        tracemalloc.start()
        await ours.says(said(command(STORE_REQUEST), 3, CT_ID) + in_pdus(data))
        answer = await ours.hears_pdu()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert b"\0\x09\2\0\0\0\x10\x01" in answer  # (0000,0900): 0110H, processing failure
        assert len(decoding.errors) == 1
        assert peak < 2_000_000 + 40 * len(data)
        assert await ours.lives()


@pytest.mark.pitfall(30)
@pytest.mark.scenario("B52")
@pytest.mark.parametrize("what", HOSTILE)
async def test_an_instance_that_is_only_kept_is_kept_as_it_came(what: str, tmp_path: Path) -> None:
    data = UIDS + HOSTILE[what]
    async with associated(RECEIVER, into=Inbox(tmp_path)) as ours:
        await ours.says(said(command(STORE_REQUEST), 3, CT_ID) + in_pdus(data))
        assert STORED in await ours.hears_pdu()
        assert await ours.lives()
    assert (tmp_path / "1.2.3.dcm").read_bytes().endswith(data)


@pytest.mark.pitfall(30)
@pytest.mark.scenario("B52", "B59")
@pytest.mark.parametrize("what", HOSTILE)
async def test_a_match_that_cannot_be_decoded_costs_itself_alone(what: str) -> None:
    async with (
        talking(options=FEW) as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await peer.expect_message(CFindRequest)
        for contents in (HOSTILE[what], NAME):
            data = EncodedDataSet(contents, ExplicitVRLittleEndian)
            await peer.reply(request, 0xFF00, data_set=data)
        await peer.reply(request, 0x0000)
        match = await responses.receive()
        assert isinstance(match, CFindResponse)
        tracemalloc.start()
        with pytest.raises(PDUError):
            match.identifier  # noqa: B018
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000 + 40 * len(HOSTILE[what])
        match = await responses.receive()
        assert isinstance(match, CFindResponse)
        assert match.identifier is not None
        assert match.identifier.PatientName == "A^B"
        assert (await responses.final()).status.code == 0x0000


def bomb(size: int) -> bytes:
    """A deflated data set that becomes ``size`` bytes."""
    deflater = zlib.compressobj(9, wbits=-15)
    data = explicit(0x7FE0_0010, "OB", bytes(size - 12))
    return deflater.compress(data) + deflater.flush()


@pytest.mark.pitfall(30)
def test_a_deflated_data_set_becomes_no_larger_than_its_limit_of_the_connection() -> None:
    limit = 300_000
    stream = bomb(50 * limit)
    data = EncodedDataSet(stream, DeflatedExplicitVRLittleEndian, limits=Limits(inflated=limit))
    tracemalloc.start()
    with pytest.raises(PDUError, match="holds more than 300000"):
        data.decode()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(stream) < limit  # what came says nothing of what is to come
    assert peak < 3 * limit + len(stream)


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("side", SIDES)
async def test_the_limits_of_the_connection_hold_for_what_its_handler_decodes(side: str) -> None:
    for levels, status in ((3, b"\0\0"), (4, b"\x10\x01")):
        decoding = Decoding()
        place = {"handler": decoding} if side == CLIENT else {"into": decoding}
        options = ConnectionOptions(limits=Limits(nesting=3))
        async with associated(side, options=options, **place) as ours:
            await ours.says(said(command(STORE_REQUEST), 3, CT_ID) + in_pdus(UIDS + tower(levels)))
            assert b"\0\x09\2\0\0\0" + status in await ours.hears_pdu()
