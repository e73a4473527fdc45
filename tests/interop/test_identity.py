"""Who asks: user identities as servers read them, and what they answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import evt

from tests.interop.dcmjs_peer import DcmjsPeer, dcmjs
from tests.interop.peers import Peer
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from trio_dicom import (
    Association,
    AssociationRejected,
    ConnectionOptions,
    LocalProtocolError,
    RejectReason,
    UserIdentity,
    jwt,
    kerberos,
    open_association,
    saml,
    username,
    username_and_passcode,
)
from trio_dicom.sop_classes import VERIFICATION

# Loopback without TLS: nobody listens.
PLAIN = ConnectionOptions(allow_plain_password=True)
TICKET = bytes(range(256))


@asynccontextmanager
async def associated(
    peer: Peer | PynetdicomPeer, identity: UserIdentity, options: ConnectionOptions = PLAIN
) -> AsyncGenerator[Association, None]:
    async with open_association(
        peer.host,
        peer.port,
        called_ae=peer.ae_title,
        contexts=[VERIFICATION],
        user_identity=identity,
        options=options,
    ) as association:
        yield association


@pytest.mark.scenario("B09")
@pytest.mark.parametrize(
    ("identity", "heard"),
    [
        (username("Käthe", positive_response=True), (1, "Käthe".encode(), b"")),
        (
            username_and_passcode("Käthe", "geheim§", positive_response=True),
            (2, "Käthe".encode(), "geheim§".encode()),
        ),
        (kerberos(TICKET, positive_response=True), (3, TICKET, b"")),
        (saml("<a>ä</a>", positive_response=True), (4, "<a>ä</a>".encode(), b"")),
        (jwt("eyJ.e30.c2ln", positive_response=True), (5, b"eyJ.e30.c2ln", b"")),
    ],
    ids=["name", "passcode", "kerberos", "saml", "jwt"],
)
async def test_each_kind_of_identity_reaches_pynetdicom_and_its_answer_us(
    identity: UserIdentity, heard: tuple[int, bytes, bytes]
) -> None:
    events: list[tuple[Any, ...]] = []

    def on_identity(event: evt.Event) -> tuple[bool, bytes]:
        events.append((event.user_id_type, event.primary_field, event.secondary_field or b""))
        return True, b"answer\x00\xff"

    with pynetdicom_peer(handlers=[(evt.EVT_USER_ID, on_identity)]) as peer:
        async with associated(peer, identity) as association:
            assert (await association.c_echo()).status.is_success
            answer = association.negotiated.identity_answer
    assert events == [heard]
    # pynetdicom never answers a name, with or without a passcode, even if asked to.
    assert answer == (b"answer\x00\xff" if heard[0] > 2 else None)


@pytest.mark.scenario("B01", "B09")
async def test_an_identity_that_pynetdicom_refuses_is_a_rejection() -> None:
    def on_identity(event: evt.Event) -> tuple[bool, None]:
        return False, None

    with (
        pynetdicom_peer(handlers=[(evt.EVT_USER_ID, on_identity)]) as peer,
        pytest.raises(AssociationRejected) as rejected,
    ):
        async with associated(peer, username("nobody")):
            pass
    assert rejected.value.reason is RejectReason.ACSE_NO_REASON_GIVEN


@pytest.mark.scenario("B09")
async def test_a_name_and_passcode_let_us_in_at_dcmjs(
    tmp_path: Path, dcmjs_installation: Path
) -> None:
    async with dcmjs(
        tmp_path, dcmjs_installation, users={"kaethe": "geheim"}, answer="ticket"
    ) as peer:
        identity = username_and_passcode("kaethe", "geheim", positive_response=True)
        async with associated(peer, identity) as association:
            assert association.negotiated.identity_answer == b"ticket"
            assert (await association.c_echo()).status.is_success
        async with associated(peer, username("kaethe")) as association:
            assert association.negotiated.identity_answer is None
        for wrong in (username_and_passcode("kaethe", "falsch"), username("otto")):
            with pytest.raises(AssociationRejected):
                async with associated(peer, wrong):
                    pass
        heard = peer.said("identity")
    assert heard == [
        {"type": 2, "primary": "kaethe", "secondary": "geheim", "positiveResponse": True},
        {"type": 1, "primary": "kaethe", "secondary": "", "positiveResponse": False},
        {"type": 2, "primary": "kaethe", "secondary": "falsch", "positiveResponse": False},
        {"type": 1, "primary": "otto", "secondary": "", "positiveResponse": False},
    ]


@pytest.mark.scenario("B09")
@pytest.mark.parametrize(
    ("identity", "kind", "primary"),
    [
        (saml("<assertion/>"), 4, "<assertion/>"),
        (jwt("eyJ.e30.c2ln"), 5, "eyJ.e30.c2ln"),
        (kerberos(b"ticket"), 3, "ticket"),
    ],
    ids=["saml", "jwt", "kerberos"],
)
async def test_other_identities_reach_dcmjs(
    dcmjs: DcmjsPeer, identity: UserIdentity, kind: int, primary: str
) -> None:
    async with associated(dcmjs, identity) as association:
        assert (await association.c_echo()).status.is_success
    heard = dcmjs.said("identity")[-1]
    assert (heard["type"], heard["primary"]) == (kind, primary)


@pytest.mark.scenario("B64")
async def test_a_passcode_does_not_leave_without_tls_unless_we_say_so(dcmjs: DcmjsPeer) -> None:
    before = len(dcmjs.said("identity"))
    with pytest.raises(LocalProtocolError, match="TLS"):
        async with associated(
            dcmjs, username_and_passcode("kaethe", "geheim"), ConnectionOptions()
        ):
            pass
    assert len(dcmjs.said("identity")) == before
