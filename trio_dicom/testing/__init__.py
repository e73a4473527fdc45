"""The test kit: peers that do what a test tells them, and an archive in memory.

Nothing here is imported before it is named.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trio_dicom.testing._archive.commitment import Commitments
    from trio_dicom.testing._archive.instances import Instance, Instances
    from trio_dicom.testing._archive.unified_subscriptions import Subscriptions
    from trio_dicom.testing.answers import acceptance_of
    from trio_dicom.testing.archive import MemoryArchive, open_archive
    from trio_dicom.testing.archive_faults import (
        ArchiveFault,
        Fail,
        HangUp,
        NoAnswer,
        Refuse,
        Reject,
        Shuffle,
        Slow,
        StopReading,
    )
    from trio_dicom.testing.calling import Place, open_memory_association
    from trio_dicom.testing.clock import patient_clock
    from trio_dicom.testing.contexts import COMMON_CONTEXTS
    from trio_dicom.testing.conversation import ConversationEnd, ConversationOver
    from trio_dicom.testing.faults import (
        Chunks,
        Clog,
        Corrupt,
        Cut,
        Delay,
        Fault,
        Stall,
        Trickle,
        random_faults,
    )
    from trio_dicom.testing.faulty_stream import FaultyStream
    from trio_dicom.testing.files import made_up_instances, write_instances
    from trio_dicom.testing.links import LinkEnd, memory_link, reset
    from trio_dicom.testing.outgoing import message_bytes
    from trio_dicom.testing.proxy import FaultyProxy, open_faulty_proxy
    from trio_dicom.testing.replay import replay_peer
    from trio_dicom.testing.replayed import ReplayedPeer
    from trio_dicom.testing.scripted import ScriptedPeer
    from trio_dicom.testing.scripts import (
        ScriptedServer,
        open_scripted_server,
        scripted_peer,
    )
    from trio_dicom.testing.stage import playing

__all__ = [
    "COMMON_CONTEXTS",
    "ArchiveFault",
    "Chunks",
    "Clog",
    "Commitments",
    "ConversationEnd",
    "ConversationOver",
    "Corrupt",
    "Cut",
    "Delay",
    "Fail",
    "Fault",
    "FaultyProxy",
    "FaultyStream",
    "HangUp",
    "Instance",
    "Instances",
    "LinkEnd",
    "MemoryArchive",
    "NoAnswer",
    "Place",
    "Refuse",
    "Reject",
    "ReplayedPeer",
    "ScriptedPeer",
    "ScriptedServer",
    "Shuffle",
    "Slow",
    "Stall",
    "StopReading",
    "Subscriptions",
    "Trickle",
    "acceptance_of",
    "made_up_instances",
    "memory_link",
    "message_bytes",
    "open_archive",
    "open_faulty_proxy",
    "open_memory_association",
    "open_scripted_server",
    "patient_clock",
    "playing",
    "random_faults",
    "replay_peer",
    "reset",
    "scripted_peer",
    "write_instances",
]

_HOMES = {
    "ArchiveFault": "archive_faults",
    "COMMON_CONTEXTS": "contexts",
    "Chunks": "faults",
    "Clog": "faults",
    "Commitments": "_archive.commitment",
    "ConversationEnd": "conversation",
    "ConversationOver": "conversation",
    "Corrupt": "faults",
    "Cut": "faults",
    "Delay": "faults",
    "Fail": "archive_faults",
    "Fault": "faults",
    "FaultyProxy": "proxy",
    "FaultyStream": "faulty_stream",
    "HangUp": "archive_faults",
    "Instance": "_archive.instances",
    "Instances": "_archive.instances",
    "LinkEnd": "links",
    "MemoryArchive": "archive",
    "NoAnswer": "archive_faults",
    "Place": "calling",
    "Refuse": "archive_faults",
    "Reject": "archive_faults",
    "ReplayedPeer": "replayed",
    "ScriptedPeer": "scripted",
    "ScriptedServer": "scripts",
    "Shuffle": "archive_faults",
    "Slow": "archive_faults",
    "Stall": "faults",
    "StopReading": "archive_faults",
    "Subscriptions": "_archive.unified_subscriptions",
    "Trickle": "faults",
    "acceptance_of": "answers",
    "made_up_instances": "files",
    "memory_link": "links",
    "message_bytes": "outgoing",
    "open_archive": "archive",
    "open_faulty_proxy": "proxy",
    "open_memory_association": "calling",
    "open_scripted_server": "scripts",
    "patient_clock": "clock",
    "playing": "stage",
    "random_faults": "faults",
    "replay_peer": "replay",
    "reset": "links",
    "scripted_peer": "scripts",
    "write_instances": "files",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
