"""Modality performed procedure steps (PS3.4 Annex F.7), as a server keeps them."""

from __future__ import annotations

from attrs import define, field
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt

from tests.interop.services.memory import Refused, instance_of, selected

__all__ = ["FINAL", "PerformedSteps"]

FINAL = ("COMPLETED", "DISCONTINUED")


@define(eq=False)
class PerformedSteps:
    """N-CREATE, N-SET and N-GET of performed procedure steps.

    Attributes:
        instances: What they are by now, by SOP instance UID.
    """

    instances: dict[str, Dataset] = field(factory=dict)

    def create(self, event: evt.Event) -> tuple[int, Dataset]:
        attributes = event.attribute_list
        if attributes.get("PerformedProcedureStepStatus") != "IN PROGRESS":
            raise Refused(0x0106)
        answer = Dataset()
        uid = instance_of(event)
        if uid is None:
            uid = answer.AffectedSOPInstanceUID = generate_uid()
        if uid in self.instances:
            raise Refused(0x0111)
        self.instances[uid] = attributes
        return 0x0000, answer

    def set(self, event: evt.Event) -> tuple[int, Dataset | None]:
        step = self._step(event)
        if step.PerformedProcedureStepStatus in FINAL:
            # PS3.4 F.7.2.2.2: may no longer be updated, with error ID A710H.
            raise Refused(0x0110)
        step.update(event.modification_list)
        return 0x0000, None

    def get(self, event: evt.Event) -> tuple[int, Dataset]:
        return 0x0000, selected(self._step(event), event.attribute_identifiers)

    def _step(self, event: evt.Event) -> Dataset:
        step = self.instances.get(instance_of(event) or "")
        if step is None:
            raise Refused(0x0112)
        return step
