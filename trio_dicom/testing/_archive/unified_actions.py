"""N-ACTION on unified procedure steps: which there are, and subscribing (PS3.4 CC.2.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

import trio
from pydicom import Dataset

from trio_dicom._dimse.message import Response, response_to
from trio_dicom._dimse.n_messages import NActionRequest
from trio_dicom._operations.reading import text_of
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.sop_classes import UPS_PULL, UPS_PUSH, UPS_WATCH
from trio_dicom.status import Code
from trio_dicom.testing._archive.attributes import given
from trio_dicom.testing._archive.keys import has_several_items
from trio_dicom.testing._archive.refusing import Refused
from trio_dicom.testing._archive.unified_codes import EVERYTHING, MATCHING, Action, Event, UPSCode
from trio_dicom.testing._archive.unified_events import state_of, tell
from trio_dicom.testing._archive.unified_states import change_state, request_cancel
from trio_dicom.testing._archive.unified_steps import searchable, step_of

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["act_unified"]

_Act: TypeAlias = "Callable[[Session, NActionRequest], int]"

_NO_KEYS: Final = ("ReceivingAE", "DeletionLock")


async def act_unified(
    session: Session, request: NActionRequest, context: NegotiatedContext
) -> Response:
    """Do what may be done on a context of that SOP class.

    Raises:
        Refused: It is something else, or cannot be done.
    """
    await trio.lowlevel.checkpoint()
    act = _ACTIONS[context.abstract_syntax].get(request.action_type_id)
    if act is None:
        raise Refused(Code.NO_SUCH_ACTION, "the SOP class of the context has no such action")
    return response_to(request, act(session, request))


def _subscribe(session: Session, request: NActionRequest) -> int:
    archive, uid = session.archive, request.sop_instance_uid
    asked, title = _receiver(request)
    wanted = {"TRUE": True, "FALSE": False}.get(text_of(asked, "DeletionLock"))
    if wanted is None:
        raise Refused(Code.INVALID_ARGUMENT_VALUE, "the Deletion Lock is TRUE or FALSE")
    if title not in archive.destinations and all(it.calling_ae != title for it in archive.sessions):
        raise Refused(UPSCode.RECEIVER_UNKNOWN, "nobody knows where the Receiving AE is")
    subscriptions, has_lock = archive.subscriptions, wanted and archive.subscriptions.grants_locks
    # At once those are told of that were asked for by name, and of all with a lock (CC.2.4.3).
    if uid == EVERYTHING:
        subscriptions.subscribe_to_all(title, archive.unified_steps, has_lock=has_lock)
        told = list(archive.unified_steps) if has_lock else []
    elif uid == MATCHING:
        for keyword in _NO_KEYS:
            del asked[keyword]
        found = subscriptions.subscribe_to_matching(title, _all(session), asked, has_lock=has_lock)
        told = found if has_lock else []
    else:
        step_of(session, uid)
        subscriptions.subscribe(title, uid, has_lock=has_lock)
        told = [uid]
    for one in told:
        said = state_of(archive.unified_steps[one])
        tell(session, request, one, Event.STATE_REPORT, said, titles=[title])
    return Code.SUCCESS if has_lock == wanted else UPSCode.LOCK_NOT_GRANTED


def _unsubscribe(session: Session, request: NActionRequest) -> int:
    _, title = _receiver(request)
    subscriptions, uid = session.archive.subscriptions, request.sop_instance_uid
    if uid == EVERYTHING:
        subscriptions.unsubscribe_from_all(title)
    elif uid == MATCHING:
        subscriptions.unsubscribe_from_matching(title, _all(session))
    else:
        step_of(session, uid)
        subscriptions.unsubscribe(title, uid)
    return Code.SUCCESS


def _suspend(session: Session, request: NActionRequest) -> int:
    _, title = _receiver(request)
    subscriptions, uid = session.archive.subscriptions, request.sop_instance_uid
    if uid == EVERYTHING:
        subscriptions.suspend(title)
    elif uid == MATCHING:
        subscriptions.suspend_matching(title)
    else:
        step_of(session, uid)
        raise Refused(UPSCode.NOT_FOR_THIS_INSTANCE, "only subscriptions to all are suspended")
    return Code.SUCCESS


def _receiver(request: NActionRequest) -> tuple[Dataset, str]:
    asked = given(request.action_information)
    if has_several_items(asked):
        raise Refused(Code.INVALID_ARGUMENT_VALUE, "a sequence among the keys has several items")
    title = text_of(asked, "ReceivingAE").strip()
    if not title:
        raise Refused(Code.INVALID_ARGUMENT_VALUE, "there is no Receiving AE")
    return asked, title


def _all(session: Session) -> dict[str, Dataset]:
    return {uid: searchable(uid, step) for uid, step in session.archive.unified_steps.items()}


# PS3.4 Tables CC.2-1 to CC.2-3.
_ACTIONS: Final[Mapping[str, Mapping[int, _Act]]] = {
    UPS_PUSH.abstract_syntax: {Action.REQUEST_CANCEL: request_cancel},
    UPS_PULL.abstract_syntax: {Action.CHANGE_STATE: change_state},
    UPS_WATCH.abstract_syntax: {
        Action.REQUEST_CANCEL: request_cancel,
        Action.SUBSCRIBE: _subscribe,
        Action.UNSUBSCRIBE: _unsubscribe,
        Action.SUSPEND: _suspend,
    },
}
