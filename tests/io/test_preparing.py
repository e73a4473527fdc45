"""What is refused before a byte of it is sent: requests that no peer could make sense of."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.io.recording import CT, FIND
from tests.io.talking import (
    COMMITMENT,
    GET,
    MOVE,
    find_request,
    store_request,
    talking,
)
from trio_dicom import (
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    EncodedDataSet,
    LocalProtocolError,
    NActionRequest,
    NSetRequest,
    Request,
    response_to,
)

NOTHING = (None, Dataset(), EncodedDataSet(b"", ImplicitVRLittleEndian))


@pytest.mark.scenario("B55")
@pytest.mark.parametrize("data_set", NOTHING, ids=["none", "empty", "no bytes"])
@pytest.mark.parametrize(
    "request_",
    [
        CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2"),
        CFindRequest(sop_class_uid=FIND),
        CGetRequest(sop_class_uid=GET),
        CMoveRequest(sop_class_uid=MOVE, move_destination="HERE"),
        NSetRequest(sop_class_uid=COMMITMENT, sop_instance_uid="1.2"),
    ],
    ids=lambda request: request.operation,
)
async def test_a_request_that_must_have_a_data_set_is_not_sent_without(
    request_: Request, data_set: Dataset | EncodedDataSet | None
) -> None:
    async with talking() as (connection, peer):
        with pytest.raises(LocalProtocolError, match="needs a data set"):
            await connection.send_request(evolve(request_, data_set=data_set))
        assert connection.is_send_queue_empty
        await connection.send_request(find_request())  # and the association lives
        message = await peer.expect_message(CFindRequest)
        assert message.message_id == 1
        await peer.send_message(response_to(message, 0x0000), context_id=5)


@pytest.mark.scenario("B55")
@pytest.mark.parametrize("data_set", NOTHING, ids=["none", "empty", "no bytes"])
async def test_an_empty_optional_data_set_goes_as_no_data_set(
    data_set: Dataset | EncodedDataSet | None,
) -> None:
    request = NActionRequest(
        sop_class_uid=COMMITMENT, sop_instance_uid="1.2", action_type_id=1, data_set=data_set
    )
    async with talking() as (connection, peer):
        await connection.send_request(request)
        message = await peer.expect_message(NActionRequest)
        assert message.data_set is None
        await peer.send_message(response_to(message, 0x0000), context_id=11)


@pytest.mark.scenario("B18")
@pytest.mark.parametrize(
    "foreign", [{"context_id": 99}, {"transfer_syntax": ImplicitVRLittleEndian}]
)
async def test_a_context_of_another_association_is_refused(foreign: dict[str, Any]) -> None:
    async with talking() as (connection, peer):
        assert connection.association is not None
        own = connection.association.contexts[1]
        assert own.transfer_syntax == ExplicitVRLittleEndian
        with pytest.raises(LocalProtocolError, match="not one of this association"):
            await connection.send_request(store_request(), context=evolve(own, **foreign))
        await connection.send_request(store_request(), context=own)
        message = await peer.expect_message(CStoreRequest)
        assert message.message_id == 1
        await peer.send_message(response_to(message, 0x0000), context_id=3)


@pytest.mark.scenario("B54")
@pytest.mark.parametrize(
    "request_",
    [
        CFindRequest(sop_class_uid=FIND),
        CGetRequest(sop_class_uid=GET),
        CMoveRequest(sop_class_uid=MOVE, move_destination="HERE"),
        NActionRequest(sop_class_uid=COMMITMENT, sop_instance_uid="1.2", action_type_id=1),
    ],
    ids=lambda request: request.operation,
)
async def test_text_in_a_character_set_that_is_not_declared_is_not_sent(request_: Request) -> None:
    data_set = Dataset()
    data_set.QueryRetrieveLevel = "STUDY"
    data_set.PatientName = "Müller*"
    async with talking() as (connection, peer):
        with pytest.raises(LocalProtocolError, match=r"PatientName .* ISO_IR 192") as caught:
            await connection.send_request(evolve(request_, data_set=data_set))
        assert "ller" not in str(caught.value)
        assert connection.is_send_queue_empty
        data_set.SpecificCharacterSet = "ISO_IR 192"
        await connection.send_request(evolve(request_, data_set=data_set))
        message = await peer.receive_message()
        assert isinstance(message, type(request_))
        assert message.message_id == 1
        assert isinstance(message.data_set, EncodedDataSet)
        assert "Müller*".encode() in bytes(message.data_set.data)
        await peer.send_message(response_to(message, 0x0000), context_id=peer.last_context_id)


@pytest.mark.scenario("B54")
async def test_an_instance_is_sent_as_it_is() -> None:
    data_set = Dataset()
    data_set.PatientName = "Müller"
    request = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=data_set)
    async with talking() as (connection, peer):
        await connection.send_request(request)
        message = await peer.expect_message(CStoreRequest)
        assert isinstance(message.data_set, EncodedDataSet)
        assert b"M\xfcller" in bytes(message.data_set.data)
        await peer.send_message(response_to(message, 0x0000), context_id=peer.last_context_id)
