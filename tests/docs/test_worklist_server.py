"""The example of a web page with a worklist behind Hypercorn, asked by those who do not wait."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
import trio
from attrs import frozen
from hypercorn.config import Config
from hypercorn.trio import serve

from tests.docs.embedding import Ends, example, opening, worklist_server
from tests.interop.programs import HOST
from tests.interop.worklists import worklist_items
from trio_dicom.sop_classes import MODALITY_WORKLIST
from trio_dicom.testing import ConversationEnd


@frozen
class Server:
    """A server with the page, in this run of Trio."""

    port: int
    told_to_end: trio.Event
    ended: trio.Event

    async def visit(self) -> trio.SocketStream:
        """Ask for the page, and do not read it yet."""
        stream = await trio.open_tcp_stream(HOST, self.port)
        await stream.send_all(b"GET /?date= HTTP/1.1\r\nHost: page\r\n\r\n")
        return stream


@asynccontextmanager
async def serving(ends: Ends, *, is_silent: bool = True) -> AsyncGenerator[Server, None]:
    worklist = worklist_server(worklist_items(), ends, is_silent=is_silent)
    config = Config()
    config.bind = [f"{HOST}:0"]
    config.loglevel = "ERROR"
    config.graceful_timeout = 0.1
    told_to_end, ended = trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        app = example("worklist_page")["make_app"](opening(nursery, worklist, MODALITY_WORKLIST))

        async def run(task_status: trio.TaskStatus[list[str]]) -> None:
            await serve(app, config, shutdown_trigger=told_to_end.wait, task_status=task_status)
            ended.set()

        [url] = await nursery.start(run)
        yield Server(urlsplit(url).port or 0, told_to_end, ended)
        told_to_end.set()


async def test_the_page_comes_over_http() -> None:
    ends = Ends()
    async with serving(ends, is_silent=False) as server:
        stream = await server.visit()
        page = b""
        while b"</table>" not in page:
            part = await stream.receive_some()
            assert part, page
            page += part
        await stream.aclose()
    assert page.startswith(b"HTTP/1.1 200")
    assert b"8 scheduled." in page
    assert ends.seen == [ConversationEnd.RELEASED]


@pytest.mark.parametrize("at_once", [1, 3])
async def test_whoever_goes_away_takes_the_association_along(at_once: int) -> None:
    ends = Ends()
    async with serving(ends) as server:
        streams = [await server.visit() for _ in range(at_once)]
        await ends.until_begun(at_once)
        for stream in streams:
            await stream.aclose()
        with trio.fail_after(5):
            await ends.until_seen(at_once)
    assert ends.seen == [ConversationEnd.ABORTED] * at_once


async def test_a_server_that_ends_waits_for_nobody_for_long() -> None:
    ends = Ends()
    async with serving(ends) as server:
        stream = await server.visit()
        await ends.until_begun()
        server.told_to_end.set()
        with trio.fail_after(5):
            await server.ended.wait()
        await stream.aclose()
    assert ends.seen == [ConversationEnd.ABORTED]
