"""Operations that need no association, or make their own, to be cancelled anywhere."""

from __future__ import annotations

import trio

from tests.faults.scenes import CONTEXTS, Case, Scene
from tests.io.recording import REQUEST
from trio_dicom import (
    Inbox,
    c_store_request,
    contexts_for_files,
    open_association,
    open_connection,
    open_receiver,
    wrap_stream,
)

__all__ = ["CASES"]


async def connect(scene: Scene) -> None:
    async with open_connection("peer", 104, handler=scene.handler):
        pass


async def connect_and_associate(scene: Scene) -> None:
    async with open_connection("peer", 104, handler=scene.handler) as connection:
        await connection.send_association_request(REQUEST)
        await connection.send_association_release_request()


async def connect_and_abort(scene: Scene) -> None:
    async with open_connection("peer", 104, handler=scene.handler) as connection:
        await connection.send_association_request(REQUEST)
        await connection.send_abort()


async def wrap(scene: Scene) -> None:
    stream = await scene.connect("peer", 104)
    async with wrap_stream(stream, handler=scene.handler) as connection:
        await connection.send_association_request(REQUEST)


async def whole_program(scene: Scene) -> None:
    async with open_association("peer", contexts=CONTEXTS, handler=scene.handler) as association:
        assert (await association.c_echo()).status.is_success
        assert (await association.c_store(scene.files.small)).status.is_success


async def program_that_fails(scene: Scene) -> None:
    try:
        async with open_association("peer", contexts=CONTEXTS, handler=scene.handler):
            raise RuntimeError("of its own")
    except RuntimeError:
        await trio.lowlevel.checkpoint()


async def look_at_files(scene: Scene) -> None:
    paths = [scene.files.small, scene.files.long]
    assert await contexts_for_files(paths)
    for path in paths:
        assert await c_store_request(path)


async def make_an_inbox(scene: Scene) -> None:
    await Inbox(scene.files.inbox).make_directory()


async def receive(scene: Scene) -> None:
    async with open_receiver(into=scene.files.inbox):
        await trio.lowlevel.checkpoint()


CASES = tuple(
    Case(body=body, is_alone=True)
    for body in (
        connect,
        connect_and_associate,
        connect_and_abort,
        wrap,
        whole_program,
        program_that_fails,
        look_at_files,
        make_an_inbox,
        receive,
    )
)
