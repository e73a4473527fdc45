"""Who takes part, and how each is started."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.programs import MissingPeer, program
from benchmarks.works import OURS

__all__ = ["Contender", "Peers", "contender"]

_CLIENTS = Path(__file__).parent / "clients"

Job = Mapping[str, Any]


@dataclass(frozen=True)
class Peers:
    """Where the peers are that do not live in this environment.

    Attributes:
        pydcm: A Python that has it.
        dcmjs: A folder whose ``node_modules`` have dcmjs-dimse.
        against: A folder with another trio_dicom, to compare the two.
    """

    pydcm: str | None = None
    dcmjs: str | None = None
    against: str | None = None


@dataclass(frozen=True)
class Contender:
    """Somebody who can do a work.

    Those whose name begins with ``ours`` are trio_dicom with several requests at a time.

    Attributes:
        name: As in ``Work.contenders``.
        driver: What starts its driver; the file with the job follows.
        version: What is installed.
        commands: For programs, the ``command`` of a job and its ``start_command``.
        environment: What is added to the environment.
        changes: What is different in its jobs.
    """

    name: str
    driver: tuple[str, ...]
    version: str = ""
    commands: Callable[[Job], dict[str, Any]] = field(default=lambda _: {})
    environment: Mapping[str, str] = field(default_factory=dict)
    changes: Job = field(default_factory=dict)


_VARIANTS: dict[str, Job] = {
    "ours-window-16": {"window": 16},
    "ours-2-associations": {"associations": 2},
    "ours-4-associations": {"associations": 4},
}


def contender(name: str, action: str, peers: Peers) -> Contender:
    """Who has this name, for this action.

    Raises:
        MissingPeer: It is not here; the message says why.
    """
    if action == "import":
        return _importing(name, peers)
    if name == "bare":
        return Contender(name, _python_driver("bare.py"))
    if name == OURS:
        return Contender(name, _python_driver("ours.py"), _version(sys.executable, "trio-dicom"))
    if name == "against":
        return Contender(name, _python_driver("ours.py"), environment=_against(peers))
    if name in _VARIANTS:
        return Contender(name, _python_driver("ours.py"), changes=_VARIANTS[name])
    if name == "pynetdicom":
        driver = _python_driver("with_pynetdicom.py")
        return Contender(name, driver, _version(sys.executable, name))
    if name == "pydcm":
        if peers.pydcm is None:
            raise MissingPeer("no Python that has pydcm was given; it needs 3.12 or newer")
        driver = _python_driver("with_pydcm.py", peers.pydcm)
        return Contender(name, driver, _version(peers.pydcm, name))
    if name == "dcmjs":
        return _dcmjs(peers)
    return _of_dcmtk(name)


def _python_driver(client: str, python: str = sys.executable) -> tuple[str, ...]:
    return (python, str(_CLIENTS / "driver.py"), str(_CLIENTS / client))


def _against(peers: Peers) -> dict[str, str]:
    return {"PYTHONPATH": str(peers.against)}


def _importing(name: str, peers: Peers) -> Contender:
    modules = "trio, attrs, pydicom" if name == "dependencies" else "trio_dicom"
    environment = _against(peers) if name == "against" else {}

    def commands(_: Job) -> dict[str, Any]:
        python = [sys.executable, "-P", "-c"]  # -P: nothing from the folder it runs in
        return {"command": [*python, f"import {modules}"], "start_command": [*python, ""]}

    driver = _python_driver("program.py")
    return Contender(name, driver, commands=commands, environment=environment)


def _dcmjs(peers: Peers) -> Contender:
    node = shutil.which("node")
    if node is None:
        raise MissingPeer("Node is not installed")
    if peers.dcmjs is None:
        raise MissingPeer("no installation of dcmjs-dimse was given")
    modules = Path(peers.dcmjs, "node_modules")
    version = _package_version(modules / "dcmjs-dimse")
    return Contender(
        "dcmjs",
        (node, str(_CLIENTS / "with_dcmjs.js")),
        f"{version} under Node {_first_line([node, '--version'])}",
        environment={"NODE_PATH": str(modules)},
    )


def _of_dcmtk(name: str) -> Contender:
    plain = name.removesuffix("-nodelay")
    path = program(plain)
    arguments = _ARGUMENTS[plain]

    def commands(job: Job) -> dict[str, Any]:
        tls = ["+tla", "+cf", job["ca"]] if job["ca"] else []

        def with_port(port: int) -> list[str]:
            return [path, "-q", *tls, "-aec", job["called_ae"], *arguments(job, str(port))]

        return {
            "command": with_port(job["port"]),
            "start_command": with_port(job["closed_port"]),
        }

    environment = {"TCP_NODELAY": "1"} if name != plain else {}
    # It says "$dcmtk: storescu v3.6.7 2022-04-22 $".
    version = _first_line([path, "--version"]).strip("$ ").removeprefix("dcmtk: ")
    return Contender(name, _python_driver("program.py"), version, commands, environment)


def _store(job: Job, port: str) -> list[str]:
    return ["+sd", job["host"], port, job["folder"]]


def _find(job: Job, port: str) -> list[str]:
    keys = [word for keyword in job["keys"] for word in ("-k", keyword)]
    return ["-S", "-k", "QueryRetrieveLevel=STUDY", *keys, job["host"], port]


def _get(job: Job, port: str) -> list[str]:
    key = f"StudyInstanceUID={job['study_uid']}"
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", key]
    return ["-S", *keys, "-od", job["target"], job["host"], port]


def _echo(job: Job, port: str) -> list[str]:
    return ["--repeat", str(job["count"]), job["host"], port]


_ARGUMENTS: dict[str, Callable[[Job, str], list[str]]] = {
    "storescu": _store,
    "dcmsend": _store,
    "findscu": _find,
    "getscu": _get,
    "echoscu": _echo,
}


def _package_version(folder: Path) -> str:
    version: str = json.loads((folder / "package.json").read_text())["version"]
    return version


def _first_line(command: list[str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()[0]


def _version(python: str, package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    run = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True, check=False)
    if run.returncode:
        raise MissingPeer(f"{package} is not installed where it should be")
    return run.stdout.strip()
