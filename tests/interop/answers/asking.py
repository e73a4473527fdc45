"""Ask an archive all questions of the table, and make its answers comparable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from attrs import frozen
from pydicom import DataElement, Dataset
from pydicom.config import disable_value_validation
from pydicom.multival import MultiValue

from tests.interop.answers.held import UIDS, instances
from tests.interop.answers.questions import Question
from trio_dicom import Association, CFindRequest, PresentationContext, QueryExtension
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, STUDY_ROOT_FIND

__all__ = ["Answer", "Answers", "Opening", "ask_all", "store_all"]

Value: TypeAlias = "tuple[str | tuple[tuple[str, Value], ...], ...]"


@frozen
class Answer:
    """What an archive answers to a question.

    Attributes:
        status: The code of the final status.
        matches: The values of each match by keyword, by its unique key as the table shows it.
        doubles: The unique keys that came more than once.
    """

    status: int
    matches: Mapping[str, Mapping[str, Value]]
    doubles: tuple[str, ...] = ()


Answers: TypeAlias = Mapping[str, Answer]
"""By the words of the questions."""


class Opening(Protocol):
    """Opens an association with an archive."""

    def __call__(
        self, contexts: list[PresentationContext], extension: QueryExtension
    ) -> AbstractAsyncContextManager[Association]: ...


async def store_all(open_: Opening) -> None:
    """Store what the archives of the table hold."""
    data_sets = list(instances())
    classes = dict.fromkeys(it.SOPClassUID for it in data_sets)
    async with open_([PresentationContext(it) for it in classes], QueryExtension()) as association:
        for data_set in data_sets:
            (await association.c_store(data_set)).raise_for_status()


async def ask_all(open_: Opening, questions: Iterable[Question]) -> Answers:
    """The answers to all questions, asked on one association for each extension."""
    by_extension: dict[QueryExtension, list[Question]] = {}
    for question in questions:
        by_extension.setdefault(question.extension, []).append(question)
    answers: dict[str, Answer] = {}
    for extension, some in by_extension.items():
        async with open_([PATIENT_ROOT_FIND, STUDY_ROOT_FIND], extension) as association:
            for question in some:
                assert question.words not in answers
                answers[question.words] = await _ask(association, question)
    return answers


async def _ask(association: Association, question: Question) -> Answer:
    request = CFindRequest(
        sop_class_uid=question.model.abstract_syntax, data_set=question.identifier()
    )
    async with association.open_request(request) as responses:
        found = [it.decoded_data_set() async for it in responses]
        final = await responses.final()
    matches: dict[str, Mapping[str, Value]] = {}
    doubles: list[str] = []
    for match in found:
        assert match is not None
        with disable_value_validation():
            values = _values(match)
        [label] = values[question.unique_key]
        assert isinstance(label, str)
        label = label.removeprefix(f"{UIDS}.")
        if label in matches:
            doubles.append(label)
        matches[label] = values
    return Answer(final.status.code, matches, tuple(doubles))


def _values(data_set: Dataset) -> dict[str, Value]:
    return {element.keyword: _value(element) for element in data_set}


def _value(element: DataElement) -> Value:
    if element.VR == "SQ":
        return tuple(tuple(_values(item).items()) for item in element.value)
    if element.value is None or element.value == "":
        return ()
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    return tuple(map(str, values))
