"""An archive in memory that speaks DICOM: for tests, and to try things out."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal, TypeAlias

import trio
from attrs import define, field
from pydicom import Dataset

from trio_dicom._io.ports import open_for
from trio_dicom.options import Limits
from trio_dicom.testing._archive.commitment import Commitments
from trio_dicom.testing._archive.fault_list import Faults
from trio_dicom.testing._archive.instances import Instances
from trio_dicom.testing._archive.session import Session, serve_association
from trio_dicom.testing._archive.unified_events import tell_of_archive
from trio_dicom.testing._archive.unified_subscriptions import Subscriptions
from trio_dicom.testing.calling import Place
from trio_dicom.testing.serving import serving

__all__ = ["MemoryArchive", "open_archive"]

ProviderStatus: TypeAlias = Literal["RESTARTED", "GOING DOWN"]
ListStatus: TypeAlias = Literal["WARM START", "COLD START"]


@define(eq=False)
class MemoryArchive:
    """An archive in memory: C-ECHO, C-STORE, C-FIND, C-GET and C-MOVE.

    Beside that it is what a department has around one: it serves a modality worklist, commits
    itself to what it stores, and keeps modality performed and unified procedure steps.

    It accepts every storage SOP class in every transfer syntax of pydicom's
    ``AllTransferSyntaxes``, and takes the first one that is proposed.

    Attributes:
        ae_title: What it is called.
        checks_called_ae: Whether it rejects those who call it otherwise.
        checks_unique_keys: Whether queries and retrievals fail that lack a unique key of their
            level or of one above (PS3.4 C.4.1.2.1).
        idle_timeout: Seconds of a peer's silence after which its association is aborted.
        artim_timeout: Seconds that a new peer has to ask for an association, and that
            any has to hang up in the end (ARTIM, PS3.8 9.1.5).
        limits: What one peer can make it hold at a time.
        instances: What is stored.
        destinations: Where those are, by AE title, to whom it moves instances and sends
            reports on associations of their own.
        worklist: What is scheduled: the items of the modality worklist, of one step or of
            several. ``pydicom.dcmread`` gives those of ``.wl`` files.
        commitments: How it commits itself to what it has, and what it has reported.
        performed_steps: The modality performed procedure steps by SOP Instance UID, as they
            are by now.
        unified_steps: The unified procedure steps, likewise; the Transaction UID is the lock of
            who has claimed one.
        subscriptions: Who is told about them: on an association of theirs that has a context
            for ``UPS_EVENT``, else on one that the archive opens to its destinations.
        faults: What is wrong with it: a list of ``ArchiveFault``, which may change at any time.
            Each counts from when it is put there, also when an equal one was there before.
            ``faults.unused`` are those that have struck nothing so far.
        host: The address that it listens on, or has listened on last; else "".
        port: The TCP port likewise; else 0.
        sessions: The connections that it serves at the moment.
    """

    ae_title: str = "ARCHIVE"
    checks_called_ae: bool = field(default=False, kw_only=True)
    checks_unique_keys: bool = field(default=False, kw_only=True)
    idle_timeout: float = field(default=300.0, kw_only=True)
    artim_timeout: float = field(default=30.0, kw_only=True)
    limits: Limits = field(factory=Limits, kw_only=True, repr=False)
    instances: Instances = field(factory=Instances, kw_only=True)
    destinations: dict[str, Place] = field(factory=dict[str, Place], kw_only=True)
    worklist: list[Dataset] = field(factory=list[Dataset], kw_only=True, repr=False)
    commitments: Commitments = field(factory=Commitments, kw_only=True)
    performed_steps: dict[str, Dataset] = field(factory=dict[str, Dataset], init=False, repr=False)
    unified_steps: dict[str, Dataset] = field(factory=dict[str, Dataset], init=False, repr=False)
    subscriptions: Subscriptions = field(factory=Subscriptions, kw_only=True)
    faults: Faults = field(factory=Faults, converter=Faults, kw_only=True)
    host: str = field(default="", init=False)
    port: int = field(default=0, init=False)
    sessions: list[Session] = field(factory=list[Session], init=False, repr=False)

    @property
    def address(self) -> str:
        """As the command line takes it: ``AET@host:port``."""
        return f"{self.ae_title}@{self.host}:{self.port}"

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one association on ``stream``, and close it.

        Whatever the peer does, this neither raises nor lasts for ever.

        Raises:
            AssertionError: A script failed that is played at one of the destinations. Then the
                stream is still open, as after a script that fails itself.
            ExceptionGroup: Several did, at once. Likewise.
        """
        await serve_association(self, stream)

    async def report_status(
        self,
        status: ProviderStatus,
        *,
        subscription_list: ListStatus = "WARM START",
        step_list: ListStatus = "WARM START",
    ) -> None:
        """Tell who watches unified procedure steps that it was restarted (PS3.4 CC.2.4.3).

        Who is subscribed to anything, or on the fallback list of ``subscriptions``, is told
        before this returns, or could not be. Nothing of the archive changes.

        Args:
            status: What it says of itself.
            subscription_list: Whether it says that it has kept the subscriptions.
            step_list: Whether it says that it has kept the steps.
        """
        information = Dataset()
        information.SCPStatus = status
        information.SubscriptionListStatus = subscription_list
        information.UnifiedProcedureStepListStatus = step_list
        await tell_of_archive(self, information)


@asynccontextmanager
async def open_archive(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    archive: MemoryArchive | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[MemoryArchive, None]:
    """An archive that listens until the block is left; then its associations are cut.

    Args:
        port: The TCP port; 0 for any that is free.
        host: The address to listen on; loopback, unless you want company.
        archive: The archive to open, or None for a new one.
        tls: How to encrypt, or None not to.

    Raises:
        OSError: The port is taken.
        AssertionError: A script failed that is played at one of the archive's destinations.
        ExceptionGroup: Several did, at once.
    """
    archive = MemoryArchive() if archive is None else archive
    [listener] = await trio.open_tcp_listeners(port, host=host)
    archive.host, archive.port = listener.socket.getsockname()[:2]
    listeners: list[trio.SocketListener] | list[trio.SSLListener[trio.SocketStream]]
    listeners = [listener] if tls is None else [trio.SSLListener(listener, tls)]
    async with serving() as beside, open_for(listeners, partial(beside.run, archive.serve)):
        yield archive
