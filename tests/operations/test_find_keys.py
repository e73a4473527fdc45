"""The keys of a query: on the wire they are what the caller wrote."""

from __future__ import annotations

from copy import deepcopy

import pytest
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from tests.operations.finding import answer, finding
from trio_dicom import LocalProtocolError
from trio_dicom.sop_classes import MODALITY_WORKLIST
from trio_dicom.testing import ScriptedPeer

LEVEL = b"\x08\x00\x52\x00CS\x06\x00STUDY "


def keys(**values: object) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    for keyword, value in values.items():
        setattr(query, keyword, value)
    return query


def step(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def on_the_wire(peer: ScriptedPeer) -> bytes:
    """The data set of the last message, as it came."""
    return b"".join(bytes(it.data) for it in peer.last_fragments if not it.is_command)


AS_WRITTEN = [
    # a list of UIDs, a wildcard where the standard has none, and an empty one
    ({"StudyInstanceUID": ["1.2.3", "1.2.45"]}, b"\x20\x00\x0d\x00UI\x0c\x001.2.3\\1.2.45"),
    ({"StudyInstanceUID": "1.2.*"}, b"\x20\x00\x0d\x00UI\x06\x001.2.*\0"),
    ({"StudyInstanceUID": ""}, b"\x20\x00\x0d\x00UI\x00\x00"),
    ({"StudyInstanceUID": None}, b"\x20\x00\x0d\x00UI\x00\x00"),
    # ranges, open at either end
    ({"StudyDate": "20240101-20241231"}, b"\x08\x00\x20\x00DA\x12\x0020240101-20241231 "),
    ({"StudyDate": "-20241231"}, b"\x08\x00\x20\x00DA\x0a\x00-20241231 "),
    ({"StudyTime": "0700-"}, b"\x08\x00\x30\x00TM\x06\x000700- "),
    # wildcards
    ({"PatientName": "Doe^J?n*"}, b"\x10\x00\x10\x00PN\x08\x00Doe^J?n*"),
    ({"PatientName": "*"}, b"\x10\x00\x10\x00PN\x02\x00* "),
    ({"PatientID": "A\\B"}, b"\x10\x00\x20\x00LO\x04\x00A\\B "),
    ({"ModalitiesInStudy": ["CT", "MR"]}, b"\x08\x00\x61\x00CS\x06\x00CT\\MR "),
]


@pytest.mark.scenario("B58")
@pytest.mark.pitfall(10)
@pytest.mark.parametrize("values, expected", AS_WRITTEN)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # pydicom's word on wildcards in UIDs
async def test_keys_go_out_as_the_caller_wrote_them(
    values: dict[str, object], expected: bytes
) -> None:
    query = keys(**values)
    before = deepcopy(query)
    async with finding() as (association, peer), association.c_find(query) as matches:
        await answer(peer)
        await matches.final()
        wire = on_the_wire(peer)
        assert wire in (LEVEL + expected, expected + LEVEL)  # in the order of their tags
    assert query == before


@pytest.mark.scenario("B58")
@pytest.mark.pitfall(10)
async def test_keys_in_sequences_go_out_as_the_caller_wrote_them() -> None:
    query = Dataset()
    query.PatientName = ""
    query.ScheduledProcedureStepSequence = [
        step(Modality="MR", ScheduledProcedureStepStartDate="20260102-", ScheduledStationName="")
    ]
    query.RequestedProcedureCodeSequence = []  # all of it, please
    before = deepcopy(query)
    async with (
        finding([MODALITY_WORKLIST]) as (association, peer),
        association.c_find(query) as matches,
    ):
        request = await answer(peer)
        await matches.final()
        wire = on_the_wire(peer)
    assert request.identifier == before
    item = (
        b"\x08\x00\x60\x00CS\x02\x00MR"
        b"\x40\x00\x02\x00DA\x0a\x0020260102- "
        b"\x40\x00\x10\x00SH\x00\x00"
    )
    assert b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item in wire
    assert b"\x32\x00\x64\x10SQ\0\0\0\0\0\0" in wire
    assert query == before


@pytest.mark.scenario("B58")
async def test_keys_go_out_in_the_encoding_of_the_context_too() -> None:
    query = keys(StudyInstanceUID=["1.2.3", "1.2.45"])
    implicit = {"transfer_syntaxes": [ImplicitVRLittleEndian]}
    async with finding(accept=implicit) as (association, peer), association.c_find(query) as it:
        await answer(peer)
        await it.final()
        assert on_the_wire(peer) == (
            b"\x08\x00\x52\x00\x06\x00\x00\x00STUDY \x20\x00\x0d\x00\x0c\x00\x00\x001.2.3\\1.2.45"
        )


@pytest.mark.scenario("B54", "B58")
@pytest.mark.parametrize(
    "charset, name", [("ISO_IR 192", "Ωmega^张"), ("ISO_IR 100", "Müller^*"), ("ISO_IR 144", "Лю*")]
)
async def test_names_go_out_in_the_character_set_of_the_query(charset: str, name: str) -> None:
    codecs = {"ISO_IR 192": "utf-8", "ISO_IR 100": "latin-1", "ISO_IR 144": "iso8859-5"}
    query = keys(SpecificCharacterSet=charset, PatientName=name)
    async with finding() as (association, peer), association.c_find(query) as matches:
        request = await answer(peer)
        await matches.final()
        assert name.encode(codecs[charset]) in on_the_wire(peer)
        assert request.identifier is not None
        assert request.identifier.PatientName == name


@pytest.mark.scenario("B54", "B58")
async def test_private_keys_go_out_with_their_creator() -> None:
    query = keys()
    block = query.private_block(0x0009, "SOMEBODY", create=True)
    block.add_new(0x01, "LO", "wanted*")
    async with finding() as (association, peer), association.c_find(query) as matches:
        request = await answer(peer)
        await matches.final()
        assert b"\x09\x00\x01\x10LO\x08\x00wanted* " in on_the_wire(peer)
        assert request.identifier == query


async def test_what_came_from_a_peer_can_be_asked_again() -> None:
    """A match is the query for the next level, undecoded elements and all."""
    async with finding() as (association, peer):
        async with association.c_find(keys(StudyInstanceUID="")) as matches:
            request = await answer(peer, status=None)
            study = step(StudyInstanceUID="1.2.3", QueryRetrieveLevel="STUDY")
            await peer.reply(request, 0xFF00, data_set=study)
            await peer.reply(request, 0x0000)
            [match] = [match async for match in matches]
        async with association.c_find(match.identifier, level="SERIES") as matches:
            request = await answer(peer)
            await matches.final()
        assert request.identifier is not None
        assert request.identifier.QueryRetrieveLevel == "SERIES"
        assert request.identifier.StudyInstanceUID == "1.2.3"
        assert match.identifier.QueryRetrieveLevel == "STUDY"


async def test_a_query_without_a_key_is_refused_before_anything_is_sent() -> None:
    async with finding([MODALITY_WORKLIST]) as (association, _peer):
        with pytest.raises(LocalProtocolError, match="data set"):
            await association.c_find(Dataset()).__aenter__()
