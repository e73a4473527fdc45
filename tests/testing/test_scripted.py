"""The scripted peer, as this project's own tests use it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from trio.testing import open_stream_to_socket_listener, wait_all_tasks_blocked

from trio_dicom import (
    AbortSource,
    AssociationRequest,
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    ContextResult,
    CStoreRequest,
    EncodedDataSet,
    Message,
    NegotiatedAssociation,
    PDUError,
    PresentationContext,
    RejectReason,
    RejectResult,
    RemoteProtocolError,
    Response,
    StoredDataSet,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import (
    Abort,
    AnsweredContext,
    AssociationAccept,
    DataTransfer,
    MaximumLength,
    OperationsWindow,
    PresentationDataValue,
    ReleaseRequest,
    ReleaseResponse,
    RoleSelection,
    UnknownItem,
    decode_pdu,
    negotiated,
)
from trio_dicom.testing import (
    ConversationEnd,
    ConversationOver,
    LinkEnd,
    ScriptedPeer,
    acceptance_of,
    scripted_peer,
)
from trio_dicom.testing.answers import Refusals
from trio_dicom.testing.outgoing import message_bytes

ECHO = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
REQUEST = propose(contexts=[PresentationContext(ECHO), PresentationContext(FIND)], max_length=1024)
MATCH = Dataset()
MATCH.PatientID = "1" * 64


async def echo(stream: trio.abc.Stream) -> None:
    async with wrap_stream(stream) as connection:
        await connection.send_association_request(REQUEST)
        async with connection.open_request(CEchoRequest()) as responses:
            assert (await responses.final()).status.is_success


async def find(stream: trio.abc.Stream) -> None:
    async with wrap_stream(stream) as connection:
        await connection.send_association_request(REQUEST)
        request = CFindRequest(sop_class_uid=FIND, data_set=MATCH)
        async with connection.open_request(request) as responses:
            assert [response.identifier async for response in responses] == [MATCH]
            assert (await responses.final()).status.is_success


async def associated(stream: LinkEnd, peer: ScriptedPeer) -> NegotiatedAssociation:
    """The two ends after the handshake, without a client that would do anything by itself."""
    await stream.send_all(REQUEST.encode())
    await peer.accept()
    accept = decode_pdu(bytes(await stream.receive_some()))
    assert isinstance(accept, AssociationAccept)
    return negotiated(REQUEST, accept)


async def test_a_script_accepts_answers_and_lets_go(nursery: trio.Nursery) -> None:
    async with scripted_peer() as (stream, peer):
        nursery.start_soon(echo, stream)
        assert await peer.accept(max_length=4096) == REQUEST
        request = await peer.expect_message(CEchoRequest)
        assert peer.last_context_id == 1
        assert [pdv.is_command for pdv in peer.last_fragments] == [True]
        await peer.reply(request, 0x0000)
        with pytest.raises(ConversationOver, match="expected a message") as over:
            await peer.receive_message()
        assert over.value.how is ConversationEnd.RELEASED
        assert peer.sent.endswith(ReleaseResponse().encode())
        await peer.expect_closed()
        assert peer.received == b"".join(pdu.encode() for pdu in peer.pdus)


async def test_a_script_may_expect_the_release_itself(nursery: trio.Nursery) -> None:
    async with scripted_peer() as (stream, peer):
        nursery.start_soon(echo, stream)
        await peer.accept()
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        await peer.expect(ReleaseRequest)
        assert not peer.sent.endswith(ReleaseResponse().encode())
        await peer.send(ReleaseResponse())
        await peer.expect_closed()


async def test_pending_answers_carry_data_sets(nursery: trio.Nursery) -> None:
    async with scripted_peer() as (stream, peer):
        nursery.start_soon(find, stream)
        await peer.accept(refuse=(ECHO,))
        request = await peer.expect_message(CFindRequest)
        assert peer.last_context_id == 3
        assert request.identifier == MATCH
        await peer.reply(request, 0xFF00, data_set=MATCH, max_fragment=10)
        await peer.reply(request, 0x0000)
        assert await peer.serve_until_closed() is ConversationEnd.RELEASED


async def test_serving_answers_everything_with_success(nursery: trio.Nursery) -> None:
    async with scripted_peer() as (stream, peer):
        nursery.start_soon(peer.serve_until_closed)
        await echo(stream)
    assert [type(pdu) for pdu in peer.pdus] == [AssociationRequest, DataTransfer, ReleaseRequest]


async def test_serving_ends_with_the_abort_of_the_other_side() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        await stream.send_all(Abort(AbortSource.USER).encode())
        assert await peer.serve_until_closed() is ConversationEnd.ABORTED
        assert await stream.receive_some() == b""


async def test_serving_ends_with_a_client_that_hangs_up_before_its_answer() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(REQUEST.encode())
        await stream.aclose()
        assert await peer.serve_until_closed() is ConversationEnd.RESET


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_the_end_of_the_transport_is_reported(how: str) -> None:
    async with scripted_peer() as (stream, peer):
        if how == "eof":
            await stream.send_eof()
        else:
            stream.reset()
        with pytest.raises(ConversationOver) as over:
            await peer.receive_pdu()
        assert (
            over.value.how is {"eof": ConversationEnd.CLOSED, "reset": ConversationEnd.RESET}[how]
        )


async def test_what_came_instead_is_named() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(ReleaseResponse().encode() * 3)
        with pytest.raises(AssertionError, match="expected Abort, but got ReleaseResponse"):
            await peer.expect(Abort)
        with pytest.raises(AssertionError, match="expected a message, but got ReleaseResponse"):
            await peer.receive_message()
        with pytest.raises(AssertionError, match=r"expected the end .*, but got ReleaseResponse"):
            await peer.expect_closed()


async def test_another_message_is_named() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        other = ScriptedPeer(stream)
        await other.send_message(CCancelRequest(message_id_being_responded_to=1))
        with pytest.raises(AssertionError, match="expected CEchoRequest, but got CCancelRequest"):
            await peer.expect_message(CEchoRequest)


async def test_an_abort_where_a_message_was_expected_says_why() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        await stream.send_all(Abort(AbortSource.PROVIDER).encode())
        with pytest.raises(ConversationOver, match="aborted with Abort") as over:
            await peer.receive_message()
        assert over.value.abort == Abort(AbortSource.PROVIDER)


async def test_nonsense_from_the_client_fails_the_test() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(PDUError):
            await peer.receive_pdu()


async def test_a_message_that_the_standard_forbids_fails_the_test() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        other = ScriptedPeer(stream)
        await other.send_message(CEchoRequest(message_id=1), is_last=False)
        await other.send_message(CEchoRequest(message_id=2), context_id=3)
        with pytest.raises(RemoteProtocolError):
            await peer.receive_message()


async def test_two_messages_in_one_pdu_are_two_messages() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        pdvs = [pdv for number in (1, 2) for pdv in pdvs_of(CEchoRequest(message_id=number))]
        await stream.send_all(DataTransfer(tuple(pdvs)).encode())
        assert (await peer.expect_message(CEchoRequest)).message_id == 1
        assert (await peer.expect_message(CEchoRequest)).message_id == 2


def pdvs_of(message: Message) -> list[PresentationDataValue]:
    data = message_bytes(
        message, context_id=1, transfer_syntax=ImplicitVRLittleEndian, max_fragment=1024
    )
    pdu = decode_pdu(data)
    assert isinstance(pdu, DataTransfer)
    return list(pdu.pdvs)


RESPONSE = CFindResponse(status=0xFF00, message_id_being_responded_to=1, data_set=MATCH)


async def sent_by(peer: ScriptedPeer, stream: LinkEnd) -> list[PresentationDataValue]:
    """The fragments that the script has sent, PDU by PDU."""
    client = ScriptedPeer(stream)
    await peer.aclose()
    pdvs: list[PresentationDataValue] = []
    while True:
        try:
            [pdv] = (await client.expect(DataTransfer)).pdvs
        except ConversationOver:
            return pdvs
        pdvs.append(pdv)


async def test_messages_keep_to_what_the_other_side_takes() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        data = EncodedDataSet(bytes(3000), ExplicitVRLittleEndian)
        response = CFindResponse(status=0xFF00, message_id_being_responded_to=1, data_set=data)
        await peer.send_message(response, context_id=3)
        pdvs = await sent_by(peer, stream)
    assert [(pdv.context_id, pdv.is_command, pdv.is_last, len(pdv.data)) for pdv in pdvs[1:]] == [
        (3, False, False, 1018),
        (3, False, False, 1018),
        (3, False, True, 964),
    ]


@pytest.mark.pitfall(12)
@pytest.mark.parametrize("max_fragment", [18, 20, 1000])
@pytest.mark.parametrize(
    "message", [RESPONSE, CEchoResponse(status=0, message_id_being_responded_to=1)]
)
async def test_a_message_can_go_without_its_last_flag(message: Response, max_fragment: int) -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        await peer.send_message(message, context_id=3, max_fragment=max_fragment, is_last=False)
        pdvs = await sent_by(peer, stream)
    assert [pdv.is_last for pdv in pdvs if not pdv.is_command][-1:] in ([], [False])
    assert not pdvs[-1].is_last


async def test_a_reject_says_what_the_script_wants() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(REQUEST.encode())
        await peer.reject(RejectReason.TEMPORARY_CONGESTION, RejectResult.TRANSIENT)
        assert await stream.receive_some() == bytes.fromhex("03 00 00000004 00 02 03 01")


async def test_a_script_releases_and_hangs_up() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(ReleaseResponse().encode())
        await peer.release()
        assert await stream.receive_some() == ReleaseRequest().encode()
        assert await stream.receive_some() == b""


async def test_a_script_aborts_and_leaves_it_to_the_other_side_to_hang_up() -> None:
    async with scripted_peer() as (stream, peer):
        await peer.abort()
        assert await stream.receive_some() == Abort(AbortSource.USER).encode()
        with pytest.raises(trio.TooSlowError), trio.fail_after(0):
            await stream.receive_some()


async def test_a_script_closes_its_half_alone() -> None:
    async with scripted_peer() as (stream, peer):
        await peer.eof()
        assert await stream.receive_some() == b""
        await stream.send_all(Abort(AbortSource.USER).encode())
        assert await peer.expect(Abort) == Abort(AbortSource.USER)


async def test_a_script_resets_a_link() -> None:
    async with scripted_peer() as (stream, peer):
        await peer.reset()
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()


async def test_a_script_resets_a_socket() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, await open_stream_to_socket_listener(listener) as stream:
        peer = ScriptedPeer(await listener.accept())
        await peer.send_bytes(b"\x01")
        assert await stream.receive_some() == b"\x01"
        await peer.reset()
        with pytest.raises(trio.BrokenResourceError) as broken:
            await stream.receive_some()
        assert isinstance(broken.value.__cause__, ConnectionResetError)


async def test_what_a_stream_cannot_do_is_said() -> None:
    left, _right = trio.testing.memory_stream_pair()
    peer = ScriptedPeer(trio.SSLStream(left, ssl.create_default_context()))
    with pytest.raises(TypeError, match="SSLStream cannot be closed by half"):
        await peer.eof()
    with pytest.raises(TypeError, match="StapledStream cannot be reset"):
        await peer.reset()


async def test_a_peer_that_does_not_read_makes_the_sender_wait() -> None:
    async with scripted_peer(capacity=10) as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, REQUEST.encode())
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        assert await peer.expect(AssociationRequest) == REQUEST


# --- what is accepted ------------------------------------------------------------------


def test_every_context_is_accepted_in_its_first_transfer_syntax() -> None:
    accept = acceptance_of(REQUEST)
    assert accept.contexts == tuple(
        AnsweredContext(
            context_id=context_id,
            result=ContextResult.ACCEPTANCE,
            transfer_syntax=ExplicitVRLittleEndian,
        )
        for context_id in (1, 3)
    )
    assert accept.item(MaximumLength) == MaximumLength(16_384)
    assert accept.item(OperationsWindow) is None


@pytest.mark.parametrize("refuse", [(FIND,), (3,), {3: ContextResult.USER_REJECTION}])
def test_contexts_are_refused_by_class_or_number(refuse: Refusals) -> None:
    first, second = acceptance_of(REQUEST, refuse=refuse).contexts
    assert first.transfer_syntax == ExplicitVRLittleEndian
    assert second.transfer_syntax is None
    expected = (
        ContextResult.USER_REJECTION
        if isinstance(refuse, dict)
        else ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    )
    assert second.result is expected


def test_the_preferred_transfer_syntax_wins_where_it_was_proposed() -> None:
    for wanted in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        for answered in acceptance_of(REQUEST, transfer_syntaxes=["1.2.3", wanted]).contexts:
            assert answered.transfer_syntax == wanted
    [context, _] = acceptance_of(REQUEST, transfer_syntaxes=["1.2.3"]).contexts
    assert context.result is ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED


def test_roles_are_granted_as_proposed_unless_the_script_says_otherwise() -> None:
    request = propose(contexts=[PresentationContext(FIND, scu_role=True, scp_role=True)])
    granted = RoleSelection(sop_class_uid=FIND, scu=True, scp=True)
    assert acceptance_of(request).items(RoleSelection) == (granted,)
    assert acceptance_of(request, roles=()).items(RoleSelection) == ()
    assert acceptance_of(REQUEST, roles=[granted]).items(RoleSelection) == (granted,)


def test_items_that_nobody_asked_for_are_sent_as_the_script_says() -> None:
    accept = acceptance_of(
        REQUEST, max_length=None, window=(8, 8), user_information=[UnknownItem(0x7F, b"?")]
    )
    assert accept.item(MaximumLength) is None
    assert accept.item(OperationsWindow) == OperationsWindow(8, 8)
    assert accept.user_information[-1] == UnknownItem(0x7F, b"?")


def test_the_answers_to_the_contexts_can_be_any() -> None:
    odd = AnsweredContext(
        context_id=99, result=ContextResult.ACCEPTANCE, transfer_syntax=ExplicitVRLittleEndian
    )
    assert acceptance_of(REQUEST, contexts=[odd, odd]).contexts == (odd, odd)


async def test_a_data_set_in_a_file_is_sent_from_there(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"head" + bytes(10) + b"tail")
    stored = StoredDataSet(
        path=path,
        offset=4,
        length=10,
        transfer_syntax=ExplicitVRLittleEndian,
        sop_class_uid="1.2",
        sop_instance_uid="1.3",
    )
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        request = CStoreRequest(
            sop_class_uid="1.2", sop_instance_uid="1.3", message_id=1, data_set=stored
        )
        await peer.send_message(request)
        pdvs = await sent_by(peer, stream)
    assert bytes(pdvs[-1].data) == bytes(10)
