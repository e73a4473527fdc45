"""Who is told about which unified procedure steps (PS3.4 Table CC.2.3-2)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

import trio
from attrs import define, field, frozen
from pydicom import Dataset

from trio_dicom._dimse.n_messages import NEventReportRequest
from trio_dicom.testing._archive.matching import matches

__all__ = ["Filter", "Outbox", "Subscriptions"]


@frozen
class Filter:
    """A subscription to the steps that match, also to those to come.

    Attributes:
        keys: What they match.
        has_lock: Whether it has a deletion lock.
    """

    keys: Dataset = field(repr=False)
    has_lock: bool


@define(eq=False)
class Outbox:
    """What one subscriber has not been told yet; it is told in order, one after the other."""

    reports: deque[NEventReportRequest] = field(factory=deque[NEventReportRequest])
    lock: trio.Lock = field(factory=trio.Lock)


def _no_steps() -> defaultdict[str, dict[str, bool]]:
    return defaultdict(dict[str, bool])


def _no_outboxes() -> defaultdict[str, Outbox]:
    return defaultdict(Outbox)


@define(eq=False)
class Subscriptions:
    """The subscriptions to unified procedure steps, which are by the AE title of who is told.

    Attributes:
        grants_locks: Whether a deletion lock is granted that is asked for; else the answer is
            B301H. The archive deletes no steps anyhow.
        fallback: Who is told, subscribed or not, that the archive was restarted.
        everything: Who is subscribed to the steps to come, and whether with a deletion lock.
        matching: Who is subscribed to those of them that match.
        outboxes: What those who are told have not been told yet.
        steps: By the UID of a step who is subscribed to it, and whether with a deletion lock.
    """

    grants_locks: bool = True
    fallback: set[str] = field(factory=set[str], kw_only=True)
    everything: dict[str, bool] = field(factory=dict[str, bool], init=False)
    matching: dict[str, Filter] = field(factory=dict[str, Filter], init=False)
    steps: defaultdict[str, dict[str, bool]] = field(factory=_no_steps, init=False)
    outboxes: defaultdict[str, Outbox] = field(factory=_no_outboxes, init=False, repr=False)

    def created(self, uid: str, step: Dataset) -> None:
        """A step is new: who has asked to be told of such is subscribed to it."""
        for title, one in self.matching.items():
            if matches(one.keys, step):
                self.steps[uid][title] = one.has_lock
        self.steps[uid].update(self.everything)

    def anybody(self) -> list[str]:
        """Who is told that the archive itself has changed (PS3.4 CC.2.4.3), each once."""
        of_steps = (title for told in self.steps.values() for title in told)
        return sorted({*self.fallback, *self.everything, *self.matching, *of_steps})

    def subscribe(self, title: str, uid: str, *, has_lock: bool) -> None:
        """Subscribe to one step, with or without a lock, whatever was before."""
        self.steps[uid][title] = has_lock

    def subscribe_to_all(
        self, title: str, steps: Mapping[str, Dataset], *, has_lock: bool
    ) -> list[str]:
        """Subscribe to all steps, and those to come; those of which one is told stay.

        Returns:
            The UIDs of those that there are.
        """
        self.everything[title] = has_lock
        return self._add(title, list(steps), has_lock=has_lock)

    def subscribe_to_matching(
        self, title: str, steps: Mapping[str, Dataset], keys: Dataset, *, has_lock: bool
    ) -> list[str]:
        """The same for those that match."""
        self.matching[title] = Filter(keys, has_lock)
        found = [uid for uid, step in steps.items() if matches(keys, step)]
        return self._add(title, found, has_lock=has_lock)

    def unsubscribe(self, title: str, uid: str) -> None:
        """Tell no more of one step."""
        self.steps[uid].pop(title, None)

    def unsubscribe_from_all(self, title: str) -> None:
        """Tell of nothing any more, neither of all nor of single steps."""
        self.suspend(title)
        self.suspend_matching(title)
        for told in self.steps.values():
            told.pop(title, None)

    def unsubscribe_from_matching(self, title: str, steps: Mapping[str, Dataset]) -> None:
        """Tell no more of steps that match, and of those to come."""
        one = self.matching.pop(title, None)
        for uid, step in steps.items():
            if one is not None and matches(one.keys, step):
                self.unsubscribe(title, uid)

    def suspend(self, title: str) -> None:
        """Tell of no steps to come."""
        self.everything.pop(title, None)

    def suspend_matching(self, title: str) -> None:
        """The same for those that match."""
        self.matching.pop(title, None)

    def _add(self, title: str, uids: list[str], *, has_lock: bool) -> list[str]:
        for uid in uids:
            self.steps[uid].setdefault(title, has_lock)
        return uids
