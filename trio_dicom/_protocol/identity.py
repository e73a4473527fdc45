"""Who we say we are: the five kinds of user identity (PS3.7 D.3.3.7)."""

from __future__ import annotations

from trio_dicom._wire.user_items import UserIdentity, UserIdentityType
from trio_dicom.errors import LocalProtocolError

__all__ = ["carries_secret", "jwt", "kerberos", "saml", "username", "username_and_passcode"]

_LONGEST_FIELD = 0xFFFF  # a field has its length in two bytes before it


def username(name: str, *, positive_response: bool = False) -> UserIdentity:
    """A user name alone, which the peer believes or not.

    Args:
        name: The name; it goes out in UTF-8.
        positive_response: Ask the peer to confirm with an answer item.

    Raises:
        LocalProtocolError: The name is empty or too long.
    """
    return _identity(UserIdentityType.USERNAME, name.encode(), positive_response=positive_response)


def username_and_passcode(
    name: str, passcode: str, *, positive_response: bool = False
) -> UserIdentity:
    """A user name and a passcode. Nothing but TLS hides the passcode on the wire.

    Args:
        name: The name; it goes out in UTF-8.
        passcode: The passcode; likewise.
        positive_response: Ask the peer to confirm with an answer item.

    Raises:
        LocalProtocolError: The name is empty, or one of them is too long.
    """
    return _identity(
        UserIdentityType.USERNAME_AND_PASSCODE,
        name.encode(),
        passcode.encode(),
        positive_response=positive_response,
    )


def kerberos(ticket: bytes, *, positive_response: bool = False) -> UserIdentity:
    """A Kerberos service ticket.

    Args:
        ticket: Its bytes.
        positive_response: Ask the peer for its own ticket in return.

    Raises:
        LocalProtocolError: The ticket is empty or too long.
    """
    return _identity(UserIdentityType.KERBEROS, ticket, positive_response=positive_response)


def saml(assertion: str | bytes, *, positive_response: bool = False) -> UserIdentity:
    """A SAML assertion.

    Args:
        assertion: The XML, as text or in its bytes.
        positive_response: Ask the peer for an answer.

    Raises:
        LocalProtocolError: The assertion is empty or too long.
    """
    return _identity(
        UserIdentityType.SAML, _as_bytes(assertion), positive_response=positive_response
    )


def jwt(token: str | bytes, *, positive_response: bool = False) -> UserIdentity:
    """A JSON Web Token.

    Args:
        token: Its compact form, as text or in its bytes.
        positive_response: Ask the peer for an answer.

    Raises:
        LocalProtocolError: The token is empty or too long.
    """
    return _identity(UserIdentityType.JWT, _as_bytes(token), positive_response=positive_response)


def carries_secret(identity: UserIdentity) -> bool:
    """Whether whoever reads ``identity`` on the wire could use it: all but a plain name."""
    return identity.identity_type is not UserIdentityType.USERNAME


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _identity(
    identity_type: UserIdentityType,
    primary: bytes,
    secondary: bytes = b"",
    *,
    positive_response: bool,
) -> UserIdentity:
    # What is wrong is said without the value: it would end in a log.
    if not primary:
        raise LocalProtocolError("the user identity is empty")
    if max(len(primary), len(secondary)) > _LONGEST_FIELD:
        raise LocalProtocolError(
            f"a field of the user identity is longer than {_LONGEST_FIELD} bytes"
        )
    return UserIdentity(
        identity_type=identity_type,
        primary=primary,
        secondary=secondary,
        positive_response_requested=positive_response,
    )
