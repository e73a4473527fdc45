"""Fragments that leave: even, within the limit, the last one marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_dicom._dimse.fragment import fragment, max_fragment
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.pdus import decode_pdu
from trio_dicom.errors import LocalProtocolError, RemoteProtocolError


def pdvs_of(pieces: list[bytes | memoryview]) -> list[PresentationDataValue]:
    """What a receiver makes of the pieces, each pair of which must be one PDU."""
    wire = b"".join(pieces)
    pdvs: list[PresentationDataValue] = []
    while wire:
        length = 6 + int.from_bytes(wire[2:6], "big")
        pdu = decode_pdu(wire[:length])
        assert isinstance(pdu, DataTransfer)
        (pdv,) = pdu.pdvs
        pdvs.append(pdv)
        wire = wire[length:]
    return pdvs


def test_a_short_command_is_one_pdu() -> None:
    pieces = fragment(3, b"ABCD", is_command=True, is_last=True, size=100)
    assert pieces == [bytes.fromhex("04 00 0000000a 00000006 03 03"), b"ABCD"]


def test_a_long_data_set_is_cut_into_pdus_of_the_size() -> None:
    pieces = fragment(1, b"ABCDEFGHIJ", is_command=False, is_last=True, size=4)
    more = bytes.fromhex("04 00 0000000a 00000006 01 00")
    last = bytes.fromhex("04 00 00000008 00000004 01 02")
    assert pieces == [more, b"ABCD", more, b"EFGH", last, b"IJ"]


@pytest.mark.pitfall(12)
@pytest.mark.parametrize("length", [4, 8, 12])
def test_a_last_fragment_that_is_exactly_full_says_that_it_is_the_last(length: int) -> None:
    pdvs = pdvs_of(fragment(1, bytes(length), is_command=False, is_last=True, size=4))
    assert [pdv.is_last for pdv in pdvs] == [False] * (length // 4 - 1) + [True]
    assert [len(pdv.data) for pdv in pdvs] == [4] * (length // 4)


@pytest.mark.pitfall(12)
@pytest.mark.parametrize("is_command", [True, False])
def test_an_empty_end_is_one_empty_fragment_that_says_so(is_command: bool) -> None:
    pieces = fragment(255, b"", is_command=is_command, is_last=True, size=4)
    assert pieces == [
        bytes.fromhex("04 00 00000006 00000002 ff") + (b"\3" if is_command else b"\2")
    ]


def test_nothing_that_is_not_the_end_is_nothing() -> None:
    assert fragment(1, b"", is_command=False, is_last=False, size=4) == []


@pytest.mark.scenario("B55")
@pytest.mark.parametrize("is_last", [True, False])
def test_an_odd_payload_never_leaves(is_last: bool) -> None:
    with pytest.raises(LocalProtocolError, match="even length"):
        fragment(1, b"ABC", is_command=False, is_last=is_last, size=100)


@pytest.mark.scenario("B55")
def test_an_odd_size_is_rounded_down() -> None:
    pdvs = pdvs_of(fragment(1, b"ABCD", is_command=False, is_last=True, size=3))
    assert [bytes(pdv.data) for pdv in pdvs] == [b"AB", b"CD"]


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("size", [-2, 0, 1])
def test_a_size_that_would_loop_is_refused(size: int) -> None:
    with pytest.raises(LocalProtocolError, match="fragments of"):
        fragment(1, b"AB", is_command=False, is_last=True, size=size)


def test_slices_are_views_of_the_payload() -> None:
    payload = bytearray(b"ABCD")
    pieces = fragment(1, payload, is_command=False, is_last=True, size=2)
    payload[:] = b"WXYZ"
    assert pieces[1::2] == [b"WX", b"YZ"]


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(
    "peer, own, size",
    [
        (0, 131072, 131066),
        (16384, 131072, 16378),
        (16385, 131072, 16378),
        (131072, 16384, 16378),
        (8, 131072, 2),
        (9, 131072, 2),
        (10, 131072, 4),
        (0xFFFFFFFF, 8, 2),
    ],
)
def test_a_fragment_is_the_limit_less_six_and_even(peer: int, own: int, size: int) -> None:
    assert max_fragment(peer, own) == size


@pytest.mark.pitfall(13, 16)
@pytest.mark.parametrize("peer", range(1, 8))
def test_a_peer_that_leaves_no_room_is_in_the_wrong(peer: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"maximum length of {peer} leaves no room"):
        max_fragment(peer, 131072)


def test_we_must_leave_room_ourselves() -> None:
    with pytest.raises(LocalProtocolError, match="maximum length of 7 leaves no room"):
        max_fragment(0, 7)


@pytest.mark.pitfall(12, 13)
@pytest.mark.scenario("B55")
@given(
    half=st.binary(max_size=60),
    peer=st.one_of(st.just(0), st.integers(8, 20), st.integers(8, 400)),
    own=st.one_of(st.integers(8, 20), st.integers(8, 400)),
    is_command=st.booleans(),
    is_last=st.booleans(),
)
def test_fragments_join_to_the_payload_within_the_limits(
    half: bytes, peer: int, own: int, is_command: bool, is_last: bool
) -> None:
    payload = half + half
    size = max_fragment(peer, own)
    pieces = fragment(5, payload, is_command=is_command, is_last=is_last, size=size)
    pdvs = pdvs_of(pieces)
    assert b"".join(bytes(pdv.data) for pdv in pdvs) == payload
    assert all(len(pdv.data) % 2 == 0 for pdv in pdvs)
    assert all(len(pdv.data) + 6 <= min(peer or own, own) for pdv in pdvs)
    assert all((pdv.context_id, pdv.is_command) == (5, is_command) for pdv in pdvs)
    assert [pdv.is_last for pdv in pdvs] == [is_last and pdv is pdvs[-1] for pdv in pdvs]
    assert len(pdvs) == max(-(-len(payload) // size), is_last)
