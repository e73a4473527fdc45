"""A recording as people read it: who said what, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from attrs import define, field

from trio_dicom._dimse.command_set import as_uid
from trio_dicom.recording.printable import printable
from trio_dicom.recording.records import Record, RecordKind, Side

__all__ = ["sequence"]

_SIGN = {Side.US: ">", Side.PEER: "<"}
_BELOW = " " * 17
_PARTS = {
    "sop_instance_uid": "instance",
    "attribute_identifiers": "attributes",
    "event_type_id": "event type",
    "action_type_id": "action type",
    "move_destination": "to",
    "move_originator_ae": "moved for",
    "move_originator_message_id": "who asked in message",
    "offending_elements": "offending elements",
    "error_id": "error",
}


def sequence(records: Iterable[Record]) -> Iterator[str]:
    """Lines that tell what was said: one for each message, and one for every other PDU.

    A line begins with the number of the association and the seconds since the beginning; ``>`` is
    what we said, ``<`` what the peer said. A message stands where it ended. No line has more in
    it than the summaries, so nothing about patients; and what is not printable is escaped in it.

    Args:
        records: What happened, as ``read_recording`` has it.

    Raises:
        ValueError: A record has no such summary as its kind has.
    """
    voices: _Voices = {}
    for number, record in enumerate(records, 1):
        try:
            lines = [*_lines(record, voices)]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number}: no {record.kind.value}: {error!r}") from error
        yield from map(printable, lines)


def _lines(record: Record, voices: _Voices) -> Iterator[str]:
    messages = voices.setdefault((record.association, record.by), _Messages())
    match record.kind:
        case RecordKind.P_DATA_TF:
            for words in messages.take(record):
                yield _line(record, *words)
        case RecordKind.CLOSE:
            for side in Side:
                voice = voices.pop((record.association, side), _Messages())
                if (unfinished := voice.unfinished()) is not None:
                    yield _line(record, *unfinished, by=side)
            yield _line(record, "closed")
        case _:
            yield _line(record, *_said(record))
            yield from _contexts(record.summary)
            yield from _items(record.summary)


def _line(record: Record, what: str, words: str = "", *, by: Side | None = None) -> str:
    sign = _SIGN[record.by if by is None else by]
    text = f"{record.association:3} {record.time:10.4f}  {sign} {what:<15} {words}"
    return text.rstrip()


@define(eq=False)
class _Messages:
    """Puts the P-DATA-TF of one side together again."""

    _name: str = field(default="", init=False)
    _words: str = field(default="", init=False)
    _has_data_set: bool = field(default=True, init=False)
    _pdus: int = field(default=0, init=False)
    _size: int = field(default=0, init=False)

    def take(self, record: Record) -> Iterator[tuple[str, str]]:
        """The messages that end in the next PDU: their names, and what is to say about them."""
        summary = record.summary
        if "broken" in summary:
            yield record.kind.value, _broken(record)
        is_counted = False
        for it in summary.get("fragments", ()):
            self._pdus += not is_counted
            is_counted = True
            self._size += it["length"]
            if (message := it.get("message")) is not None:
                self._name = message.get("name", "no message")
                self._words = _about(message, it["context"])
                self._has_data_set = message.get("has_data_set", False)
            if it["is_last"] and (it["of"] == "data set" or not self._has_data_set):
                yield self._name or "no message", self._finished()
                is_counted = False

    def unfinished(self) -> tuple[str, str] | None:
        """The message that has not ended, if one has begun."""
        if not self._pdus:
            return None
        return self._name or "message", f"not all of it: {self._finished()}"

    def _finished(self) -> str:
        words = f"{self._words}, " if self._words else ""
        words += f"{_count(self._size, 'byte')} in {_count(self._pdus, 'P-DATA-TF')}"
        self._name, self._words, self._has_data_set, self._pdus, self._size = "", "", True, 0, 0
        return words


_Voices: TypeAlias = dict[tuple[int, Side], _Messages]


def _about(message: Mapping[str, Any], context_id: int) -> str:
    if "broken" in message:
        return str(message["broken"])
    words: list[str] = []
    if "message_id" in message:
        words.append(f"message {message['message_id']}")
    if "message_id_being_responded_to" in message:
        words.append(f"to message {message['message_id_being_responded_to']}")
    if "status" in message:
        words.append(_status(message))
    elif "sop_class_uid" in message:  # which an answer may repeat, and need not
        words += [as_uid(message["sop_class_uid"]).name, f"context {context_id}"]
    words += [f"{word} {_plain(message[name])}" for name, word in _PARTS.items() if name in message]
    words += [
        f"{message[name]} {name}"
        for name in ("remaining", "completed", "failed", "warning")
        if name in message
    ]
    return ", ".join(words)


def _plain(value: Any) -> str:
    if isinstance(value, list):  # of tags
        return " ".join(map(str, cast("list[object]", value)))
    return str(value)


def _status(message: Mapping[str, Any]) -> str:
    meaning = f": {message['meaning']}" if message.get("meaning") else ""
    return f"{message['status']:04X}H ({message['kind']}{meaning})"


def _said(record: Record) -> tuple[str, str]:
    """What is to say about anything but messages."""
    summary, what = record.summary, record.kind.value
    if "broken" in summary:
        return what, _broken(record)
    match record.kind:
        case RecordKind.CONNECTION:
            how = "to" if record.by is Side.US else "from"
            return what, f"{how} {summary.get('peer')} at {summary.get('at')}"
        case RecordKind.NO_CONNECTION:
            return what, f"to {summary.get('peer')} at {summary.get('at')}: {summary.get('why')}"
        case RecordKind.ASSOCIATE_RQ | RecordKind.ASSOCIATE_AC:
            return what, _titles(summary)
        case RecordKind.ASSOCIATE_RJ:
            words = ("result", "source", "reason")
            return what, ", ".join(str(summary.get(it)) for it in words)
        case RecordKind.ABORT:
            return what, f"by the {summary.get('source')}: {summary.get('reason')}"
        case RecordKind.RESET:
            return what, str(summary.get("why", ""))
        case RecordKind.NO_PDU:
            return what, _count(record.length, "byte")
        case _:
            return what, ""


def _titles(summary: Mapping[str, Any]) -> str:
    words = [f"{summary.get('calling_ae')} to {summary.get('called_ae')}"]
    if "max_length" in summary:
        words.append(f"takes {_count(summary['max_length'], 'byte')}")
    if "window" in summary:
        words.append("window {invoked}/{performed}".format(**summary["window"]))
    if "user_identity" in summary:
        words.append(f"user identity: {summary['user_identity']}")
    if "implementation_version_name" in summary:
        words.append(str(summary["implementation_version_name"]))
    return ", ".join(words)


def _contexts(summary: Mapping[str, Any]) -> Iterator[str]:
    for it in summary.get("contexts", ()):
        if "abstract_syntax" in it:
            syntaxes = " or ".join(as_uid(uid).name for uid in it["transfer_syntaxes"])
            words = f"{as_uid(it['abstract_syntax']).name} in {syntaxes}"
        elif it["transfer_syntax"] is not None:
            words = as_uid(it["transfer_syntax"]).name
        else:
            words = f"refused: {it['result']}"
        yield f"{_BELOW}context {it['id']:3}: {words}"


def _items(summary: Mapping[str, Any]) -> Iterator[str]:
    """What was negotiated of single SOP classes."""
    for it in summary.get("roles", ()):
        roles = [role.upper() for role in ("scu", "scp") if it[role]]
        yield f"{_BELOW}role, {as_uid(it['sop_class_uid']).name}: {' and '.join(roles) or 'none'}"
    for it in summary.get("extended", ()):
        sop_class, is_whole = _sop_class(it)
        information = f": {it['application_information']}" if is_whole else ""
        yield f"{_BELOW}extended, {sop_class}{information}"
    for it in summary.get("common_extended", ()):
        sop_class, is_whole = _sop_class(it)
        family = ", like ".join(_family(it)) if is_whole else ""
        yield f"{_BELOW}common extended, {sop_class}{family}"


def _sop_class(item: Any) -> tuple[str, bool]:
    """Its name, and whether anything else is there: recordings once had no more than it."""
    is_whole = not isinstance(item, str)
    return as_uid(item["sop_class_uid"] if is_whole else item).name, is_whole


def _family(item: Mapping[str, Any]) -> Iterator[str]:
    yield f": {as_uid(item['service_class_uid']).name}"
    if related := item["related_general_sop_class_uids"]:
        yield ", ".join(as_uid(uid).name for uid in related)


def _broken(record: Record) -> str:
    return f"{_count(record.length, 'byte')}, broken: {record.summary['broken']}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 and what == "byte" else "")
