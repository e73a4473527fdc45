"""Which context a request goes out on."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from tests.protocol.builders import (
    BIG_ENDIAN,
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    STUDY_FIND,
    VERIFICATION,
    context,
)
from trio_dicom._dimse.c_messages import CEchoRequest, CFindRequest, CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.n_messages import (
    NActionRequest,
    NCreateRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
)
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.selection import select_context
from trio_dicom.errors import NoAcceptedContext

COMMITMENT = "1.2.840.10008.1.20.1"
DEFLATED = "1.2.840.10008.1.2.1.99"


def store(transfer_syntax: str) -> CStoreRequest:
    data = EncodedDataSet(b"\x08\0\x18\0UI\x02\x001\0", UID(transfer_syntax))
    return CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=data)


def chosen(request: CStoreRequest, *transfer_syntaxes: str | None) -> int:
    contexts = [
        context(2 * number + 1, CT, syntax) for number, syntax in enumerate(transfer_syntaxes)
    ]
    return select_context(contexts, request).context_id


def test_a_request_goes_out_on_a_context_of_its_class() -> None:
    contexts = [context(1, CT, EXPLICIT), context(3, VERIFICATION, IMPLICIT)]
    assert select_context(contexts, CEchoRequest()) is contexts[1]


@pytest.mark.scenario("B12", "B15")
@pytest.mark.pitfall(9)
def test_data_go_out_in_their_own_syntax_when_it_was_accepted() -> None:
    syntaxes = (EXPLICIT, JPEG_LOSSLESS, JPEG_BASELINE, BIG_ENDIAN)
    for number, syntax in enumerate(syntaxes):
        assert chosen(store(syntax), *syntaxes) == 2 * number + 1


@pytest.mark.scenario("B16")
def test_else_in_one_into_which_they_can_be_turned() -> None:
    assert chosen(store(IMPLICIT), None, JPEG_BASELINE, EXPLICIT) == 5
    assert chosen(store(EXPLICIT), IMPLICIT, DEFLATED) == 1
    assert chosen(store(BIG_ENDIAN), JPEG_BASELINE, DEFLATED) == 3


@pytest.mark.scenario("B16")
def test_big_endian_is_the_last_resort() -> None:
    assert chosen(store(EXPLICIT), BIG_ENDIAN, IMPLICIT) == 3
    assert chosen(store(EXPLICIT), BIG_ENDIAN) == 1


@pytest.mark.scenario("B16")
@pytest.mark.pitfall(9)
@pytest.mark.parametrize(
    "source, offered", [(JPEG_BASELINE, EXPLICIT), (EXPLICIT, JPEG_BASELINE), ("1.2.3", IMPLICIT)]
)
def test_what_needs_a_codec_has_no_context(source: str, offered: str) -> None:
    with pytest.raises(NoAcceptedContext):
        chosen(store(source), offered, None)


def test_a_data_set_built_by_the_caller_goes_out_in_any_syntax_but_rather_a_native_one() -> None:
    query = CFindRequest(sop_class_uid=STUDY_FIND, data_set=Dataset())
    jpeg, big = context(1, STUDY_FIND, JPEG_BASELINE), context(3, STUDY_FIND, BIG_ENDIAN)
    implicit = context(5, STUDY_FIND, IMPLICIT)
    assert select_context([jpeg, big, implicit], query) is implicit
    assert select_context([jpeg, big], query) is big
    assert select_context([jpeg], query) is jpeg


def test_a_data_set_with_pixel_data_knows_its_syntax() -> None:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = UID(JPEG_BASELINE)
    image.PixelData = b"\0\0"
    request = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=image)
    assert chosen(request, EXPLICIT, JPEG_BASELINE) == 3
    with pytest.raises(NoAcceptedContext):
        chosen(request, EXPLICIT)


@pytest.mark.scenario("B18")
@pytest.mark.parametrize(
    "sop_class, meta",
    [
        ("1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.9"),
        ("1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.18"),
        ("1.2.840.10008.5.1.1.2", "1.2.840.10008.5.1.1.9"),
        ("1.2.840.10008.5.1.1.2", "1.2.840.10008.5.1.1.18"),
        ("1.2.840.10008.5.1.1.4", "1.2.840.10008.5.1.1.9"),
        ("1.2.840.10008.5.1.1.4.1", "1.2.840.10008.5.1.1.18"),
        ("1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.9"),
        ("1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.18"),
    ],
)
def test_a_meta_sop_class_stands_for_the_print_classes(sop_class: str, meta: str) -> None:
    request = NCreateRequest(sop_class_uid=sop_class, data_set=Dataset())
    on_meta, exact = context(1, meta, IMPLICIT), context(3, sop_class, EXPLICIT)
    assert select_context([on_meta], request) is on_meta
    assert select_context([on_meta, exact], request) is exact
    assert select_context([on_meta, context(3, sop_class, None)], request) is on_meta


@pytest.mark.scenario("B18")
def test_the_wrong_meta_sop_class_stands_for_nothing() -> None:
    request = NSetRequest(sop_class_uid="1.2.840.10008.5.1.1.4", sop_instance_uid="1.2")
    with pytest.raises(NoAcceptedContext):
        select_context([context(1, "1.2.840.10008.5.1.1.18", IMPLICIT)], request)


@pytest.mark.scenario("B18")
@pytest.mark.parametrize("last", [2, 3, 4, 5])
def test_any_ups_context_carries_requests_about_ups_push(last: int) -> None:
    root = "1.2.840.10008.5.1.4.34.6."
    request = NGetRequest(sop_class_uid=f"{root}1", sop_instance_uid="1.2")
    other, push = context(1, f"{root}{last}", EXPLICIT), context(3, f"{root}1", EXPLICIT)
    assert select_context([other], request) is other
    assert select_context([other, push], request) is push
    with pytest.raises(NoAcceptedContext):
        select_context([push], NGetRequest(sop_class_uid=f"{root}{last}", sop_instance_uid="1"))


@pytest.mark.scenario("B21")
def test_the_roles_decide_who_may_ask() -> None:
    action = NActionRequest(sop_class_uid=COMMITMENT, sop_instance_uid="1.2", action_type_id=1)
    report = NEventReportRequest(sop_class_uid=COMMITMENT, sop_instance_uid="1.2", event_type_id=1)
    user, provider = (
        context(1, COMMITMENT, EXPLICIT),
        context(3, COMMITMENT, EXPLICIT, as_scu=False, as_scp=True),
    )
    assert select_context([provider, user], action) is user
    assert select_context([user, provider], report) is provider
    assert select_context([user, provider], action, as_scp=True) is provider
    with pytest.raises(NoAcceptedContext):
        select_context([provider], action)
    with pytest.raises(NoAcceptedContext, match=r"as its provider \(SCP\)"):
        select_context([user], report)


@pytest.mark.scenario("B18")
def test_no_context_says_what_was_wanted_proposed_and_accepted() -> None:
    contexts: list[NegotiatedContext] = [
        context(1, CT, None),
        context(3, VERIFICATION, EXPLICIT),
        context(5, STUDY_FIND, IMPLICIT, as_scp=True),
        context(7, "1.2.3", IMPLICIT, as_scu=False, as_scp=True),
        context(9, "1.2.4", IMPLICIT, as_scu=False, as_scp=False),
    ]
    with pytest.raises(NoAcceptedContext) as caught:
        select_context(contexts, store(JPEG_BASELINE))
    error = caught.value
    assert error.wanted == "CT Image Storage in JPEG Baseline (Process 1)"
    assert error.proposed == ("CT Image Storage in Explicit VR Little Endian (user rejection)",)
    verification, find, provided, none = error.accepted
    assert verification == "Verification SOP Class in Explicit VR Little Endian"
    assert find.endswith("as user or provider")
    assert provided == "1.2.3 in Implicit VR Little Endian as provider only"
    assert none == "1.2.4 in Implicit VR Little Endian in no role"
    with pytest.raises(
        NoAcceptedContext, match=r"Verification SOP Class: .* .proposed none for it"
    ):
        select_context([], CEchoRequest())


def test_the_error_says_first_what_to_do_and_names_few_of_many_contexts() -> None:
    contexts = [context(number, f"1.2.{number}", EXPLICIT) for number in range(1, 201, 2)]
    contexts.append(context(201, CT, EXPLICIT))
    with pytest.raises(NoAcceptedContext) as caught:
        select_context(contexts, store(JPEG_BASELINE))
    assert str(caught.value) == (
        "no accepted presentation context for CT Image Storage in JPEG Baseline (Process 1): "
        "propose one for this SOP class and transfer syntax, or have the peer configured to "
        "accept it (proposed CT Image Storage in Explicit VR Little Endian; accepted CT Image "
        "Storage in Explicit VR Little Endian; 1.2.1 in Explicit VR Little Endian; "
        "1.2.3 in Explicit VR Little Endian; 1.2.5 in Explicit VR Little Endian; and 97 more)"
    )
    assert len(caught.value.accepted) == 101
