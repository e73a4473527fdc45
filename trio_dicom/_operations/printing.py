"""Basic grayscale print: a session of films, and images on them (PS3.4 Annex H)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import trio
from attrs import define, field
from pydicom import Dataset
from pydicom.uid import UID, generate_uid

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._dimse.n_messages import NCreateResponse
from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.film_session import FilmSession
from trio_dicom._operations.n_services import NServices
from trio_dicom._operations.print_reports import PrintReports
from trio_dicom._operations.print_values import Printer, PrintJob
from trio_dicom._operations.reading import copied
from trio_dicom.errors import LocalProtocolError, TrioDicomError
from trio_dicom.sop_classes import PRINT_JOB
from trio_dicom.status import Code

__all__ = ["get_print_job", "get_printer", "open_film_session"]

_logger = logging.getLogger("trio_dicom")

_PRINTER: Final = UID("1.2.840.10008.5.1.1.16")
_THE_PRINTER: Final = UID("1.2.840.10008.5.1.1.17")  # of an association there is one
_FILM_SESSION: Final = UID("1.2.840.10008.5.1.1.1")

# Seconds for tidying up after an error or a cancellation. The printer forgets the session
# at the end of the association anyway.
_TIDYING: Final = 1.0


async def get_printer(
    association: NServices, *, idle_timeout: float | None = None, timeout: float | None = None
) -> Printer:
    """Ask the printer how it is (PS3.4 H.4.6).

    Args:
        association: One on which the peer accepted ``BASIC_GRAYSCALE_PRINT``.
        idle_timeout: As for ``send_request``.
        timeout: As for ``send_request``.

    Raises:
        StatusError: It does not tell.
        NoAcceptedContext: As ``send_request``; so are the others.
    """
    response = await association.n_get(
        _PRINTER, _THE_PRINTER, idle_timeout=idle_timeout, timeout=timeout
    )
    response.raise_for_status()
    return Printer.in_data_set(response.attribute_list or Dataset())


async def get_print_job(
    association: NServices,
    print_job_uid: str,
    *,
    idle_timeout: float | None = None,
    timeout: float | None = None,
) -> PrintJob:
    """Ask how far a print job is (PS3.4 H.4.5).

    Args:
        association: One on which the peer accepted ``PRINT_JOB``, too.
        print_job_uid: The ``print_job_uid`` of what was printed.
        idle_timeout: As for ``send_request``.
        timeout: As for ``send_request``.

    Raises:
        StatusError: The printer does not tell, maybe because the job is over.
        NoAcceptedContext: As ``send_request``; so are the others.
    """
    response = await association.n_get(
        PRINT_JOB.abstract_syntax, print_job_uid, idle_timeout=idle_timeout, timeout=timeout
    )
    response.raise_for_status()
    return PrintJob.in_data_set(response.attribute_list or Dataset())


@asynccontextmanager
async def open_film_session(
    association: NServices,
    *,
    copies: int = 1,
    priority: str = "",
    medium: str = "",
    destination: str = "",
    label: str = "",
    attributes: Dataset | None = None,
    idle_timeout: float | None = None,
    timeout: float | None = None,
) -> AsyncGenerator[FilmSession, None]:
    """Open a film session, in which films are made up and printed (PS3.4 H.4.1).

    ::

        async with open_film_session(association, medium="BLUE FILM") as session:
            film = await session.create_film_box((2, 1))
            for box, image in zip(film.image_boxes, images):
                await session.set_image(box, image)
            await session.print(film)

    The session is deleted when the block is left, with all its films; what was printed is
    printed. An association has one session at a time.

    Args:
        association: One on which the peer accepted ``BASIC_GRAYSCALE_PRINT``.
        copies: Of each film.
        priority: ``HIGH``, ``MED`` or ``LOW``; "" for the printer's own choice, here and
            below.
        medium: ``PAPER``, ``CLEAR FILM``, ``BLUE FILM`` or what else the printer has.
        destination: ``MAGAZINE``, ``PROCESSOR``, ``BIN_1`` and so on.
        label: A name for people.
        attributes: Others, such as the Owner ID; they have the last word.
        idle_timeout: As for ``send_request``, for each request of the session.
        timeout: As for ``send_request``, likewise.

    Raises:
        StatusError: The printer opens no session.
        NoAcceptedContext: As ``send_request``; so are the others.
    """
    data_set = Dataset()
    data_set.NumberOfCopies = copies
    for keyword, value in (
        ("PrintPriority", priority),
        ("MediumType", medium),
        ("FilmDestination", destination),
        ("FilmSessionLabel", label),
    ):
        if value:
            setattr(data_set, keyword, value)
    data_set.update(copied(attributes))
    declare_text(data_set)
    uid, reports = generate_uid(prefix=None), PrintReports()
    opening = _Opening(association, uid, idle_timeout=idle_timeout, timeout=timeout)
    # Before the session is there: a printer may begin to report at once.
    with association.events(reports.take):
        response = await opening.create(data_set)
        session = FilmSession(
            association,
            opening.sop_instance_uid,
            status=response.status,
            idle_timeout=idle_timeout,
            timeout=timeout,
            reports=reports.latest,
        )
        try:
            yield session
        except BaseException:
            with trio.move_on_after(_TIDYING, shield=True):
                await opening.tidy()
            raise
        await opening.delete()


@define(eq=False)
class _Opening:
    """What begins and ends a film session."""

    association: NServices
    sop_instance_uid: UID
    idle_timeout: float | None = field(kw_only=True)
    timeout: float | None = field(kw_only=True)

    async def create(self, data_set: Dataset) -> NCreateResponse:
        """Open it."""
        try:
            response = await self.association.n_create(
                _FILM_SESSION,
                self.sop_instance_uid,
                data_set,
                idle_timeout=self.idle_timeout,
                timeout=self.timeout,
            )
        except LocalProtocolError:  # nothing was sent
            raise
        except BaseException:
            # A printer whose answer nobody waits for has a session all the same, or soon will.
            with trio.move_on_after(_TIDYING, shield=True):
                await self.tidy()
            raise
        response.raise_for_status()
        self.sop_instance_uid = as_uid(response.sop_instance_uid or self.sop_instance_uid)
        return response

    async def delete(self) -> None:
        """Close it."""
        response = await self.association.n_delete(
            _FILM_SESSION,
            self.sop_instance_uid,
            idle_timeout=self.idle_timeout,
            timeout=self.timeout,
        )
        # A failure undoes nothing of what was printed.
        if response.status.is_failure and response.status.code != Code.NO_SUCH_SOP_INSTANCE:
            _logger.warning("the printer did not delete the film session: %s", response.status)

    async def tidy(self) -> None:
        """Close it after an error or a cancellation, which do not wait for long."""
        is_done = False
        try:
            with suppress(TrioDicomError):
                await self.delete()
            is_done = True
        finally:
            if not is_done:
                _logger.warning(
                    "the printer did not say in time that it deleted the film session, which may "
                    "be there until the association ends"
                )
