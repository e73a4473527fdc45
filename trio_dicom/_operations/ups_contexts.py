"""On which context an operation on a unified procedure step goes out (PS3.4 CC.2).

A step always is an instance of UPS Push. What may be done with it, the service group of the
SOP class says that was negotiated.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.n_messages import NSetRequest
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.negotiation import NegotiatedAssociation
from trio_dicom._protocol.selection import select_context
from trio_dicom.errors import NoAcceptedContext
from trio_dicom.sop_classes import UPS_PULL, UPS_PUSH, UPS_WATCH

__all__ = ["ASKING_TO_CANCEL", "CREATING", "GETTING", "PERFORMING", "WATCHING", "ups_context"]

_PUSH, _PULL, _WATCH = (it.abstract_syntax for it in (UPS_PUSH, UPS_PULL, UPS_WATCH))

# The SOP classes that have an operation in their group (PS3.4 Tables CC.2-1 to CC.2-3).
CREATING: Final = (_PUSH,)
"""N-CREATE."""

GETTING: Final = (_PUSH, _PULL, _WATCH)
"""N-GET."""

PERFORMING: Final = (_PULL,)
"""N-SET, and the N-ACTION that changes the state."""

ASKING_TO_CANCEL: Final = (_PUSH, _WATCH)
"""The N-ACTION that asks who performs a step to cancel it."""

WATCHING: Final = (_WATCH,)
"""The N-ACTIONs that subscribe and unsubscribe."""


def ups_context(
    association: NegotiatedAssociation, classes: tuple[UID, ...], data_set: Dataset | None = None
) -> NegotiatedContext | None:
    """The context for an operation.

    Args:
        association: What was agreed.
        classes: Those that have the operation, one of the constants here.
        data_set: What goes out.

    Returns:
        A context of the first class that was accepted; None where none was. Whether another
        one of the UPS classes will do is for the peer to say then.
    """
    for sop_class in classes:
        contexts = [it for it in association.contexts if it.abstract_syntax == sop_class]
        # Only the class and the data set count here.
        request = NSetRequest(sop_class_uid=sop_class, sop_instance_uid="", data_set=data_set)
        with suppress(NoAcceptedContext):
            return select_context(contexts, request)
    return None
