"""A film session: films are made up in it, filled and printed (PS3.4 H.4.1 to H.4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio
from attrs import define, field
from pydicom import Dataset
from pydicom.uid import UID, generate_uid

from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.n_services import NServices
from trio_dicom._operations.print_image import PrintImage
from trio_dicom._operations.print_pixels import Window
from trio_dicom._operations.print_values import FilmBox, ImageBox, Printed, PrintReport
from trio_dicom._operations.reading import copied
from trio_dicom._operations.references import InstanceReference
from trio_dicom.errors import LocalProtocolError
from trio_dicom.status import Status

__all__ = ["FilmSession"]

_FILM_SESSION: Final = UID("1.2.840.10008.5.1.1.1")
_FILM_BOX: Final = UID("1.2.840.10008.5.1.1.2")
_GRAYSCALE_BOX: Final = UID("1.2.840.10008.5.1.1.4")
_PRINT: Final = 1  # action type, of sessions and of films


@define(eq=False)
class FilmSession:
    """A film session of a printer, made by ``open_film_session``.

    Attributes:
        association: The association with the printer.
        sop_instance_uid: Names the session.
        status: The printer's answer when it was opened: success, or a warning.
        idle_timeout: As for ``send_request``, for each request.
        timeout: As for ``send_request``, likewise.
        reports: What the printer has reported by now, the latest thousand.
    """

    association: NServices
    sop_instance_uid: UID
    status: Status = field(kw_only=True)
    idle_timeout: float | None = field(default=None, kw_only=True)
    timeout: float | None = field(default=None, kw_only=True)
    reports: Sequence[PrintReport] = field(kw_only=True)

    async def create_film_box(
        self,
        layout: tuple[int, int] | str = (1, 1),
        *,
        orientation: str = "",
        film_size: str = "",
        magnification: str = "",
        attributes: Dataset | None = None,
    ) -> FilmBox:
        r"""Make up a film.

        Args:
            layout: How many images stand beside and below each other, or an Image Display
                Format such as ``ROW\2,3``.
            orientation: ``PORTRAIT`` or ``LANDSCAPE``; "" for the printer's own choice, here
                and below.
            film_size: ``14INX17IN``, ``A4`` or what else the printer has.
            magnification: ``REPLICATE``, ``BILINEAR``, ``CUBIC`` or ``NONE``.
            attributes: Others, such as densities and Trim; they have the last word. It is
                not changed.

        Raises:
            StatusError: The printer cannot do that.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        session = InstanceReference(_FILM_SESSION, self.sop_instance_uid)
        data_set = Dataset()
        if isinstance(layout, str):
            data_set.ImageDisplayFormat = layout
        else:
            data_set.ImageDisplayFormat = rf"STANDARD\{layout[0]},{layout[1]}"
        data_set.ReferencedFilmSessionSequence = [session.data_set()]
        for keyword, value in (
            ("FilmOrientation", orientation),
            ("FilmSizeID", film_size),
            ("MagnificationType", magnification),
        ):
            if value:
                setattr(data_set, keyword, value)
        data_set.update(copied(attributes))
        declare_text(data_set)
        uid = generate_uid(prefix=None)
        response = await self.association.n_create(
            _FILM_BOX, uid, data_set, idle_timeout=self.idle_timeout, timeout=self.timeout
        )
        response.raise_for_status()
        boxes = InstanceReference.in_sequence(
            response.attribute_list or Dataset(), "ReferencedImageBoxSequence"
        )
        return FilmBox(
            sop_instance_uid=response.sop_instance_uid or uid,
            image_boxes=tuple(
                [ImageBox(reference=it, position=n) for n, it in enumerate(boxes, start=1)]
            ),
            status=response.status,
        )

    async def set_image(
        self,
        box: ImageBox,
        image: Dataset | PrintImage,
        *,
        window: Window | None = None,
        polarity: str = "",
        magnification: str = "",
        attributes: Dataset | None = None,
    ) -> Status:
        """Put an image into its place on a film.

        Args:
            box: The place.
            image: What ``PrintImage.of`` makes one of, or a ``PrintImage``.
            window: Centre and width of the window through which ``image`` is shown.
            polarity: ``NORMAL`` or ``REVERSE``; "" for the printer's own choice, here and
                below.
            magnification: As for ``create_film_box``, for this image.
            attributes: Others, such as the Requested Image Size; they have the last word.
                It is not changed.

        Returns:
            Success, or a warning such as B604H: the image was made smaller.

        Raises:
            LocalProtocolError: The image is none that can be printed. Nothing was sent.
            StatusError: The printer does not take it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        await trio.lowlevel.checkpoint()
        if isinstance(image, Dataset):
            image = await trio.to_thread.run_sync(
                _print_image, image, window, abandon_on_cancel=True
            )
        elif window is not None:
            raise LocalProtocolError("a PrintImage has been through its window already")
        data_set = Dataset()
        data_set.ImageBoxPosition = box.position
        data_set.BasicGrayscaleImageSequence = [image.data_set()]
        if polarity:
            data_set.Polarity = polarity
        if magnification:
            data_set.MagnificationType = magnification
        data_set.update(copied(attributes))
        declare_text(data_set)
        response = await self.association.n_set(
            box.reference.sop_class_uid or _GRAYSCALE_BOX,
            box.reference.sop_instance_uid,
            data_set,
            idle_timeout=self.idle_timeout,
            timeout=self.timeout,
        )
        response.raise_for_status()
        return response.status

    async def print(self, film: FilmBox | None = None) -> Printed:
        """Print a film as it is now.

        Args:
            film: The film; None: all of the session as a whole, which not every printer can.

        Raises:
            StatusError: The printer does not print it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        if film is None:
            what = (_FILM_SESSION, self.sop_instance_uid)
        else:
            what = (_FILM_BOX, film.sop_instance_uid)
        response = await self.association.n_action(
            *what, _PRINT, idle_timeout=self.idle_timeout, timeout=self.timeout
        )
        response.raise_for_status()
        # (2100,0500), which goes by a longer name in the dictionary.
        jobs = InstanceReference.in_sequence(
            response.action_reply or Dataset(), "ReferencedPrintJobSequencePullStoredPrint"
        )
        job = jobs[0].sop_instance_uid if jobs else None
        return Printed(status=response.status, print_job_uid=job)

    async def delete_film_box(self, film: FilmBox) -> Status:
        """Take a film away, to make up another one.

        Raises:
            StatusError: The printer does not do it.
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        response = await self.association.n_delete(
            _FILM_BOX, film.sop_instance_uid, idle_timeout=self.idle_timeout, timeout=self.timeout
        )
        response.raise_for_status()
        return response.status


def _print_image(image: Dataset, window: Window | None) -> PrintImage:
    return PrintImage.of(image, window=window)
