"""The channel of one request's responses."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from tests.io.talking import find_request, patient, quick, talking
from trio_dicom import (
    AssociationAborted,
    CEchoRequest,
    CFindRequest,
    ClientConnection,
    ConnectionOptions,
    LocalProtocolError,
    NoAcceptedContext,
    ResponseChannel,
    ResponseTimeout,
)
from trio_dicom.testing import ScriptedPeer


@asynccontextmanager
async def query(
    options: ConnectionOptions | None = None,
) -> AsyncGenerator[tuple[ResponseChannel, CFindRequest, ScriptedPeer], None]:
    """An open C-FIND, which ends well unless it was answered before."""
    async with (
        talking(options=options) as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await peer.expect_message(CFindRequest)
        yield responses, request, peer
        await peer.reply(request, 0x0000)


async def test_a_second_receiver_is_refused() -> None:
    async with query() as (responses, request, peer), trio.open_nursery() as nursery:
        nursery.start_soon(responses.receive)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await responses.receive()
        with pytest.raises(trio.BusyResourceError):
            await responses.final()
        await peer.reply(request, 0xFF00)


async def test_nobody_receives_while_another_waits_for_the_final_response() -> None:
    async with query() as (responses, request, peer), trio.open_nursery() as nursery:
        nursery.start_soon(responses.final)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await responses.receive()
        await peer.reply(request, 0x0000)


async def test_two_tasks_may_take_turns() -> None:
    async with query() as (responses, request, peer):
        for status in (0xFF00, 0xFF01, 0x0000):
            await peer.reply(request, status)

        async def receive_one() -> None:
            assert (await responses.receive()).status.is_pending

        for _ in range(2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive_one)
        assert (await responses.final()).status.is_success


async def test_after_closing_nothing_can_be_received() -> None:
    async with query() as (responses, request, peer):
        await peer.reply(request, 0xFF00)
        await peer.reply(request, 0x0000)
        await wait_all_tasks_blocked()
        await responses.aclose()
        await responses.aclose()  # as often as you like
        with pytest.raises(trio.ClosedResourceError):
            await responses.receive()
        with pytest.raises(trio.ClosedResourceError):
            await responses.final()


@pytest.mark.parametrize("method", ["receive", "final"])
async def test_whoever_waits_hears_that_another_task_closed_the_channel(method: str) -> None:
    async with query() as (responses, _, _):

        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await getattr(responses, method)()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            responses.close()


async def test_after_the_block_nothing_can_be_received() -> None:
    async with query() as (responses, request, peer):
        await peer.reply(request, 0xFF00)
        await wait_all_tasks_blocked()
    with pytest.raises(trio.ClosedResourceError):
        await responses.receive()


async def test_closed_by_a_with_block_it_is_closed() -> None:
    async with query() as (responses, _, _):
        with responses as same:
            assert same is responses
        with pytest.raises(trio.ClosedResourceError):
            await responses.receive()


async def test_the_final_response_drops_the_pending_ones() -> None:
    async with query() as (responses, request, peer):
        await peer.reply(request, 0xFF00)
        await peer.reply(request, 0x0000)
        assert (await responses.final()).status.is_success
        assert [response async for response in responses] == []


async def test_a_cancelled_receive_loses_nothing() -> None:
    async with query() as (responses, request, peer):
        with trio.move_on_after(0):
            await responses.receive()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(responses.receive)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await peer.reply(request, 0xFF00, data_set=patient("1"))
        await peer.reply(request, 0x0000)
        assert len([response async for response in responses]) == 1
        with trio.CancelScope() as scope:
            scope.cancel()
            await responses.final()
        assert scope.cancelled_caught
        assert (await responses.final()).status.is_success


async def test_received_at_the_moment_of_a_cancellation_it_is_not_lost() -> None:
    for cancel_first in (True, False):
        async with query() as (responses, request, peer):
            got: list[object] = []

            async def receive(scope: trio.CancelScope, got: list[object] = got) -> None:
                with scope:
                    got.append(await responses.receive())

            async with trio.open_nursery() as nursery:
                scope = trio.CancelScope()
                nursery.start_soon(receive, scope)
                await wait_all_tasks_blocked()
                if cancel_first:
                    scope.cancel()
                await peer.reply(request, 0xFF00)
                await wait_all_tasks_blocked()
                scope.cancel()
            await peer.reply(request, 0x0000)
            got += [response async for response in responses]
            assert len(got) == 1


@pytest.mark.scenario("B59")
async def test_what_came_before_the_end_can_be_received_and_then_the_error_comes(
    autojump_clock: MockClock,
) -> None:
    async with query(quick(idle=10)) as (responses, request, peer):
        await peer.reply(request, 0xFF00)
        await trio.sleep(11)
        await responses.receive()
        errors: list[Exception] = []
        for _ in range(2):
            with pytest.raises(ResponseTimeout) as timed_out:
                await responses.receive()
            errors.append(timed_out.value)
        with pytest.raises(ResponseTimeout) as timed_out:
            await responses.final()
        errors.append(timed_out.value)
        assert len({id(error) for error in errors}) == 3  # built anew for each raise


async def test_no_two_tasks_share_an_error() -> None:
    async with talking(window=2) as (connection, peer):
        errors: list[Exception] = []

        async def ask() -> None:
            with pytest.raises(AssociationAborted) as aborted:
                async with connection.open_request(CEchoRequest()) as responses:
                    await responses.final()
            errors.append(aborted.value)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            await peer.abort()
        assert errors[0] is not errors[1]
        await peer.aclose()


async def test_every_call_is_a_checkpoint_whatever_comes_of_it() -> None:
    async with (
        talking() as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await peer.expect_message(CFindRequest)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(responses.receive)
            await wait_all_tasks_blocked()
            for call in (responses.receive, responses.final):
                with assert_checkpoints(), pytest.raises(trio.BusyResourceError):
                    await call()
            nursery.cancel_scope.cancel()
        await peer.reply(request, 0xFF00)
        await peer.reply(request, 0x0000)
        await wait_all_tasks_blocked()
        with assert_checkpoints():
            await responses.receive()
        with assert_checkpoints(), pytest.raises(trio.EndOfChannel):
            await responses.receive()
        with assert_checkpoints():
            await responses.final()
        with assert_checkpoints():
            await responses.aclose()
        for call in (responses.receive, responses.final):
            with assert_checkpoints(), pytest.raises(trio.ClosedResourceError):
                await call()


async def test_the_connection_s_calls_are_checkpoints_when_they_return_at_once() -> None:
    async with talking() as (connection, peer):
        for call in (connection.send_next_message, connection.wait_send_queue_empty):
            with assert_checkpoints():
                await call()
        association = connection.association
        assert association is not None
        with assert_checkpoints(), pytest.raises(LocalProtocolError):
            await connection.send_association_request(association.request)
        impossible = CEchoRequest(sop_class_uid="1.2.3")
        with assert_checkpoints(), pytest.raises(NoAcceptedContext):
            await connection.send_request(impossible)
        with assert_checkpoints(), pytest.raises(NoAcceptedContext):
            await connection.open_request(impossible).__aenter__()
        await peer.aclose()
        await connection.listener.ended.wait()
        ended: list[object] = [
            connection.send_next_message,
            connection.wait_send_queue_empty,
            connection.send_association_release_request,
            connection.send_abort,
            connection.aclose,
        ]
        for call in ended:
            with assert_checkpoints():
                await call()  # type: ignore[operator]


async def test_a_cancelled_call_does_nothing() -> None:
    async def cancelled(connection: ClientConnection, name: str, *arguments: object) -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await getattr(connection, name)(*arguments)
        assert scope.cancelled_caught

    async with talking() as (connection, peer):
        await cancelled(connection, "send_request", CEchoRequest())
        await cancelled(connection, "send_association_release_request")
        await wait_all_tasks_blocked()
        assert len(peer.pdus) == 1
        assert connection.is_send_queue_empty
