"""Asking for an association: accepted, rejected, not answered, or refused by ourselves."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints

from tests.io.recording import (
    CONTEXTS,
    CT,
    ECHO,
    FIND,
    REQUEST,
    Recorder,
    associated,
    connected,
    serve,
)
from trio_dicom import (
    AbortReason,
    AbortSource,
    AssociateTimeout,
    AssociationAborted,
    AssociationRejected,
    AssociationReleased,
    AssociationRequest,
    CEchoRequest,
    CommonExtendedNegotiation,
    ConnectionEnded,
    ConnectionLost,
    ConnectionOptions,
    CStoreRequest,
    EncodedDataSet,
    ExtendedNegotiation,
    LocalProtocolError,
    QueryExtension,
    RejectReason,
    RejectResult,
    RejectSource,
    RemoteProtocolError,
    Timeouts,
    agreed_query_extension,
    open_association,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort, DataTransfer, MaximumLength, ReleaseRequest
from trio_dicom.testing import scripted_peer

# PS3.8 Table 9-21: every source with its reasons, by their bytes.
REASONS = {
    (1, 1): RejectReason.USER_NO_REASON_GIVEN,
    (1, 2): RejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
    (1, 3): RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED,
    (1, 7): RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
    (2, 1): RejectReason.ACSE_NO_REASON_GIVEN,
    (2, 2): RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED,
    (3, 1): RejectReason.TEMPORARY_CONGESTION,
    (3, 2): RejectReason.LOCAL_LIMIT_EXCEEDED,
}


async def test_what_was_agreed_is_returned_and_told() -> None:
    recorder = Recorder()
    async with associated(handler=recorder, offer=5, accept={"window": (3, 1)}) as (
        connection,
        peer,
    ):
        agreed = connection.association
        assert agreed is not None
        assert agreed.request == peer.request
        assert agreed.accept == peer.accepted
        assert [it.abstract_syntax for it in agreed.accepted_contexts] == [ECHO, CT, FIND]
        assert agreed.max_operations_invoked == 3
    assert recorder.calls[0] == ("receive_association_accept", agreed)
    assert connection.association is agreed
    assert recorder.told_of_the_end is None


@pytest.mark.scenario("B01", "B02")
@pytest.mark.pitfall(33)
@pytest.mark.parametrize("result", [1, 2, 9])
@pytest.mark.parametrize("source, code", [*REASONS, (1, 9), (9, 1), (0, 0)])
async def test_a_rejection_is_raised_and_told_with_its_own_reason(
    result: int, source: int, code: int
) -> None:
    recorder = Recorder()
    async with connected(handler=recorder) as (connection, peer, nursery):

        async def reject() -> None:
            await peer.expect(AssociationRequest)
            await peer.send_bytes(bytes((3, 0, 0, 0, 0, 4, 0, result, source, code)))
            await peer.expect_closed()

        nursery.start_soon(reject)
        with pytest.raises(AssociationRejected) as caught:
            await connection.send_association_request(REQUEST)
        rejected = caught.value
        assert rejected.result == RejectResult(result)
        assert rejected.source == RejectSource(source)
        assert rejected.reason == RejectReason.of(source, code)
        assert rejected.reason is REASONS.get((source, code), rejected.reason)
        assert (rejected.source, rejected.reason.code) == (source, code)
        assert rejected.reason.words in str(rejected)
        # The handler has heard of it by now.
        told = ("receive_association_reject", result, source, rejected.reason)
        assert recorder.calls[:1] == [told]
        with pytest.raises(ConnectionLost, match="rejected"):
            await connection.send_request(CEchoRequest())
    assert recorder.calls == [told, ("connection_closed", None)]
    assert peer.received == REQUEST.encode()  # and nothing else
    assert connection.association is None


@pytest.mark.scenario("B04")
@pytest.mark.pitfall(15)
async def test_a_connection_asks_once_and_its_association_goes_on() -> None:
    async with associated() as (connection, peer), trio.open_nursery() as nursery:
        before = len(peer.received)
        with assert_checkpoints(), pytest.raises(LocalProtocolError, match="one association"):
            await connection.send_association_request(REQUEST)
        assert len(peer.received) == before
        nursery.start_soon(serve, peer)
        async with connection.open_request(CEchoRequest()) as responses:
            assert (await responses.final()).status.is_success
        await connection.aclose()


@pytest.mark.scenario("B04")
@pytest.mark.parametrize("end", ["rejected", "released", "aborted"])
async def test_a_connection_that_is_over_does_not_ask_again(end: str) -> None:
    async with connected() as (connection, peer, nursery):
        if end == "rejected":
            nursery.start_soon(peer.reject)
            with pytest.raises(AssociationRejected):
                await connection.send_association_request(REQUEST)
        else:
            nursery.start_soon(serve, peer)
            await connection.send_association_request(REQUEST)
        if end == "released":
            await connection.send_association_release_request()
        elif end == "aborted":
            await connection.send_abort()
        before = bytes(peer.received)
        with pytest.raises(LocalProtocolError, match="one association"):
            await connection.send_association_request(REQUEST)
        assert peer.received == before


async def test_a_connection_that_never_asked_says_that_it_is_over() -> None:
    async with scripted_peer() as (stream, peer):
        recorder = Recorder()
        async with wrap_stream(stream, handler=recorder) as connection:
            with pytest.raises(LocalProtocolError, match="no association yet"):
                await connection.send_request(CEchoRequest())
            await connection.aclose()
            with pytest.raises(ConnectionEnded):
                await connection.send_association_request(REQUEST)
        await peer.expect_closed()
        assert recorder.told_of_the_end is None
        assert peer.received == b""


@pytest.mark.scenario("B05")
async def test_a_peer_that_never_answers_the_request(autojump_clock: MockClock) -> None:
    options = ConnectionOptions(timeouts=Timeouts(associate=12, abort=3))
    recorder = Recorder()
    async with scripted_peer() as (stream, peer):
        async with wrap_stream(stream, handler=recorder, options=options) as connection:
            with pytest.raises(AssociateTimeout, match="within 12 s") as caught:
                await connection.send_association_request(REQUEST)
            assert trio.current_time() == 12
            assert caught.value.seconds == 12
            # No retry by itself; the peer is told, and the transport is closed.
            with pytest.raises(AssociationAborted) as ended:
                await connection.send_request(CEchoRequest())
            assert not ended.value.by_peer
        assert trio.current_time() == 15
        assert await peer.expect(AssociationRequest) == REQUEST
        assert await peer.expect(Abort) == Abort(AbortSource.USER)
        await peer.expect_closed()
    assert isinstance(recorder.told_of_the_end, AssociationAborted)
    assert recorder.names == ["connection_closed"]


@pytest.mark.scenario("B06")
async def test_we_send_by_the_peers_maximum_length_and_it_sends_by_ours() -> None:
    data = EncodedDataSet(bytes(3000), "1.2.840.10008.1.2.1")
    async with associated(accept={"max_length": 512}) as (connection, peer):
        agreed = connection.association
        assert agreed is not None
        assert agreed.peer_max_length == 512
        assert agreed.our_max_length == 131_072
        assert REQUEST.item(MaximumLength) == MaximumLength(131_072)
        request = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=data)
        await connection.send_request(request)
        stored = await peer.expect_message(CStoreRequest)
        lengths = [len(it.encode()) - 6 for it in peer.pdus if isinstance(it, DataTransfer)]
        assert max(lengths) == 512
        await peer.reply(stored, 0x0000)


@pytest.mark.scenario("B07")
@pytest.mark.parametrize("which", ["called_ae", "calling_ae"])
@pytest.mark.parametrize("title", ["", "  ", "SEVENTEEN_LETTERS", "A\\B", "A\nB", "A\0", "\x7f"])
async def test_an_impossible_title_is_refused_before_any_io(
    which: str, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_io(*_: object, **__: object) -> None:
        raise AssertionError("somebody connects")

    monkeypatch.setattr(trio, "open_tcp_stream", no_io)
    with pytest.raises(LocalProtocolError, match=which.split("_", maxsplit=1)[0]) as caught:
        async with open_association("peer", contexts=CONTEXTS, **{which: title}):
            raise AssertionError("never here")
    assert repr(title) in str(caught.value)


@pytest.mark.scenario("B07")
@pytest.mark.pitfall(16)
async def test_the_padding_of_titles_says_nothing() -> None:
    async with associated() as (connection, peer):
        assert peer.received[10:42] == b"ANY-SCP         TRIO_DICOM      "
        agreed = connection.association
        assert agreed is not None
        assert (agreed.called_ae, agreed.calling_ae) == ("ANY-SCP", "TRIO_DICOM")


@pytest.mark.scenario("B08")
async def test_extended_negotiation_is_visible_byte_for_byte() -> None:
    asked = QueryExtension(relational=True, fuzzy_names=True).item(FIND)
    family = CommonExtendedNegotiation(
        sop_class_uid=CT, service_class_uid="1.2.840.10008.4.2", related_general_sop_class_uids=()
    )
    surplus = ExtendedNegotiation(sop_class_uid=FIND, application_information=b"\1\0\1\0\1\1\7")
    request = propose(contexts=CONTEXTS, extended=[asked], common_extended=[family])
    async with connected() as (connection, peer, nursery):
        nursery.start_soon(lambda: peer.accept(user_information=[surplus]))
        agreed = await connection.send_association_request(request)
        nursery.start_soon(serve, peer)
        assert agreed.request.items(ExtendedNegotiation) == (asked,)
        assert agreed.request.items(CommonExtendedNegotiation) == (family,)
        assert agreed.extended == (surplus,)
        said = agreed_query_extension(agreed, FIND)
        assert said == QueryExtension(relational=True, fuzzy_names=True)
    assert peer.request == request
    assert asked.encode() in peer.received
    assert family.encode() in peer.received


async def test_an_abort_instead_of_an_answer() -> None:
    recorder = Recorder()
    async with connected(handler=recorder) as (connection, peer, nursery):

        async def abort() -> None:
            await peer.expect(AssociationRequest)
            await peer.abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU)

        nursery.start_soon(abort)
        with pytest.raises(AssociationAborted) as caught:
            await connection.send_association_request(REQUEST)
        assert caught.value.by_peer
        assert caught.value.reason is AbortReason.UNEXPECTED_PDU
    assert recorder.names == ["receive_abort", "connection_closed"]
    assert isinstance(recorder.told_of_the_end, AssociationAborted)


@pytest.mark.pitfall(24)
async def test_an_answer_that_is_no_dicom() -> None:
    recorder = Recorder()
    async with connected(handler=recorder) as (connection, peer, nursery):

        async def answer() -> None:
            await peer.send_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await serve(peer)

        nursery.start_soon(answer)
        with pytest.raises(RemoteProtocolError):
            await connection.send_association_request(REQUEST)
    assert isinstance(recorder.told_of_the_end, RemoteProtocolError)


async def test_a_level_2_association_has_the_negotiated_values_and_ends_by_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:

        async def connect(*_: object, **__: object) -> trio.abc.Stream:
            return stream

        monkeypatch.setattr(trio, "open_tcp_stream", connect)
        nursery.start_soon(serve, peer)
        options = ConnectionOptions(max_length=4096)
        async with open_association("peer", contexts=CONTEXTS, options=options) as association:
            assert association.negotiated.our_max_length == 4096
            assert association.negotiated.request == peer.request
            assert association.negotiated is association.connection.association
            await association.release()
            assert isinstance(peer.pdus[-1], ReleaseRequest)
            with pytest.raises(AssociationReleased):
                await association.c_echo()
