"""Storage commitment (PS3.4 Annex J): the answer, and the report on this or a new association."""

from __future__ import annotations

import threading
from typing import Literal

from attrs import define, field
from pydicom import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel

from tests.interop.programs import HOST
from tests.interop.services.memory import Memory, Refused, Report, class_of, report, soon

__all__ = ["Commitment"]

# PS3.4 J.3.3: the one instance that takes the requests.
_INSTANCE = "1.2.840.10008.1.20.1.1"


@define(eq=False)
class Commitment:
    """N-ACTION of storage commitment, and its reports.

    Attributes:
        failing: Instances that it does not commit to, with the failure reason; it commits
            to all others.
        when: Whether the report on the same association comes before or after the answer.
        times: How often it comes.
        report_to: The port on loopback to which the report goes on a new association;
            None: on the same one.
        report_ae: The AE title to call there; None: that of who asked.
        role_selection: Whether the new association proposes to be the provider.
        transactions: The action information of each request by its transaction UID.
    """

    memory: Memory
    failing: dict[str, int] = field(factory=dict)
    when: Literal["before", "after"] = "after"
    times: int = 1
    report_to: int | None = None
    report_ae: str | None = None
    role_selection: bool = True
    transactions: dict[str, Dataset] = field(factory=dict)
    _threads: list[threading.Thread] = field(factory=list)

    def action(self, event: evt.Event) -> tuple[int, Dataset | None]:
        if event.action_type != 1:
            raise Refused(0x0123)
        if str(event.request.RequestedSOPInstanceUID) != _INSTANCE:
            raise Refused(0x0112)
        asked = event.action_information
        self.transactions[asked.TransactionUID] = asked
        type_id, result = self._result(asked)
        association, context_id = event.assoc, event.context.context_id

        def on_this_association() -> None:
            for _ in range(self.times):
                status = report(
                    *(association, context_id),
                    type_id=type_id,
                    sop_class_uid=class_of(event),
                    sop_instance_uid=_INSTANCE,
                    data_set=result,
                )
                self._remember(type_id, result, status)

        if self.report_to is not None:
            arguments = (self.report_to, self.report_ae or _caller(event), type_id, result)
            thread = threading.Thread(target=self._on_a_new_association, args=arguments)
            self._threads.append(thread)
            thread.start()
        elif self.when == "before":
            on_this_association()
        else:
            soon(association, on_this_association)
        return 0x0000, None

    def close(self) -> None:
        """Wait for the new associations to end."""
        for thread in self._threads:
            thread.join()

    def _on_a_new_association(self, port: int, ae_title: str, kind: int, result: Dataset) -> None:
        entity = AE(ae_title="PYNETDICOM")
        entity.add_requested_context(StorageCommitmentPushModel)
        roles = [build_role(StorageCommitmentPushModel, scp_role=True)]
        association = entity.associate(
            *(HOST, port), ae_title=ae_title, ext_neg=roles if self.role_selection else []
        )
        if not association.is_established:
            self._remember(kind, result, None)
            return
        contexts = association.accepted_contexts
        for _ in range(self.times if contexts else 0):
            answer, _reply = association.send_n_event_report(
                result, kind, StorageCommitmentPushModel, _INSTANCE
            )
            self._remember(kind, result, answer.get("Status"), as_scp=contexts[0].as_scp)
        association.release()

    def _remember(
        self, kind: int, result: Dataset, status: int | None, *, as_scp: bool | None = None
    ) -> None:
        self.memory.add_report(
            Report(
                type_id=kind,
                sop_class_uid=StorageCommitmentPushModel,
                sop_instance_uid=_INSTANCE,
                data_set=result,
                status=status,
                as_scp=as_scp,
            )
        )

    def _result(self, asked: Dataset) -> tuple[int, Dataset]:
        result = Dataset()
        result.TransactionUID = asked.TransactionUID
        committed, failed = [], []
        for reference in asked.ReferencedSOPSequence:
            each = Dataset()
            each.ReferencedSOPClassUID = reference.ReferencedSOPClassUID
            each.ReferencedSOPInstanceUID = reference.ReferencedSOPInstanceUID
            reason = self.failing.get(reference.ReferencedSOPInstanceUID)
            if reason is None:
                committed.append(each)
            else:
                each.FailureReason = reason
                failed.append(each)
        if committed:
            result.ReferencedSOPSequence = committed
        if failed:
            result.FailedSOPSequence = failed
        return (2 if failed else 1), result


def _caller(event: evt.Event) -> str:
    return str(event.assoc.requestor.ae_title).strip()
