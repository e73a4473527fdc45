"""The values of basic print management (PS3.4 Annex H)."""

from __future__ import annotations

from typing import Self

from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._operations.reading import text_of
from trio_dicom._operations.references import InstanceReference
from trio_dicom.status import Status

__all__ = ["FilmBox", "ImageBox", "PrintJob", "PrintReport", "Printed", "Printer"]


@frozen(kw_only=True)
class Printer:
    """A printer, as it describes itself (PS3.4 H.4.6).

    Attributes:
        status: ``NORMAL``, ``WARNING`` or ``FAILURE``.
        status_info: Why, where it is not normal.
        name: Its name.
        manufacturer: Who made it.
        model: Which one it is.
        serial_number: Likewise.
        software: Its versions.
        calibrated: Date and time of the last calibration, as in VR DT.
    """

    status: str
    status_info: str
    name: str
    manufacturer: str
    model: str
    serial_number: str
    software: str
    calibrated: str

    @classmethod
    def in_data_set(cls, data_set: Dataset) -> Self:
        """The printer that a data set describes."""
        date, time = (
            text_of(data_set, it) for it in ("DateOfLastCalibration", "TimeOfLastCalibration")
        )
        return cls(
            status=text_of(data_set, "PrinterStatus"),
            status_info=text_of(data_set, "PrinterStatusInfo"),
            name=text_of(data_set, "PrinterName"),
            manufacturer=text_of(data_set, "Manufacturer"),
            model=text_of(data_set, "ManufacturerModelName"),
            serial_number=text_of(data_set, "DeviceSerialNumber"),
            software=text_of(data_set, "SoftwareVersions"),
            calibrated=date + time,
        )


@frozen(kw_only=True)
class ImageBox:
    """A place for an image on a film.

    Attributes:
        reference: The instance that the printer made for it.
        position: Its number on the film, from 1 on: left to right, then top to bottom.
    """

    reference: InstanceReference
    position: int


@frozen(kw_only=True)
class FilmBox:
    """A film with places for images.

    Attributes:
        sop_instance_uid: Names it.
        image_boxes: Its places, in their order.
        status: The printer's answer: success, or a warning.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    image_boxes: tuple[ImageBox, ...]
    status: Status


@frozen(kw_only=True)
class Printed:
    """The printer has taken a film, or all films of a session, to print.

    Attributes:
        status: Its answer: success, or a warning such as B603H, an empty page.
        print_job_uid: The job, if the printer tells of jobs.
    """

    status: Status
    print_job_uid: UID | None


@frozen(kw_only=True)
class PrintJob:
    """How far a print job is (PS3.4 H.4.5).

    Attributes:
        status: ``PENDING``, ``PRINTING``, ``DONE`` or ``FAILURE``.
        status_info: Why.
        printer_name: Where it is printed.
        priority: ``HIGH``, ``MED`` or ``LOW``.
        created: Date and time of its creation, as in VR DT.
    """

    status: str
    status_info: str
    printer_name: str
    priority: str
    created: str

    @classmethod
    def in_data_set(cls, data_set: Dataset) -> Self:
        """The job that a data set describes."""
        return cls(
            status=text_of(data_set, "ExecutionStatus"),
            status_info=text_of(data_set, "ExecutionStatusInfo"),
            printer_name=text_of(data_set, "PrinterName"),
            priority=text_of(data_set, "PrintPriority"),
            created=text_of(data_set, "CreationDate") + text_of(data_set, "CreationTime"),
        )


@frozen(kw_only=True)
class PrintReport:
    """What the printer reported while a film session was open.

    Attributes:
        reference: What it is about: the printer, or a print job.
        status: ``NORMAL``, ``WARNING`` or ``FAILURE`` of the printer; ``PENDING``,
            ``PRINTING``, ``DONE`` or ``FAILURE`` of a job.
        status_info: Why.
    """

    reference: InstanceReference
    status: str
    status_info: str
