"""Conversations in files: written while they go on, read afterwards, and shown to people.

A recording is a file of JSON objects, one a line. Each is a PDU that one side has sent, or the
beginning or the end of a connection::

    recording = Recording("trace.jsonl")
    async with open_association(host, port, contexts=[...], instrument=recording) as association:
        ...
    for line in sequence(read_recording("trace.jsonl")):
        print(line)
"""

from __future__ import annotations

from trio_dicom.recording.reading import read_recording
from trio_dicom.recording.records import Record, RecordKind, Side
from trio_dicom.recording.sequence import sequence
from trio_dicom.recording.writing import Recording

__all__ = ["Record", "RecordKind", "Recording", "Side", "read_recording", "sequence"]
