"""Asking for the association, and waiting for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_dicom._io.ends import abort
from trio_dicom._io.tls import EXPECTED
from trio_dicom._protocol.identity import carries_secret
from trio_dicom._wire.user_items import UserIdentity
from trio_dicom.errors import AssociateTimeout, LocalProtocolError

if TYPE_CHECKING:
    from trio_dicom._io.link import Link
    from trio_dicom._protocol.negotiation import NegotiatedAssociation
    from trio_dicom._wire.pdus import AssociationRequest

__all__ = ["associate", "check_request"]


def check_request(link: Link, request: AssociationRequest) -> None:
    """Refuse what cannot or must not be sent.

    Raises:
        LocalProtocolError: There was another, or it would send a secret without TLS.
        PDUError: It cannot be encoded.
        ConnectionEnded: The connection has ended already.
    """
    if link.has_requested:
        raise LocalProtocolError(
            "a connection carries one association, and this one has asked for its own; "
            "open another connection"
        )
    if (refusal := link.refusal()) is not None:
        raise refusal
    request.encode()
    identity = request.item(UserIdentity)
    allowed = link.network.is_tls or link.options.allow_plain_password
    if identity is not None and carries_secret(identity) and not allowed:
        raise LocalProtocolError(
            "this user identity carries a secret, and without TLS everybody on the way can "
            "read it; use TLS, or say allow_plain_password in the options"
        )


async def associate(link: Link, request: AssociationRequest) -> NegotiatedAssociation:
    """Send ``request`` and return what the peer makes of it.

    Raises:
        AssociationRejected: See ``ClientConnection.send_association_request``.
    """
    link.has_requested = True
    link.sender.put(request)
    seconds = link.options.timeouts.associate
    try:
        with trio.move_on_after(seconds):
            await link.answered.wait()
    except BaseException:
        abort(link, because="the association request was cancelled")
        raise
    if link.ending is not None:
        await link.tell_first()
        raise link.ending.waiting(None)
    if link.machine.association is not None:
        return link.machine.association
    abort(link, because="the association request was not answered in time")
    what = f"{link.peer} did not answer the association request within {seconds:g} s"
    hint = "" if link.network.is_tls else f": {EXPECTED}"
    raise AssociateTimeout(f"{what}{hint}", seconds=seconds)
