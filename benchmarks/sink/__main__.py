"""``python -m benchmarks.sink``: the sink as a process of its own.

Its first line on stdout is a JSON object with its ports: ``dicom``, and ``raw`` which
takes a length of eight bytes, discards so many, and answers with one byte. Each line
on its stdin is answered, once no association is open, with a JSON object that says what
came since the last one. With ``--keep`` the instances are kept as files; it is no sink to
measure on then.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks.sink.association import Counts, serve
from benchmarks.sink.reading import Reader

_PATIENCE = 30  # seconds for the last association to end


class _Totals:
    """What came on all associations since the last report."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = 0
        self._totals: Counter[str] = Counter()

    def opened(self) -> None:
        with self._changed:
            self._open += 1

    def ended(self, counts: Counts | None) -> None:
        with self._changed:
            if counts is not None:
                self._totals.update(associations=1, **asdict(counts))
            self._open -= 1
            self._changed.notify_all()

    def report(self) -> dict[str, int]:
        with self._changed:
            self._changed.wait_for(lambda: not self._open, _PATIENCE)
            totals, self._totals = dict(self._totals), Counter()
        return totals


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=0, help="how many a C-FIND finds")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("--keep", type=Path, help="a folder for what arrives")
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    totals = _Totals()

    def dicom(connection: socket.socket) -> Counts | None:
        counts = Counts()
        try:
            serve(connection, counts, match_count=options.matches, keep=options.keep)
        except (EOFError, OSError, ValueError) as end:
            # It is counted as not released, and the harness does not take it for a result.
            if not counts.released and counts != Counts():
                print(f"sink: an association broke: {end!r}", file=sys.stderr, flush=True)
        # One that only looked whether there is a server is none.
        return counts if counts != Counts() else None

    def raw(connection: socket.socket) -> Counts:
        reader = Reader(connection)
        (length,) = struct.unpack(">Q", reader.take(8))
        reader.discard(length)
        connection.sendall(b"\0")
        return Counts(released=1, bytes=length)

    ports = {
        "dicom": _listen(dicom, totals, context),
        "raw": _listen(raw, totals, context),
    }
    print(json.dumps(ports), flush=True)
    for _ in sys.stdin:
        print(json.dumps(totals.report()), flush=True)


def _listen(
    serve_one: Callable[[socket.socket], Counts | None],
    totals: _Totals,
    context: ssl.SSLContext | None,
) -> int:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)

    def run(connection: socket.socket) -> None:
        counts = None
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if context is None:
                    counts = serve_one(connection)
                else:
                    with context.wrap_socket(connection, server_side=True) as encrypted:
                        counts = serve_one(encrypted)
        except (EOFError, OSError):
            pass  # it only looked whether there is a server, or left early
        finally:
            totals.ended(counts)

    lock = threading.Lock()
    idle = 0

    def accept() -> None:
        nonlocal idle
        while True:
            connection, _ = listener.accept()
            totals.opened()
            with lock:
                idle -= 1
                if not idle:
                    start()
            run(connection)
            with lock:
                idle += 1

    def start() -> None:
        # They stay, since starting one takes as long as a short association.
        nonlocal idle
        idle += 1
        threading.Thread(target=accept, daemon=True).start()

    with lock:
        start()
    return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
