"""Instances that are taken by a sink while they arrive, as the machine reports them."""

from __future__ import annotations

import pytest
from attrs import define, evolve, field

from tests.protocol.builders import (
    CT,
    ECHO,
    ECHO_COMMAND,
    ECHO_CONTEXT,
    STORE,
    STORE_COMMAND,
    accept_first,
    events_of,
    fault_of,
    p_data,
    pdv,
)
from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom._protocol.events import FragmentReceived, MessageReceived
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.negotiation import answer, propose
from trio_dicom._protocol.states import Role
from trio_dicom.options import Limits

BARE = evolve(STORE, data_set=None)


@define(eq=False)
class Sinks:
    """Makes sinks that keep what they are given, and is all of them at once.

    Attributes:
        opened: For what, and on which context.
        taken: The bytes of all.
        finished: How many have come to their end.
    """

    opened: list[tuple[CStoreRequest, NegotiatedContext]] = field(
        factory=list[tuple[CStoreRequest, NegotiatedContext]]
    )
    taken: bytes = b""
    finished: int = 0

    def open(self, request: CStoreRequest, context: NegotiatedContext) -> Sinks:
        self.opened.append((request, context))
        return self

    def take(self, data: bytes | memoryview) -> None:
        self.taken += data

    def finish(self) -> None:
        self.finished += 1


def machine_with(sinks: Sinks, *, role: Role = Role.REQUESTOR, **limits: int) -> AssociationMachine:
    """An association on which instances go into ``sinks``; they come on context 3."""
    machine = AssociationMachine(role, limits=Limits(**limits), sink_for=sinks.open)
    request = propose(contexts=[ECHO_CONTEXT, PresentationContext(CT, scp_role=True)])
    accept = answer(request, supported=accept_first)
    if role is Role.REQUESTOR:
        machine.send(request)
        events_of(machine, accept.encode())
    else:
        events_of(machine, request.encode())
        machine.send(accept)
    return machine


def fragment(data: bytes, *, is_command: bool = False, is_last: bool = True) -> bytes:
    return p_data(pdv(data, context_id=3, is_command=is_command, is_last=is_last))


@pytest.mark.parametrize("role", Role)
def test_an_instance_is_in_its_sink_before_its_end_is_reported(role: Role) -> None:
    sinks = Sinks()
    machine = machine_with(sinks, role=role)
    [begun] = events_of(machine, fragment(STORE_COMMAND, is_command=True))
    [(request, context)] = sinks.opened
    assert request == BARE
    assert (context.context_id, context.abstract_syntax) == (3, CT)
    assert begun == FragmentReceived(context=context, message=BARE, size=len(STORE_COMMAND))
    # A sign of life each: the message says whose.
    [more] = events_of(machine, fragment(b"1234", is_last=False))
    assert more == FragmentReceived(context=context, message=BARE, size=4)
    assert (sinks.taken, sinks.finished) == (b"1234", 0)
    [whole] = events_of(machine, fragment(b"56"))
    size = len(STORE_COMMAND) + 6
    assert whole == MessageReceived(context=context, message=BARE, size=size, is_streamed=True)
    assert (sinks.taken, sinks.finished) == (b"123456", 1)


def test_messages_around_an_instance_in_one_pdu_are_reported_as_usual() -> None:
    sinks = Sinks()
    echo = pdv(ECHO_COMMAND)
    store = pdv(STORE_COMMAND, context_id=3)
    data = pdv(b"12", context_id=3, is_command=False)
    events = events_of(machine_with(sinks), p_data(echo, store, data, echo))
    said = [
        (it.message, it.is_streamed, it.size) for it in events if isinstance(it, MessageReceived)
    ]
    assert said == [
        (ECHO, False, len(ECHO_COMMAND)),
        (BARE, True, len(STORE_COMMAND) + 2),
        (ECHO, False, len(ECHO_COMMAND)),
    ]
    assert (sinks.taken, sinks.finished) == (b"12", 1)


@pytest.mark.pitfall(29)
def test_an_instance_without_end_is_aborted() -> None:
    sinks = Sinks()
    machine = machine_with(sinks, instance=10)
    events_of(machine, fragment(STORE_COMMAND, is_command=True), fragment(bytes(10), is_last=False))
    error = fault_of(machine, fragment(bytes(2)))
    assert str(error) == "the peer sent a data set of more than 10 bytes"
    assert (len(sinks.taken), sinks.finished) == (10, 0)
