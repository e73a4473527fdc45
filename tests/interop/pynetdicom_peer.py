"""pynetdicom as a peer, in threads of this process."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import field, frozen
from pydicom.dataset import Dataset
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification
from pynetdicom.transport import ThreadedAssociationServer

from tests.interop.programs import HOST

__all__ = ["PynetdicomPeer", "pynetdicom_peer", "serving"]


@frozen(kw_only=True)
class PynetdicomPeer:
    """A pynetdicom server that runs.

    Attributes:
        ae_title: What it wants to be called.
        port: Its port on ``host``.
        host: Loopback.
        received: The data sets that were stored, as it decoded them, in order.
        encoded: The same as bytes, with their transfer syntaxes.
    """

    ae_title: str
    port: int
    host: str = HOST
    received: list[Dataset] = field(factory=list)
    encoded: list[tuple[str, bytes]] = field(factory=list)

    @property
    def address(self) -> str:
        """As the command line takes it: ``AET@host:port``."""
        return f"{self.ae_title}@{self.host}:{self.port}"


@contextmanager
def pynetdicom_peer(
    *,
    handlers: Sequence[tuple[object, Callable[..., Any]]] = (),
    tls: ssl.SSLContext | None = None,
    configure: Callable[[AE], None] = lambda _: None,
) -> Generator[PynetdicomPeer, None, None]:
    """pynetdicom with verification and storage in every transfer syntax.

    Args:
        handlers: More of its event handlers, or others in the place of ours.
        tls: Serve TLS with this context.
        configure: Called with its application entity before it starts, for more contexts.
    """
    entity = AE(ae_title="PYNETDICOM")
    entity.add_supported_context(Verification)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(context.abstract_syntax or "", AllTransferSyntaxes)
    configure(entity)
    received: list[Dataset] = []
    encoded: list[tuple[str, bytes]] = []

    def on_store(event: evt.Event) -> int:
        encoded.append((str(event.context.transfer_syntax), event.request.DataSet.getvalue()))
        received.append(event.dataset)
        return 0x0000

    with serving(entity, [(evt.EVT_C_STORE, on_store), *handlers], tls=tls) as port:
        yield PynetdicomPeer(ae_title="PYNETDICOM", port=port, received=received, encoded=encoded)


@contextmanager
def serving(
    entity: AE,
    handlers: Sequence[tuple[object, ...]],
    *,
    tls: ssl.SSLContext | None = None,
) -> Generator[int, None, None]:
    """Run a server of pynetdicom on a free port of loopback, and give the port."""
    server = entity.make_server(
        (HOST, 0),
        ssl_context=tls,
        evt_handlers=handlers,  # type: ignore[arg-type]
        server_class=ThreadedAssociationServer,
    )
    # As start_server does it, which looks twice a second only whether it is to end.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    entity._servers.append(server)  # which shutdown takes it from
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join()
