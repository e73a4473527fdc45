"""What is run on trio_dicom, each in an environment of its own: ``nox -l`` lists it.

``nox`` alone runs the tests. The dependencies are the groups of ``pyproject.toml``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests"]
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PURE_LAYERS = ("wire", "dimse", "protocol")


def install(session: nox.Session, *groups: str, editable: bool = True) -> None:
    """Install the project with its command line, and dependency groups beside it."""
    dependencies = nox.project.dependency_groups(PYPROJECT, *groups)
    session.install(*(["-e"] if editable else []), ".[cli]", *dependencies)


def pure_tests() -> list[str]:
    """The folders with the tests of the layers that do no I/O."""
    return [f"tests/{layer}" for layer in PURE_LAYERS]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole test suite; arguments after ``--`` go to pytest."""
    install(session, "tests")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def interop(session: nox.Session) -> None:
    """Run the tests against real peers alone, and fail where a peer is missing."""
    install(session, "tests")
    session.run(
        *("python", "-m", "pytest", "-m", "interop", *session.posargs),
        env={"TRIO_DICOM_REQUIRE_PEERS": "1"},
    )


@nox.session
def coverage(session: nox.Session) -> None:
    """Hold the pure layers to full line and branch coverage by their own tests."""
    install(session, "tests")
    data = Path(session.create_tmp()) / "coverage"
    session.env["COVERAGE_FILE"] = str(data)
    session.run("coverage", "run", "-m", "pytest", *pure_tests(), *session.posargs)
    layers = ",".join(f"trio_dicom/_{layer}/*" for layer in PURE_LAYERS)
    session.run("coverage", "report", f"--include={layers}", "--fail-under=100")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demonstration as somebody does who has just installed the command line."""
    install(session, editable=False)
    session.run("trio-dicom", "demo", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, Trio's pitfalls, the direction of imports and the news fragments."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    # ASYNC109, as in pyproject.toml: a request's own timeout is part of the interface.
    # ASYNC91: every public function is a checkpoint, which tests show; inner ones need not be.
    # Not the tests: what it warns of is often what they are about.
    folders = (Path("trio_dicom"), Path("docs/examples"), Path("benchmarks"))
    files = [str(file) for folder in folders for file in sorted(folder.rglob("*.py"))]
    # ASYNC124: a fixture of pytest-trio may do nothing but yield.
    # What asyncio cancels has no shields, and in a thread without Trio nobody is cancelled.
    special = {
        str(Path("docs/examples/guest_mode.py")): ",ASYNC102,ASYNC103",
        str(Path("docs/examples/script.py")): ",ASYNC104",
        str(Path("trio_dicom/testing/clock.py")): ",ASYNC103,ASYNC104",
        str(Path("trio_dicom/testing/plugin.py")): ",ASYNC124",
    }
    others = [file for file in files if file not in special]
    for checked, more in ((others, ""), *(([file], more) for file, more in special.items())):
        session.run(
            *("flake8-async", f"--disable=ASYNC109,ASYNC91{more}"),
            *("--startable-in-context-manager=_live", *checked),
            silent=True,
        )
    session.run("lint-imports")
    session.run("towncrier", "build", "--draft", "--version=next", silent=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package with mypy and pyright, both strict, and of what uses it."""
    install(session, "types")
    session.run("mypy", *session.posargs)
    session.run("mypy", *map(str, sorted(Path("docs/examples").glob("*.py"))))
    session.run("mypy", "-p", "benchmarks")
    session.run("pyright", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Look for inputs that break something, for as long as ``-- --seconds 60`` says.

    Each target of tests/fuzz for so many seconds, by coverage where atheris has a wheel, else by
    Hypothesis. Without the option for five minutes, and then long Hypothesis runs of tests/fuzz and
    of everything pure, and links cut at every byte; other arguments go to pytest there.
    """
    parser = argparse.ArgumentParser(prog="nox -s fuzz --")
    parser.add_argument("--seconds", type=int)
    options, others = parser.parse_known_args(session.posargs)
    install(session, "fuzz")
    wheel = ("python", "-m", "pip", "install", "--quiet", "--only-binary=:all:", "atheris>=2.3")
    session.run(*wheel, success_codes=(0, 1), silent=True)
    finding = "import importlib.util; print(importlib.util.find_spec('atheris') is not None)"
    if "True" not in str(session.run("python", "-c", finding, silent=True)):
        session.warn("atheris has no wheel for this Python: Hypothesis looks, without coverage")
    seconds = str(300 if options.seconds is None else options.seconds)
    session.run("python", "-m", "tests.fuzz", "--seconds", seconds)
    if options.seconds is None:
        session.run(
            *("python", "-m", "pytest", "--timeout=3600", "tests/fuzz", "tests/faults"),
            *(*pure_tests(), *others),
            env={"HYPOTHESIS_PROFILE": "fuzz"},
        )


@nox.session
def soak(session: nox.Session) -> None:
    """Do an hour's work in minutes over links that break; ``-- --help`` tells the options."""
    install(session, "tests")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure side by side with other clients; ``-- --help`` tells the options."""
    install(session, "bench", editable=False)
    peers = [*_pydcm(session), *_dcmjs(session)]
    session.run("python", "-m", "benchmarks", *peers, *session.posargs)


def _pydcm(session: nox.Session) -> list[str]:
    """An environment with pydcm, which needs a newer Python than we do."""
    names = ("python3.14", "python3.13", "python3.12")
    paths = [path for path in map(shutil.which, names) if path]
    pyenv = sorted(Path.home().glob(".pyenv/versions/*/bin/python"), reverse=True)
    newer = "import sys; sys.exit(sys.version_info < (3, 12))"
    for python in (*paths, *map(str, pyenv)):
        # What stands on the path may be a shim that starts nothing.
        if not subprocess.run([python, "-c", newer], capture_output=True, check=False).returncode:
            folder = session.cache_dir / "pydcm"
            installed = str(folder / "bin/python")
            session.run(python, "-m", "venv", str(folder), external=True)
            session.run(
                *(installed, "-m", "pip", "install", "--quiet", "pydcm>=0.5"), external=True
            )
            return ["--pydcm", installed]
    session.warn("pydcm does not take part: there is no Python 3.12 or newer")
    return []


def _dcmjs(session: nox.Session) -> list[str]:
    """A folder with dcmjs-dimse, as the interop tests' lock file says."""
    if shutil.which("npm") is None:
        session.warn("dcmjs-dimse does not take part: there is no npm")
        return []
    folder = session.cache_dir / "dcmjs"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "tests/interop/dcmjs" / name, folder)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    with session.chdir(folder):
        session.run("npm", "ci", *options, external=True, silent=True)
    return ["--dcmjs", str(folder)]


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel, then test the wheel in a clean environment, away from the source."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder)
    folder.mkdir()
    session.install("build", "virtualenv")
    # The wheel is built from the sdist, so what the sdist lacks is found here.
    session.run("python", "-m", "build", "--outdir", str(folder / "dist"))
    (wheel,) = (folder / "dist").glob("*.whl")
    clean = folder / "clean"
    session.run("virtualenv", "--quiet", str(clean))
    (python,) = [*clean.glob("bin/python"), *clean.glob("Scripts/python.exe")]
    groups = nox.project.dependency_groups(PYPROJECT, "tests")
    session.run(
        *(str(python), "-m", "pip", "install", "--quiet", f"{wheel}[cli]", *groups),
        external=True,
    )
    # Beside pyproject.toml and the tests there is no trio_dicom here but the installed one.
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    for name in ("tests", "docs", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("_build"))
    session.chdir(folder)
    session.run(str(python), "-m", "pytest", *session.posargs, external=True)
