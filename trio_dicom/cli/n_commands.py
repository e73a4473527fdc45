"""``trio-dicom n-get`` and its siblings: attributes and actions of one instance."""

from __future__ import annotations

from trio_dicom import Association, NegotiatedContext, Response
from trio_dicom.cli.exits import ExitCode, UsageError
from trio_dicom.cli.instance import INSTANCE_OPTIONS, Instance, InstanceOptions
from trio_dicom.cli.keys import data_set_of, parse_keys
from trio_dicom.cli.options import (
    OUTPUT_OPTIONS,
    PEER_OPTIONS,
    Attributes,
    OutputOptions,
    PeerOptions,
)
from trio_dicom.cli.uids import parse_uid

__all__ = ["n_action", "n_create", "n_delete", "n_get", "n_set"]


async def n_get(
    peer: str,
    sop_class: str,
    sop_instance: str,
    /,
    *,
    attribute: Attributes = (),
    of: InstanceOptions = INSTANCE_OPTIONS,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Ask a peer for attributes of an instance, with N-GET.

    With --json the answer is an object with peer, operation, status, kind, meaning, error,
    sop_class_uid, sop_instance_uid and data_set, an object of the DICOM JSON Model.

    The exit code is 0 when the status is success or a warning; 1 when it is not, or there was no
    answer; 2 for a mistake in the command; 3 when there was no association.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        sop_class: Its SOP class: a UID or a keyword, such as Printer.
        sop_instance: The instance: a UID or a keyword, such as PrinterInstance.
        attribute: KEY of an attribute that you want. May be given several times; all if you say
            nothing.
        of: How to reach it.
        at: How to talk to the peer.
        out: What to print.
    """
    keys = parse_keys(attribute)
    for key in keys:
        if key.value or key.steps or key.tag is None:
            raise UsageError(f"{key.name}: n-get asks for whole attributes, without values.")
    tags = [key.tag for key in keys if key.tag is not None]
    class_uid = parse_uid("the SOP class", sop_class)
    uid = parse_uid("the SOP instance", sop_instance)
    instance = Instance.of(peer, class_uid, uid, of, at, out)

    async def ask(association: Association, context: NegotiatedContext | None) -> Response:
        return await association.n_get(class_uid, uid, tags, context=context)

    return await instance.ask(ask)


async def n_set(
    peer: str,
    sop_class: str,
    sop_instance: str,
    /,
    *,
    attribute: Attributes,
    of: InstanceOptions = INSTANCE_OPTIONS,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Change attributes of an instance at a peer, with N-SET.

    What is printed, and the exit codes, are those of n-get.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        sop_class: Its SOP class: a UID or a keyword, such as ModalityPerformedProcedureStep.
        sop_instance: The instance: a UID or a keyword.
        attribute: KEY=VALUE, or KEY to empty it. May be given several times.
        of: How to reach it.
        at: How to talk to the peer.
        out: What to print.
    """
    modifications = data_set_of(parse_keys(attribute))
    class_uid = parse_uid("the SOP class", sop_class)
    uid = parse_uid("the SOP instance", sop_instance)
    instance = Instance.of(peer, class_uid, uid, of, at, out)

    async def ask(association: Association, context: NegotiatedContext | None) -> Response:
        return await association.n_set(class_uid, uid, modifications, context=context)

    return await instance.ask(ask)


async def n_action(
    peer: str,
    sop_class: str,
    sop_instance: str,
    action: int,
    /,
    *,
    attribute: Attributes = (),
    of: InstanceOptions = INSTANCE_OPTIONS,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Have a peer do something with an instance, with N-ACTION.

    What is printed, and the exit codes, are those of n-get.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        sop_class: Its SOP class: a UID or a keyword, such as UnifiedProcedureStepPush.
        sop_instance: The instance: a UID or a keyword.
        action: What to do: the action type ID, a number that the SOP class defines.
        attribute: KEY=VALUE of the action information. May be given several times.
        of: How to reach it.
        at: How to talk to the peer.
        out: What to print.
    """
    information = data_set_of(parse_keys(attribute)) if attribute else None
    if not 0 <= action <= 0xFFFF:
        raise UsageError(f"{action} is no action type ID: it is a number from 0 to 65535.")
    class_uid = parse_uid("the SOP class", sop_class)
    uid = parse_uid("the SOP instance", sop_instance)
    instance = Instance.of(peer, class_uid, uid, of, at, out)

    async def ask(association: Association, context: NegotiatedContext | None) -> Response:
        return await association.n_action(class_uid, uid, action, information, context=context)

    return await instance.ask(ask)


async def n_create(
    peer: str,
    sop_class: str,
    sop_instance: str | None = None,
    /,
    *,
    attribute: Attributes = (),
    of: InstanceOptions = INSTANCE_OPTIONS,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Create an instance at a peer, with N-CREATE.

    What is printed, and the exit codes, are those of n-get.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        sop_class: Its SOP class: a UID or a keyword, such as ModalityPerformedProcedureStep.
        sop_instance: Its UID. The peer chooses one if you give none.
        attribute: KEY=VALUE, or KEY for an empty one. May be given several times.
        of: How to reach it.
        at: How to talk to the peer.
        out: What to print.
    """
    attributes = data_set_of(parse_keys(attribute)) if attribute else None
    class_uid = parse_uid("the SOP class", sop_class)
    uid = None if sop_instance is None else parse_uid("the SOP instance", sop_instance)
    instance = Instance.of(peer, class_uid, uid, of, at, out)

    async def ask(association: Association, context: NegotiatedContext | None) -> Response:
        return await association.n_create(class_uid, uid, attributes, context=context)

    return await instance.ask(ask)


async def n_delete(
    peer: str,
    sop_class: str,
    sop_instance: str,
    /,
    *,
    of: InstanceOptions = INSTANCE_OPTIONS,
    at: PeerOptions = PEER_OPTIONS,
    out: OutputOptions = OUTPUT_OPTIONS,
) -> ExitCode:
    """Delete an instance at a peer, with N-DELETE.

    What is printed, and the exit codes, are those of n-get.

    Args:
        peer: AET@host:port. The port is 104 if you give none, with --tls 2762.
        sop_class: Its SOP class: a UID or a keyword, such as BasicFilmSession.
        sop_instance: The instance: a UID or a keyword.
        of: How to reach it.
        at: How to talk to the peer.
        out: What to print.
    """
    class_uid = parse_uid("the SOP class", sop_class)
    uid = parse_uid("the SOP instance", sop_instance)
    instance = Instance.of(peer, class_uid, uid, of, at, out)

    async def ask(association: Association, context: NegotiatedContext | None) -> Response:
        return await association.n_delete(class_uid, uid, context=context)

    return await instance.ask(ask)
