"""Association requests that break rules, although they can be understood."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from trio_dicom import propose
from trio_dicom.lowlevel import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    OperationsWindow,
    RoleSelection,
    UnknownItem,
    UserIdentity,
    UserIdentityType,
    UserItem,
)
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION
from trio_dicom.testing import scripted_peer

ECHO = VERIFICATION.abstract_syntax
NAME = "1.2.840.10008.3.1.1.1"  # of the application context
REQUEST = propose(contexts=[VERIFICATION, STUDY_ROOT_FIND])


def request(**fields: Any) -> bytes:
    return evolve(REQUEST, **fields).encode()


def changed(at: int, data: bytes) -> bytes:
    whole = bytearray(REQUEST.encode())
    whole[at : at + len(data)] = data
    return bytes(whole)


def without(item_class: type) -> tuple[UserItem, ...]:
    return tuple(it for it in REQUEST.user_information if not isinstance(it, item_class))


def with_items(*items: UserItem) -> bytes:
    """The request with these instead of its own of their classes."""
    classes = {type(it) for it in items}
    others = [it for it in REQUEST.user_information if type(it) not in classes]
    return request(user_information=(*others, *items))


def a_role(sop_class: str) -> UserItem:
    return RoleSelection(sop_class_uid=sop_class, scu=True, scp=True)


def common_extended(sop_class: str, service_class: str, *related: str) -> UserItem:
    return CommonExtendedNegotiation(
        sop_class_uid=sop_class,
        service_class_uid=service_class,
        related_general_sop_class_uids=related,
    )


VERSION_NAME = "implementation version name: expected 1 to 16 characters of ISO 646"
CHARACTERS = "expected characters of ISO 646 without a backslash"
A_BARE_UID = "expected a UID, padded by nothing"
FIRST, *_ = REQUEST.contexts
REQUESTS = {
    "another version": (
        request(protocol_version=2),
        "protocol_version: expected bit 0, but got 0002H",
    ),
    "another application context": (
        request(application_context="1.2.3"),
        f"application_context: expected {NAME!r}, but got '1.2.3'",
    ),
    "no called AE title": (changed(10, b" " * 16), "called_ae: expected a title, but got none"),
    "a calling AE title that ends with 00H": (
        changed(26, b"US".ljust(16, b"\0")),
        "calling_ae: expected spaces to pad it, but got 00H",
    ),
    "an even context ID": (
        changed(REQUEST.encode().index(FIRST.encode()) + 4, b"\2"),
        "contexts: expected odd IDs, each once, but got 2, 3",
    ),
    "a context ID twice": (
        request(contexts=(FIRST, FIRST)),
        "contexts: expected odd IDs, each once, but got 1, 1",
    ),
    "no context": (request(contexts=()), "contexts: expected odd IDs, each once, but got none"),
    "no maximum length": (
        request(user_information=without(MaximumLength)),
        "user_information: expected MaximumLength, too",
    ),
    "no implementation": (
        request(user_information=without(ImplementationClassUID)),
        "user_information: expected ImplementationClassUID, too",
    ),
    "a called AE title with a backslash": (
        changed(10, b"A\\B".ljust(16)),
        f"called_ae: {CHARACTERS}, but got 'A\\\\B'",
    ),
    "a calling AE title with a control character": (
        changed(26, b" A\nB".ljust(16)),
        f"calling_ae: {CHARACTERS}, but got 'A\\nB'",
    ),
    "a calling AE title with an accent": (
        changed(26, b"A\xc9".ljust(16)),
        f"calling_ae: {CHARACTERS}, but got 'A\xc9'",
    ),
    "two maximum lengths": (
        with_items(MaximumLength(1024), MaximumLength(1024)),
        "user_information: expected one MaximumLength, but got 2",
    ),
    "three implementations": (
        with_items(*[ImplementationClassUID(it) for it in ("1.2", "1.3", "1.4")]),
        "user_information: expected one ImplementationClassUID, but got 3",
    ),
    "two roles for a SOP class": (
        with_items(a_role("1.2"), a_role("1.3"), a_role("1.2")),
        "user_information: expected one RoleSelection of '1.2', but got 2",
    ),
    "roles other than 0 and 1": (
        with_items(a_role("1.2")).replace(b"1.2\1\1", b"1.2\1\2"),
        "SCP of a role: expected 0 or 1, but got 2",
    ),
    "an empty version name": (
        with_items(ImplementationVersionName("")),
        f"{VERSION_NAME}, but got ''",
    ),
    "a version name that is too long": (
        with_items(ImplementationVersionName("X" * 17)),
        f"{VERSION_NAME}, but got '{'X' * 17}'",
    ),
    "a version name with padding": (
        with_items(ImplementationVersionName("X\0")),
        f"{VERSION_NAME}, but got 'X\\x00'",
    ),
    "an application context with padding": (
        request(application_context=f"{NAME}\0"),
        f"application_context: expected {NAME!r}, but got '{NAME}\\x00'",
    ),
    "no application context": (
        request(application_context=""),
        f"application_context: expected {NAME!r}, but got ''",
    ),
    "an abstract syntax with padding": (
        request(contexts=(evolve(FIRST, abstract_syntax=f"{ECHO}\0"),)),
        f"abstract syntax: {A_BARE_UID}, but got '{ECHO}\\x00'",
    ),
    "an empty abstract syntax": (
        request(contexts=(evolve(FIRST, abstract_syntax=""),)),
        f"abstract syntax: {A_BARE_UID}, but got ''",
    ),
    "a transfer syntax with padding": (
        request(contexts=(evolve(FIRST, transfer_syntaxes=("1.2", "1.3 ")),)),
        f"transfer syntax: {A_BARE_UID}, but got '1.3 '",
    ),
    "an implementation that is too long": (
        with_items(ImplementationClassUID("1" * 65)),
        f"implementation class UID: {A_BARE_UID}, but got '{'1' * 65}'",
    ),
    "a role with padding": (
        with_items(a_role("1.2\0")),
        f"SOP class of a role: {A_BARE_UID}, but got '1.2\\x00'",
    ),
    "an extended negotiation with letters": (
        with_items(ExtendedNegotiation(sop_class_uid="1.x", application_information=b"\1")),
        f"SOP class of an extended negotiation: {A_BARE_UID}, but got '1.x'",
    ),
    "a common extended negotiation with accents": (
        with_items(common_extended("1.é", "1.3", "1.4")),
        f"SOP class of a common extended negotiation: {A_BARE_UID}, but got '1.é'",
    ),
    "a service class with padding": (
        with_items(common_extended("1.2", "1.3\0", "1.4")),
        f"service class: {A_BARE_UID}, but got '1.3\\x00'",
    ),
    "a related SOP class with padding": (
        with_items(common_extended("1.2", "1.3", "1.4 ")),
        f"related general SOP class: {A_BARE_UID}, but got '1.4 '",
    ),
}


@pytest.mark.parametrize(("data", "line"), REQUESTS.values(), ids=REQUESTS)
async def test_what_is_wrong_with_an_association_request_fails_the_script(
    data: bytes, line: str
) -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(data)
        with pytest.raises(AssertionError) as wrong:
            await peer.accept()
    assert str(wrong.value).splitlines() == [
        "expected AssociationRequest, but the AssociationRequest breaks rules:",
        f"  {line}",
    ]


LAWFUL = {
    "a version name that ends with a space": with_items(ImplementationVersionName("NAME 1.0 ")),
    "fields of later versions": with_items(
        UnknownItem(0x57, b"\0\0031.2\0\0031.3\0\5\0\0031.4new fields"),
    ).replace(b"\x57\0", b"\x57\1"),
    "every item": with_items(
        RoleSelection(sop_class_uid="1.2", scu=True, scp=False),
        RoleSelection(sop_class_uid="1.3", scu=False, scp=True),
        ExtendedNegotiation(sop_class_uid="1.2", application_information=b" \0"),
        common_extended("1.2", "1.3", "1.4", "1.5"),
        common_extended("1.3", "1.3"),
        OperationsWindow(3, 1),
        UserIdentity(identity_type=UserIdentityType.USERNAME, primary=b"name "),
        UnknownItem(0x5B, b"\0 "),
        UnknownItem(0x5B, b"\0 "),
    ),
}


@pytest.mark.parametrize("data", LAWFUL.values(), ids=LAWFUL)
async def test_an_association_request_that_the_standard_allows_is_taken(data: bytes) -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(data)
        await peer.accept()
