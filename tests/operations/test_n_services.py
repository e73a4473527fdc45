"""The six N-services: what goes out, and what comes back, with the peer's words in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import frozen
from pydicom import Dataset

from tests.operations.speaking import beside, speaking
from trio_dicom import (
    Association,
    NActionRequest,
    NActionResponse,
    NCreateRequest,
    NCreateResponse,
    NDeleteRequest,
    NDeleteResponse,
    NEventReportRequest,
    NEventReportResponse,
    NGetRequest,
    NGetResponse,
    NoAcceptedContext,
    NSetRequest,
    NSetResponse,
    PresentationContext,
    Request,
    ResponseTimeout,
)
from trio_dicom.sop_classes import (
    BASIC_COLOR_PRINT,
    BASIC_GRAYSCALE_PRINT,
    MPPS,
    UPS_PULL,
    UPS_WATCH,
)

STEP = str(MPPS.abstract_syntax)
UPS_PUSH_CLASS = "1.2.840.10008.5.1.4.34.6.1"
PRINTER = "1.2.840.10008.5.1.1.16"


def data(**values: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


@frozen
class Case:
    """One N-service: how it is called, and which request and response that means."""

    call: Callable[[Association], Awaitable[Any]]
    request: Request
    response_class: type


SET = data(PatientID="1")
CASES = [
    Case(
        lambda it: it.n_get(STEP, "1.2.3", ["PatientID", 0x00400252, (0x0010, 0x0010)]),
        NGetRequest(
            sop_class_uid=STEP,
            sop_instance_uid="1.2.3",
            attribute_identifiers=(0x00100020, 0x00400252, 0x00100010),
        ),
        NGetResponse,
    ),
    Case(
        lambda it: it.n_get(STEP, "1.2.3", "PatientID"),
        NGetRequest(
            sop_class_uid=STEP, sop_instance_uid="1.2.3", attribute_identifiers=(0x00100020,)
        ),
        NGetResponse,
    ),
    Case(
        lambda it: it.n_set(STEP, "1.2.3", SET),
        NSetRequest(sop_class_uid=STEP, sop_instance_uid="1.2.3", data_set=SET),
        NSetResponse,
    ),
    Case(
        lambda it: it.n_action(STEP, "1.2.3", 7, SET),
        NActionRequest(
            sop_class_uid=STEP, sop_instance_uid="1.2.3", action_type_id=7, data_set=SET
        ),
        NActionResponse,
    ),
    Case(
        lambda it: it.n_create(STEP, "1.2.3", SET),
        NCreateRequest(sop_class_uid=STEP, sop_instance_uid="1.2.3", data_set=SET),
        NCreateResponse,
    ),
    Case(
        lambda it: it.n_create(STEP),
        NCreateRequest(sop_class_uid=STEP),
        NCreateResponse,
    ),
    Case(
        lambda it: it.n_delete(STEP, "1.2.3"),
        NDeleteRequest(sop_class_uid=STEP, sop_instance_uid="1.2.3"),
        NDeleteResponse,
    ),
    Case(
        lambda it: it.n_event_report(STEP, "1.2.3", 2, SET),
        NEventReportRequest(
            sop_class_uid=STEP, sop_instance_uid="1.2.3", event_type_id=2, data_set=SET
        ),
        NEventReportResponse,
    ),
]
BOTH_ROLES = PresentationContext(STEP, scu_role=True, scp_role=True)


def contents(request: Any) -> tuple[object, ...]:
    """What of a request matters here: all but its message ID and how it is encoded."""
    fields = {row.name: getattr(request, row.name) for row in request.rows}
    del fields["message_id"]
    return type(request), fields, request.decoded_data_set()


@pytest.mark.parametrize("case", CASES, ids=lambda it: type(it.request).__name__)
async def test_a_service_sends_its_request_and_returns_its_response(case: Case) -> None:
    came: list[Request] = []

    async with speaking([BOTH_ROLES]) as (association, peer):

        async def script() -> None:
            message = await peer.receive_message()
            assert isinstance(message, Request)
            came.append(message)
            await peer.reply(message, 0x0000)

        response = await beside(script, case.call(association))
    assert [contents(request) for request in came] == [contents(case.request)]
    assert type(response) is case.response_class
    assert response.status.is_success


async def test_the_values_of_an_n_get_are_decoded_when_touched() -> None:
    async with speaking([MPPS]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NGetRequest)
            await peer.reply(request, 0x0000, data_set=data(PatientID="42"))

        response = await beside(script, association.n_get(STEP, "1.2.3"))
    assert response.attribute_list == data(PatientID="42")
    assert response.sop_instance_uid == "1.2.3"


async def test_the_peer_names_the_instance_that_it_made() -> None:
    async with speaking([MPPS]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NCreateRequest)
            assert request.sop_instance_uid is None
            assert request.data_set is None
            await peer.reply(request, 0x0000, sop_instance_uid="1.9")

        response = await beside(script, association.n_create(STEP))
    assert response.sop_instance_uid == "1.9"


async def test_a_failure_is_an_answer_with_everything_that_explains_it() -> None:
    async with speaking([MPPS]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NSetRequest)
            await peer.reply(
                request,
                0x0106,
                error_comment="no such state",
                offending_elements=[0x00400252],
                attribute_identifiers=["PerformedProcedureStepStatus"],
            )

        response = await beside(script, association.n_set(STEP, "1.2.3", SET))
    assert response.status.is_failure
    assert response.status.code == 0x0106
    assert response.error_comment == "no such state"
    assert response.offending_elements == (0x00400252,)
    assert response.attribute_identifiers == (0x00400252,)


@pytest.mark.scenario("B18")
@pytest.mark.parametrize(
    ("contexts", "sop_class", "expected"),
    [
        ([BASIC_GRAYSCALE_PRINT], PRINTER, 1),
        ([MPPS, BASIC_COLOR_PRINT], PRINTER, 3),
        ([PresentationContext(PRINTER), BASIC_GRAYSCALE_PRINT], PRINTER, 1),
        ([BASIC_GRAYSCALE_PRINT, PresentationContext(PRINTER)], PRINTER, 3),
        ([UPS_WATCH], UPS_PUSH_CLASS, 1),
        ([UPS_WATCH, UPS_PULL], UPS_PUSH_CLASS, 3),
    ],
)
async def test_the_context_is_that_of_the_class_or_of_one_that_stands_for_it(
    contexts: list[PresentationContext], sop_class: str, expected: int
) -> None:
    async with speaking(contexts) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NGetRequest)
            assert request.sop_class_uid == sop_class
            assert peer.last_context_id == expected
            await peer.reply(request, 0x0000)

        await beside(script, association.n_get(sop_class, "1.2.3"))


@pytest.mark.scenario("B18")
async def test_the_caller_chooses_the_context() -> None:
    private = "1.2.826.0.1.3680043.9.7"
    async with speaking([MPPS, PresentationContext(private)]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NGetRequest)
            assert request.sop_class_uid == "1.2.826.0.1.3680043.9.8"
            assert peer.last_context_id == 3
            await peer.reply(request, 0x0000)

        context = association.negotiated.contexts[1]
        await beside(script, association.n_get("1.2.826.0.1.3680043.9.8", "1.2.3", context=context))


async def test_an_event_is_not_told_by_who_is_no_provider() -> None:
    async with speaking([MPPS]) as (association, _peer):
        with pytest.raises(NoAcceptedContext, match="provider"):
            await association.n_event_report(STEP, "1.2.3", 1)


async def test_silence_is_a_timeout(autojump_clock: object) -> None:
    async with speaking([MPPS]) as (association, peer):
        with pytest.raises(ResponseTimeout) as caught:
            await association.n_delete(STEP, "1.2.3", idle_timeout=5)
        assert caught.value.seconds == 5
        await peer.expect_message(NDeleteRequest)


async def test_the_words_for_a_status_do_not_need_the_class_in_the_answer() -> None:
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NActionRequest)
            bare = NActionResponse(status=0xC600, message_id_being_responded_to=request.message_id)
            await peer.send_message(bare)

        response = await beside(script, association.n_action("1.2.840.10008.5.1.1.1", "1.2", 1))
    assert str(response.status) == "C600H (failure: film session has no film boxes)"
    assert response.sop_instance_uid is None
