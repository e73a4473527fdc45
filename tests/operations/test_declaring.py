"""Text beyond ASCII in what the helpers send: declared by the caller, or as UTF-8 by us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydicom import Dataset

from tests.operations.asking_ups import STEP, asked, data
from tests.operations.speaking import beside, speaking
from trio_dicom import (
    CFindRequest,
    CodedEntry,
    EncodedDataSet,
    FilmSession,
    ImageBox,
    InstanceReference,
    PerformedSeries,
    PerformedStep,
    PerformedWork,
    PrintImage,
    Request,
    Status,
    UnifiedWorklist,
    complete_performed_step,
    create_performed_step,
    discontinue_performed_step,
    open_film_session,
    update_performed_step,
)
from trio_dicom._operations.declaring import declare_text
from trio_dicom.sop_classes import BASIC_GRAYSCALE_PRINT, MPPS, UPS_CLASSES, UPS_PULL

NOON = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
REASON = CodedEntry("1", "99LOCAL", "Grüße")
SERIES = PerformedSeries(series_instance_uid="1.2.4", protocol_name="Schädel 山")
MPPS_STEP = PerformedStep(sop_instance_uid="1.2.3", has_series=True)

Call = Callable[[Any], Awaitable[Any]]


async def encoded(
    call: Call, contexts: list[Any], *, wrap: Callable[[Any], Any] = lambda it: it, count: int = 1
) -> list[bytes]:
    """The data sets that a call sends, as they are on the wire."""
    came: list[bytes] = []
    async with speaking(contexts) as (association, peer):

        async def script() -> None:
            for _ in range(count):
                request = await peer.receive_message()
                assert isinstance(request, Request)
                if isinstance(request.data_set, EncodedDataSet):
                    came.append(bytes(request.data_set.data))
                await peer.reply(request, 0x0000)

        await beside(script, call(wrap(association)))
    return came


@pytest.mark.scenario("B54")
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda it: it.create(data(ProcedureStepLabel="Köpfe")), "Köpfe"),
        (lambda it: it.update("1.2.3", data(WorklistLabel="Люк")), "Люк"),
        (lambda it: it.report_progress(STEP, 50, "hälftig"), "hälftig"),
        (lambda it: it.request_cancel("1.2.3", contact_name="Müller"), "Müller"),
        (lambda it: it.request_cancel("1.2.3", REASON), "Grüße"),
        (lambda it: it.subscribe(matching=data(WorklistLabel="山")), "山"),
    ],
)
async def test_unified_steps_are_told_in_utf_8(call: Call, text: str) -> None:
    (sent,) = await encoded(call, list(UPS_CLASSES), wrap=UnifiedWorklist)
    assert b"ISO_IR 192" in sent
    assert text.encode() in sent


@pytest.mark.scenario("B54")
async def test_the_end_of_a_unified_step_is_told_in_utf_8() -> None:
    work = PerformedWork(started=NOON, ended=NOON, description="Fräsen")
    done, state = await encoded(
        lambda it: it.complete(STEP, work), [UPS_PULL], wrap=UnifiedWorklist, count=2
    )
    assert b"ISO_IR 192" in done
    assert "Fräsen".encode() in done
    assert b"ISO_IR" not in state  # which is ASCII
    given_up, _ = await encoded(
        lambda it: it.cancel(STEP, REASON), [UPS_PULL], wrap=UnifiedWorklist, count=2
    )
    assert b"ISO_IR 192" in given_up


@pytest.mark.scenario("B54")
async def test_unified_steps_are_searched_in_utf_8() -> None:
    async with speaking([UPS_PULL]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(CFindRequest)
            assert request.identifier is not None
            assert request.identifier.SpecificCharacterSet == "ISO_IR 192"
            assert request.identifier.PatientName == "Müller*"
            await peer.reply(request, 0x0000)

        async def call() -> None:
            async with UnifiedWorklist(association).search(data(PatientName="Müller*")) as steps:
                assert [step async for step in steps] == []

        await beside(script, call())


def begun(**values: Any) -> Dataset:
    scheduled = data(StudyInstanceUID="1.2.3.9")
    more = {"PerformedProcedureStepID": "1", "Modality": "CT", **values}
    return data(ScheduledStepAttributesSequence=[scheduled], **more)


@pytest.mark.scenario("B54")
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda it: create_performed_step(it, begun(PatientName="Müller")), "Müller"),
        (lambda it: update_performed_step(it, MPPS_STEP, data(PerformedLocation="Süd")), "Süd"),
        (lambda it: complete_performed_step(it, MPPS_STEP, [SERIES]), "Schädel 山"),
        (lambda it: discontinue_performed_step(it, MPPS_STEP, REASON), "Grüße"),
    ],
)
async def test_performed_steps_are_told_in_utf_8(call: Call, text: str) -> None:
    (sent,) = await encoded(call, [MPPS])
    assert b"ISO_IR 192" in sent
    assert text.encode() in sent


@pytest.mark.scenario("B54")
@pytest.mark.parametrize(
    ("name", "charset", "codec"),
    [("Müller", "ISO_IR 100", "latin-1"), ("Müller=山", "ISO_IR 192", "utf-8")],
)
async def test_the_character_set_of_the_worklist_item_is_kept_if_it_suffices(
    name: str, charset: str, codec: str
) -> None:
    item = data(SpecificCharacterSet="ISO_IR 100", StudyInstanceUID="1.2", AccessionNumber="Ä1")
    more = data(PerformedProcedureStepID="1", Modality="CT", PatientName=name)
    (sent,) = await encoded(lambda it: create_performed_step(it, more, scheduled=item), [MPPS])
    assert charset.encode() in sent
    assert sent.count(b"ISO_IR") == 1
    assert name.encode(codec) in sent
    assert "Ä1".encode(codec) in sent
    assert item.SpecificCharacterSet == "ISO_IR 100"
    assert len(more) == 3


@pytest.mark.scenario("B54")
async def test_films_are_told_in_utf_8() -> None:
    image = PrintImage(rows=1, columns=2, pixel_data=b"\x00\xff")
    box = ImageBox(reference=InstanceReference("1.2.840.10008.5.1.1.4", "1.5"), position=1)
    text = data(ConfigurationInformation="gleichmäßig")

    async def call(association: Any) -> None:
        async with open_film_session(association, label="Für Müller") as session:
            assert isinstance(session, FilmSession)
            assert session.status == Status.of(0)
            await session.create_film_box(attributes=text)
            await session.set_image(box, image, attributes=text)

    session, film, filled = await encoded(call, [BASIC_GRAYSCALE_PRINT], count=4)
    assert "Für Müller".encode() in session
    for sent in (session, film, filled):
        assert b"ISO_IR 192" in sent
    assert "gleichmäßig".encode() in film
    assert "gleichmäßig".encode() in filled


async def test_what_is_ascii_stays_without_a_declaration() -> None:
    (request,), _ = await asked(lambda it: it.update("1.2.3", data(WorklistLabel="Plan")))
    assert request.modification_list == data(WorklistLabel="Plan")


def test_items_keep_a_declaration_of_their_own_that_suffices() -> None:
    fits = data(SpecificCharacterSet="ISO_IR 100", CodeMeaning="ü")
    inner = data(SpecificCharacterSet="ISO_IR 100", CodeMeaning="山")
    outer = data(CodeMeaning="x", EquivalentCodeSequence=[inner])
    data_set = data(ProcedureCodeSequence=[fits, outer], ReferencedStudySequence=None)
    assert declare_text(data_set) is data_set
    assert data_set.SpecificCharacterSet == "ISO_IR 192"
    assert fits.SpecificCharacterSet == "ISO_IR 100"
    assert "SpecificCharacterSet" not in inner
    assert "SpecificCharacterSet" not in outer
