"""Fails every test in which the library says a secret or a patient, wherever it says it.

What must not be said is learned while a test runs: the secrets of each user identity that is made,
the private keys that are written, and all names of people and all about a patient in each data
element that comes to be. What is said is each line that the library logs at any level, with its
traceback, and the text of each of its errors. Connections have an instrument that logs everything,
as with -v.

Peers in the same process log with loggers of their own, and may. What a command prints because it
was asked to is no leak either: ``tests/cli/conftest.py`` looks for secrets in it, and for patients
in what goes to standard error.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Iterable
from functools import wraps
from pathlib import Path
from threading import Event
from typing import Any

import pydicom.data
import pytest
from attrs import define, field
from pydicom import dcmread
from pydicom.dataelem import DataElement

from trio_dicom import LoggingInstrument, TrioDicomError, UserIdentity, UserIdentityType
from trio_dicom._io.link import Link
from trio_dicom.lowlevel import UserIdentityAnswer

__all__ = ["KNOWN", "SAID", "Known", "Secrecy", "leaks", "register"]

# Connections of one test that log all there is to say. Tests with thousands repeat themselves.
_MOST = 20
# Shorter ones turn up by chance.
_LEAST = 5
_PATIENT = 0x0010  # the group in which all is about the patient
_WORDS = ("LO", "SH", "LT", "ST", "UT", "UC", "DA")


@define
class Known:
    """What must not be said, in all the ways in which it could be written.

    Attributes:
        secrets: Passwords, tickets, tokens and keys.
        people: Patients, and whoever else has a name.
    """

    secrets: set[str] = field(factory=set[str])
    people: set[str] = field(factory=set[str])

    def everything(self) -> set[str]:
        return self.secrets | self.people


KNOWN = Known()
"""What this test must not say."""
SAID: dict[str, None] = {}
"""What it has said, each line once."""

# What no test must say: patients in pydicom's files, and what modules make when imported.
_always = Known()
_is_testing = Event()
# Not one of those that everybody hears: a test finds no more in the log than it expects, and what
# is logged is not held for it.
_wire = logging.Logger("tests.secrecy.wire", logging.DEBUG)  # noqa: LOG001


def register(it: str | bytes, *, is_person: bool = False) -> None:
    """Add what must not be said from now on: in this test, or in all if none is running."""
    known = KNOWN if _is_testing.is_set() else _always
    (known.people if is_person else known.secrets).update(_spellings(it))


def _spellings(it: str | bytes) -> Iterable[str]:
    data = it if isinstance(it, bytes) else it.encode(errors="surrogatepass")
    if len(data) >= _LEAST:
        text = data.decode(errors="replace")
        yield from (text, text.encode("unicode_escape").decode(), repr(data)[2:-1], data.hex())


def leaks(text: str, known: Iterable[str] | None = None) -> list[str]:
    """What of that is in ``text``, as a word of its own.

    Args:
        text: What was said.
        known: What must not be; None for all that this test knows.
    """
    known = KNOWN.everything() if known is None else known
    return [it for it in known if it in text and _is_word(it, text)]


def _is_word(it: str, text: str) -> bool:
    # In the representation of bytes what stands before it may be escaped: b"\x00Doe".
    begins = r"(?:(?<![0-9A-Za-z])|(?<=\\x[0-9a-f][0-9a-f])|(?<=\\[nrt]))"
    return re.search(rf"{begins}{re.escape(it)}(?![0-9A-Za-z])", text) is not None


class _Listening(logging.Handler):
    """Keeps what is logged, as it would be written to a file."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)

    def emit(self, record: logging.LogRecord) -> None:
        SAID[f"{record.name}: {self.format(record)}"] = None


@define(eq=False)
class _Both:
    """Two instruments as one."""

    first: Any
    second: Any

    def __getattr__(self, name: str) -> Callable[..., None]:
        first, second = getattr(self.first, name), getattr(self.second, name, None)
        if second is None:  # ours has what every instrument has, and no more
            return first  # type: ignore[no-any-return]

        def call(*arguments: Any) -> None:
            first(*arguments)
            second(*arguments)

        return call


def _after(owner: type, tell: Callable[[Any], None]) -> None:
    """Tell of every instance of ``owner`` that is made."""
    original = owner.__dict__["__init__"]

    @wraps(original)
    def init(self: Any, *arguments: Any, **fields: Any) -> None:
        original(self, *arguments, **fields)
        tell(self)

    owner.__init__ = init  # type: ignore[misc]


def _learn_identity(identity: UserIdentity) -> None:
    kind = identity.identity_type
    register(identity.secondary)
    if kind not in (UserIdentityType.USERNAME, UserIdentityType.USERNAME_AND_PASSCODE):
        register(identity.primary)


def _learn_element(element: DataElement) -> None:
    if element.VR == "PN" or (element.tag.group == _PATIENT and element.VR in _WORDS):
        for value in element.value if element.VM > 1 else [element.value]:
            register(str(value), is_person=True)


def _learn_files() -> None:
    folder = Path(pydicom.data.__file__).parent / "test_files"
    for name in ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "rtplan.dcm", "image_dfl.dcm"):
        for element in dcmread(folder / name, specific_tags=["PatientName", "PatientID"]):
            _learn_element(element)


def _error_init(self: TrioDicomError, *arguments: object) -> None:
    super(TrioDicomError, self).__init__(*arguments)
    SAID[f"{type(self).__name__}: {self}"] = None


@define(eq=False)
class Secrecy:
    """The plugin.

    Attributes:
        connections: How many this test has made.
    """

    connections: int = 0

    def pytest_sessionstart(self) -> None:
        _after(UserIdentity, _learn_identity)
        _after(UserIdentityAnswer, lambda it: register(it.server_response))
        _after(DataElement, _learn_element)
        _learn_files()
        TrioDicomError.__init__ = _error_init  # type: ignore[method-assign]
        create: Callable[..., Link] = Link.create.__func__  # type: ignore[attr-defined]

        def watched(
            cls: type[Link], network: Any, options: Any, handler: Any, instrument: Any, *more: Any
        ) -> Link:
            self.connections += 1
            if self.connections <= _MOST:
                ours = LoggingInstrument(_wire)
                instrument = ours if instrument is None else _Both(instrument, ours)
            return create(cls, network, options, handler, instrument, *more)

        Link.create = classmethod(watched)  # type: ignore[assignment]
        listening = _Listening()
        for logger in (_wire, logging.getLogger("trio_dicom"), logging.getLogger("pydicom")):
            logger.addHandler(listening)
            logger.setLevel(logging.DEBUG)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        KNOWN.secrets, KNOWN.people = set(_always.secrets), set(_always.people)
        SAID.clear()
        self.connections = 0
        _is_testing.set()
        try:
            return (yield)
        finally:
            _is_testing.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        result = yield
        for line in SAID:
            if found := leaks(line):
                pytest.fail(f"the library says {found} in {line!r}", pytrace=False)
        return result
