"""What the library holds of patients and secrets, no text of it shows."""

from __future__ import annotations

import gc
import importlib
import inspect
import logging
import pkgutil
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from pydicom import DataElement, Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from trio.testing import wait_all_tasks_blocked

import trio_dicom
from tests import secrecy
from tests.interop.certificates import make_certificates
from tests.io.talking import CT_ID, find_request, patient, talking
from tests.operations.calling import CONTEXTS, receiving
from tests.operations.getting import c_store, ct, pdus_of
from trio_dicom import (
    CFindResponse,
    ConnectionOptions,
    CStoreRequest,
    EncodedDataSet,
    TrioDicomError,
    UserIdentity,
    jwt,
    kerberos,
    propose,
    response_to,
    saml,
    username_and_passcode,
    wrap_stream,
)
from trio_dicom._protocol.identity import carries_secret
from trio_dicom.lowlevel import AssociationAccept, NotConvertible, encode_data_set
from trio_dicom.testing import ScriptedPeer, memory_link, message_bytes

NAME, ID, PASSCODE = "Sentinel^Person^Of^Many^Parts", "SENTINEL-4711", "sentinel-passcode"
SENTINELS = (NAME, ID, PASSCODE, "Sentinel")

IDENTITIES = (
    username_and_passcode("somebody", PASSCODE),
    kerberos(PASSCODE.encode()),
    saml(PASSCODE),
    jwt(PASSCODE),
)


def classes() -> Iterator[type]:
    """Every class of the package, once."""
    for module in pkgutil.walk_packages(trio_dicom.__path__, "trio_dicom."):
        if module.name != "trio_dicom.__main__":
            for it in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(it) and it.__module__ == module.name:
                    yield it


_HOLDS = re.compile(r"\b(bytes|bytearray|Bytes|\w*Dataset|MessageData)\b")
# What it shows is neither a patient nor a secret.
HARMLESS = {("ExtendedNegotiation", "application_information"), ("FileSource", "_padding")}


def test_no_class_shows_a_field_with_bytes_or_a_data_set() -> None:
    shown, count = set[tuple[str, str]](), 0
    for it in filter(attrs.has, classes()):
        for field in attrs.fields(it):
            count += 1
            holds = re.search(
                r"\b(bytes|bytearray|Bytes|\w*Dataset|MessageData)\b", str(field.type)
            )
            if holds and field.repr is True and "Callable" not in str(field.type):
                shown.add((it.__name__, field.name))
    assert shown == HARMLESS
    sys.stdout.write(f"{count} fields\n")


def say_nothing(found: Counter[str]) -> None:
    """Look at every object of ours that there is at this moment."""
    for it in gc.get_objects():
        if str(type(it).__module__).startswith("trio_dicom"):
            for text in (repr(it), str(it), f"{it}"):
                assert not secrecy.leaks(text, SENTINELS), type(it)
            found[type(it).__name__] += 1


def somebody(**more: Any) -> EncodedDataSet:
    """An instance of the patient, long enough to be cut."""
    return ct(size=20_000, PatientName=NAME, PatientID=ID, **more)


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


async def test_no_object_in_the_middle_of_a_conversation_shows_what_it_holds() -> None:
    found = Counter[str]()
    # A request whose message is stuck, and answers that wait or have come by half.
    request = CStoreRequest(
        sop_class_uid=CONTEXTS[1].abstract_syntax, sop_instance_uid="1.2.3", data_set=somebody()
    )
    async with talking(window=2) as (connection, peer), trio.open_nursery() as nursery:
        async with connection.open_request(find_request(NAME)) as responses:
            asked = await peer.receive_message()
            answer = response_to(asked, 0xFF00, data_set=patient(NAME))
            assert isinstance(answer, CFindResponse)
            await peer.send_message(answer)
            await peer.send_message(answer)
            whole = message_bytes(
                answer,
                context_id=peer.last_context_id,
                transfer_syntax=ExplicitVRLittleEndian,
                max_fragment=16,
            )
            await peer.send_bytes(whole[:-3])  # the name is there, but for its end
            await wait_all_tasks_blocked()
            say_nothing(found)
            match = await responses.receive()
            assert match.decoded_data_set().PatientName == NAME
            say_nothing(found)
        nursery.cancel_scope.cancel()
        await peer.aclose()
    async with talking(capacity=5_000) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(connection.send_request, request)
        nursery.start_soon(connection.send_request, find_request(NAME))
        await wait_all_tasks_blocked()
        say_nothing(found)
        nursery.cancel_scope.cancel()
        await peer.aclose()
    # A receiver that has got half an instance, of a peer that says who it is.
    async with receiving() as receiver, trio.open_nursery() as nursery:
        ours, theirs = memory_link()
        nursery.start_soon(receiver.serve, theirs)
        caller = ScriptedPeer(ours)
        await caller.send(propose(contexts=CONTEXTS, user_identity=IDENTITIES[0]))
        await caller.expect(AssociationAccept)
        pdus = pdus_of(c_store("1.2.3", 1, data_set=somebody()), 8_192, context_id=CT_ID)
        await caller.send_bytes(b"".join(pdus[:-1]) + half(pdus[-1]))
        await wait_all_tasks_blocked()
        say_nothing(found)
        ours.close()
    ours_to_see = {
        *("Link", "Sender", "Listener", "PendingRequest", "PDUBuffer", "MessageAssembler"),
        *("CFindResponse", "CStoreRequest", "Receiver", "Guest", "UserIdentity"),
    }
    assert ours_to_see <= found.keys()
    sys.stdout.write(f"{found.total()} objects of {len(found)} classes\n")


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda it: it.identity_type.name)
async def test_a_secret_shows_in_no_text_of_a_connection_that_sends_it(
    identity: UserIdentity,
) -> None:
    assert carries_secret(identity)
    found = Counter[str]()
    request = propose(contexts=CONTEXTS, user_identity=identity)
    ours, theirs = memory_link(capacity=100)
    with pytest.raises(TrioDicomError) as refused:
        async with wrap_stream(ours) as connection:
            await connection.send_association_request(request)
    said(refused.value)
    ours, theirs = memory_link(capacity=100)
    options = ConnectionOptions(allow_plain_password=True)
    async with trio.open_nursery() as nursery, wrap_stream(ours, options=options) as connection:
        nursery.start_soon(stubbornly, connection, request)
        await wait_all_tasks_blocked()
        say_nothing(found)
        theirs.reset()
    assert found["AssociationRequest"]


async def stubbornly(connection: Any, request: Any) -> None:
    with pytest.raises(TrioDicomError) as ended:
        await connection.send_association_request(request)
    said(ended.value)


def said(error: BaseException) -> None:
    """An error and its traceback, as a program would log it."""
    lines = traceback.format_exception(error)
    # The lines of the program itself are not ours.
    text = "".join(it for it in lines if not it.lstrip().startswith("File"))
    for it in (str(error), repr(error), text):
        assert not secrecy.leaks(it, SENTINELS)


VRS = (
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF"),
    *("OL", "OV", "OW", "PN", "SH", "SL", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN"),
    *("UR", "US", "UT", "UV"),
)
VALUES: tuple[object, ...] = (
    *(NAME, [NAME, NAME], {"name": NAME}, NAME.encode(), f"{NAME}\u65e5", f"{NAME}\ud800"),
    *(1.5, -1, 2**70, object()),
)


def misfit(tag: int, vr: str, value: object) -> Dataset:
    """A data set with an element that holds anything."""
    data_set = patient(NAME)
    element = DataElement(tag, "UN", b"")
    element.VR, element._value = vr, value
    data_set._dict[element.tag] = element
    return data_set


@pytest.mark.filterwarnings("ignore")
def test_no_error_about_a_data_set_shows_what_is_in_it() -> None:
    cases, errors = 0, Counter[str]()
    for vr in VRS:
        for value in VALUES:
            for tag in (0x0010_1000, 0x0009_1001):
                data_set = misfit(tag, vr, value)
                for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian):
                    cases += 1
                    try:
                        encode_data_set(data_set, syntax)
                    except (TrioDicomError, NotConvertible) as error:
                        errors[type(error).__name__] += 1
                        said(error)
    assert errors.total() > 100
    sys.stdout.write(f"{cases} data sets, {errors.total()} errors\n")


def test_no_error_about_bytes_shows_them() -> None:
    """Whatever is cut off or changed in the middle of what a peer sends."""
    whole = bytes(somebody(OtherPatientIDsSequence=[patient(NAME)]).data)[:400]
    cases, errors = 0, Counter[str]()
    for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        for at in range(len(whole)):
            for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :]):
                cases += 1
                try:
                    EncodedDataSet(data, syntax).decode()
                except TrioDicomError as error:
                    errors[type(error).__name__] += 1
                    said(error)
    assert errors.total() > 100
    sys.stdout.write(f"{cases} data sets, {errors.total()} errors\n")


def test_every_class_of_error_is_heard_by_the_test_suite() -> None:
    """What ``tests.secrecy`` reads of each error is what its constructor makes of it."""
    errors = [it for it in classes() if issubclass(it, TrioDicomError)]
    for it in errors:
        assert TrioDicomError.__init__ in {base.__dict__.get("__init__") for base in it.__mro__}
    assert len(errors) >= 20
    sys.stdout.write(f"{len(errors)} classes of errors\n")


# --- the plugin itself ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"sent {NAME} away",
        f"({NAME!r},)",
        f"{NAME.encode()!r}",
        f"bytes {NAME.encode().hex()} came",
        f"{b'PN' + bytes(2) + NAME.encode() + bytes(2)!r}",
        f"{[NAME.encode() + bytes(1)]}",
        f"{NAME}\n",
    ],
)
def test_a_name_is_found_however_it_is_written(text: str) -> None:
    secrecy.register(NAME, is_person=True)
    assert secrecy.leaks(text)


@pytest.mark.parametrize("text", ["", "Sentinel", f"x{NAME}", f"{NAME}s", NAME.upper()])
def test_what_only_looks_like_a_name_is_none(text: str) -> None:
    secrecy.register(NAME, is_person=True)
    assert not secrecy.leaks(text)


def test_the_suite_learns_what_must_not_be_said(tmp_path: Path) -> None:
    known = secrecy.KNOWN
    assert PASSCODE in known.secrets  # of the identities of this module
    assert "CompressedSamples^CT1" in known.people  # of pydicom's files
    username_and_passcode("somebody", "another-passcode")
    patient("Doe^Jane").PatientID = "4711-0815"
    make_certificates(tmp_path)
    assert "another-passcode" in known.secrets
    assert {"Doe^Jane", "4711-0815"} <= known.people
    assert (tmp_path / "client.key").read_text().splitlines()[1] in known.secrets


@pytest.mark.parametrize("name", ["trio_dicom", "trio_dicom.wire", "pydicom"])
def test_the_suite_hears_what_is_logged_at_any_level(name: str) -> None:
    for level in (logging.DEBUG, logging.ERROR):
        logging.getLogger(name).log(level, "heard at %d", level)
        assert any(f"heard at {level}" in line for line in secrecy.SAID)


def test_the_suite_hears_tracebacks_and_errors_that_are_raised() -> None:
    try:
        raise trio_dicom.LocalProtocolError("an error that nobody logs")
    except TrioDicomError:
        logging.getLogger("trio_dicom").exception("what went wrong")
    heard = "\n".join(secrecy.SAID)
    assert "LocalProtocolError: an error that nobody logs" in heard
    assert "Traceback" in heard
