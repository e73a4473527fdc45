"""What the README and the documentation promise about the package as a whole."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import trio_dicom

PACKAGE = Path(trio_dicom.__file__).parent
ROOT = Path(__file__).parents[2]
MODULES = sorted(PACKAGE.rglob("*.py"))
LAZY = trio_dicom._WHEN_FIRST_NAMED


def test_the_readme_opens_with_the_two_commands() -> None:
    commands = re.findall(
        r"^```\n(.*?)\n```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert commands[:2] == [
        "python -m pip install '.[cli]' && trio-dicom demo",
        "python -m pip install nox && nox",
    ]


def test_the_program_in_the_readme_is_the_tested_example() -> None:
    program, _ = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert program in (ROOT / "docs/examples/store.py").read_text()


def test_the_test_in_the_readme_passes(pytester: pytest.Pytester) -> None:
    _, test = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    example = (ROOT / "docs/examples/test_fetch_study.py").read_text()
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makepyfile(fetching=example, test_readme="from fetching import fetch_study\n" + test)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "module",
    ["trio_dicom", "trio_dicom.lowlevel", "trio_dicom.recording", "trio_dicom.testing"],
)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    reference = (ROOT / "docs/reference.rst").read_text()
    documented = set(re.findall(r"^\.\. auto\w+:: (\S+)$", reference, re.MULTILINE))
    public = importlib.import_module(module).__all__
    names = {f"{module}.{name}" for name in public if name != "__version__"}
    assert names - documented == set()


def test_every_public_name_exists() -> None:
    for name in trio_dicom.__all__:
        assert hasattr(trio_dicom, name)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_and_stays_short(module: Path) -> None:
    source = module.read_text()
    assert ast.get_docstring(ast.parse(source))
    assert len(source.splitlines()) < 400


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def _loaded_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has after ``code``."""
    code += "; import sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def test_importing_the_library_does_not_import_what_few_programs_need() -> None:
    loaded = _loaded_after("import trio_dicom")
    assert "trio_dicom.association" in loaded
    assert loaded.isdisjoint({"trio_dicom.testing", "trio_dicom.cli", "trio_dicom.lowlevel"})
    assert loaded.isdisjoint({"trio_dicom.receiver", "trio_dicom._operations.receiving"})
    assert loaded.isdisjoint({"asyncio", "cyclopts", "PIL", "pytest", "rich"})
    assert loaded.isdisjoint({f"trio_dicom.{module}" for module in LAZY})


def test_every_public_name_is_what_its_module_says() -> None:
    """And type checkers are told of the same modules that are imported at run time."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imported if str(node.module).startswith("trio_dicom.")]
    home = {alias.name: str(node.module) for node in ours for alias in node.names}
    assert home.keys() | {"__version__"} == set(trio_dicom.__all__)
    for name, module in home.items():
        assert getattr(trio_dicom, name) is getattr(importlib.import_module(module), name)
    lazy = {name: f"trio_dicom.{module}" for module, names in LAZY.items() for name in names}
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    told = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: node.module for node in told for alias in node.names} == lazy


def test_names_that_wait_to_be_named_are_listed_like_all_others() -> None:
    code = "import trio_dicom; assert set(trio_dicom.__all__) <= set(dir(trio_dicom))"
    assert "trio_dicom.receiver" not in _loaded_after(code)
    code = "from trio_dicom import *; assert open_receiver and open_association"
    assert "trio_dicom.receiver" in _loaded_after(code)


def test_a_name_that_is_not_there_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        trio_dicom.nonsense  # noqa: B018
