"""Presentation contexts: what we propose, and what came of it (PS3.8 7.1.1.13)."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import Attribute, field, frozen
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from trio_dicom._dimse.command_set import as_uid
from trio_dicom.errors import LocalProtocolError
from trio_dicom.reasons import ContextResult

__all__ = ["DEFAULT_TRANSFER_SYNTAXES", "NegotiatedContext", "PresentationContext"]

DEFAULT_TRANSFER_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)

_MAX_UID_LENGTH = 64  # PS3.5 9.1


def _distinct_uids(texts: Iterable[str]) -> tuple[UID, ...]:
    if isinstance(texts, str):  # one UID is an iterable of characters, which nobody means
        texts = (texts,)
    return tuple(dict.fromkeys(as_uid(text) for text in texts))


def _check_abstract_syntax(_instance: object, _attribute: Attribute[UID], uid: UID) -> None:
    _check_uid("abstract syntax", uid)


def _check_transfer_syntaxes(
    instance: PresentationContext, _attribute: Attribute[tuple[UID, ...]], uids: tuple[UID, ...]
) -> None:
    if not uids:
        raise LocalProtocolError(f"{instance.abstract_syntax.name} needs a transfer syntax")
    for uid in uids:
        _check_uid("transfer syntax", uid)


def _check_uid(what: str, uid: UID) -> None:
    if not 0 < len(uid) <= _MAX_UID_LENGTH:
        raise LocalProtocolError(f"the {what} {str(uid)!r} has not 1 to 64 characters")
    if not (uid.isascii() and uid.isprintable()) or " " in uid:
        raise LocalProtocolError(f"the {what} {str(uid)!r} has characters that no UID has")


@frozen
class PresentationContext:
    """A service that we ask for, and the encodings in which we can speak it.

    The same abstract syntax may be proposed in several contexts: that is how a peer
    can accept a compressed syntax and an uncompressed one side by side.

    Attributes:
        abstract_syntax: The SOP class, or meta SOP class, also a private one.
        transfer_syntaxes: The encodings, the preferred one first.
        scu_role: Whether we want to be its user (PS3.7 D.3.3.4). None is what the
            standard does without a proposal: yes.
        scp_role: Whether we want to be its provider, as C-GET needs for the storage
            classes. None is what the standard does without a proposal: no.
    """

    abstract_syntax: UID = field(converter=as_uid, validator=_check_abstract_syntax)
    transfer_syntaxes: tuple[UID, ...] = field(
        default=DEFAULT_TRANSFER_SYNTAXES,
        converter=_distinct_uids,
        validator=_check_transfer_syntaxes,
    )
    scu_role: bool | None = field(default=None, kw_only=True)
    scp_role: bool | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        return f"{self.abstract_syntax.name} in {_any_of(self.transfer_syntaxes)}"


@frozen(kw_only=True)
class NegotiatedContext:
    """One proposed context with the answer that it got.

    Attributes:
        context_id: Its number in this association, odd, 1 to 255.
        abstract_syntax: The SOP class, or meta SOP class.
        proposed: The transfer syntaxes that were offered.
        result: What the acceptor said.
        transfer_syntax: The one that it chose, or None when it refused the context.
        as_scu: Whether we may be the user of the service on this context.
        as_scp: Whether we may be its provider.
    """

    context_id: int
    abstract_syntax: UID
    proposed: tuple[UID, ...]
    result: ContextResult
    transfer_syntax: UID | None
    as_scu: bool = True
    as_scp: bool = False

    @property
    def accepted(self) -> bool:
        """Whether messages may be sent on this context."""
        return self.transfer_syntax is not None

    def __str__(self) -> str:
        if self.transfer_syntax is not None:
            return f"{self.abstract_syntax.name} in {self.transfer_syntax.name}"
        offered = _any_of(self.proposed)
        return f"{self.abstract_syntax.name} in {offered} ({self.result.words})"


def _any_of(uids: tuple[UID, ...]) -> str:
    return " or ".join(uid.name for uid in uids)
