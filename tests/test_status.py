"""Statuses: every code has a kind and keeps its value."""

from __future__ import annotations

import pytest

from trio_dicom import Code, Service, Status, StatusKind
from trio_dicom.status import service_for

PENDING_SERVICES = {
    Service.QUERY_RETRIEVE_FIND,
    Service.QUERY_RETRIEVE_GET,
    Service.QUERY_RETRIEVE_MOVE,
    Service.WORKLIST,
    Service.RELEVANT_PATIENT,
    Service.REPOSITORY_QUERY,
}


def kind_in_annex_c(code: int) -> StatusKind:
    """PS3.7 Annex C, spelled out for every code; the rest must not look like success."""
    text = f"{code:04X}"
    if text == "0000":
        return StatusKind.SUCCESS
    if text in {"0001", "0107", "0116"} or text[0] == "B":
        return StatusKind.WARNING
    if text == "FE00":
        return StatusKind.CANCEL
    return StatusKind.FAILURE


@pytest.mark.scenario("B56")
@pytest.mark.pitfall(11)
@pytest.mark.parametrize("service", [Service.GENERAL, Service.STORAGE, Service.QUERY_RETRIEVE_FIND])
def test_every_code_keeps_its_value_and_has_a_kind(service: Service) -> None:
    for code in range(0x10000):
        status = Status(code, service)
        assert status.code == code
        if code in {0xFF00, 0xFF01} and service in PENDING_SERVICES:
            assert status.kind is StatusKind.PENDING
        else:
            assert status.kind is kind_in_annex_c(code), status


@pytest.mark.scenario("B26")
@pytest.mark.parametrize("code", [0xFF00, 0xFF01])
@pytest.mark.parametrize("service", Service)
def test_pending_exists_for_find_get_and_move_only(service: Service, code: int) -> None:
    status = Status(code, service)
    assert status.is_pending is (service in PENDING_SERVICES)
    assert status.is_failure is (service not in PENDING_SERVICES)


@pytest.mark.parametrize(
    "code, flag",
    [
        (0x0000, "is_success"),
        (0xB000, "is_warning"),
        (0xA700, "is_failure"),
        (0xFE00, "is_cancel"),
        (0xFF00, "is_pending"),
    ],
)
def test_exactly_one_flag_is_true(code: int, flag: str) -> None:
    status = Status(code, Service.QUERY_RETRIEVE_GET)
    flags = {"is_success", "is_warning", "is_failure", "is_cancel", "is_pending"}
    assert {name for name in flags if getattr(status, name)} == {flag}


@pytest.mark.scenario("B56")
@pytest.mark.parametrize(
    "code, service, text",
    [
        (0x0000, Service.STORAGE, "0000H (success)"),
        (0xA700, Service.STORAGE, "A700H (failure: out of resources)"),
        (0xA7FF, Service.STORAGE, "A7FFH (failure: out of resources)"),
        (0xA800, Service.STORAGE, "A800H (failure)"),
        (0xB006, Service.STORAGE, "B006H (warning: elements discarded)"),
        (0xC123, Service.STORAGE, "C123H (failure: cannot understand)"),
        (0x0124, Service.STORAGE, "0124H (failure: not authorized)"),
        (0x0105, Service.GENERAL, "0105H (failure: no such attribute)"),
        (0xA801, Service.QUERY_RETRIEVE_MOVE, "A801H (failure: move destination unknown)"),
        (0xC100, Service.RELEVANT_PATIENT, "C100H (failure: more than one match found)"),
        (0xC101, Service.RELEVANT_PATIENT, "C101H (failure: unable to process)"),
        (0xC602, Service.PRINT, "C602H (failure: unable to create print job, print queue is full)"),
        (0xB999, Service.GENERAL, "B999H (warning)"),
        (0x0131, Service.GENERAL, "0131H (failure)"),
        (0xFE00, Service.QUERY_RETRIEVE_FIND, "FE00H (cancel)"),
        (0xFF00, Service.WORKLIST, "FF00H (pending: matches are continuing)"),
    ],
)
def test_a_status_is_readable(code: int, service: Service, text: str) -> None:
    assert str(Status(code, service)) == text


def test_equal_codes_are_equal_statuses_whatever_the_service() -> None:
    assert Status(0xA700) == Status(0xA700, Service.STORAGE)
    assert hash(Status(0xA700)) == hash(Status(0xA700, Service.STORAGE))
    assert Status(0xA700) != Status(0xA701)


def test_a_status_is_a_number_where_one_is_needed() -> None:
    assert int(Status(Code.OUT_OF_RESOURCES)) == 0xA700
    assert Status.of(0xA700) is Status.of(0xA700)


@pytest.mark.parametrize("code", [-1, 0x10000])
def test_a_code_has_16_bits(code: int) -> None:
    with pytest.raises(ValueError, match="16 bits"):
        Status(code)


@pytest.mark.parametrize(
    "uid, default, service",
    [
        ("1.2.840.10008.5.1.4.31", Service.QUERY_RETRIEVE_FIND, Service.WORKLIST),
        ("1.2.840.10008.5.1.4.37.2", Service.QUERY_RETRIEVE_FIND, Service.RELEVANT_PATIENT),
        ("1.2.840.10008.5.1.4.34.6.1", Service.GENERAL, Service.UPS),
        ("1.2.840.10008.5.1.1.16.376", Service.GENERAL, Service.PRINT),
        ("1.2.840.10008.3.1.2.3.3", Service.GENERAL, Service.MPPS),
        ("1.2.840.10008.1.20.1", Service.GENERAL, Service.STORAGE_COMMITMENT),
        ("1.2.840.10008.1.40", Service.GENERAL, Service.EVENT_LOGGING),
        ("1.2.3", Service.GENERAL, Service.GENERAL),
        (None, Service.GENERAL, Service.GENERAL),
        (None, Service.QUERY_RETRIEVE_FIND, Service.QUERY_RETRIEVE_FIND),
        ("1.2.840.10008.5.1.4.31", Service.STORAGE, Service.STORAGE),
    ],
)
def test_the_sop_class_tells_the_service(
    uid: str | None, default: Service, service: Service
) -> None:
    assert service_for(uid, default) is service


@pytest.mark.scenario("B26")
def test_a_ups_query_has_pending_although_its_n_services_have_none() -> None:
    uid = "1.2.840.10008.5.1.4.34.6.3"
    assert service_for(uid, Service.QUERY_RETRIEVE_FIND).has_pending
    assert not service_for(uid).has_pending
