"""Our tests play the other side with the public test kit, as everybody else's do.

What a layer keeps to itself is for the tests of that layer. Where another test looks inside, to
break something that nobody can break from outside or to count what nobody sees, it is named here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LAYERS = ("_wire", "_dimse", "_protocol", "_io", "_operations")
LOOKS_INSIDE = {
    "faults/model_peer.py": "reads what is on its way before it arrives",
    "faults/test_fixed_bounds.py": "finds every bound that is a constant",
    "faults/test_hostile_names.py": "the name that a hostile UID gets",
    "faults/test_model.py": "lets message IDs come round soon",
    "faults/test_receiver_disk_full.py": "fills a disk that is not full",
    "cli/test_store.py": "sees that a file is not opened again",
    "fuzz/codecs.py": "feeds decoders that stand below every connection",
    "fuzz/receiver.py": "the name that a hostile UID gets",
    "fuzz/test_targets.py": "breaks on purpose what the fuzzer should find",
    "interop/test_character_sets.py": "encodes text alone, for judges that know no DICOM",
    "interop/test_get.py": "the type of an argument",
    "project/test_secrecy.py": "looks at everything that we have",
    "secrecy.py": "listens to every connection of every test",
}
FILES = [it.relative_to(TESTS).as_posix() for it in sorted(TESTS.rglob("*.py"))]


def private(name: str) -> Iterator[str]:
    """The modules of ours that the test file imports names from, and that are not public."""
    tree = ast.parse((TESTS / name).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trio_dicom."):
            module = node.module or ""
            inner = module.split(".")[1]
            is_of_kit = module.startswith("trio_dicom.testing.") and not module.endswith(".plugin")
            if inner in LAYERS or is_of_kit:
                yield module


@pytest.mark.parametrize("name", FILES)
def test_a_test_uses_what_is_public_or_says_why_not(name: str) -> None:
    folder = name.split("/", maxsplit=1)[0]
    # A layer stands on those below it, and so do its tests.
    own = LAYERS[: LAYERS.index(f"_{folder}") + 1] if f"_{folder}" in LAYERS else ()
    found = {it for it in private(name) if it.split(".")[1] not in own and folder != "testing"}
    assert bool(found) == (name in LOOKS_INSIDE), found
