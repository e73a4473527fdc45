"""What a script and the other side have agreed, as far as the script has seen it."""

from __future__ import annotations

from attrs import define
from pydicom.uid import UID, ImplicitVRLittleEndian

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.pdus import Pdu
from trio_dicom._wire.user_items import MaximumLength

__all__ = ["Agreed", "accepted_syntaxes"]


@define(eq=False)
class Agreed:
    """Listens to the negotiation, whichever side the script is on.

    Attributes:
        syntaxes: The transfer syntax of each context that was accepted; None as long as nothing
            was: then everything goes, as for scripts that do without a negotiation.
        max_length: Bytes of the longest P-DATA-TF that the script takes; 0 for no limit.
    """

    syntaxes: dict[int, UID] | None = None
    max_length: int = 0

    def sent(self, pdu: Pdu) -> None:
        """The script has said this."""
        if isinstance(pdu, AssociationRequest | AssociationAccept):
            item = pdu.item(MaximumLength)
            self.max_length = 0 if item is None else item.max_length
        self.received(pdu)

    def received(self, pdu: Pdu) -> None:
        """Somebody has said this."""
        if isinstance(pdu, AssociationAccept):
            self.syntaxes = accepted_syntaxes(pdu)

    def syntax_of(self, context_id: int) -> UID:
        """That of the context; where none was agreed, the default one."""
        return (self.syntaxes or {}).get(context_id, ImplicitVRLittleEndian)


def accepted_syntaxes(accept: AssociationAccept) -> dict[int, UID]:
    """The transfer syntax of each context that was accepted, by its ID."""
    return {
        it.context_id: as_uid(it.transfer_syntax)
        for it in accept.contexts
        if it.transfer_syntax is not None
    }
