"""Where the instances of a C-MOVE come down."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen
from pydicom import Dataset

from trio_dicom._operations.inbox import Into, inbox_for
from trio_dicom._operations.open_moves import OpenMove
from trio_dicom._operations.requester import Requester
from trio_dicom._operations.unique_keys import UniqueKeys
from trio_dicom._protocol.negotiation import checked_ae_title
from trio_dicom.errors import LocalProtocolError
from trio_dicom.handler import InstanceHandler

if TYPE_CHECKING:
    from trio_dicom._operations.receiving import Receiver

__all__ = ["Landing", "MoveDestination", "landing"]

_PORT: Final = 11_112  # DICOM's own
_LOOPBACK: Final = "127.0.0.1"
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - this is where others listen, perhaps


@frozen(kw_only=True)
class MoveDestination:
    """Where a C-MOVE sends the instances.

    Attributes:
        ae_title: The AE title, by which the peer must know it.
        host: The address that belongs to it; None for a third party, whom the peer alone knows.
        port: The TCP port there, or None likewise.
    """

    ae_title: str
    host: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        place = "" if self.host is None else f", host {self.host}, port {self.port}"
        return f"AE title {self.ae_title}{place}"


@frozen(kw_only=True)
class Landing:
    """Where the instances come down.

    Attributes:
        destination: What the peer must know of it.
        receiver: Our receiver, or None for a third party.
        handler: Who takes them there; None for whoever the receiver has.
    """

    destination: MoveDestination
    receiver: Receiver | None = None
    handler: InstanceHandler | None = None

    @contextmanager
    def expecting(self, calling_ae: str, query: Dataset) -> Generator[OpenMove | None, None, None]:
        """Be ready for what ``query`` asks for, while the block is open.

        Gives the C-MOVE as the receiver sees it, or None if that is not ours.
        """
        if self.receiver is None:
            yield None
            return
        move = OpenMove(calling_ae, UniqueKeys.of(query), self.handler)
        with self.receiver.moves.holding(move):
            yield move


@asynccontextmanager
async def landing(
    requester: Requester,
    destination: str | None,
    *,
    into: Into | None,
    receiver: Receiver | None,
    receive_host: str | None,
    receive_port: int | None,
    receive_ae: str | None,
    receive_tls: ssl.SSLContext | None,
) -> AsyncGenerator[Landing, None]:
    """Have somewhere for the instances to come down while the block is open.

    Raises:
        LocalProtocolError: It is not said where, or said twice; or how to listen, where nobody
            listens.
        OSError: The port is taken, or the directory cannot be made.
    """
    if destination is not None or receiver is not None:
        _refuse(
            receive_host=receive_host,
            receive_port=receive_port,
            receive_ae=receive_ae,
            receive_tls=receive_tls,
        )
    if destination is not None:
        if into is not None or receiver is not None:
            raise LocalProtocolError(
                "a C-MOVE has one destination: give the AE title of somebody else, or a place "
                "here by into= and receiver="
            )
        yield Landing(
            destination=MoveDestination(ae_title=checked_ae_title(destination, "destination's"))
        )
        return
    handler = None if into is None else await inbox_for(into)
    our_host = requester.connection.network_stream.local_host or _LOOPBACK
    if receiver is None:
        if handler is None:
            raise LocalProtocolError(
                "a C-MOVE needs a destination: the AE title of somebody else, or a place here "
                "by into= or receiver="
            )
        # Most programs listen to nobody.
        from trio_dicom._operations.receiving import open_receiver  # noqa: PLC0415

        # What is pinned is the peer as a server; as our guest it may show another certificate.
        options = evolve(requester.connection.options, peer_fingerprints=())
        async with open_receiver(
            _PORT if receive_port is None else receive_port,
            into=None,
            ae_title=receive_ae or requester.negotiated.calling_ae,
            host=receive_host or our_host,
            tls=receive_tls,
            options=options,
        ) as own:
            yield Landing(destination=_destination(own, our_host), receiver=own, handler=handler)
        return
    if handler is None and not receiver.takes_instances:
        raise LocalProtocolError("this receiver has no place for instances: give one by into=")
    yield Landing(destination=_destination(receiver, our_host), receiver=receiver, handler=handler)


def _refuse(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise LocalProtocolError(
                f"{name}= is for the receiver that into= alone opens: a destination elsewhere and "
                "a receiver of yours have their own"
            )


def _destination(receiver: Receiver, our_host: str) -> MoveDestination:
    host = our_host if receiver.host in _EVERYWHERE else receiver.host
    return MoveDestination(ae_title=receiver.ae_title, host=host, port=receiver.port)
