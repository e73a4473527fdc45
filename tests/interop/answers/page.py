"""The table as a page: ``python -m tests.interop.answers.page`` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.interop.answers.held import UIDS, instances
from tests.interop.answers.questions import Fails, Finds, LeavesOut, Note, Question
from tests.interop.answers.rows import QUESTIONS
from trio_dicom import QueryExtension

__all__ = ["PAGE", "text"]

PAGE = Path(__file__).parents[3] / "docs/archive-answers.md"

_INTRODUCTION = """\
# What archives answer to the same queries

`MemoryArchive`, DCMTK's `dcmqrscp` (3.6.7) and Orthanc (1.10.1, both as Debian 12 has them) hold
the same {instances} instances and are asked the same {questions} queries.
`tests/interop/test_archive_answers.py` compares what they find and the values that they return,
and this page is written from the rows of that test. Ours must find what the row says, by that
clause of PS3.4. Another archive must find and return the same, or differ in what the row says and
in nothing else: a difference that goes away fails the test as well.

- UIDs are shown without what they have in common. Keys without a value ask for it.
- *leaves out* is about optional keys that an archive does not know; it need not (C.2.2.1.3). Ours
  leaves out keys of levels below the query's, private ones, and bulk data such as pixels. What else
  nobody has comes empty.
- Names match without regard to case in ours and in Orthanc, with regard to it in `dcmqrscp`; the
  standard leaves that open (C.2.2.2.1.1, C.2.2.2.4). All three compare a name as a whole, so its
  ideographic group alone is found by `*山田*`, not by `山田`.
- Where an entity has no value for a required key, every key is to match (C.2.2.1.2). None of the
  three does that. Ours and `dcmqrscp` find it only by keys without a value and by `*`: a
  query for a day that found all studies without a date would help nobody. In Orthanc it lies
  in ranges without a beginning, too.
- A time of day without minutes or seconds is the full hour or minute in all three.
- Ours answers in the character set of the query if that has all characters, else in UTF-8, and
  declares none where ASCII is enough. `dcmqrscp` answers in that of the query or of the instance,
  Orthanc in the one that it is configured for (C.4.1.1.3.2).
- Ours finds something else than both of the others in rows {alone}.
- Ours does without the unique keys of the levels above the query's, as Orthanc does;
  `MemoryArchive(checks_unique_keys=True)` insists on them, as `dcmqrscp` does (C.4.1.2.1).

| | Query | Must find | Rule | dcmqrscp | Orthanc |
|---|---|---|---|---|---|
"""


def text() -> str:
    """The page."""
    introduction = _INTRODUCTION.format(
        instances=len(list(instances())),
        questions=len(QUESTIONS),
        alone=", ".join(str(number) for number, it in enumerate(QUESTIONS, 1) if _is_alone(it)),
    )
    rows = (_row(number, question) for number, question in enumerate(QUESTIONS, 1))
    return introduction + "".join(rows)


def _is_alone(question: Question) -> bool:
    """Whether neither of the others finds what ours finds."""
    both = (question.dcmqrscp, question.orthanc)
    return all(any(isinstance(note, Finds | Fails) for note in notes) for notes in both)


def _row(number: int, question: Question) -> str:
    cells = (
        str(number),
        f"{question.words}: {_query(question)}",
        "failure" if question.found is None else _in_order(question.found) or "nothing",
        question.rule,
        _notes(question.dcmqrscp),
        _notes(question.orthanc),
    )
    return "| " + " | ".join(cells) + " |\n"


def _query(question: Question) -> str:
    said = [f"{question.level} of the {question.root} root"]
    said += (f"`{keyword}{_shown(value)}`" for keyword, value in question.keys.items())
    if question.charset:
        terms = question.charset if isinstance(question.charset, list) else [question.charset]
        said.append("in " + "\\\\".join(terms))
    if question.extension != QueryExtension():
        agreed = "combined dates and times" if question.extension.combined_date_time else ""
        said.append(f"with {agreed or 'relational queries'} asked for")
    if question.insists:
        said.append("ours insists on unique keys")
    return ", ".join(said)


def _shown(value: Any) -> str:
    if not isinstance(value, list):
        return f"={value}".replace(f"{UIDS}.", "") if value else ""
    if all(isinstance(it, str) for it in value) and value:
        return "=" + "\\".join(value).replace(f"{UIDS}.", "")
    items = ("{" + ", ".join(f"{key}{_shown(it)}" for key, it in item.items()) + "}"
             for item in value)  # fmt: skip
    return "=[" + ", ".join(items) + "]"


def _in_order(found: frozenset[str]) -> str:
    return " ".join(sorted(found, key=lambda label: (len(label.split(".")[0]), label)))


def _notes(notes: tuple[Note, ...]) -> str:
    """The notes; the keys that are left out for one reason come together."""
    by_reason: dict[str, list[str]] = {}
    said: list[str] = []
    for note in notes:
        if isinstance(note, LeavesOut):
            by_reason.setdefault(note.why, []).append(note.keyword)
        else:
            said.append(str(note))
    said += (f"leaves out {', '.join(keys)}: {why}" for why, keys in by_reason.items())
    return "; ".join(said) or "same"


if __name__ == "__main__":
    PAGE.write_text(text())
