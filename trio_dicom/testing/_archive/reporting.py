"""N-EVENT-REPORTs on associations that the archive opens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from attrs import evolve

from trio_dicom._dimse.n_messages import NEventReportRequest
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom.errors import TrioDicomError
from trio_dicom.testing.calling import call

if TYPE_CHECKING:
    from trio_dicom.testing.archive import MemoryArchive

__all__ = ["report_elsewhere"]

_logger = logging.getLogger("trio_dicom")


async def report_elsewhere(
    archive: MemoryArchive,
    report: NEventReportRequest,
    context: PresentationContext,
    ae_title: str,
    *,
    as_ae: str,
) -> None:
    """Open an association to tell something; whoever cannot be reached is not told.

    Args:
        archive: Who tells, and knows where others are.
        report: What.
        context: What to speak about.
        ae_title: To whom.
        as_ae: The archive's own title.
    """
    place = archive.destinations.get(ae_title)
    if place is None:
        _logger.warning("nobody knows where %r is, to whom there is something to report", ae_title)
        return
    # We are the provider, though it is we who open the association (PS3.7 D.3.3.4).
    as_provider = evolve(context, scu_role=False, scp_role=True)
    try:
        async with call(
            place, called_ae=ae_title, calling_ae=as_ae, contexts=[as_provider]
        ) as association:
            await association.send_request(report)
    except TrioDicomError as error:
        _logger.warning("%r was not told what happened: %s", ae_title, error)
