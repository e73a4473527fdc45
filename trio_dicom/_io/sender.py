"""The one task that writes to the transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from attrs import define, field

from trio_dicom._io.ends import cut, last_words, patience, source_broke, took_nothing, write_failed
from trio_dicom._io.keeper import start_keeping
from trio_dicom._io.outbox import ControlPdu, OutgoingMessage
from trio_dicom._io.outcomes import finish, was_sent
from trio_dicom._io.pending import Failed, PendingRequest, Phase
from trio_dicom._io.writer import Interrupted, Writer
from trio_dicom._protocol.states import Stimulus
from trio_dicom.errors import LocalProtocolError

if TYPE_CHECKING:
    from trio_dicom._dimse.headers import Bytes
    from trio_dicom._io.link import Link
    from trio_dicom._io.sources import Source

__all__ = ["Sender"]

# Bytes of a data set worth a try without waking the task: to copy them takes some 100 us.
_SMALL = 1024 * 1024


class _SourceBroke(Exception):
    """The data set of the message on the wire cannot be read; the cause says why."""


@define(eq=False)
class Sender:
    """Takes control items first, then requests as the window admits them.

    Attributes:
        scope: Ends the whole task; its deadline is the time left for the last words.
        ended: Set when it will write nothing any more.
        writer: Writes for it.
        on_the_wire: The request whose message is being written, or None.
    """

    _link: Link
    writer: Writer
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    ended: trio.Event = field(factory=trio.Event)
    on_the_wire: PendingRequest | None = None
    _is_fetching: bool = False
    _sleeps: bool = False
    # What the system did not take at once, of a message or of another PDU.
    _rest: list[bytes | memoryview] = field(factory=list[bytes | memoryview], repr=False)
    _rest_of: OutgoingMessage | None = None
    # What went wrong while another task sent something at once. It comes out of ours.
    _bug: Exception | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being written, and nothing that may be written waits."""
        link = self._link
        if self.ended.is_set():
            return True
        busy = self.on_the_wire is not None or bool(self._rest) or len(link.outbox) > 0
        return not busy and link.table.next_admissible() is None

    async def run(self) -> None:
        """Write until the connection ends, then say the last words."""
        link = self._link
        try:
            with self.scope:
                while link.ending is None and self._bug is None:
                    link.outbox.hush()
                    if not await self._step():
                        link.changed()
                        self._sleeps = True
                        await link.outbox.wait()
                        self._sleeps = False
                if self._bug is not None:
                    raise self._bug
                if self._rest:
                    await self._send_rest()
                words = last_words(link)
                if words and not self.writer.is_cut:
                    await self.writer.write([words])
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            write_failed(link, error)
        finally:
            if self._rest_of is not None and self.on_the_wire is not None:
                self._end(self._rest_of, self.on_the_wire, is_sent=False)
            elif self._rest_of is not None:
                link.serving.answer_left(self._rest_of)
            self.ended.set()
            link.changed()

    def stop(self) -> None:
        """Write nothing any more: the connection has ended, and there are no last words."""
        if self._rest or not self._sleeps:  # otherwise the bell does it, for less
            self.scope.cancel()
        if self._rest and self.on_the_wire is not None:
            self.on_the_wire.is_finishing = False

    def put(self, item: ControlPdu | OutgoingMessage) -> None:
        """Queue ``item`` before all requests, and wake up as ``wake`` does."""
        self._link.outbox.queue(item)
        self.wake()

    def wake(self) -> None:
        """Something may be sent: send it now if that takes no waiting, else wake the task.

        To wake it costs as much as all that is done for a small message besides.
        """
        is_all_sent = False
        try:
            is_all_sent = self._send_at_once()
        except Exception as bug:  # noqa: BLE001  our task raises it
            self._bug = bug
        if not is_all_sent:
            self._link.outbox.ring()

    def _send_at_once(self) -> bool:
        """Send the next thing while the task sleeps, and say whether all of it went."""
        link = self._link
        is_idle = self._sleeps and not self._rest and link.ending is None
        is_ending = link.tasks.cancel_scope.cancel_called  # by a bug, of which nobody has heard
        if not is_idle or is_ending or not self.writer.can_write_at_once:
            return False
        match link.outbox.first:
            case OutgoingMessage() as answer:
                return self._answer_at_once(answer)
            case None:
                entry = link.table.next_admissible()
                return entry is None or self._request_at_once(entry)
            case pdu:
                link.outbox.take()
                data = self._encoded(pdu)
                is_sent = not data or self._write_at_once([data], None)
                link.listener.watch_artim()
                return is_sent

    def _request_at_once(self, entry: PendingRequest) -> bool:
        data_set = self._small(entry.source)
        if data_set is None or (outgoing := self._begin(entry)) is None:
            return False
        return self._write_at_once(outgoing.parts(self._link.machine, data_set), outgoing, entry)

    def _answer_at_once(self, answer: OutgoingMessage) -> bool:
        data_set = self._small(answer.source)
        if data_set is None or not self._link.machine.allows(Stimulus.SEND_DATA):
            return False
        self._link.outbox.take()
        return self._write_at_once(answer.parts(self._link.machine, data_set), answer)

    def _small(self, source: Source | None) -> Bytes | None:
        """The data set, empty where there is none; None where it is large or not at hand."""
        most = min(_SMALL, self._link.machine.fragment_size * self.writer.batch)
        return b"" if source is None else source.whole(most)

    def _write_at_once(
        self,
        parts: list[bytes | memoryview],
        outgoing: OutgoingMessage | None,
        entry: PendingRequest | None = None,
    ) -> bool:
        """Write what goes of ``parts``, keep the rest for the task, and say whether all went."""
        sent, rest = self.writer.write_at_once(parts)
        if entry is not None:
            entry.started = entry.is_finishing = sent > 0
        if rest:
            self._rest, self._rest_of = rest, outgoing
        elif entry is not None and outgoing is not None:
            self._end(outgoing, entry, is_sent=True)
        elif outgoing is not None:
            self._told(outgoing)
            self._link.serving.answer_left(outgoing)
        if sent and self._link.instrument is not None:
            self._link.instrument.bytes_sent(sent)
        return not rest

    def interrupt(self, entry: PendingRequest) -> None:
        """Stop writing the message of ``entry``, now, if that is what we are doing."""
        if self.on_the_wire is entry:
            self.writer.interrupt()

    def stop_reading(self) -> None:
        """Stop waiting for a data set, now: what we are doing is between two writes."""
        if self._is_fetching:
            self.writer.interrupt()

    async def _step(self) -> bool:
        """Write one thing; False when there is none."""
        link = self._link
        if self._rest:
            await self._send_rest()
            return True
        owed = link.machine.data_to_send()
        if owed and not self.writer.is_cut:
            await self.writer.write([owed])
            return True
        match link.outbox.take():
            case OutgoingMessage() as outgoing:
                await self._send_answer(outgoing)
            case None:
                entry = link.table.next_admissible()
                if entry is None:
                    return False
                if (message := self._begin(entry)) is not None:
                    await self._send_request(message, entry)
            case pdu:
                await self._send_pdu(pdu)
        return True

    async def _send_rest(self) -> None:
        """Write what the system did not take at once."""
        if self._rest_of is None:
            rest, self._rest = self._rest, []
            await self._write_patiently(rest)
        elif self.on_the_wire is not None:
            await self._send_request(self._rest_of, self.on_the_wire)
        else:
            await self._send_answer(self._rest_of)

    async def _send_pdu(self, pdu: ControlPdu) -> None:
        if data := self._encoded(pdu):
            await self._write_patiently([data])
            self._link.listener.watch_artim()

    async def _write_patiently(self, parts: list[bytes | memoryview]) -> None:
        with patience(self._link) as scope:
            await self.writer.write(parts)
        if scope.cancelled_caught:
            took_nothing(self._link)

    def _encoded(self, pdu: ControlPdu) -> bytes:
        """``pdu``, which counts as sent from now on, or nothing where it cannot be any more."""
        if self.writer.is_cut:
            return b""
        try:
            data = self._link.machine.send(pdu)
        except LocalProtocolError:
            return b""  # overtaken: the peer has asked for release, or ended it, meanwhile
        if self._link.instrument is not None:
            self._link.instrument.pdu_sent(pdu)
        return data

    async def _send_answer(self, outgoing: OutgoingMessage) -> None:
        link = self._link
        rest, self._rest, self._rest_of = self._rest, [], None
        scope = patience(link)
        try:
            with scope:
                # Once we have asked for release, or granted it, no message may go out.
                if rest:
                    await self._written(rest, None, is_last=True)
                    self._told(outgoing)
                elif link.machine.allows(Stimulus.SEND_DATA):
                    await self._send_message(outgoing, None)
                    self._told(outgoing)
        except Interrupted:
            cut(link)
        finally:
            link.serving.answer_left(outgoing)
        if scope.cancelled_caught:
            took_nothing(link)

    def _told(self, outgoing: OutgoingMessage) -> None:
        if self._link.instrument is not None:
            self._link.instrument.message_sent(outgoing.message, outgoing.context)

    def _begin(self, entry: PendingRequest) -> OutgoingMessage | None:
        """Give ``entry`` its slot and what is to be sent of it; None where that cannot be."""
        link = self._link
        try:
            link.table.admit(entry)
            outgoing = OutgoingMessage.encode(entry.request, entry.context, entry.source)
        except LocalProtocolError as error:
            text = str(error)
            finish(link, entry, Failed(lambda _: LocalProtocolError(text)))
            return None
        entry.phase = Phase.SENDING
        self.on_the_wire = entry
        start_keeping(link, entry)
        return outgoing

    async def _send_request(self, outgoing: OutgoingMessage, entry: PendingRequest) -> None:
        link = self._link
        rest, self._rest, self._rest_of = self._rest, [], None
        is_sent = False
        try:
            if rest:
                await self._write_rest(rest, entry)
            else:
                await self._send_message(outgoing, entry)
            is_sent = True
        except Interrupted:
            if entry.started:
                cut(link)
        except _SourceBroke as error:
            source_broke(link, entry, error.__cause__ or error)
        finally:
            self._end(outgoing, entry, is_sent=is_sent)

    def _end(self, outgoing: OutgoingMessage, entry: PendingRequest, *, is_sent: bool) -> None:
        """Nothing of ``entry`` will be written any more."""
        link = self._link
        if is_sent:
            self._told(outgoing)
            was_sent(link, entry)
        self.on_the_wire = None
        entry.leave_the_wire()
        if entry.source is not None:
            entry.source.close()

    async def _send_message(self, outgoing: OutgoingMessage, entry: PendingRequest | None) -> None:
        machine, source = self._link.machine, outgoing.source
        parts = outgoing.command_parts(machine)
        left = source.length if source is not None else 0
        while source is not None and left:
            # The first block is read before the command goes: a file that cannot even be
            # opened costs one request alone, and what is small goes out in one write.
            block = await self._take(source, left, entry)
            left -= len(block)
            parts += outgoing.data_parts(machine, block, is_last=not left)
            if left:
                await self._write(parts, entry)
                parts = []
        await self._write(parts, entry, is_last=True)

    async def _take(self, source: Source, left: int, entry: PendingRequest | None) -> memoryview:
        size = min(left, self._link.machine.fragment_size * self.writer.batch)
        if (block := source.take(size)) is None:
            await self._fetch(source, entry)
            block = source.take(size)
        if not block:
            raise _SourceBroke from EOFError("it is shorter than it was when we looked at it")
        self._check(entry)
        return block

    async def _fetch(self, source: Source, entry: PendingRequest | None) -> None:
        """Wait for ``source``, in time that is ours."""
        self._check(entry)
        if entry is not None:
            entry.clock.pause()
        try:
            self._is_fetching = True
            with self.writer.interruptible() as scope:
                await source.fetch()
        except OSError as error:
            raise _SourceBroke from error
        finally:
            self._is_fetching = False
            if entry is not None:
                entry.clock.resume()
        if scope.cancelled_caught:
            raise Interrupted

    async def _write(
        self,
        parts: list[bytes | memoryview],
        entry: PendingRequest | None,
        *,
        is_last: bool = False,
    ) -> None:
        self._check(entry)
        await self._written(parts, entry, is_last=is_last)

    async def _written(
        self,
        parts: list[bytes | memoryview],
        entry: PendingRequest | None,
        *,
        is_last: bool,
    ) -> None:
        link = self._link
        if entry is not None:
            entry.started = True
            entry.is_finishing = is_last
        try:
            await self.writer.write(parts, link.options.limits.write // link.machine.fragment_size)
        except BaseException:
            if entry is not None:
                entry.is_finishing = False
            raise
        if entry is not None:
            entry.clock.sign_of_life()

    async def _write_rest(self, rest: list[bytes | memoryview], entry: PendingRequest) -> None:
        """Write what the system did not take at once: the end of a PDU, which is owed."""
        if not entry.started:
            self._check(entry)
        if entry.is_given_up:
            raise Interrupted
        await self._written(rest, entry, is_last=True)

    def _check(self, entry: PendingRequest | None) -> None:
        """Go no further with a message that has ended with its request or connection."""
        if self._link.ending is not None or (entry is not None and entry.stays_unwritten):
            raise Interrupted
