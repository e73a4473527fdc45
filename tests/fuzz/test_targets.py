"""A short run of what ``nox -s fuzz`` runs for long, the same inputs each time.

Under the Hypothesis profile "fuzz" it is a long one.
"""

from __future__ import annotations

import logging
import random
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.client import client, server_streams
from tests.fuzz.lockstep import no_bugs, stream_of, written
from tests.fuzz.mutating import mutants, mutated
from tests.fuzz.receiver import client_streams, receiver
from tests.fuzz.targets import TARGETS
from trio_dicom._io.failures import log_failures

# pydicom warns of what it takes for a mistake of the program's, when its values are looked at.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SEED = 5
AT_ONCE = 300 if settings().max_examples < 1000 else 20_000  # inputs; more where they are quick
MOST = 12 * 1024 * 1024  # bytes that an input of a few kilobytes may cost at any moment
_fed: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _pydicom_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="pydicom")  # it quotes the values that it warns of


@pytest.mark.parametrize("name", TARGETS)
def test_the_inputs_to_begin_with_break_no_promise(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].run(seed)


def test_they_get_far() -> None:
    assert client(server_streams()[0]) == 9
    assert receiver(client_streams()[0]) == 2


@pytest.mark.pitfall(5, 24, 25, 26, 27, 28, 30, 31, 33)
@pytest.mark.parametrize("name", TARGETS)
def test_whatever_the_bytes_no_promise_is_broken(name: str) -> None:
    target, dice = TARGETS[name], random.Random(SEED)
    for _ in range(AT_ONCE if target.is_slow else 20 * AT_ONCE):
        data = mutated(target.seeds(), dice, head=target.head)
        _fed[name] += 1
        try:
            target.run(data)
        except BaseException as error:
            error.add_note(f"seed {SEED}, input {_fed[name]}: {data.hex()}")
            raise


@pytest.mark.parametrize("name", TARGETS)
@given(st.data())
def test_nor_by_what_hypothesis_thinks_of(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    _fed[name] += 1
    target.run(data.draw(mutants(target.seeds(), head=target.head)))


@pytest.mark.pitfall(24, 29)
@pytest.mark.parametrize("name", TARGETS)
def test_no_input_costs_much_memory(name: str) -> None:
    target, dice = TARGETS[name], random.Random(SEED + 1)
    tracemalloc.start()
    try:
        others = (mutated(target.seeds(), dice, head=target.head) for _ in range(AT_ONCE // 15))
        for data in (*target.seeds(), *others):
            tracemalloc.reset_peak()
            _fed[name] += 1
            target.run(data)
            _, peak = tracemalloc.get_traced_memory()
            assert peak < MOST, f"seed {SEED + 1}, input {_fed[name]}"
    finally:
        tracemalloc.stop()


def test_the_number_of_inputs_is_said() -> None:
    sys.stdout.write(", ".join(f"{name}: {count} inputs" for name, count in _fed.items()) + "\n")


# --- that it would be noticed ---------------------------------------------------------------


def _swallow_a_bug() -> None:
    log_failures(ExceptionGroup("", [ZeroDivisionError()]), "a bug of %s", "ours")


def _write_half_a_pdu() -> None:
    stream = stream_of(b"")
    stream.heard += b"\5\0\0\0\0\4\0"
    written(stream)


def _write_nonsense() -> None:
    stream = stream_of(b"")
    stream.heard += b"\x99\0\0\0\0\4\0\0\0\0"
    written(stream)


@pytest.mark.parametrize("break_it", [_swallow_a_bug, _write_half_a_pdu, _write_nonsense])
def test_broken_promises_are_noticed(break_it: Callable[[], None]) -> None:
    with pytest.raises(AssertionError), no_bugs():
        break_it()


async def test_a_peer_that_is_silent_is_heard_until_it_is_closed() -> None:
    stream = stream_of(b"\2\0")
    with trio.move_on_after(0.01) as scope:
        await stream.receive_some()
    assert scope.cancelled_caught
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()
