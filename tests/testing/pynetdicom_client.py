"""pynetdicom as a client of the archive, for a thread."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from queue import Queue
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association

from trio_dicom.testing import MemoryArchive

__all__ = ["associated", "event_queue"]


@contextmanager
def associated(
    archive: MemoryArchive, *classes: str, handlers: Any = (), calling_ae: str = "PYNETDICOM"
) -> Generator[Association, None, None]:
    """An association with the archive."""
    entity = AE(ae_title=calling_ae)
    for sop_class in classes:
        entity.add_requested_context(sop_class)
    association = entity.associate(
        archive.host, archive.port, ae_title=archive.ae_title, evt_handlers=list(handlers)
    )
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def event_queue() -> tuple[Queue[Any], Callable[[evt.Event], tuple[int, None]]]:
    """Where reports go, as type, instance and data set, and the handler that puts them there."""
    reports: Queue[Any] = Queue()

    def on_event_report(event: evt.Event) -> tuple[int, None]:
        uid = str(event.request.AffectedSOPInstanceUID)
        reports.put((event.event_type, uid, event.event_information))
        return 0x0000, None

    return reports, on_event_report
