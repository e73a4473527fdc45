"""``trio-dicom receive``: a port to which peers bring instances."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Final

import trio
from cyclopts import Group, Parameter
from cyclopts.validators import Number

from trio_dicom import ConnectionOptions, Inbox, Timeouts, open_receiver
from trio_dicom.cli.exits import ExitCode
from trio_dicom.cli.listening import (
    OnExists,
    check_directory,
    listening_errors,
    refuse_options,
    server_context,
)
from trio_dicom.cli.options import (
    OUTPUT_OPTIONS,
    OutputOptions,
    TlsVersion,
    checked_fingerprints,
)
from trio_dicom.cli.output import Output
from trio_dicom.cli.sub_operations import Arrived

__all__ = ["receive"]

_DEFAULTS: Final = ConnectionOptions()
_ADMISSION: Final = Group("Admission", sort_key=1)
_TLS: Final = Group("TLS", sort_key=4)
_FLAG: Final = Parameter(negative="", show_default=False)


async def receive(
    *,
    into: Path,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 11_112,
    host: str = "127.0.0.1",
    ae: str = "TRIO_DICOM",
    on_exists: OnExists = "replace",
    durable: Annotated[bool, _FLAG] = False,
    check_called: Annotated[bool, Parameter(group=_ADMISSION), _FLAG] = False,
    calling: Annotated[
        tuple[str, ...], Parameter(group=_ADMISSION, negative="", show_default=False)
    ] = (),
    max_associations: Annotated[int, Parameter(group=_ADMISSION, validator=Number(gte=1))] = 16,
    max_associations_per_host: Annotated[
        int | None, Parameter(group=_ADMISSION, validator=Number(gte=1))
    ] = None,
    unknown_classes: Annotated[bool, Parameter(group=_ADMISSION), _FLAG] = False,
    idle_timeout: Annotated[float, Parameter(validator=Number(gt=0))] = 60.0,
    max_pdu: Annotated[int, Parameter(validator=Number(gte=0))] = _DEFAULTS.max_length,
    cert: Annotated[Path | None, Parameter(group=_TLS)] = None,
    key: Annotated[Path | None, Parameter(group=_TLS)] = None,
    ca: Annotated[Path | None, Parameter(group=_TLS)] = None,
    min_tls: Annotated[TlsVersion, Parameter(group=_TLS)] = "1.2",
    fingerprint: Annotated[
        tuple[str, ...], Parameter(group=_TLS, negative="", show_default=False)
    ] = (),
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Take the instances that peers bring, until Ctrl-C or SIGTERM.

    Each is written as a DICOM file named after its SOP Instance UID, byte for byte as it came,
    while it comes. It gets its name when it is complete.

    With --json every instance is an object with path, sop_class_uid, sop_instance_uid,
    transfer_syntax and bytes.

    The exit code is 130 after Ctrl-C, 0 after SIGTERM; 2 for a mistake in the command, or a port
    that is taken.

    Args:
        into: The directory for the files. It is made if it is not there.
        port: The TCP port to listen on; 0 for any that is free.
        host: The address to listen on. Loopback, unless you want company: 0.0.0.0 or ::.
        ae: Our AE title.
        on_exists: What becomes of a file with the same name: the new one replaces it, or it is
            kept, or the new one gets another name.
        durable: Tell peers that an instance is stored only when the disk has it, so that a power
            failure takes none. It costs the time of the disk.
        check_called: Reject those who call us otherwise.
        calling: An AE title that may call. May be given several times; without it everybody may.
        max_associations: More at a time are rejected for now.
        max_associations_per_host: More at a time from one address are rejected for now. Without
            it one peer may take all there are.
        unknown_classes: Take instances of SOP classes that nobody knows.
        idle_timeout: Seconds of a peer's silence after which its association is aborted.
        max_pdu: The longest P-DATA-TF that a peer may send, in bytes; 0 for up to 16 MiB.
        cert: Encrypt with TLS, and this certificate in PEM.
        key: Its private key in PEM, if it is not in the same file.
        ca: Take only peers with a certificate of the authorities in this PEM file.
        min_tls: The oldest version of TLS to speak.
        fingerprint: Take only peers whose certificate has this SHA-256 fingerprint besides. May
            be given several times.
        out: What to print.
    """
    output = Output(out)
    arrived = Arrived(output)
    tls = server_context(cert, key, ca, min_tls=min_tls)
    pinned = checked_fingerprints(fingerprint)
    if ca is None:
        refuse_options("means nothing without --ca", {"--fingerprint": pinned or None})
    inbox = Inbox(into, on_exists=on_exists, durable=durable, report=arrived.add)
    await check_directory(inbox)
    with output.logging():
        async with AsyncExitStack() as stack:
            with listening_errors("--port", port):
                receiver = await stack.enter_async_context(
                    open_receiver(
                        port,
                        into=inbox,
                        ae_title=ae,
                        host=host,
                        tls=tls,
                        checks_called_ae=check_called,
                        calling_aes=calling or None,
                        takes_unknown_classes=unknown_classes,
                        max_associations=max_associations,
                        max_associations_per_host=max_associations_per_host,
                        options=ConnectionOptions(
                            timeouts=Timeouts(idle=idle_timeout),
                            max_length=max_pdu,
                            peer_fingerprints=pinned,
                        ),
                        instrument=output.instrument,
                    )
                )
            output.note(f"Listening at {receiver.address}. Ctrl-C ends it.")
            try:
                await _told_to_end()
            finally:
                output.line(arrived.summary())
    return ExitCode.OK


async def _told_to_end() -> None:
    """Return at SIGTERM, by which service managers end what they have started."""
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            return
