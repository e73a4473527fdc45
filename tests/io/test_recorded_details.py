"""What people look for in a recording: what was negotiated, and of which instance it is."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.io.test_recorded_sequence import spoil
from trio_dicom import (
    CMoveRequest,
    CommonExtendedNegotiation,
    ContextResult,
    CStoreRequest,
    CStoreResponse,
    Message,
    NActionRequest,
    NActionResponse,
    NCreateResponse,
    NEventReportRequest,
    NGetRequest,
    PresentationContext,
    QueryExtension,
    UserIdentity,
    UserIdentityType,
    propose,
)
from trio_dicom.lowlevel import (
    AssociationAccept,
    AssociationRequest,
    DataTransfer,
    PresentationDataValue,
    RoleSelection,
    encode_command,
)
from trio_dicom.recording import Record, RecordKind, Side, sequence
from trio_dicom.recording.summaries import Summaries
from trio_dicom.sop_classes import STORAGE_COMMITMENT, STUDY_ROOT_FIND, UPS_PUSH
from trio_dicom.testing import acceptance_of

UID = "1.2.3.9"
FIND = STUDY_ROOT_FIND.abstract_syntax
FIND_NAME = "Study Root Query/Retrieve Information Model - FIND"
PUSH = UPS_PUSH.abstract_syntax
COMMITMENT = STORAGE_COMMITMENT.abstract_syntax
REQUEST = propose(
    called_ae="ARCHIVE",
    contexts=[
        PresentationContext(FIND, ExplicitVRLittleEndian),
        PresentationContext(CTImageStorage, ExplicitVRLittleEndian, scu_role=False, scp_role=True),
    ],
    max_operations_invoked=3,
    user_identity=UserIdentity(
        identity_type=UserIdentityType.USERNAME_AND_PASSCODE, primary=b"joe", secondary=b"pa55word"
    ),
    extended=[QueryExtension(relational=True, fuzzy_names=True).item(FIND)],
    common_extended=[
        CommonExtendedNegotiation(
            sop_class_uid="1.2.840.1",
            service_class_uid="1.2.840.10008.4.2",
            related_general_sop_class_uids=("1.2.840.2", "1.2.840.3"),
        )
    ],
)


def record(kind: RecordKind, summary: dict[str, Any]) -> Record:
    """As it comes out of the file."""
    said = Record(time=0, association=1, by=Side.US, kind=kind, length=1, summary=summary)
    return Record.decode(said.encode())


def shown(pdu: AssociationRequest | AssociationAccept) -> list[str]:
    kind = RecordKind[pdu.pdu_type.name]
    return [" ".join(it.split()) for it in sequence([record(kind, Summaries().of(pdu))])]


def said(message: Message) -> str:
    command_set = encode_command(message, has_data_set=False)
    fragment = PresentationDataValue(context_id=3, is_command=True, is_last=True, data=command_set)
    summary = Summaries().of(DataTransfer((fragment,)))
    [line] = sequence([record(RecordKind.P_DATA_TF, summary)])
    words, _, _ = line.rpartition(", ")
    return " ".join(words.split()[3:])


def test_what_was_asked_of_single_sop_classes_stands_below_the_contexts() -> None:
    titles, *below = shown(REQUEST)
    assert titles == (
        "1 0.0000 > A-ASSOCIATE-RQ TRIO_DICOM to ARCHIVE, takes 131072 bytes, window 3/1, "
        "user identity: username and passcode, TRIO_DICOM_0_1"
    )
    assert below == [
        f"context 1: {FIND_NAME} in Explicit VR Little Endian",
        "context 3: CT Image Storage in Explicit VR Little Endian",
        "role, CT Image Storage: SCP",
        f"extended, {FIND_NAME}: 01000100",
        "common extended, 1.2.840.1: Storage Service Class, like 1.2.840.2, 1.2.840.3",
    ]


def test_what_became_of_it_stands_there_as_well() -> None:
    accept = acceptance_of(REQUEST, refuse={FIND: ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED})
    roles = [RoleSelection(sop_class_uid=CTImageStorage, scu=it, scp=it) for it in (True, False)]
    lines = shown(evolve(accept, user_information=(*accept.user_information, *roles)))
    assert "context 1: refused: transfer syntaxes not supported" in lines
    assert lines[-2:] == [
        "role, CT Image Storage: SCU and SCP",
        "role, CT Image Storage: none",
    ]


def test_no_secret_is_among_it() -> None:
    line = record(RecordKind.ASSOCIATE_RQ, Summaries().of(REQUEST)).encode()
    assert not {it for it in (b"joe", b"pa55word", b"pa55word".hex().encode()) if it in line}


MESSAGES: dict[str, Message] = {
    f"C-STORE-RQ message 7, CT Image Storage, context 3, instance {UID}, moved for MOVER, "
    "who asked in message 4": CStoreRequest(
        message_id=7,
        sop_class_uid=CTImageStorage,
        sop_instance_uid=UID,
        move_originator_ae="MOVER",
        move_originator_message_id=4,
    ),
    "C-MOVE-RQ message 7, 1.2.840, context 3, to INBOX": CMoveRequest(
        message_id=7, sop_class_uid="1.2.840", move_destination="INBOX"
    ),
    f"N-ACTION-RQ message 7, Unified Procedure Step - Push SOP Class, context 3, instance {UID}, "
    "action type 2": NActionRequest(
        message_id=7, sop_class_uid=PUSH, sop_instance_uid=UID, action_type_id=2
    ),
    "N-EVENT-REPORT-RQ message 7, Storage Commitment Push Model SOP Class, context 3, "
    f"instance {UID}, event type 1": NEventReportRequest(
        message_id=7, sop_class_uid=COMMITMENT, sop_instance_uid=UID, event_type_id=1
    ),
    "N-GET-RQ message 7, Unified Procedure Step - Push SOP Class, context 3, "
    f"instance {UID}, attributes 00741000 00100010": NGetRequest(
        message_id=7,
        sop_class_uid=PUSH,
        sop_instance_uid=UID,
        attribute_identifiers=["ProcedureStepState", "PatientName"],
    ),
    f"N-CREATE-RSP to message 7, 0000H (success), instance {UID}": NCreateResponse(
        status=0, message_id_being_responded_to=7, sop_instance_uid=UID
    ),
    "N-ACTION-RSP to message 7, 0000H (success), action type 2": NActionResponse(
        status=0, message_id_being_responded_to=7, action_type_id=2
    ),
    f"C-STORE-RSP to message 7, C000H (failure: cannot understand), instance {UID}, "
    "offending elements 00080018, error 12": CStoreResponse(
        status=0xC000,
        message_id_being_responded_to=7,
        sop_instance_uid=UID,
        offending_elements=["SOPInstanceUID"],
        error_id=12,
        error_comment="Doe^Jane",
    ),
}


@pytest.mark.parametrize(("words", "message"), MESSAGES.items(), ids=lambda it: str(it)[:10])
def test_a_message_says_what_it_is_about(words: str, message: Message) -> None:
    assert said(message) == words


def test_recordings_that_have_no_more_than_sop_classes_can_be_shown() -> None:
    old: dict[str, Any] = {"extended": [FIND], "common_extended": ["1.2.840.1"]}
    _, *lines = sequence([record(RecordKind.ASSOCIATE_RQ, old)])
    assert [" ".join(it.split()) for it in lines] == [
        f"extended, {FIND_NAME}",
        "common extended, 1.2.840.1",
    ]


def test_what_somebody_has_spoilt_is_told_in_words_or_is_of_no_matter() -> None:
    cases = refused = 0
    for spoilt in spoil(Summaries().of(REQUEST)):
        cases += 1
        try:
            list(sequence([record(RecordKind.ASSOCIATE_RQ, spoilt)]))
        except ValueError as error:
            assert "line 1: no A-ASSOCIATE-RQ" in str(error)  # noqa: PT017
            refused += 1
    print(f"{cases} summaries, {refused} refused")
