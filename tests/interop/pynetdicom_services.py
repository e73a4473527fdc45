"""pynetdicom as a peer for worklist, MPPS, UPS, print and storage commitment.

It runs in threads of this process and remembers what it got. Its rules are those of PS3.4
that a client can run into; each lies in a file of ``tests/interop/services``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    BasicGrayscalePrintManagementMeta,
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepRetrieve,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    Verification,
)

from tests.interop.programs import HOST
from tests.interop.pynetdicom_peer import serving
from tests.interop.services.commitment import Commitment
from tests.interop.services.memory import (
    Asked,
    Memory,
    Refused,
    class_of,
    instance_of,
    matches,
    selected,
)
from tests.interop.services.printer import PrintPeer
from tests.interop.services.steps import PerformedSteps
from tests.interop.services.work_items import WorkItems

__all__ = ["ServicesPeer", "pynetdicom_services"]

_MPPS = (ModalityPerformedProcedureStep, ModalityPerformedProcedureStepRetrieve)
_UPS = (
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepQuery,
)
_CLASSES = (
    Verification,
    ModalityWorklistInformationFind,
    *_MPPS,
    *_UPS,
    BasicGrayscalePrintManagementMeta,
    StorageCommitmentPushModel,
)


@define(eq=False)
class ServicesPeer:
    """A pynetdicom server that runs. Change its attributes while it does.

    Attributes:
        memory: Every request and report: ``memory.asked``, ``memory.reports``,
            ``await memory.until(...)``, and ``memory.refusing`` for failure statuses.
        steps: Modality performed procedure steps.
        work_items: Unified procedure steps.
        printer: A printer for basic grayscale print.
        commitment: Storage commitment.
        worklist: The items of its modality worklist: put some in.
        ae_title: What it wants to be called.
        port: Its port on ``host``.
        host: Loopback.
    """

    memory: Memory = field(factory=Memory)
    steps: PerformedSteps = field(factory=PerformedSteps)
    work_items: WorkItems = field()
    printer: PrintPeer = field(factory=PrintPeer)
    commitment: Commitment = field()
    worklist: list[Dataset] = field(factory=list)
    ae_title: str = "PYNETDICOM"
    port: int = 0
    host: str = HOST

    @work_items.default
    def _work_items(self) -> WorkItems:
        return WorkItems(self.memory)

    @commitment.default
    def _commitment(self) -> Commitment:
        return Commitment(self.memory)

    @property
    def address(self) -> str:
        """As the command line takes it: ``AET@host:port``."""
        return f"{self.ae_title}@{self.host}:{self.port}"

    # --- the handlers of pynetdicom --------------------------------------------------

    def on_n_request(self, event: evt.Event, service: str, method: str) -> tuple[int, Any]:
        """Remember an N-request, find the service that it is for, and ask that."""
        try:
            self._remember(event, service)
            handle = getattr(self._service(class_of(event)), method, None)
            if handle is None:
                return 0x0211, None
            answer: tuple[int, Any] = handle(event)
        except Refused as refused:
            return refused.status, None
        return answer

    def on_delete(self, event: evt.Event) -> int:
        """The same for an N-DELETE, whose answer is a status alone."""
        try:
            self._remember(event, "N-DELETE")
            return self.printer.delete(event)
        except Refused as refused:
            return refused.status

    def on_find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        """Answer a query of the worklist or of unified procedure steps."""
        try:
            self._remember(event, "C-FIND")
        except Refused as refused:
            yield refused.status, None
            return
        if class_of(event) in _UPS:
            yield from self.work_items.find(event)
            return
        key = event.identifier
        for item in self.worklist:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            if matches(key, item):
                yield 0xFF00, selected(item, [element.tag for element in key])
        yield 0x0000, None

    def _service(self, sop_class_uid: str) -> object:
        if sop_class_uid in _MPPS:
            return self.steps
        if sop_class_uid in _UPS:
            return self.work_items
        if sop_class_uid == StorageCommitmentPushModel:
            return self.commitment
        return self.printer

    def _remember(self, event: evt.Event, service: str) -> None:
        data_sets: dict[str, Callable[[], Dataset]] = {
            "C-FIND": lambda: event.identifier,
            "N-CREATE": lambda: event.attribute_list,
            "N-SET": lambda: event.modification_list,
            "N-ACTION": lambda: event.action_information,
        }
        self.memory.add_request(
            Asked(
                service=service,
                sop_class_uid=class_of(event),
                sop_instance_uid=instance_of(event),
                type_id=event.action_type if service == "N-ACTION" else None,
                attributes=tuple(event.attribute_identifiers) if service == "N-GET" else (),
                data_set=data_sets[service]() if service in data_sets else None,
                abstract_syntax=str(event.context.abstract_syntax),
                calling_ae=str(event.assoc.requestor.ae_title).strip(),
            )
        )


@contextmanager
def pynetdicom_services(
    *, handlers: Sequence[tuple[object, Callable[..., Any]]] = ()
) -> Generator[ServicesPeer, None, None]:
    """Run the server while the block is open.

    Args:
        handlers: More of pynetdicom's event handlers, or others in the place of ours.
    """
    peer = ServicesPeer()
    entity = AE(ae_title=peer.ae_title)
    for sop_class in _CLASSES:
        entity.add_supported_context(sop_class)
    own: list[tuple[object, ...]] = [
        (evt.EVT_N_CREATE, peer.on_n_request, ["N-CREATE", "create"]),
        (evt.EVT_N_SET, peer.on_n_request, ["N-SET", "set"]),
        (evt.EVT_N_GET, peer.on_n_request, ["N-GET", "get"]),
        (evt.EVT_N_ACTION, peer.on_n_request, ["N-ACTION", "action"]),
        (evt.EVT_N_DELETE, peer.on_delete),
        (evt.EVT_C_FIND, peer.on_find),
    ]
    with serving(entity, [*own, *handlers]) as peer.port:
        try:
            yield peer
        finally:
            peer.commitment.close()
