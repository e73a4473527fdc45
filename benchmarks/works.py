"""What is measured: each work as a value, with who does it and what is to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from benchmarks.data import KIB, MIB
from benchmarks.limits import LIMITS

__all__ = ["OURS", "WORKS", "Slow", "Work"]

OURS = "trio_dicom"


@dataclass(frozen=True)
class Slow:
    """Somebody who is not made to do all of it: what counts is the time for each unit.

    Attributes:
        rounds: How many rounds at most.
        share: How much of the work.
    """

    rounds: int
    share: float = 1.0


@dataclass(frozen=True)
class Work:
    """A work that several clients do.

    Attributes:
        name: By which it is chosen.
        title: What it is.
        action: What the clients do.
        contenders: Who does it.
        unit: Of what there are ``count``.
        count: How many units there are.
        size: The bytes of each instance.
        server: On which: ``sink``, ``storescp``, ``orthanc``, ``dcmqrscp`` or none.
        tls: Whether it is encrypted.
        goals: The least ratio of somebody's time to ours that is to be reached.
        memory_goal: The most bytes that are to be resident in our process.
        slow: Who does less of it.
        note: What the report says of it beside the numbers.
        window: The window that we ask for; 0 for no limit. The sink grants it.
        open: How many tasks of ours send requests; with 1, files go out by ``c_store_many``.
        associations: How many associations we use side by side.
    """

    name: str
    title: str
    action: str
    contenders: tuple[str, ...]
    unit: str
    count: int
    size: int = 0
    server: str = "sink"
    tls: bool = False
    goals: Mapping[str, float] = field(default_factory=dict)
    memory_goal: int | None = None
    slow: Mapping[str, Slow] = field(default_factory=dict)
    note: str = ""
    window: int = 1
    open: int = 1
    associations: int = 1

    def scaled(self, scale: float) -> Work:
        """The same with less to do: fewer units, or smaller ones if there is only one.

        It has no goals, which are for all of it.
        """
        if scale == 1:
            return self
        some = replace(self, goals={}, memory_goal=None)
        if self.count == 1:
            return replace(some, size=self.size and max(2, round(self.size / MIB * scale)) * MIB)
        return replace(some, count=max(2, round(self.count * scale)))


_PYTHON = ("pynetdicom", "pydcm")
_STORING = ("storescu", "storescu-nodelay", "dcmsend", *_PYTHON, "dcmjs")
# Ours, not with one request after the other.
_SIDE_BY_SIDE = ("ours-window-16", "ours-2-associations", "ours-4-associations")
_SLOW_LARGE = {"pynetdicom": Slow(1), "dcmjs": Slow(1)}
_SLOW_STORING = {"pynetdicom": Slow(2, 0.2), "dcmjs": Slow(2, 0.2)}
_SLOW_NAGLE = {
    name: Slow(2, 0.1) for name in ("storescu", "storescu-nodelay", "dcmsend", *_PYTHON, "dcmjs")
}

_PLAIN = [
    Work(
        name="large-memory",
        title="one instance of 512 MiB from memory, discarding sink",
        action="store_memory",
        contenders=("bare", *_PYTHON),
        unit="instance",
        count=1,
        size=512 * MIB,
        goals={"bare": 0.85, "pydcm": 1.0, "pynetdicom": 20.0},
        slow=_SLOW_LARGE,
    ),
    Work(
        name="large-disk",
        title="one instance of 512 MiB from disk, discarding sink",
        action="store",
        contenders=("bare", *_STORING),
        unit="instance",
        count=1,
        size=512 * MIB,
        goals={"bare": 0.85, "storescu": 1.0, "pydcm": 1.0, "pynetdicom": 20.0},
        memory_goal=80_000_000,
        slow=_SLOW_LARGE,
    ),
    Work(
        name="slices",
        title="500 CT slices of 512 KiB, discarding sink, one association",
        action="store",
        contenders=("bare", *_STORING, *_SIDE_BY_SIDE),
        unit="slice",
        count=500,
        size=512 * KIB,
        goals={"storescu-nodelay": 1.0, "pydcm": 1.5, "pynetdicom": 20.0},
        slow=_SLOW_STORING,
    ),
    Work(
        name="small",
        title="2,000 instances of 4 KiB, discarding sink",
        action="store",
        contenders=(*_STORING, *_SIDE_BY_SIDE),
        unit="instance",
        count=2_000,
        size=4 * KIB,
        goals={"pydcm": 2.0},
        slow=_SLOW_STORING,
    ),
    Work(
        name="orthanc",
        title="100 CT slices to Orthanc as installed",
        action="store",
        contenders=_STORING,
        unit="slice",
        count=100,
        size=512 * KIB,
        server="orthanc",
        goals={"storescu": 10.0, "pynetdicom": 10.0, "pydcm": 10.0},
        slow={name: Slow(2, 0.5) for name in _STORING},
    ),
    Work(
        name="storescp",
        title="2,000 instances of 4 KiB to storescp as installed",
        action="store",
        contenders=_STORING,
        unit="instance",
        count=2_000,
        size=4 * KIB,
        server="storescp",
        goals={"storescu": 40.0},
        slow=_SLOW_NAGLE,
    ),
    Work(
        name="find",
        title="10,000 matches, one element of each touched",
        action="find",
        contenders=("findscu", *_PYTHON, "dcmjs"),
        unit="match",
        count=10_000,
        goals={"pynetdicom": 10.0, "pydcm": 1.0, "findscu": 0.25},
        slow={"pynetdicom": Slow(2), "dcmjs": Slow(2)},
    ),
    Work(
        name="get",
        title="C-GET of 500 slices to disk from dcmqrscp as installed",
        action="get",
        contenders=("getscu", "getscu-nodelay", *_PYTHON, "dcmjs"),
        unit="slice",
        count=500,
        size=512 * KIB,
        server="dcmqrscp",
        goals={"getscu": 15.0},
        slow={name: Slow(1) for name in ("getscu", *_PYTHON, "dcmjs")},
    ),
    Work(
        name="echo",
        title="2,000 C-ECHO round trips on one association",
        action="echo",
        contenders=("echoscu", "echoscu-nodelay", *_PYTHON, "dcmjs"),
        unit="echo",
        count=2_000,
        goals={"pynetdicom": 8.0, "pydcm": 0.6},
        slow={"pynetdicom": Slow(2), "dcmjs": Slow(2)},
    ),
    Work(
        name="associations",
        title="500 associations opened, echoed, released",
        action="associate",
        contenders=(*_PYTHON, "dcmjs"),
        unit="association",
        count=500,
        goals={"pynetdicom": 8.0, "pydcm": 0.6},
        slow={"pynetdicom": Slow(2, 0.2), "dcmjs": Slow(2)},
    ),
    Work(
        name="import",
        title="import trio_dicom, and what it imports",
        action="import",
        contenders=("dependencies",),
        unit="import",
        count=1,
        server="none",
        goals={"dependencies": 1 / 1.2},
    ),
]

# dcmqrscp and getscu cannot.
_ENCRYPTED = tuple(work.name for work in _PLAIN if work.name not in ("get", "import"))


def _with_tls(work: Work) -> Work:
    return replace(
        work,
        name=f"{work.name}-tls",
        title=f"{work.title}, with TLS",
        # dcmsend cannot.
        contenders=tuple(name for name in work.contenders if name != "dcmsend"),
        tls=True,
        goals={},
        memory_goal=None,
    )


_ENCRYPTED_TOO = [_with_tls(work) for work in _PLAIN if work.name in _ENCRYPTED]

WORKS = {
    work.name: replace(work, note=LIMITS.get(work.name, "")) for work in (*_PLAIN, *_ENCRYPTED_TOO)
}
