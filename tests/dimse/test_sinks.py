"""Instances that go into a sink while they arrive, instead of into memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import define, evolve, field

from tests.dimse.test_assemble import (
    ECHO,
    ECHO_BYTES,
    STORE,
    STORE_BYTES,
    SYNTAX,
    command,
    data,
    fault_of,
    feed_all,
)
from trio_dicom._dimse.assemble import MessageAssembler
from trio_dicom._dimse.c_messages import CFindRequest, CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.message import encode_command
from trio_dicom.options import Limits


@define(eq=False)
class Sink:
    """Keeps what it is given."""

    context_id: int
    request: CStoreRequest
    parts: list[bytes] = field(factory=list[bytes])
    finished: int = 0

    def take(self, data: bytes | memoryview) -> None:
        assert not self.finished
        self.parts.append(bytes(data))

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def sinks() -> list[Sink]:
    return []


@pytest.fixture
def assembling(sinks: list[Sink]) -> Callable[..., MessageAssembler]:
    """Makes an assembler whose sinks are in ``sinks``."""

    def open_sink(context_id: int, request: CStoreRequest) -> Sink:
        sinks.append(Sink(context_id, request))
        return sinks[-1]

    def assembler(**limits: int) -> MessageAssembler:
        it = MessageAssembler(Limits(**limits))
        it.open_sink = open_sink
        return it

    return assembler


def test_an_instance_goes_into_its_sink_while_it_arrives(
    assembling: Callable[..., MessageAssembler], sinks: list[Sink]
) -> None:
    assembler = assembling()
    assert assembler.feed(command(STORE_BYTES[:20], is_last=False, context_id=5), SYNTAX) is None
    assert (sinks, assembler.sink) == ([], None)
    assert assembler.feed(command(STORE_BYTES[20:], context_id=5), SYNTAX) is None
    [sink] = sinks
    assert assembler.sink is sink
    assert (sink.context_id, sink.request) == (5, STORE)
    assert assembler.feed(data(b"ABCD", is_last=False, context_id=5), SYNTAX) is None
    assert sink.parts == [b"ABCD"]
    assert not sink.finished
    assert assembler.partial == STORE
    assert assembler.feed(data(b"EF", context_id=5), SYNTAX) == STORE
    assert (sink.parts, sink.finished) == ([b"ABCD", b"EF"], 1)
    assert assembler.idle
    assert assembler.sink is None
    assert assembler.partial is None


def test_each_instance_has_a_sink_of_its_own(
    assembling: Callable[..., MessageAssembler], sinks: list[Sink]
) -> None:
    assembler = assembling(instance=4)
    for part in (b"AB", b"", b"ABCD"):  # each as long as it likes
        assert feed_all(assembler, command(STORE_BYTES), data(part)) == STORE
    assert [sink.parts for sink in sinks] == [[b"AB"], [b""], [b"ABCD"]]
    assert [sink.finished for sink in sinks] == [1, 1, 1]


def test_what_is_no_instance_or_has_no_data_set_needs_no_sink(
    assembling: Callable[..., MessageAssembler], sinks: list[Sink]
) -> None:
    assembler = assembling()
    assert assembler.feed(command(ECHO_BYTES), SYNTAX) == ECHO
    find = CFindRequest(sop_class_uid="1.2.840.10008.5.1.4.1.2.2.1", message_id=2)
    encoded = encode_command(find, has_data_set=True)
    message = feed_all(assembler, command(encoded), data(b"AB"))
    assert message == evolve(find, data_set=EncodedDataSet(b"AB", SYNTAX))
    bare = encode_command(STORE, has_data_set=False)
    assert assembler.feed(command(bare), SYNTAX) == STORE
    assert sinks == []


@pytest.mark.pitfall(29)
def test_an_instance_without_end_is_a_fault(
    assembling: Callable[..., MessageAssembler], sinks: list[Sink]
) -> None:
    assembler = assembling(instance=100, data_set=10)
    feed_all(assembler, command(STORE_BYTES), data(bytes(60), is_last=False))
    assert assembler.feed(data(bytes(40), is_last=False), SYNTAX) is None
    said = fault_of(assembler, data(b"\0\0"))
    assert said == "the peer sent a data set of more than 100 bytes"
    assert (sum(map(len, sinks[0].parts)), sinks[0].finished) == (100, 0)


@pytest.mark.pitfall(25)
def test_an_instance_in_endless_empty_fragments_is_a_fault(
    assembling: Callable[..., MessageAssembler],
) -> None:
    assembler = assembling()
    assembler.feed(command(STORE_BYTES), SYNTAX)
    empty = data(b"", is_last=False)
    for _ in range(64):
        assert assembler.feed(empty, SYNTAX) is None
    assert fault_of(assembler, empty) == "the peer sent a data set in endless empty fragments"


@pytest.mark.pitfall(28)
@pytest.mark.parametrize(
    "pdv", [command(ECHO_BYTES), data(b"AB", context_id=3)], ids=["command", "context"]
)
def test_a_sink_whose_instance_breaks_is_never_finished(
    assembling: Callable[..., MessageAssembler], sinks: list[Sink], pdv: object
) -> None:
    fault_of(assembling(), command(STORE_BYTES), data(b"AB", is_last=False), pdv)  # type: ignore[arg-type]  # one of both
    assert (sinks[0].parts, sinks[0].finished) == ([b"AB"], 0)
