"""The example of a web page with a worklist answers what a browser asks, whatever its peer does.

No network: the page's associations run over links in memory, and its clock jumps.
"""

from __future__ import annotations

import html
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
import trio
from pydicom import Dataset
from trio.testing import MockClock

from tests.docs.embedding import UNREADABLE, Ends, Serve, example, opening, worklist_server
from tests.interop.worklists import worklist_items
from trio_dicom import Association, CFindRequest, EncodedDataSet, open_association
from trio_dicom.sop_classes import MODALITY_WORKLIST
from trio_dicom.testing import ConversationEnd, ConversationOver, ScriptedPeer

Opening = Callable[[], AbstractAsyncContextManager[Association]]

ALL = "/?date="


@asynccontextmanager
async def page_on(serve: Serve, **options: Any) -> AsyncGenerator[Any, None]:
    """A client of the page, whose worklist server is ``serve``."""
    async with trio.open_nursery() as nursery:
        yield page(opening(nursery, serve, MODALITY_WORKLIST), **options)


def page(open_worklist: Opening, **options: Any) -> Any:
    return example("worklist_page")["make_app"](open_worklist, **options).test_client()


async def shown(client: Any, path: str = ALL) -> tuple[int, str]:
    """The status and the page, without its markup."""
    response = await client.get(path)
    source = await response.get_data(as_text=True)
    text = re.sub("<style>.*</style>|<[^>]+>", "\n", source, flags=re.DOTALL)
    return response.status_code, html.unescape(re.sub(r"\s*\n\s*", "\n", text))


async def test_the_page_shows_the_steps_in_the_order_of_their_times() -> None:
    ends = Ends()
    async with page_on(worklist_server(worklist_items()[::-1], ends)) as client:
        status, text = await shown(client)
    assert status == 200
    assert "8 scheduled." in text
    assert "2026-03-02 08:00\nDoe Jane\nP1\nMR\nMR1\nLook\nA1\n" in text
    names = ["Doe Jane", "Dove Ann", "Müller Käthe", "Yamada Tarou (山田 太郎)", "Smith Sam"]
    assert [text.index(name) for name in names] == sorted(text.index(name) for name in names)
    assert ends.seen == [ConversationEnd.RELEASED]


async def test_what_the_server_says_is_text_and_never_markup() -> None:
    nasty = "<script>alert('1')</script>&amp;\"><b>"
    item = worklist_items()[0]
    item.PatientName = item.PatientID = nasty
    item.AccessionNumber = "<b>&amp;'\"</b>"
    [step] = item.ScheduledProcedureStepSequence
    step.ScheduledProcedureStepDescription = nasty
    async with page_on(worklist_server([item], Ends())) as client:
        response = await client.get(ALL)
        source = await response.get_data(as_text=True)
        _, text = await shown(client)
    assert "<script" not in source
    assert "<b>" not in source
    assert text.count(nasty) == 3
    assert item.AccessionNumber in text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ("date=2026-03-02", {"ScheduledProcedureStepStartDate": "20260302"}),
        ("date=0001-01-01", {"ScheduledProcedureStepStartDate": "00010101"}),
        ("date=&modality=MR", {"Modality": "MR"}),
        ("date=&station=%20CT1%20", {"ScheduledStationAETitle": "CT1"}),
        (
            "date=2026-03-02&modality=CT&station=CT1",
            {
                "ScheduledProcedureStepStartDate": "20260302",
                "Modality": "CT",
                "ScheduledStationAETitle": "CT1",
            },
        ),
    ],
)
async def test_a_filter_is_a_key_of_the_query_and_stays_in_the_form(
    asked: str, keys: dict[str, str]
) -> None:
    queries: list[Dataset] = []
    async with page_on(remembering(queries)) as client:
        response = await client.get(f"/?{asked}")
        source = await response.get_data(as_text=True)
    [step] = queries[0].ScheduledProcedureStepSequence
    assert {element.keyword: element.value for element in step if element.value} == keys
    for value in asked.replace("%20", "").split("&"):
        assert f'value="{value.partition("=")[2]}"' in source


async def test_the_first_visit_asks_for_today() -> None:
    queries: list[Dataset] = []
    async with page_on(remembering(queries)) as client:
        status, text = await shown(client, "/")
    [step] = queries[0].ScheduledProcedureStepSequence
    assert step.ScheduledProcedureStepStartDate == f"{datetime.now().astimezone():%Y%m%d}"
    assert (status, "Nothing scheduled." in text) == (200, True)


def remembering(queries: list[Dataset]) -> Serve:
    async def serve(stream: trio.abc.Stream) -> None:
        peer = ScriptedPeer(stream)
        try:
            await peer.accept()
            request = await peer.expect_message(CFindRequest)
            assert request.identifier is not None
            queries.append(request.identifier)
            await peer.reply(request, 0x0000)
            await peer.receive_message()
        except ConversationOver:
            await peer.aclose()

    return serve


@pytest.mark.parametrize(
    "asked",
    [
        "date=2026-02-30",
        "date=today",
        "date=20260101-20260131",
        "date=&modality=m*",
        "date=&modality=ABCDEFGHIJKLMNOPQ",
        "date=&station=A%5CB",
        "date=&station=%2A",
        "date=&station=%3F",
        "date=&station=ABCDEFGHIJKLMNOPQ",
        "date=&station=M%C3%BCller",
        "date=&station=%00",
        "date=%3Cscript%3E",
    ],
)
async def test_a_filter_that_is_none_is_refused_and_nobody_is_asked(asked: str) -> None:
    def nobody() -> AbstractAsyncContextManager[Association]:
        pytest.fail("the server was asked")

    response = await page(nobody).get(f"/?{asked}")
    assert response.status_code == 400
    source = await response.get_data(as_text=True)
    assert "This cannot be looked for." in source
    assert "<script" not in source


async def test_nobody_there() -> None:
    def open_it() -> AbstractAsyncContextManager[Association]:
        return open_association("127.0.0.1", 1, contexts=[MODALITY_WORKLIST])

    status, text = await shown(page(open_it))
    assert status == 502
    assert "The worklist server cannot be reached.\n" in text
    assert "127.0.0.1:1" in text  # whoever looks for the cause wants to know


async def rejects(stream: trio.abc.Stream) -> None:
    peer = ScriptedPeer(stream)
    await peer.reject()
    await peer.expect_closed()


async def has_no_worklist(stream: trio.abc.Stream) -> None:
    peer = ScriptedPeer(stream)
    try:
        await peer.accept(refuse=(MODALITY_WORKLIST.abstract_syntax,))
        await peer.receive_message()
    except ConversationOver:
        await peer.aclose()


async def breaks_off(stream: trio.abc.Stream) -> None:
    peer = ScriptedPeer(stream)
    await peer.accept()
    request = await peer.expect_message(CFindRequest)
    await peer.reply(request, 0xFF00, data_set=worklist_items()[0])
    await peer.reset()


async def talks_nonsense(stream: trio.abc.Stream) -> None:
    peer = ScriptedPeer(stream)
    await peer.accept()
    await peer.receive_message()
    await peer.send_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await peer.aclose()


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (rejects, "The worklist server does not talk to us.\n"),
        (has_no_worklist, "This server has no worklist.\n"),
        (worklist_server([], Ends(), status=0xC001), "The worklist server could not answer.\n"),
        (breaks_off, "The worklist server broke off.\n"),
        (talks_nonsense, "The worklist server says what nobody can understand.\n"),
    ],
    ids=["rejected", "no context", "failure", "broken off", "nonsense"],
)
async def test_a_peer_that_fails_is_a_bad_gateway_with_a_reason(serve: Serve, words: str) -> None:
    async with page_on(serve) as client:
        status, text = await shown(client)
    assert status == 502
    assert words in text
    assert "Doe Jane" not in text  # half a list looks like a whole one


async def test_a_silent_peer_is_waited_for_no_longer_than_the_deadline(
    autojump_clock: MockClock,
) -> None:
    ends = Ends()
    async with page_on(worklist_server([], ends, is_silent=True), deadline=7) as client:
        begun = trio.current_time()
        status, text = await shown(client)
        assert trio.current_time() - begun == pytest.approx(7, abs=1.5)
    assert status == 504
    assert "The worklist server takes too long." in text
    assert ends.seen == [ConversationEnd.ABORTED]


async def test_many_browsers_share_a_few_associations(autojump_clock: MockClock) -> None:
    now, most = 0, 0

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal now, most
        now += 1
        most = max(now, most)
        await trio.sleep(1)
        await worklist_server(worklist_items(), Ends())(stream)
        now -= 1

    statuses: list[int] = []
    async with page_on(serve, at_once=3, deadline=60) as client:

        async def visit() -> None:
            statuses.append((await shown(client))[0])

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(visit)
    assert statuses == [200] * 10
    assert most == 3


async def test_no_more_than_so_many_steps_are_shown() -> None:
    async with page_on(worklist_server(worklist_items(), Ends()), most=5) as client:
        status, text = await shown(client)
    assert status == 200
    assert "5 scheduled. There are more." in text


@pytest.mark.parametrize("broken", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_item_that_cannot_be_read_leaves_the_others(broken: EncodedDataSet) -> None:
    items = [worklist_items()[0], broken, worklist_items()[1]]
    async with page_on(worklist_server(items, Ends())) as client:
        status, text = await shown(client)
    assert status == 200
    assert "2 scheduled. Some cannot be read." in text
    assert "Sue" not in text


async def test_an_item_without_anything_in_it_is_an_empty_row() -> None:
    async with page_on(worklist_server([Dataset()], Ends())) as client:
        status, text = await shown(client)
    assert (status, "1 scheduled." in text) == (200, True)
