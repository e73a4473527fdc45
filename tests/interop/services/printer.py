"""Basic grayscale print (PS3.4 Annex H), as a printer with paper without end."""

from __future__ import annotations

from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt
from pynetdicom.sop_class import BasicFilmBox, BasicFilmSession, BasicGrayscaleImageBox, Printer

from tests.interop.services.memory import Refused, class_of, instance_of, selected

__all__ = ["PRINTER_INSTANCE", "PrintPeer", "Sheet"]

PRINTER_INSTANCE = "1.2.840.10008.5.1.1.17"


@frozen(kw_only=True)
class Sheet:
    """A film that was printed.

    Attributes:
        session: The film session as it was.
        film_box: The film box.
        images: Its image boxes in their order; each has the image if one was set.
    """

    session: Dataset
    film_box: Dataset
    images: tuple[Dataset, ...]


@define(eq=False)
class PrintPeer:
    """The printer, its film sessions, film boxes and image boxes.

    Attributes:
        state: What N-GET tells of the printer.
        sessions: By SOP instance UID, as the others.
        film_boxes: Likewise; each knows its session and image boxes.
        image_boxes: Likewise.
        printed: Every film, in order.
    """

    state: Dataset = field(factory=Dataset)
    sessions: dict[str, Dataset] = field(factory=dict)
    film_boxes: dict[str, Dataset] = field(factory=dict)
    image_boxes: dict[str, Dataset] = field(factory=dict)
    printed: list[Sheet] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.state.PrinterStatus = "NORMAL"
        self.state.PrinterStatusInfo = "NORMAL"
        self.state.PrinterName = "PAPER"
        self.state.Manufacturer = "Peer"

    def create(self, event: evt.Event) -> tuple[int, Dataset]:
        uid = instance_of(event) or generate_uid()
        attributes = event.attribute_list
        answer = Dataset()
        if class_of(event) == BasicFilmSession:
            self.sessions[uid] = attributes
        elif class_of(event) == BasicFilmBox:
            (session,) = attributes.get("ReferencedFilmSessionSequence") or [Dataset()]
            if session.get("ReferencedSOPInstanceUID") not in self.sessions:
                raise Refused(0x0106)
            answer.ReferencedImageBoxSequence = self._image_boxes(attributes.ImageDisplayFormat)
            self.film_boxes[uid] = attributes
            attributes.ReferencedImageBoxSequence = answer.ReferencedImageBoxSequence
        else:
            raise Refused(0x0211)
        if instance_of(event) is None:
            answer.AffectedSOPInstanceUID = uid
        return 0x0000, answer

    def set(self, event: evt.Event) -> tuple[int, Dataset | None]:
        self._instance(event).update(event.modification_list)
        return 0x0000, None

    def get(self, event: evt.Event) -> tuple[int, Dataset]:
        if class_of(event) != Printer:
            raise Refused(0x0211)
        if instance_of(event) != PRINTER_INSTANCE:
            raise Refused(0x0112)
        return 0x0000, selected(self.state, event.attribute_identifiers)

    def action(self, event: evt.Event) -> tuple[int, Dataset | None]:
        if event.action_type != 1:
            raise Refused(0x0123)
        uid = instance_of(event) or ""
        self._instance(event)
        boxes = [uid] if uid in self.film_boxes else self._boxes_of(uid)
        if not boxes:
            raise Refused(0xC600)
        for box in boxes:
            film_box = self.film_boxes[box]
            (session,) = film_box.ReferencedFilmSessionSequence
            self.printed.append(
                Sheet(
                    session=self.sessions[session.ReferencedSOPInstanceUID],
                    film_box=film_box,
                    images=tuple(
                        self.image_boxes[each.ReferencedSOPInstanceUID]
                        for each in film_box.ReferencedImageBoxSequence
                    ),
                )
            )
        return 0x0000, None

    def delete(self, event: evt.Event) -> int:
        uid = instance_of(event) or ""
        self._instance(event)
        for box in [uid] if uid in self.film_boxes else self._boxes_of(uid):
            for each in self.film_boxes.pop(box).ReferencedImageBoxSequence:
                del self.image_boxes[each.ReferencedSOPInstanceUID]
        self.sessions.pop(uid, None)
        return 0x0000

    def _boxes_of(self, session: str) -> list[str]:
        return [
            uid
            for uid, box in self.film_boxes.items()
            if box.ReferencedFilmSessionSequence[0].ReferencedSOPInstanceUID == session
        ]

    def _image_boxes(self, display_format: str) -> list[Dataset]:
        kind, _, numbers = display_format.partition("\\")
        if kind != "STANDARD":
            raise Refused(0x0106)
        columns, rows = map(int, numbers.split(","))
        references: list[Dataset] = []
        for position in range(1, columns * rows + 1):
            reference = Dataset()
            reference.ReferencedSOPClassUID = BasicGrayscaleImageBox
            reference.ReferencedSOPInstanceUID = generate_uid()
            references.append(reference)
            box = self.image_boxes[reference.ReferencedSOPInstanceUID] = Dataset()
            box.ImageBoxPosition = position
        return references

    def _instance(self, event: evt.Event) -> Dataset:
        uid = instance_of(event) or ""
        for instances in (self.sessions, self.film_boxes, self.image_boxes):
            if uid in instances:
                return instances[uid]
        raise Refused(0x0112)
