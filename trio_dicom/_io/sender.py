"""The one task that writes to the transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from attrs import define, field

from trio_dicom._io.ending import Ending
from trio_dicom._io.ends import cut, end, source_broke, write_failed
from trio_dicom._io.keeper import start_keeping
from trio_dicom._io.outbox import ControlPdu, OutgoingMessage
from trio_dicom._io.outcomes import finish, was_sent
from trio_dicom._io.pending import Failed, PendingRequest, Phase, seconds_or_infinite
from trio_dicom._io.writer import Interrupted, Writer
from trio_dicom._protocol.states import Stimulus
from trio_dicom.errors import LocalProtocolError

if TYPE_CHECKING:
    from trio_dicom._io.link import Link
    from trio_dicom._io.sources import Source

__all__ = ["Sender"]


# Bytes of a data set that is worth a try to send it without waking the task: to copy them takes
# the system some 100 us.
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
    # What the system did not take at once, of the request on the wire.
    _rest: list[bytes | memoryview] = field(factory=list[bytes | memoryview])
    _rest_of: OutgoingMessage | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being written, and nothing that may be written waits."""
        link = self._link
        if self.ended.is_set():
            return True
        busy = self.on_the_wire is not None or len(link.outbox) > 0
        return not busy and link.table.next_admissible() is None

    async def run(self) -> None:
        """Write until the connection ends, then say the last words."""
        link = self._link
        try:
            with self.scope:
                while link.ending is None:
                    link.outbox.hush()
                    if not await self._step():
                        link.changed()
                        self._sleeps = True
                        await link.outbox.wait()
                        self._sleeps = False
                words = self._last_words()
                if words and not self.writer.is_cut:
                    await self.writer.write([words])
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            write_failed(link, error)
        finally:
            if self._rest_of is not None and self.on_the_wire is not None:
                self._end(self._rest_of, self.on_the_wire, is_sent=False)
            self.ended.set()
            link.changed()

    def wake(self) -> None:
        """A request may be sent: send it now if that takes no waiting, else wake the task.

        To wake it costs as much as all that is done for a small message besides.
        """
        if not self._send_at_once():
            self._link.outbox.ring()

    def _send_at_once(self) -> bool:
        """Send the next request while the task sleeps, and say whether all of it went."""
        link = self._link
        is_idle = self._sleeps and self._rest_of is None and link.ending is None
        if not is_idle or len(link.outbox) or not self.writer.can_write_at_once:
            return False
        entry = link.table.next_admissible()
        if entry is None:
            return True
        most = min(_SMALL, link.machine.fragment_size * self.writer.batch)
        data_set = None if entry.source is None else entry.source.whole(most)
        if entry.source is not None and data_set is None:
            return False
        if (outgoing := self._begin(entry)) is None:
            return False
        parts = self._fragments(outgoing, outgoing.command, is_command=True)
        if data_set is not None:
            parts += self._fragments(outgoing, memoryview(data_set))
        sent, rest = self.writer.write_at_once(parts)
        entry.started = sent > 0
        if rest:
            self._rest, self._rest_of = rest, outgoing
            link.outbox.ring()
        else:
            self._end(outgoing, entry, is_sent=True)
        if sent and link.instrument is not None:
            link.instrument.bytes_sent(sent)
        return not rest

    def interrupt(self, entry: PendingRequest) -> None:
        """Stop writing the message of ``entry``, now, if that is what we are doing."""
        if self.on_the_wire is entry:
            self.writer.interrupt()

    def stop_reading(self) -> None:
        """Stop waiting for a data set, now: what we are doing is between two writes."""
        if self._is_fetching:
            self.writer.interrupt()

    def _last_words(self) -> bytes:
        """The A-ABORT with which the connection ends, or nothing."""
        machine, ending = self._link.machine, self._link.ending
        if ending is None or ending.abort is None:
            return b""
        if owed := machine.data_to_send():
            return owed
        # The peer may have released, aborted or hung up since we decided to abort.
        return machine.send(ending.abort) if machine.allows(Stimulus.SEND_ABORT) else b""

    async def _step(self) -> bool:
        """Write one thing; False when there is none."""
        link = self._link
        if self._rest_of is not None and self.on_the_wire is not None:
            await self._send_request(self._rest_of, self.on_the_wire)
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

    async def _send_pdu(self, pdu: ControlPdu) -> None:
        if self.writer.is_cut:
            return
        try:
            data = self._link.machine.send(pdu)
        except LocalProtocolError:
            return  # overtaken: the peer has asked for release, or ended it, meanwhile
        if self._link.instrument is not None:
            self._link.instrument.pdu_sent(pdu)
        await self.writer.write([data])
        self._link.listener.watch_artim()

    async def _send_answer(self, outgoing: OutgoingMessage) -> None:
        link = self._link
        # No request's clock measures this write, so it has a patience of its own.
        idle = seconds_or_infinite(link.options.timeouts.idle)
        patience = trio.CancelScope(deadline=trio.current_time() + idle)
        try:
            with patience:
                # Once we have asked for release, or granted it, no message may go out.
                if link.machine.allows(Stimulus.SEND_DATA):
                    await self._send_message(outgoing, None)
                    if link.instrument is not None:
                        link.instrument.message_sent(outgoing.message, outgoing.context)
        except Interrupted:
            cut(link)
        finally:
            link.serving.answer_left(outgoing)
        if patience.cancelled_caught:
            end(link, Ending.lost(link.peer, f"took nothing for {idle:g} s, so we gave it up"))

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
            if link.instrument is not None:
                link.instrument.message_sent(outgoing.message, outgoing.context)
            was_sent(link, entry)
        self.on_the_wire = None
        entry.leave_the_wire()
        if entry.source is not None:
            entry.source.close()

    def _fragments(
        self,
        outgoing: OutgoingMessage,
        payload: bytes | memoryview,
        *,
        is_command: bool = False,
        is_last: bool = True,
    ) -> list[bytes | memoryview]:
        return self._link.machine.fragment(
            outgoing.context.context_id, payload, is_command=is_command, is_last=is_last
        )

    async def _send_message(self, outgoing: OutgoingMessage, entry: PendingRequest | None) -> None:
        source = outgoing.source
        parts = self._fragments(outgoing, outgoing.command, is_command=True)
        left = source.length if source is not None else 0
        while source is not None and left:
            # The first block is read before the command goes: a file that cannot even be
            # opened costs one request alone, and what is small goes out in one write.
            block = await self._take(source, left, entry)
            left -= len(block)
            parts += self._fragments(outgoing, block, is_last=not left)
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
        if self._link.ending is not None or (entry is not None and _has_ended(entry)):
            raise Interrupted


def _has_ended(entry: PendingRequest) -> bool:
    """Whether what is left of its message stays unwritten."""
    if not entry.started:
        return entry.outcome is not None
    # An early answer, or a caller who left: the message is finished all the same.
    return entry.is_given_up or isinstance(entry.outcome, Failed)
