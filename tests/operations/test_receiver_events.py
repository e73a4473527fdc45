"""Events that peers bring on associations of their own."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from tests.operations.calling import calling, receiving
from trio_dicom import (
    NEventReportRequest,
    NEventReportResponse,
    PresentationContext,
    response_to,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT, UPS_EVENT

PUSH = STORAGE_COMMITMENT.abstract_syntax
INSTANCE = "1.2.840.10008.1.20.1.1"
ROLES = {
    "no role selection": {},
    "scp alone": {"scu_role": False, "scp_role": True},
    "both": {"scu_role": True, "scp_role": True},
}


def information(transaction: str) -> Dataset:
    data_set = Dataset()
    data_set.TransactionUID = transaction
    return data_set


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
@pytest.mark.parametrize("roles", ROLES.values(), ids=ROLES)
async def test_whoever_waits_for_it_takes_a_report_on_an_association_of_its_own(
    roles: dict[str, bool],
) -> None:
    taken: list[object] = []

    async def take(request: NEventReportRequest) -> NEventReportResponse | None:
        assert request.event_information is not None
        taken.append(request.event_information.TransactionUID)
        return response_to(request, 0x0000)

    contexts = [PresentationContext(PUSH, **roles)]
    async with receiving() as receiver, calling(receiver, contexts) as association:
        for transaction in ("1.2", "1.3"):
            with receiver.events(take):
                response = await association.send_request(
                    NEventReportRequest(
                        sop_class_uid=PUSH,
                        sop_instance_uid=INSTANCE,
                        event_type_id=1,
                        data_set=information(transaction),
                    ),
                    context=association.negotiated.contexts[0],
                )
            assert response.status.is_success
    assert taken == ["1.2", "1.3"]


async def ask(receiver: object, uid: str = PUSH) -> NEventReportResponse:
    contexts = [PresentationContext(uid, scu_role=False, scp_role=True)]
    async with calling(receiver, contexts) as association:  # type: ignore[arg-type]
        response = await association.send_request(
            NEventReportRequest(
                sop_class_uid=uid,
                sop_instance_uid=INSTANCE,
                event_type_id=1,
                data_set=information("1.2"),
            )
        )
        assert isinstance(response, NEventReportResponse)
        return response


async def test_nobody_waits_for_it_and_the_peer_is_told_so() -> None:
    async with receiving() as receiver:
        response = await ask(receiver)
    assert response.status.code == 0x0110
    assert response.error_comment == "nobody here waits for this event"


async def test_what_nobody_takes_comes_to_who_answers_all_events() -> None:
    async def never(request: NEventReportRequest) -> NEventReportResponse | None:
        return None

    async def always(request: NEventReportRequest) -> NEventReportResponse | None:
        return response_to(request, 0x0000) if request.sop_class_uid == PUSH else None

    async with receiving(on_event=always) as receiver:
        with receiver.events(never):
            assert (await ask(receiver)).status.is_success
            assert (await ask(receiver, UPS_EVENT.abstract_syntax)).status.code == 0x0110
