"""What a script expects, and how it says that something else came."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import ANY

import pytest
from attrs import evolve
from pydicom import DataElement, Dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from trio_dicom import (
    AbortSource,
    CFindRequest,
    CFindResponse,
    CStoreRequest,
    EncodedDataSet,
    PresentationContext,
    UserIdentity,
    UserIdentityType,
    propose,
)
from trio_dicom.lowlevel import Abort, UnknownItem, encode_data_set
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION
from trio_dicom.testing import ScriptedPeer, scripted_peer
from trio_dicom.testing.expecting import differences

STUDY_ROOT = STUDY_ROOT_FIND.abstract_syntax


def dataset(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def query() -> Dataset:
    step = Dataset()
    step.Modality = "CT"
    step.ScheduledStationAETitle = ""
    data_set = Dataset()
    data_set.PatientID = "4711"
    data_set.PatientName = "Doe^Jane"
    data_set.StudyDate = ""
    data_set.ModalitiesInStudy = ["CT", "MR"]
    data_set.SeriesNumber = 3
    data_set.InstanceNumber = None
    data_set.ScheduledProcedureStepSequence = [step]
    data_set.ReferencedStudySequence = []
    return data_set


FITTING: dict[str, object] = {
    "a value": {"PatientID": "4711"},
    "a number": {"SeriesNumber": 3},
    "an empty value": {"StudyDate": ""},
    "an empty number": {"InstanceNumber": ""},
    "several values": {"ModalitiesInStudy": ["CT", "MR"]},
    "the only one of several values": {"PatientID": ["4711"], "SeriesNumber": (3,)},
    "an empty sequence": {"ReferencedStudySequence": ""},
    "a sequence of no items": {"ReferencedStudySequence": []},
    "none of several values": {"StudyDate": [], "InstanceNumber": ()},
    "an item of a sequence": {"ScheduledProcedureStepSequence": [{"Modality": "CT"}]},
    "what is not there": {"AccessionNumber": None},
    "a function": {"PatientID": str.isdecimal},
    "a matcher of somebody else": {"PatientID": ANY},
    "a tag": {0x0010_0020: "4711", (0x0020, 0x0011): 3},
    "all of it": query(),
    "nothing": {},
}


@pytest.mark.parametrize("expected", FITTING.values(), ids=FITTING)
def test_what_fits_differs_in_nothing(expected: object) -> None:
    message = CFindRequest(sop_class_uid=STUDY_ROOT, data_set=query())
    assert differences({"data_set": expected}, message) == []
    encoded = EncodedDataSet(
        encode_data_set(query(), ImplicitVRLittleEndian), ImplicitVRLittleEndian
    )
    assert differences({"data_set": expected}, message.with_data_set(encoded)) == []


DIFFERENT: dict[str, tuple[object, list[str]]] = {
    "a value": ({"PatientID": "1"}, ["data_set.PatientID: expected '1', but got '4711'"]),
    "an empty value": ({"PatientID": ""}, ["data_set.PatientID: expected '', but got '4711'"]),
    "what is not there": (
        {"AccessionNumber": "7"},
        ["data_set.AccessionNumber: expected '7', but it is not there"],
    ),
    "what should not be": (
        {"PatientID": None},
        ["data_set.PatientID: expected none, but got '4711'"],
    ),
    "one of several values": (
        {"ModalitiesInStudy": ["CT", "US"]},
        ["data_set.ModalitiesInStudy[1]: expected 'US', but got 'MR'"],
    ),
    "how many there are": (
        {"ModalitiesInStudy": ["CT"], "ScheduledProcedureStepSequence": []},
        [
            "data_set.ModalitiesInStudy: expected 1 of them, but got 2",
            "data_set.ScheduledProcedureStepSequence: expected 0 of them, but got 1",
        ],
    ),
    "the only one of several values": (
        {"PatientID": ["1"], "SeriesNumber": [4]},
        [
            "data_set.PatientID[0]: expected '1', but got '4711'",
            "data_set.SeriesNumber[0]: expected 4, but got '3'",
        ],
    ),
    "one value of two": (
        {"PatientID": ["4711", "1"], "StudyDate": ["20260101"]},
        [
            "data_set.PatientID: expected 2 of them, but got 1",
            "data_set.StudyDate: expected 1 of them, but got 0",
        ],
    ),
    "an empty sequence": (
        {"ScheduledProcedureStepSequence": ""},
        ["data_set.ScheduledProcedureStepSequence: expected '', but got <Sequence, length 1>"],
    ),
    "an item": (
        {"ScheduledProcedureStepSequence": [{"Modality": "US"}]},
        ["data_set.ScheduledProcedureStepSequence[0].Modality: expected 'US', but got 'CT'"],
    ),
    "a function": (
        {"PatientID": str.isalpha},
        ["data_set.PatientID: expected that isalpha says yes, but got '4711'"],
    ),
}


@pytest.mark.parametrize(("expected", "lines"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_told_element_by_element(expected: object, lines: list[str]) -> None:
    message = CFindRequest(sop_class_uid=STUDY_ROOT, data_set=query())
    assert differences({"data_set": expected}, message) == lines


def test_of_a_whole_data_set_what_is_there_too_is_named_without_its_value() -> None:
    expected = query()
    del expected.PatientName
    expected.SeriesNumber = 4
    message = CFindRequest(sop_class_uid=STUDY_ROOT, data_set=query())
    assert differences({"data_set": expected}, message) == [
        "data_set.SeriesNumber: expected '4', but got '3'",
        "data_set: PatientName is there, too",
    ]


def test_a_data_set_that_did_not_come_is_missed() -> None:
    response = CFindResponse(status=0, message_id_being_responded_to=1)
    for expected in ({"PatientID": "1"}, query()):
        assert differences({"data_set": expected}, response) == [
            "data_set: expected a data set, but got None"
        ]


def test_uids_are_shown_with_their_names_and_statuses_as_the_standard_writes_them() -> None:
    request = CStoreRequest(sop_class_uid=CTImageStorage, sop_instance_uid="1.2", data_set=query())
    [line] = differences({"sop_class_uid": MRImageStorage}, request)
    assert line == (
        f"sop_class_uid: expected '{MRImageStorage}' (MR Image Storage), but got "
        f"'{CTImageStorage}' (CT Image Storage)"
    )
    response = CFindResponse(status=0xC001, message_id_being_responded_to=1)
    assert differences({"status": 0xC001}, response) == []
    assert differences({"status": 0}, response) == ["status: expected '0000H', but got 'C001H'"]


def test_long_values_are_cut() -> None:
    data_set = Dataset()
    data_set.TextValue = "x" * 5000
    [line] = differences({"TextValue": "y" * 5000}, data_set)
    assert len(line) < 400


def test_values_that_look_alike_when_they_are_cut_are_told_apart() -> None:
    long = "x" * 5000
    [line] = differences({"TextValue": f"{long}y{long}"}, dataset(TextValue=f"{long}z{long}"))
    assert line.endswith("but got another like it")
    [line] = differences({"PixelData": bytes(50)}, dataset(PixelData=bytes(49) + b"1"))
    assert line == "PixelData: expected 50 bytes, but got another like it"


def test_a_whole_data_set_is_compared_to_the_bottom() -> None:
    expected = query()
    expected.ScheduledProcedureStepSequence[0].Modality = "US"
    expected.ModalitiesInStudy[1] = "PT"
    assert differences(expected, query(), "data_set") == [
        "data_set.ModalitiesInStudy[1]: expected 'PT', but got 'MR'",
        "data_set.ScheduledProcedureStepSequence[0].Modality: expected 'US', but got 'CT'",
    ]


def test_of_a_whole_data_set_each_vr_counts_where_both_are_known() -> None:
    names, pixels = query(), query()
    names[0x0010_0010] = DataElement(0x0010_0010, "LO", "Doe^Jane")
    assert differences(query(), names, "data_set") == [
        "data_set.PatientName: expected the VR PN, but got LO"
    ]
    assert differences({"PatientName": "Doe^Jane"}, names) == []  # who names values, names no VR
    pixels.PixelData = bytes(2)
    pixels.PixelPaddingValue = 1  # "US or SS" until it is known whether pixels have signs
    encoded = EncodedDataSet(
        encode_data_set(pixels, ExplicitVRLittleEndian), ExplicitVRLittleEndian
    )
    assert encoded.decode()["PixelPaddingValue"].VR == "US"
    assert differences(pixels, encoded, "data_set") == []


def test_of_a_whole_value_each_field_is_compared() -> None:
    [context] = propose(contexts=[VERIFICATION]).contexts
    first, *rest = context.transfer_syntaxes
    assert rest
    assert differences({"contexts": [context, ANY]}, REQUEST) == []
    other = evolve(context, context_id=3, transfer_syntaxes=(first,))
    assert differences({"contexts": [other, ANY]}, REQUEST) == [
        "contexts[0].context_id: expected 3, but got 1",
        f"contexts[0].transfer_syntaxes: expected 1 of them, but got {1 + len(rest)}",
    ]
    response = CFindResponse(status=0xC001, message_id_being_responded_to=1)
    assert differences(evolve(response, status=0xA700), response) == [
        "status: expected 'A700H', but got 'C001H'"
    ]


def test_of_a_whole_value_what_its_words_hide_is_not_shown() -> None:
    kind = UserIdentityType.USERNAME_AND_PASSCODE
    identity = UserIdentity(identity_type=kind, primary=b"joe", secondary=b"pa55word")
    item = UnknownItem(0x5A, b"pa55word")
    assert differences(
        [identity, item], [evolve(identity, secondary=b"S"), evolve(item, data=b"S")], "items"
    ) == [
        "items[0].secondary: expected what is not shown, but got what is not shown",
        "items[1].data: expected <8 bytes>, but got <1 bytes>",
    ]


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        (
            {"sop_klass": "1"},
            TypeError,
            "CFindRequest has no sop_klass; it has data_set, sop_class_uid",
        ),
        ({"data_set": {"PatientsName": ""}}, ValueError, "PatientsName"),
    ],
)
def test_what_no_message_has_is_a_mistake_of_the_script(
    fields: dict[str, Any], error: type[Exception], words: str
) -> None:
    message = CFindRequest(sop_class_uid=STUDY_ROOT, data_set=query())
    with pytest.raises(error, match=words):
        differences(fields, message)


REQUEST = propose(
    called_ae="PACS",
    calling_ae="US",
    contexts=[VERIFICATION, PresentationContext(CTImageStorage)],
)


async def test_the_fields_of_a_pdu_are_expected_like_those_of_a_message() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(REQUEST.encode() * 2)
        await peer.expect(
            type(REQUEST),
            called_ae="PACS",
            contexts=[{"context_id": 1}, {"abstract_syntax": CTImageStorage}],
        )
        with pytest.raises(AssertionError) as different:
            await peer.expect(
                type(REQUEST), called_ae="OTHER", contexts=[{"context_id": 1}, {"context_id": 5}]
            )
    assert str(different.value).splitlines() == [
        "AssociationRequest is not what was expected:",
        "  called_ae: expected 'OTHER', but got 'PACS'",
        "  contexts[1].context_id: expected 5, but got 3",
    ]


async def test_a_message_that_differs_tells_all_that_does_and_no_more() -> None:
    async with scripted_peer() as (stream, peer):
        client = ScriptedPeer(stream)
        await client.send(REQUEST)
        await peer.accept(transfer_syntaxes=[ImplicitVRLittleEndian])
        for _ in range(2):
            await client.send_message(
                CFindRequest(message_id=7, sop_class_uid=STUDY_ROOT, data_set=query()), context_id=1
            )
        await peer.expect_message(CFindRequest, message_id=7, data_set={"PatientID": "4711"})
        with pytest.raises(AssertionError) as different:
            await peer.expect_message(CFindRequest, message_id=8, data_set={"PatientID": "1"})
    assert str(different.value).splitlines() == [
        "CFindRequest is not what was expected:",
        "  message_id: expected 8, but got 7",
        "  data_set.PatientID: expected '1', but got '4711'",
    ]
    assert not re.search("Doe|StudyDate", str(different.value))


async def test_an_abort_is_expected_with_its_source() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(Abort(AbortSource.PROVIDER).encode())
        with pytest.raises(AssertionError, match=r"source: expected .*USER.*, but got .*PROVIDER"):
            await peer.expect(Abort, source=AbortSource.USER)
