"""Basic grayscale print with a scripted printer: session, film, images, print, and its reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from pydicom import Dataset

from tests.io.talking import is_silent
from tests.operations.speaking import beside, speaking
from trio_dicom import (
    FilmBox,
    FilmSession,
    ImageBox,
    InstanceReference,
    LocalProtocolError,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NSetRequest,
    PrintImage,
    ResponseTimeout,
    Status,
    StatusError,
    open_film_session,
)
from trio_dicom.sop_classes import BASIC_GRAYSCALE_PRINT
from trio_dicom.testing import ScriptedPeer

SESSION, FILM, BOX = (f"1.2.840.10008.5.1.1.{number}" for number in (1, 2, 4))
PRINTER, JOB = "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.14"
IMAGE = PrintImage(rows=1, columns=2, pixel_data=b"\x00\xff")
FIRST_BOX = ImageBox(reference=InstanceReference(BOX, "1.5.1"), position=1)
A_FILM = FilmBox(sop_instance_uid="1.5", image_boxes=(FIRST_BOX,), status=Status.of(0))


def data(**values: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


async def printing(
    script: Callable[[ScriptedPeer], Awaitable[None]],
    call: Callable[[FilmSession], Awaitable[Any]],
) -> Any:
    """What ``call`` returns in a session, where the printer follows ``script``."""
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def whole() -> None:
            request = await peer.expect_message(NCreateRequest)
            await peer.reply(request, 0x0000, sop_instance_uid="1.4")
            await script(peer)
            request_ = await peer.expect_message(NDeleteRequest)
            assert (request_.sop_class_uid, request_.sop_instance_uid) == (SESSION, "1.4")
            await peer.reply(request_, 0x0000)

        async def in_session() -> Any:
            async with open_film_session(association) as session:
                return await call(session)

        return await beside(whole, in_session())


async def test_a_session_is_created_and_at_the_end_deleted() -> None:
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NCreateRequest)
            assert request.sop_class_uid == SESSION
            assert request.sop_instance_uid is not None
            assert request.attribute_list == data(
                NumberOfCopies=2,
                PrintPriority="HIGH",
                MediumType="BLUE FILM",
                FilmDestination="PROCESSOR",
                FilmSessionLabel="Test",
                OwnerID="me",
            )
            await peer.reply(request, 0xB600)
            deleted = await peer.expect_message(NDeleteRequest)
            assert deleted.sop_instance_uid == request.sop_instance_uid
            await peer.reply(deleted, 0x0000)

        async def call() -> None:
            async with open_film_session(
                association,
                copies=2,
                priority="HIGH",
                medium="BLUE FILM",
                destination="PROCESSOR",
                label="Test",
                attributes=data(OwnerID="me"),
            ) as session:
                assert session.status.is_warning

        await beside(script, call())


async def test_a_film_has_places_in_their_order() -> None:
    async def script(peer: ScriptedPeer) -> None:
        request = await peer.expect_message(NCreateRequest)
        assert request.sop_class_uid == FILM
        assert peer.last_context_id == 1  # of the meta SOP class
        assert request.attribute_list == data(
            ImageDisplayFormat="STANDARD\\2,1",
            FilmOrientation="LANDSCAPE",
            FilmSizeID="A4",
            MagnificationType="CUBIC",
            ReferencedFilmSessionSequence=[InstanceReference(SESSION, "1.4").data_set()],
            Trim="YES",
        )
        boxes = [InstanceReference(BOX, f"1.5.{n}").data_set() for n in (2, 1)]
        await peer.reply(
            request,
            0x0000,
            sop_instance_uid="1.5",
            data_set=data(ReferencedImageBoxSequence=boxes),
        )

    film = await printing(
        script,
        lambda it: it.create_film_box(
            (2, 1),
            orientation="LANDSCAPE",
            film_size="A4",
            magnification="CUBIC",
            attributes=data(Trim="YES"),
        ),
    )
    assert film.sop_instance_uid == "1.5"
    assert [(it.reference.sop_instance_uid, it.position) for it in film.image_boxes] == [
        ("1.5.2", 1),
        ("1.5.1", 2),
    ]


async def test_a_layout_may_be_given_as_the_standard_has_it() -> None:
    async def script(peer: ScriptedPeer) -> None:
        request = await peer.expect_message(NCreateRequest)
        assert request.attribute_list is not None
        assert request.attribute_list.ImageDisplayFormat == "ROW\\2,3"
        await peer.reply(request, 0x0000)

    film = await printing(script, lambda it: it.create_film_box("ROW\\2,3"))
    assert film.image_boxes == ()  # the printer named none


async def test_an_image_is_put_into_its_place() -> None:
    async def script(peer: ScriptedPeer) -> None:
        request = await peer.expect_message(NSetRequest)
        assert (request.sop_class_uid, request.sop_instance_uid) == (BOX, "1.5.1")
        assert request.modification_list == data(
            ImageBoxPosition=1,
            Polarity="REVERSE",
            MagnificationType="NONE",
            BasicGrayscaleImageSequence=[IMAGE.data_set()],
            RequestedImageSize="100",
        )
        await peer.reply(request, 0xB604)

    status = await printing(
        script,
        lambda it: it.set_image(
            FIRST_BOX,
            IMAGE,
            polarity="REVERSE",
            magnification="NONE",
            attributes=data(RequestedImageSize="100"),
        ),
    )
    assert "demagnified" in str(status)


async def test_a_data_set_goes_through_its_window() -> None:
    source = data(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=1,
        Columns=2,
        BitsAllocated=16,
        PixelRepresentation=1,
        PixelData=b"\xff\xff\x01\x00",
    )

    async def script(peer: ScriptedPeer) -> None:
        request = await peer.expect_message(NSetRequest)
        assert request.modification_list is not None
        (item,) = request.modification_list.BasicGrayscaleImageSequence
        assert item.PixelData == b"\x00\xff"
        await peer.reply(request, 0x0000)

    await printing(script, lambda it: it.set_image(FIRST_BOX, source, window=(0.5, 1)))


async def test_a_window_is_used_once() -> None:
    async def script(_peer: ScriptedPeer) -> None:
        pass

    async def call(session: FilmSession) -> None:
        with pytest.raises(LocalProtocolError, match="window already"):
            await session.set_image(FIRST_BOX, IMAGE, window=(0, 1))
        with pytest.raises(LocalProtocolError, match="not grayscale"):
            await session.set_image(FIRST_BOX, Dataset())

    await printing(script, call)


@pytest.mark.parametrize("whole", [False, True], ids=["a film", "the session"])
async def test_printing_tells_the_job(whole: bool) -> None:
    jobs = [InstanceReference(JOB, "1.6").data_set()]

    async def script(peer: ScriptedPeer) -> None:
        request = await peer.expect_message(NActionRequest)
        expected = (SESSION, "1.4") if whole else (FILM, "1.5")
        assert (request.sop_class_uid, request.sop_instance_uid) == expected
        assert request.action_type_id == 1
        assert request.data_set is None
        reply = data(ReferencedPrintJobSequencePullStoredPrint=jobs)
        assert 0x21000500 in reply
        await peer.reply(request, 0x0000, data_set=reply)

    printed = await printing(script, lambda it: it.print(None if whole else A_FILM))
    assert printed.print_job_uid == "1.6"
    assert printed.status.is_success


async def test_a_printer_need_not_tell_of_jobs() -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.reply(await peer.expect_message(NActionRequest), 0xB603)

    printed = await printing(script, lambda it: it.print(A_FILM))
    assert printed.print_job_uid is None
    assert "empty page" in str(printed.status)


async def test_a_film_is_taken_away() -> None:
    async def script(peer: ScriptedPeer) -> None:
        request = await peer.expect_message(NDeleteRequest)
        assert (request.sop_class_uid, request.sop_instance_uid) == (FILM, "1.5")
        await peer.reply(request, 0x0000)

    assert (await printing(script, lambda it: it.delete_film_box(A_FILM))).is_success


async def test_a_failure_is_an_error_and_the_session_is_deleted_all_the_same() -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.reply(await peer.expect_message(NActionRequest), 0xC601)

    with pytest.raises(ExceptionGroup) as caught:
        await printing(script, lambda it: it.print())
    assert caught.group_contains(StatusError, match="print queue is full")


async def test_a_printer_that_does_not_delete_is_only_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def script() -> None:
            await peer.reply(await peer.expect_message(NCreateRequest), 0x0000)
            await peer.reply(await peer.expect_message(NDeleteRequest), 0x0211)

        async def call() -> None:
            async with open_film_session(association):
                pass

        await beside(script, call())
    assert "did not delete the film session: 0211H" in caplog.text


async def test_a_cancelled_session_is_left_within_a_second(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def script() -> None:
            await peer.reply(await peer.expect_message(NCreateRequest), 0x0000)
            await peer.expect_message(NDeleteRequest)

        async def call() -> None:
            began = trio.current_time()
            with trio.move_on_after(5):
                async with open_film_session(association):
                    await trio.sleep_forever()
            assert trio.current_time() - began == 6

        await beside(script, call())
    assert "did not say in time that it deleted the film session" in caplog.text


@pytest.mark.parametrize("way", ["cancelled", "timed out"])
async def test_a_session_that_was_not_waited_for_is_deleted_at_the_printer(
    autojump_clock: object, way: str
) -> None:
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def script() -> None:
            created = await peer.expect_message(NCreateRequest)
            await trio.sleep(5.5)  # a slow printer
            await peer.reply(created, 0x0000)
            deleted = await peer.expect_message(NDeleteRequest)
            assert deleted.sop_instance_uid == created.sop_instance_uid
            await peer.reply(deleted, 0x0000)
            await peer.reply(await peer.expect_message(NCreateRequest), 0x0000)
            await peer.reply(await peer.expect_message(NDeleteRequest), 0x0000)

        async def call() -> None:
            if way == "cancelled":
                with trio.move_on_after(5) as scope:
                    async with open_film_session(association):
                        raise AssertionError("there is no session yet")
                assert scope.cancelled_caught
            else:
                with pytest.raises(ResponseTimeout):
                    async with open_film_session(association, timeout=5):
                        raise AssertionError("there is no session yet")
            async with open_film_session(association):
                pass

        await beside(script, call())


@pytest.mark.parametrize("status", [0x0112, 0x0110])
async def test_a_session_that_was_never_there_is_nothing_to_warn_of(
    autojump_clock: object, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def script() -> None:
            created = await peer.expect_message(NCreateRequest)
            await trio.sleep(6)
            await peer.reply(created, 0x0110)
            await peer.reply(await peer.expect_message(NDeleteRequest), status)

        async def call() -> None:
            with trio.move_on_after(5.5):
                async with open_film_session(association):
                    raise AssertionError("there is no session yet")

        await beside(script, call())
    assert ("did not delete" in caplog.text) is (status != 0x0112)


async def test_a_session_that_was_refused_is_not_deleted() -> None:
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def script() -> None:
            await peer.reply(await peer.expect_message(NCreateRequest), 0x0111)
            assert await is_silent(peer)

        async def call() -> None:
            with pytest.raises(StatusError):
                async with open_film_session(association):
                    raise AssertionError("there is no session")

        await beside(script, call())
