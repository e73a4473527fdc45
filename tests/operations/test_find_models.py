"""Which information model a query asks, and at which level."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

import pytest
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from tests.operations.finding import finding, study_query
from trio_dicom import (
    Association,
    CEchoRequest,
    CFindRequest,
    LocalProtocolError,
    NegotiatedContext,
    NoAcceptedContext,
    PresentationContext,
)
from trio_dicom._operations.query_models import FIND
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    MPPS,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    UPS_PULL,
    UPS_PUSH,
    UPS_QUERY,
    UPS_WATCH,
    VERIFICATION,
)
from trio_dicom.testing import ScriptedPeer

PRIVATE = PresentationContext("1.2.826.0.1.3680043.9.1")
PATIENT_STUDY_ONLY = PresentationContext("1.2.840.10008.5.1.4.1.2.3.1")
BOTH_ROOTS = (PATIENT_ROOT_FIND, STUDY_ROOT_FIND)


def at_level(level: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    query.PatientName = "*"
    return query


def worklist_query() -> Dataset:
    query = Dataset()
    query.PatientName = "*"
    return query


async def asked(
    peer: ScriptedPeer, association: Association, query: Dataset, **how: object
) -> CFindRequest:
    """The request that reaches the peer."""
    async with association.c_find(query, **how) as matches:  # type: ignore[arg-type]
        request = await peer.expect_message(CFindRequest)
        await peer.reply(request, 0x0000)
        await matches.final()
    return request


@pytest.mark.parametrize(
    "contexts, level, model",
    [
        (BOTH_ROOTS, "STUDY", STUDY_ROOT_FIND),
        (BOTH_ROOTS, "SERIES", STUDY_ROOT_FIND),
        (BOTH_ROOTS, "IMAGE", STUDY_ROOT_FIND),
        (BOTH_ROOTS, "PATIENT", PATIENT_ROOT_FIND),
        ((PATIENT_ROOT_FIND,), "STUDY", PATIENT_ROOT_FIND),
        ((PATIENT_ROOT_FIND,), "PATIENT", PATIENT_ROOT_FIND),
        ((MODALITY_WORKLIST, PATIENT_ROOT_FIND), "STUDY", PATIENT_ROOT_FIND),
        ((PATIENT_STUDY_ONLY, VERIFICATION), "STUDY", PATIENT_STUDY_ONLY),
    ],
)
async def test_the_model_that_fits_is_asked(
    contexts: tuple[PresentationContext, ...], level: str, model: PresentationContext
) -> None:
    async with finding(contexts) as (association, peer):
        request = await asked(peer, association, at_level(level))
        assert request.sop_class_uid == model.abstract_syntax


@pytest.mark.parametrize("model", [MODALITY_WORKLIST, UPS_PULL, UPS_WATCH, UPS_QUERY])
async def test_the_only_model_is_asked_without_a_level(model: PresentationContext) -> None:
    async with finding([VERIFICATION, MPPS, model, STUDY_ROOT_GET]) as (association, peer):
        request = await asked(peer, association, worklist_query())
        assert request.sop_class_uid == model.abstract_syntax


async def test_what_the_peer_refused_is_not_asked() -> None:
    refuse = (STUDY_ROOT_FIND.abstract_syntax,)
    async with finding(BOTH_ROOTS, accept={"refuse": refuse}) as (association, peer):
        request = await asked(peer, association, at_level("STUDY"))
        assert request.sop_class_uid == PATIENT_ROOT_FIND.abstract_syntax


async def test_what_we_may_only_provide_is_not_asked() -> None:
    study_root = PresentationContext(STUDY_ROOT_FIND.abstract_syntax, scu_role=False, scp_role=True)
    async with finding([study_root, PATIENT_ROOT_FIND]) as (association, peer):
        request = await asked(peer, association, at_level("STUDY"))
        assert request.sop_class_uid == PATIENT_ROOT_FIND.abstract_syntax


@pytest.mark.parametrize("form", ["context", "UID", "text"])
async def test_a_model_can_be_named(form: str) -> None:
    uid = MODALITY_WORKLIST.abstract_syntax
    model = {"context": MODALITY_WORKLIST, "UID": uid, "text": str(uid)}[form]
    async with finding([STUDY_ROOT_FIND, MODALITY_WORKLIST, UPS_PULL]) as (association, peer):
        request = await asked(peer, association, worklist_query(), model=model)
        assert request.sop_class_uid == uid
        assert peer.last_context_id == 3


@pytest.mark.scenario("B19")
@pytest.mark.parametrize("level", [None, "SPECIMEN"])
async def test_a_private_model_is_asked_with_and_without_a_level(level: str | None) -> None:
    async with finding([STUDY_ROOT_FIND, PRIVATE]) as (association, peer):
        request = await asked(
            peer, association, worklist_query(), model=PRIVATE.abstract_syntax, level=level
        )
        assert request.sop_class_uid == PRIVATE.abstract_syntax
        assert request.identifier is not None
        assert request.identifier.get("QueryRetrieveLevel") == level


@pytest.mark.scenario("B18")
async def test_a_context_names_its_model() -> None:
    implicit = PresentationContext(MODALITY_WORKLIST.abstract_syntax, [ImplicitVRLittleEndian])
    contexts = [STUDY_ROOT_FIND, MODALITY_WORKLIST, implicit]
    async with finding(contexts) as (association, peer):
        last: NegotiatedContext = association.negotiated.contexts[-1]
        request = await asked(peer, association, worklist_query(), context=last)
        assert request.sop_class_uid == MODALITY_WORKLIST.abstract_syntax
        assert peer.last_context_id == last.context_id == 5


async def refusal(association: Association, query: Dataset, **how: object) -> LocalProtocolError:
    """What is raised, with nothing sent, and with the association alive."""
    with pytest.raises(LocalProtocolError) as caught:
        await association.c_find(query, **how).__aenter__()  # type: ignore[arg-type]
    return caught.value


async def is_alive(association: Association, peer: ScriptedPeer) -> bool:
    async with association.open_request(CEchoRequest()) as responses:
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        return (await responses.final()).status.is_success


ROOTS: Iterable[PresentationContext] = (*BOTH_ROOTS, PATIENT_STUDY_ONLY)


@pytest.mark.parametrize("model", ROOTS)
@pytest.mark.parametrize("level", ["", None])
async def test_a_root_without_a_level_is_refused_in_words(
    model: PresentationContext, level: str | None
) -> None:
    async with finding([*ROOTS, VERIFICATION]) as (association, peer):
        query = worklist_query()
        if level is not None:
            query.QueryRetrieveLevel = level
        error = await refusal(association, query, model=model)
        assert "set it to PATIENT, STUDY, SERIES or IMAGE, or give level=" in str(error)
        assert await is_alive(association, peer)


async def test_patients_are_asked_of_the_patient_root_or_not_at_all() -> None:
    async with finding([STUDY_ROOT_FIND, VERIFICATION]) as (association, peer):
        error = await refusal(association, at_level("PATIENT"))
        assert isinstance(error, NoAcceptedContext)
        assert "Patient Root" in error.wanted
        assert await is_alive(association, peer)


async def test_without_any_model_it_says_what_there_is() -> None:
    accept = {"refuse": (STUDY_ROOT_FIND.abstract_syntax,)}
    async with finding(accept=accept) as (association, peer):
        error = await refusal(association, study_query())
        assert isinstance(error, NoAcceptedContext)
        assert len(error.proposed) == len(error.accepted) == 1
        assert "abstract syntax not supported" in error.proposed[0]
        assert error.accepted[0].startswith("Verification")
        assert await is_alive(association, peer)


async def test_of_several_models_one_must_be_named() -> None:
    async with finding([MODALITY_WORKLIST, UPS_PULL, VERIFICATION]) as (association, peer):
        error = await refusal(association, worklist_query())
        assert "Modality Worklist" in str(error)
        assert "name one by model=" in str(error)
        assert await is_alive(association, peer)


async def test_a_worklist_has_no_level() -> None:
    async with finding([MODALITY_WORKLIST, VERIFICATION]) as (association, peer):
        error = await refusal(association, worklist_query(), level="STUDY")
        assert "has no level" in str(error)
        assert await is_alive(association, peer)


@pytest.mark.pitfall(10)
@pytest.mark.parametrize("given, sent", [("SERIES", "SERIES"), ("series", "SERIES")])
async def test_a_level_that_is_given_is_not_left_in_the_query(given: str, sent: str) -> None:
    async with finding() as (association, peer):
        query = study_query()
        before = deepcopy(query)
        request = await asked(peer, association, query, level=given)
        assert request.identifier is not None
        assert request.identifier.QueryRetrieveLevel == sent
        assert request.identifier.PatientName == "*"
        assert query == before


def test_only_what_c_find_asks_is_a_query_model() -> None:
    models = [*BOTH_ROOTS, MODALITY_WORKLIST, UPS_PULL, UPS_WATCH, UPS_QUERY, PATIENT_STUDY_ONLY]
    assert all(FIND.has(model.abstract_syntax) for model in models)
    others = [VERIFICATION, STUDY_ROOT_GET, MPPS, UPS_PUSH, PRIVATE]
    assert not any(FIND.has(other.abstract_syntax) for other in others)
