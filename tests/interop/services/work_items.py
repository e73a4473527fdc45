"""Unified procedure steps (PS3.4 Annex CC), as a server keeps them, with its events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.sop_class import UnifiedProcedureStepEvent, UnifiedProcedureStepPush

from tests.interop.services.memory import (
    Memory,
    Refused,
    Report,
    instance_of,
    matches,
    report,
    selected,
    soon,
)

__all__ = ["FILTERED", "GLOBAL", "WorkItems"]

# PS3.4 CC.2.3: instances that stand for all, and for all that match a filter.
GLOBAL = "1.2.840.10008.5.1.4.34.5"
FILTERED = "1.2.840.10008.5.1.4.34.5.1"


@frozen
class _Subscriber:
    association: Association
    context_id: int


@define(eq=False)
class WorkItems:
    """N-CREATE, N-SET, N-GET, N-ACTION and C-FIND of unified procedure steps.

    Events go to the association on which the receiving AE subscribed last.

    Attributes:
        instances: What they are by now, by SOP instance UID, with their transaction UIDs.
        subscriptions: Who wants events of which instance: (AE title, instance UID).
    """

    memory: Memory
    instances: dict[str, Dataset] = field(factory=dict)
    subscriptions: set[tuple[str, str]] = field(factory=set)
    _subscribers: dict[str, _Subscriber] = field(factory=dict)

    def create(self, event: evt.Event) -> tuple[int, Dataset]:
        attributes = event.attribute_list
        if attributes.get("ProcedureStepState") != "SCHEDULED":
            raise Refused(0xC309)
        answer = Dataset()
        uid = instance_of(event)
        if uid is None:
            uid = answer.AffectedSOPInstanceUID = generate_uid()
        if uid in self.instances:
            raise Refused(0x0111)
        self.instances[uid] = attributes
        for title, instance in sorted(self.subscriptions):
            if instance in (GLOBAL, FILTERED):
                self.subscriptions.add((title, uid))
        self._tell(uid, 1, self._state(uid))
        return 0x0000, answer

    def get(self, event: evt.Event) -> tuple[int, Dataset]:
        _uid, item = self._item(event)
        answer = selected(item, event.attribute_identifiers)
        answer.pop("TransactionUID", None)
        return 0x0000, answer

    def set(self, event: evt.Event) -> tuple[int, Dataset | None]:
        uid, item = self._item(event)
        if item.ProcedureStepState in ("COMPLETED", "CANCELED"):
            raise Refused(0xC300)
        if item.ProcedureStepState != "IN PROGRESS":
            raise Refused(0xC310)
        changes = event.modification_list
        if changes.get("TransactionUID") != item.TransactionUID:
            raise Refused(0xC301)
        item.update(changes)
        if "ProcedureStepProgressInformationSequence" in changes:
            progress = Dataset()
            progress.ProcedureStepProgressInformationSequence = (
                changes.ProcedureStepProgressInformationSequence
            )
            self._tell(uid, 3, progress)
        return 0x0000, None

    def action(self, event: evt.Event) -> tuple[int, Dataset | None]:
        asked = event.action_information
        match event.action_type:
            case 1:
                return self._change_state(event, asked), None
            case 2:
                return self._request_cancel(event, asked), None
            case 3:
                return self._subscribe(event, asked), None
            case 4 | 5:
                return self._unsubscribe(event, asked, only_new=event.action_type == 5), None
        raise Refused(0x0123)

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        key = event.identifier
        for uid, item in sorted(self.instances.items()):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            found = Dataset()
            found.update(item)
            found.SOPClassUID = UnifiedProcedureStepPush
            found.SOPInstanceUID = uid
            if matches(key, found):
                answer = selected(found, [element.tag for element in key])
                answer.pop("TransactionUID", None)
                yield 0xFF00, answer
        yield 0x0000, None

    # --- actions ---------------------------------------------------------------------

    def _change_state(self, event: evt.Event, asked: Dataset) -> int:
        uid, item = self._item(event)
        now, wanted = item.ProcedureStepState, asked.ProcedureStepState
        transaction = asked.get("TransactionUID")
        if not transaction:
            raise Refused(0xC301)
        if wanted == "IN PROGRESS":
            if now != "SCHEDULED":
                raise Refused(0xC302 if now == "IN PROGRESS" else 0xC300)
            item.TransactionUID = transaction
        elif wanted in ("COMPLETED", "CANCELED"):
            if now == "SCHEDULED":
                raise Refused(0xC310)
            if item.TransactionUID != transaction:
                raise Refused(0xC301)
            if now == wanted:
                return 0xB306 if now == "COMPLETED" else 0xB304
            if now != "IN PROGRESS":
                raise Refused(0xC300)
            if wanted == "COMPLETED" and not item.get(
                "UnifiedProcedureStepPerformedProcedureSequence"
            ):
                raise Refused(0xC304)
        else:
            raise Refused(0xC303)
        item.ProcedureStepState = wanted
        self._tell(uid, 1, self._state(uid))
        return 0x0000

    def _request_cancel(self, event: evt.Event, asked: Dataset | None) -> int:
        uid, item = self._item(event)
        if item.ProcedureStepState == "COMPLETED":
            raise Refused(0xC311)
        if item.ProcedureStepState == "CANCELED":
            return 0xB304
        if item.ProcedureStepState == "SCHEDULED":
            item.ProcedureStepState = "CANCELED"
            self._tell(uid, 1, self._state(uid))
            return 0x0000
        requested = Dataset()
        requested.RequestingAE = str(event.assoc.requestor.ae_title).strip()
        requested.update(asked or Dataset())
        self._tell(uid, 2, requested)
        return 0x0000

    def _subscribe(self, event: evt.Event, asked: Dataset) -> int:
        uid = instance_of(event) or ""
        title = asked.ReceivingAE
        if uid in (GLOBAL, FILTERED):
            uids = [uid, *self.instances]
        else:
            self._item(event)
            uids = [uid]
        events = [
            context.context_id
            for context in event.assoc.accepted_contexts
            if context.abstract_syntax == UnifiedProcedureStepEvent
        ]
        context_id = events[0] if events else event.context.context_id
        self._subscribers[title] = _Subscriber(event.assoc, context_id)
        self.subscriptions.update((title, each) for each in uids)
        # PS3.4 CC.2.3.3: a subscriber hears at once how things stand.
        for each in uids:
            if each in self.instances:
                self._tell(each, 1, self._state(each), only=title)
        return 0x0000

    def _unsubscribe(self, event: evt.Event, asked: Dataset, *, only_new: bool) -> int:
        uid = instance_of(event) or ""
        title = asked.ReceivingAE
        if uid not in (GLOBAL, FILTERED):
            self._item(event)
        elif not only_new:
            self.subscriptions -= {pair for pair in self.subscriptions if pair[0] == title}
        self.subscriptions.discard((title, uid))
        return 0x0000

    # --- events ----------------------------------------------------------------------

    def _tell(self, uid: str, type_id: int, information: Dataset, *, only: str = "") -> None:
        for title, instance in sorted(self.subscriptions):
            if instance == uid and only in ("", title):
                to = self._subscribers[title]
                soon(to.association, lambda to=to: self._report(to, uid, type_id, information))

    def _report(self, to: _Subscriber, uid: str, type_id: int, information: Dataset) -> None:
        about: dict[str, Any] = {
            "type_id": type_id,
            "sop_class_uid": UnifiedProcedureStepPush,
            "sop_instance_uid": uid,
            "data_set": information,
        }
        status = report(to.association, to.context_id, **about)
        self.memory.add_report(Report(**about, status=status))

    def _state(self, uid: str) -> Dataset:
        item = self.instances[uid]
        state = Dataset()
        state.ProcedureStepState = item.ProcedureStepState
        state.InputReadinessState = item.get("InputReadinessState", "READY")
        return state

    def _item(self, event: evt.Event) -> tuple[str, Dataset]:
        uid = instance_of(event) or ""
        if uid not in self.instances:
            raise Refused(0xC307)
        return uid, self.instances[uid]
