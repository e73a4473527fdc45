"""A peer that asks us something and then does not read what we answer."""

from __future__ import annotations

import pytest
import trio
from pydicom import Dataset
from trio.testing import MockClock

from trio_dicom import (
    BaseHandler,
    CEchoRequest,
    CGetRequest,
    ClientConnection,
    ConnectionLost,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    PresentationContext,
    Timeouts,
    TrioDicomError,
    propose,
    wrap_stream,
)
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import ScriptedPeer, memory_link

GET = "1.2.840.10008.5.1.4.1.2.2.3"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
QUERY = Dataset()
QUERY.QueryRetrieveLevel = "STUDY"
# A window of two: the peer may ask while our own request is open.
REQUEST = propose(
    contexts=[VERIFICATION, PresentationContext(GET), PresentationContext(CT, scp_role=True)],
    max_operations_invoked=2,
)


class TakesEverything(BaseHandler):
    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        return CStoreResponse(status=0x0000)


@pytest.mark.pitfall(2)
async def test_an_answer_that_the_peer_does_not_read_ends_the_connection(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_link(capacity=64)
    peer = ScriptedPeer(theirs)
    outcomes: list[type[TrioDicomError]] = []

    async def get(connection: ClientConnection) -> None:
        try:
            async with connection.open_request(
                CGetRequest(sop_class_uid=GET, data_set=QUERY), timeout=1_000, idle_timeout=1_000
            ) as responses:
                await responses.final()
        except TrioDicomError as error:
            outcomes.append(type(error))

    async def ask_and_do_not_read() -> None:
        await peer.accept(window=(2, 1))
        await peer.expect_message(CGetRequest)
        instance = CStoreRequest(
            sop_class_uid=CT,
            sop_instance_uid="1.2.3",
            message_id=1,
            data_set=EncodedDataSet(b"\x10\x00\x10\x00\x02\x00\x00\x001 ", IMPLICIT),
        )
        await peer.send_message(instance, context_id=5)

    options = ConnectionOptions(timeouts=Timeouts(idle=7))
    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_and_do_not_read)
        async with wrap_stream(ours, handler=TakesEverything(), options=options) as connection:
            await connection.send_association_request(REQUEST)
            nursery.start_soon(get, connection)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(ConnectionLost, match="took nothing for 7 s"):
                # It waits behind the answer, which counts against no timeout of its own.
                await connection.send_request(CEchoRequest())
    assert outcomes == [ConnectionLost]
    assert trio.current_time() - begun == pytest.approx(7)
