"""The archive in memory, dcmqrscp and Orthanc, asked the same about the same.

The rows say what must be found, by which clause, and where another archive differs; that
is what is looked for here, and nothing else may differ.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from attrs import evolve

from tests.interop import peers
from tests.interop.answers.asking import Answer, Answers, Opening, ask_all, store_all
from tests.interop.answers.questions import Fails, Finds, Gives, LeavesOut, Note, Question
from tests.interop.answers.rows import QUESTIONS
from trio_dicom import Association, PresentationContext, QueryExtension, open_association
from trio_dicom.testing import MemoryArchive, open_archive

_RETURNED_ANYWAY = {"QueryRetrieveLevel", "RetrieveAETitle", "SpecificCharacterSet"}

every_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda it: it.words)


@asynccontextmanager
async def opened(
    peer: peers.Peer | MemoryArchive, contexts: list[PresentationContext], extension: QueryExtension
) -> AsyncGenerator[Association, None]:
    extended = [] if extension == QueryExtension() else [extension]
    async with open_association(
        peer.host, peer.port, called_ae=peer.ae_title, contexts=contexts, extended=extended
    ) as association:
        yield association


async def _ours() -> Answers:
    async with open_archive() as archive:
        open_ = partial(opened, archive)
        await store_all(open_)
        answers: dict[str, Answer] = {}
        for insists in (False, True):
            archive.checks_unique_keys = insists
            asked = [it for it in QUESTIONS if it.insists is insists]
            answers.update(await ask_all(open_, asked))
    return answers


async def _theirs(opening: AbstractAsyncContextManager[peers.Peer]) -> Answers:
    async with opening as peer:
        open_: Opening = partial(opened, peer)
        await store_all(open_)
        return await ask_all(open_, QUESTIONS)


@pytest.fixture(scope="module")
def ours() -> Answers:
    return trio.run(_ours)


@pytest.fixture(scope="module")
def dcmqrscp_answers(dcmtk: None, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return trio.run(_theirs, peers.dcmqrscp(tmp_path_factory.mktemp("dcmqrscp")))


@pytest.fixture(scope="module")
def orthanc_answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder: Path = tmp_path_factory.mktemp("orthanc")
    # In which it answers whatever is asked; what Latin-1, its default, lacks it drops.
    return trio.run(_theirs, peers.orthanc(folder, DefaultEncoding="Utf8"))


def test_there_are_questions_enough() -> None:
    print(f"{len(QUESTIONS)} questions to three archives")
    assert len({it.words for it in QUESTIONS}) == len(QUESTIONS) >= 60


@every_question
def test_ours_finds_what_must_be_found(question: Question, ours: Answers) -> None:
    answer = ours[question.words]
    if question.found is None:
        assert (answer.status, answer.matches) == (0xA900, {})
        return
    assert answer.status == 0
    assert answer.doubles == ()
    assert set(answer.matches) == question.found
    for match in answer.matches.values():
        supported = set(question.keys) - question.unsupported
        assert supported <= set(match)
        assert set(match) <= supported | _RETURNED_ANYWAY


@every_question
def test_dcmqrscp_answers_the_same_but_for_what_the_row_says(
    question: Question, ours: Answers, dcmqrscp_answers: Answers
) -> None:
    check(question, ours[question.words], dcmqrscp_answers[question.words], question.dcmqrscp)


@every_question
def test_orthanc_answers_the_same_but_for_what_the_row_says(
    question: Question, ours: Answers, orthanc_answers: Answers
) -> None:
    check(question, ours[question.words], orthanc_answers[question.words], question.orthanc)


def check(question: Question, ours: Answer, theirs: Answer, notes: tuple[Note, ...]) -> None:
    """Compare an answer with ours, and the differences with the notes of the row."""
    found, fails = question.found, question.found is None
    for note in notes:
        if isinstance(note, Fails):
            assert not fails
            fails = True
        elif isinstance(note, Finds):
            assert frozenset(note.found.split()) != question.found, "that is no difference"
            found, fails = frozenset(note.found.split()), False
    assert (theirs.status >= 0xA000) is fails, f"its status is {theirs.status:04X}H"
    assert theirs.doubles == ()
    assert set(theirs.matches) == (frozenset() if fails or found is None else found)
    missing, other = differences(question, ours, theirs)
    assert missing == {note.keyword for note in notes if isinstance(note, LeavesOut)}
    assert other == {note.keyword for note in notes if isinstance(note, Gives)}


def differences(question: Question, ours: Answer, theirs: Answer) -> tuple[set[str], set[str]]:
    """The keys that are missing in a match of theirs, and those that have other values there."""
    missing: set[str] = set()
    other: set[str] = set()
    for label in set(ours.matches) & set(theirs.matches):
        for keyword in question.keys:
            if keyword not in theirs.matches[label]:
                if keyword not in question.unsupported:
                    missing.add(keyword)
            elif theirs.matches[label][keyword] != ours.matches[label].get(keyword):
                other.add(keyword)
    return missing, other


ONE = Answer(0, {"11": {"StudyDate": ("20240115",)}})


@pytest.mark.parametrize(
    "theirs",
    [
        evolve(ONE, status=0xC000),
        evolve(ONE, matches={}),
        evolve(ONE, matches={**ONE.matches, "12": {}}),
        evolve(ONE, doubles=("11",)),
        evolve(ONE, matches={"11": {}}),
        evolve(ONE, matches={"11": {"StudyDate": ()}}),
    ],
)
def test_a_difference_of_which_the_row_says_nothing_is_seen(theirs: Answer) -> None:
    [question] = [it for it in QUESTIONS if it.words == "a day"]
    question = evolve(question, keys={"StudyDate": ""}, found=frozenset(["11"]))
    check(question, ONE, ONE, ())
    with pytest.raises(AssertionError):
        check(question, ONE, theirs, ())


@pytest.mark.parametrize(
    "note",
    [Finds("why", "12"), Fails("why"), LeavesOut("why", "StudyDate"), Gives("why", "StudyDate")],
)
def test_a_difference_that_is_no_more_is_seen(note: Note) -> None:
    [question] = [it for it in QUESTIONS if it.words == "a day"]
    question = evolve(question, keys={"StudyDate": ""}, found=frozenset(["11"]))
    with pytest.raises(AssertionError):
        check(question, ONE, ONE, (note,))
