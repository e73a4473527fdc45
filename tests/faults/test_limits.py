# ruff: noqa: E501 - the names of tests
"""Every limit: what is below it and at it is taken, what is above it is not."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest
from attrs import fields

from tests.faults.limits import LIMITS
from trio_dicom import Limits, open_receiver

ROOT = Path(__file__).parents[2]


@pytest.mark.pitfall(24, 26, 27, 29, 30)
@pytest.mark.parametrize("name", LIMITS)
async def test_a_limit_holds_where_it_says(name: str) -> None:
    it = LIMITS[name]
    assert await it.taken(it.limit, it.limit - it.step)
    assert await it.taken(it.limit, it.limit)
    assert not await it.taken(it.limit, it.limit + it.step)
    # It is the limit that says so, and no other one near it.
    assert await it.taken(it.limit + it.step, it.limit + it.step)


def test_every_limit_is_tried_and_explained() -> None:
    ours = {attribute.name for attribute in fields(Limits)}
    numbers = {
        name
        for name, parameter in inspect.signature(open_receiver).parameters.items()
        if name.startswith("max_")
    }
    assert set(LIMITS) == ours | numbers
    documented = re.findall(r"^        (\w+): (.+)$", Limits.__doc__ or "", re.MULTILINE)
    assert [name for name, _ in documented] == [attribute.name for attribute in fields(Limits)]


@pytest.mark.parametrize("name", [attribute.name for attribute in fields(Limits)])
def test_a_limit_is_not_negative(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: -1})
    assert getattr(Limits(**{name: 0}), name) == 0
    assert getattr(Limits(), name) > 0


# What bounds a peer and nobody needs to change, and the test that tries it.
FIXED = {
    "_dimse.assemble._MAX_EMPTY_FRAGMENTS": "dimse/test_assemble.py::test_endless_empty_fragments_are_a_fault",
    "_dimse.charsets._LONGEST": "dimse/test_encoded.py::test_character_sets_without_end_are_refused",
    "_dimse.part10._LONGEST_META": "dimse/test_part10.py::test_a_broken_header_is_refused",
    "_io.reception._MOST_KEPT_ALIVE": "io/test_reception.py::test_large_pieces_are_not_copied_and_small_ones_are_put_together",
    "_io.serving._MOST_ARRIVING": "io/test_storing_flow.py::test_what_the_disk_does_not_take_is_not_read",
    "_io.serving._MOST_AT_A_TIME": "faults/test_fixed_bounds.py::test_no_more_than_sixteen_handlers_run_at_a_time",
    "_io.transport._MOST_AT_ONCE": "io/test_transport.py::test_more_is_asked_for_while_much_comes",
    "_operations.print_reports._MOST": "faults/test_fixed_bounds.py::test_of_the_reports_of_a_printer_the_latest_thousand_are_kept",
    "_operations.receiving._ROOM_AT_THE_DOOR": "operations/test_receiver_admission.py::test_those_who_only_connect_shut_out_nobody_and_are_no_more_than_so_many",
    "_operations.ups_events._MOST_WAITING": "operations/test_ups_events.py::test_a_full_channel_holds_up_the_answer_until_somebody_receives",
    "_protocol.machine._MOST_OWED": "faults/test_fixed_bounds.py::test_a_peer_cannot_make_us_pile_up_aborts",
    "_wire.data.MOST_PDVS": "wire/test_data.py::test_as_many_empty_fragments_as_one_pdu_may_have_are_taken_and_one_more_is_not",
}  # fmt: skip
# What bounds ourselves, or is a number of the standard.
OURS = {
    "_dimse.command_set._MAX_AE_TITLE",
    "_dimse.command_set._MAX_LO",
    "_dimse.part10.LONGEST_HEAD",
    "_dimse.writing._LONGEST",
    "_dimse.writing._LONGEST_SHORT",
    "_operations.read_ahead._MOST_AT_ONCE",
    "_operations.references._LONGEST_CODE",
    "_operations.store_many._MOST_OPEN",
    "_protocol.contexts._MAX_UID_LENGTH",
    "_protocol.identity._LONGEST_FIELD",
    "_protocol.negotiation._LARGEST_WINDOW",
    "_protocol.negotiation._LONGEST_AE_TITLE",
    "_protocol.negotiation._LONGEST_PDU",
    "_protocol.negotiation._MOST_CONTEXTS",
    "_wire.header.LONGEST_BODY",
}


def bounds() -> set[str]:
    """The numbers in the layers below that are called the most or the longest."""
    found: set[str] = set()
    for layer in ("_wire", "_dimse", "_protocol", "_io", "_operations"):
        package = import_module(f"trio_dicom.{layer}")
        for module in pkgutil.iter_modules(package.__path__):
            tree = vars(import_module(f"trio_dicom.{layer}.{module.name}"))
            source = Path(str(tree["__file__"])).read_text()
            for name in re.findall(r"^(_?[A-Z_]+)(?:: Final)? = ", source, re.MULTILINE):
                if re.match(r"_?(MOST|MAX|LONGEST|LARGEST|ROOM)(_|$)", name):
                    assert isinstance(tree[name], int)
                    found.add(f"{layer}.{module.name}.{name}")
    return found


def test_every_other_bound_is_tried_somewhere() -> None:
    assert bounds() == set(FIXED) | OURS
    for place in FIXED.values():
        file, name = place.split("::")
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(), place
