"""The sink, seen by a client that is not ours."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from benchmarks.content import SAME_BYTES, compared
from benchmarks.data import KIB, make_files
from benchmarks.programs import HOST
from benchmarks.servers import Sink
from benchmarks.sink.matches import ELEMENTS
from benchmarks.sink.pdus import Proposal, accepted
from benchmarks.sink.reading import Reader

MATCHES = 300


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(matches=MATCHES) as running:
        yield running


def test_it_counts_what_came(sink: Sink, tmp_path: Path) -> None:
    files = make_files(tmp_path / "files", 3, 100 * KIB)
    ae = AE()
    ae.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
    ae.add_requested_context(Verification)
    association = ae.associate(HOST, sink.port)
    assert association.is_established
    assert [association.send_c_store(path).Status for path in files.paths] == [0, 0, 0]
    assert association.send_c_echo().Status == 0
    association.release()
    assert sink.arrived() == {
        "associations": 1,
        "released": 1,
        "instances": 3,
        "bytes": files.data_sets,
        "echoes": 1,
        "matches": 0,
    }
    assert sink.arrived() == {}


def test_it_keeps_what_came_if_asked_to(tmp_path: Path) -> None:
    files = make_files(tmp_path / "files", 3, 100 * KIB)
    ae = AE()
    ae.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
    with Sink(keep=tmp_path / "kept") as sink:
        for _ in range(2):
            sink.reset()
            association = ae.associate(HOST, sink.port)
            assert [association.send_c_store(path).Status for path in files.paths] == [0, 0, 0]
            association.release()
            assert sink.arrived()["bytes"] == files.data_sets
            assert compared(files.paths, sink.instances()) == SAME_BYTES


def test_its_matches_differ_and_have_all_elements(sink: Sink) -> None:
    ae = AE()
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = ae.associate(HOST, sink.port)
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    model = StudyRootQueryRetrieveInformationModelFind
    *matches, (final, _) = association.send_c_find(query, model)
    association.release()
    assert final.Status == 0
    assert len({match.StudyInstanceUID for _, match in matches}) == MATCHES
    assert len({match.PatientName for _, match in matches}) == MATCHES
    assert {len(match) for _, match in matches} == {len(ELEMENTS)} == {15}


def test_an_association_that_broke_is_counted_as_not_released(sink: Sink) -> None:
    ae = AE()
    ae.add_requested_context(Verification)
    association = ae.associate(HOST, sink.port)
    assert association.send_c_echo().Status == 0
    association.abort()
    arrived = sink.arrived()
    assert (arrived["associations"], arrived["released"]) == (1, 0)


def test_looking_whether_it_is_there_is_no_association(sink: Sink) -> None:
    socket.create_connection((HOST, sink.port)).close()
    assert sink.arrived() == {}


def test_a_window_is_granted_as_proposed_and_only_then() -> None:
    window = struct.pack(">BxHHH", 0x53, 4, 7, 1)
    user = struct.pack(">BxH", 0x50, len(window)) + window
    assert window in accepted(Proposal.of(bytes(68) + user))
    assert window[:4] not in accepted(Proposal.of(bytes(68)))


@pytest.mark.parametrize("seed", range(5))
def test_the_reader_loses_no_byte_however_they_come(seed: int) -> None:
    choose = random.Random(seed)
    data = choose.randbytes(60_000)
    with socket.create_server((HOST, 0)) as listener:
        sending = socket.create_connection(listener.getsockname())
        receiving, _ = listener.accept()
    with sending, receiving:
        reader = Reader(receiving)
        sent = taken = 0
        while taken < len(data):
            count = min(choose.choice([1, 6, 500, 20_000]), len(data) - taken)
            while sent < taken + count:
                more = choose.choice([1, 100, 10_000])
                sending.sendall(data[sent : sent + more])
                sent += more
            if choose.random() < 0.5:
                assert reader.take(count) == data[taken : taken + count]
            else:
                reader.discard(count)
            taken += count
        sending.close()
        with pytest.raises(EOFError):
            reader.discard(1)
