"""``AET@host:port`` and everything that is none."""

from __future__ import annotations

import pytest

from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.peer import Peer, parse_peer


@pytest.mark.parametrize(
    "text, ae_title, host, port",
    [
        ("ARCHIVE@pacs.example:11112", "ARCHIVE", "pacs.example", 11112),
        ("ARCHIVE@pacs.example", "ARCHIVE", "pacs.example", 104),
        ("ARCHIVE@192.0.2.7:104", "ARCHIVE", "192.0.2.7", 104),
        ("ARCHIVE@[::1]:4242", "ARCHIVE", "::1", 4242),
        ("ARCHIVE@[::1]", "ARCHIVE", "::1", 104),
        ("ARCHIVE@[fe80::1%eth0]:65535", "ARCHIVE", "fe80::1%eth0", 65535),
        ("TWO WORDS@host", "TWO WORDS", "host", 104),
        ("A@B@host:1", "A@B", "host", 1),
    ],
)
def test_a_peer_is_a_title_a_host_and_perhaps_a_port(
    text: str, ae_title: str, host: str, port: int
) -> None:
    assert parse_peer(text) == Peer(ae_title=ae_title, host=host, port=port)


def test_the_default_port_is_the_caller_s() -> None:
    assert parse_peer("ARCHIVE@host", default_port=2762).port == 2762


@pytest.mark.parametrize("text", ["ARCHIVE@host:104", "ARCHIVE@[::1]:104"])
def test_a_peer_reads_as_it_was_typed(text: str) -> None:
    assert str(parse_peer(text)) == text


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("pacs.example:104", "no AE title"),
        ("", "no AE title"),
        ("@pacs.example:104", "no AE title before"),
        (" @pacs.example:104", "no AE title before"),
        ("ARCHIVE@", "no host"),
        ("ARCHIVE@:104", "is no host"),
        ("ARCHIVE@::1:104", "IPv6 address needs brackets"),
        ("ARCHIVE@[::1:104", "is no host"),
        ("ARCHIVE@[::1]104", "is no host"),
        ("ARCHIVE@[]:104", "is no host"),
        ("ARCHIVE@host:", "'' is no port"),
        ("ARCHIVE@host:0", "'0' is no port"),
        ("ARCHIVE@host:65536", "'65536' is no port"),
        ("ARCHIVE@host:-1", "'-1' is no port"),
        ("ARCHIVE@host:dicom", "'dicom' is no port"),
        ("ARCHIVE@host:１０４", "is no port"),
    ],
)
def test_what_is_no_peer_is_told_why_and_how_one_looks(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as refused:
        parse_peer(text)
    assert "ARCHIVE@pacs.example:104" in str(refused.value)
