"""User identity: what goes out, and what nobody gets to see."""

from __future__ import annotations

import pytest

from tests.protocol.builders import ECHO_CONTEXT, accepting
from trio_dicom._protocol.identity import (
    carries_secret,
    jwt,
    kerberos,
    saml,
    username,
    username_and_passcode,
)
from trio_dicom._protocol.negotiation import negotiated, propose
from trio_dicom._wire.pdus import decode_pdu
from trio_dicom._wire.user_items import UserIdentity, UserIdentityAnswer, UserIdentityType
from trio_dicom.errors import LocalProtocolError

ALL = [
    (username("Möller"), 1, "Möller".encode(), b""),
    (username_and_passcode("jo", "gehëim"), 2, b"jo", "gehëim".encode()),
    (kerberos(b"\x00\xfftick"), 3, b"\x00\xfftick", b""),
    (saml("<saml/>"), 4, b"<saml/>", b""),
    (saml(b"<saml/>"), 4, b"<saml/>", b""),
    (jwt("a.b.c"), 5, b"a.b.c", b""),
]


@pytest.mark.scenario("B09")
@pytest.mark.parametrize("identity, kind, primary, secondary", ALL)
def test_every_identity_reaches_the_peer_byte_for_byte(
    identity: UserIdentity, kind: int, primary: bytes, secondary: bytes
) -> None:
    assert identity.encode()[4:] == b"".join(
        (
            bytes((kind, 0)),
            len(primary).to_bytes(2, "big"),
            primary,
            len(secondary).to_bytes(2, "big"),
            secondary,
        )
    )
    request = propose(contexts=[ECHO_CONTEXT], user_identity=identity)
    assert decode_pdu(request.encode()) == request
    assert request.item(UserIdentity) == identity


@pytest.mark.scenario("B09")
@pytest.mark.parametrize("identity, kind, primary, secondary", ALL)
def test_a_request_shows_no_identity(
    identity: UserIdentity, kind: int, primary: bytes, secondary: bytes
) -> None:
    shown = repr(propose(contexts=[ECHO_CONTEXT], user_identity=identity))
    for secret in (primary, secondary):
        if secret:
            assert secret.decode("latin-1") not in shown
            assert secret.decode("utf-8", "replace") not in shown


@pytest.mark.scenario("B09")
def test_the_answer_is_there_and_not_shown() -> None:
    request = propose(contexts=[ECHO_CONTEXT], user_identity=kerberos(b"t", positive_response=True))
    assert request.user_information[-1].encode()[5] == 1
    accept = accepting(user_information=(UserIdentityAnswer(b"server ticket"),))
    association = negotiated(request, accept)
    assert association.identity_answer == b"server ticket"
    assert "server ticket" not in repr(association)


def test_without_an_answer_there_is_none() -> None:
    assert negotiated(propose(contexts=[ECHO_CONTEXT]), accepting()).identity_answer is None


@pytest.mark.scenario("B64")
@pytest.mark.parametrize("identity, kind, primary, secondary", ALL)
def test_all_but_a_plain_name_are_secret(
    identity: UserIdentity, kind: int, primary: bytes, secondary: bytes
) -> None:
    assert carries_secret(identity) is (kind != UserIdentityType.USERNAME)


def test_an_identity_of_an_unknown_kind_counts_as_secret() -> None:
    assert carries_secret(UserIdentity(identity_type=UserIdentityType(9), primary=b"?"))


def test_what_does_not_fit_is_refused_without_being_told() -> None:
    with pytest.raises(LocalProtocolError, match="empty"):
        username("")
    secret = "s" * 65_536
    with pytest.raises(LocalProtocolError, match="longer than 65535 bytes") as caught:
        username_and_passcode("jo", secret)
    assert "sss" not in str(caught.value)
    assert len(jwt("x" * 65_535).primary) == 65_535
