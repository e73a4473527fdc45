"""Doing a work: every contender in turn, several rounds, and a check that all arrived."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import trustme

from benchmarks.contenders import Contender, Peers, contender
from benchmarks.content import Differs, compared
from benchmarks.data import KIB, STUDY_UID, Files, make_files
from benchmarks.programs import HOST, MissingPeer, free_port
from benchmarks.results import Outcome, Run
from benchmarks.servers import Dcmqrscp, Orthanc, Server, Sink, Storescp
from benchmarks.works import OURS, Slow, Work

__all__ = ["Failed", "Laboratory"]

_CT = "1.2.840.10008.5.1.4.1.1.2"
_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.7.3"
# The keys of a query: those of which the sink knows the values.
_KEYS = (
    *("StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy"),
    *("ReferringPhysicianName", "StudyDescription", "PatientName", "PatientID"),
    *("PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
)

_SECOND_TRIES = 3  # of each client in each work
# Instances whose content is looked at: more than are on their way at once.
_LOOKED_AT = 20
_OF_INSTANCES = ("store", "store_memory", "get")
_PATIENCE = 900  # seconds for a client to do its work once


class Failed(Exception):
    """A client did not do what it was measured at."""


class Laboratory:
    """Where works are done, with the files and certificates that they need.

    Attributes:
        folder: A folder for everything.
        peers: Where the peers are.
        say: Is told what happens.
    """

    def __init__(self, folder: Path, peers: Peers, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.peers = peers
        self.say = say
        self._files: dict[tuple[int, int], Files] = {}

    def do(self, work: Work, rounds: int, only: tuple[str, ...] = ()) -> Outcome:
        """Have everybody do it in turn.

        Args:
            work: What.
            rounds: How often, apart from those who are slow.
            only: Who; all if there is none.
        """
        outcome = Outcome(work)
        contenders = []
        for name in (OURS, *work.contenders, *(["against"] if self.peers.against else [])):
            if only and name not in only:
                continue
            try:
                contenders.append(contender(name, work.action, self.peers))
            except MissingPeer as missing:
                outcome.missing[name] = str(missing)
        if work.action in _OF_INSTANCES:
            self._look_at_content(outcome, contenders)
        with self.server(work) as server:
            for number in range(rounds):
                # Nobody is always the first, or always after the same other.
                for each in contenders if number % 2 == 0 else reversed(contenders):
                    slow = work.slow.get(each.name, Slow(rounds))
                    if number < slow.rounds:
                        run = self._tried(outcome, work.scaled(slow.share), each, server)
                        if run is not None:
                            outcome.runs.setdefault(each.name, []).append(run)
                            self.say(f"{work.name}: {each.name} {run.seconds:.3f} s")
        return outcome

    def _look_at_content(self, outcome: Outcome, contenders: list[Contender]) -> None:
        """Have everybody do a little of it, unmeasured, and see what arrives."""
        work = replace(outcome.work, count=min(outcome.work.count, _LOOKED_AT))
        sent = self.files(work.count, work.size).paths
        with self.server(work, keep=True) as server:
            for each in contenders:
                # Of the bare loop the bytes are counted.
                if each.name == "bare" or self._tried(outcome, work, each, server) is None:
                    continue
                try:
                    outcome.content[each.name] = compared(sent, server.instances())
                except Differs as differs:
                    self.say(f"{work.name}: {each.name}: {differs}")
                    outcome.failed[each.name] = str(differs)

    def _tried(self, outcome: Outcome, work: Work, who: Contender, server: Server) -> Run | None:
        """What came of it, if it did not fail more often than it may."""
        while who.name not in outcome.failed:
            try:
                return self.once(work, who, server)
            except Failed as failed:
                self.say(f"{work.name}: {failed}")
                outcome.broken[who.name] = outcome.broken.get(who.name, 0) + 1
                # pynetdicom aborts now and then where an answer comes sooner than it expects.
                # We have no second try.
                if who.name == OURS or outcome.broken[who.name] > _SECOND_TRIES:
                    # The others can still be compared; what it did before does not count.
                    outcome.failed[who.name] = str(failed)
                    outcome.runs.pop(who.name, None)
        return None

    @contextmanager
    def server(self, work: Work, *, keep: bool = False) -> Iterator[Server]:
        """The server that a work is done on; all but the sink always keep what arrives."""
        place = self.folder / "server"
        tls = self._certificate() if work.tls else None
        servers: Mapping[str, Callable[[], Server]] = {
            "none": Server,
            "sink": lambda: Sink(
                matches=work.count if work.action == "find" else 0,
                tls=tls,
                keep=place if keep else None,
            ),
            "storescp": lambda: Storescp(place, tls),
            "orthanc": lambda: Orthanc(place, tls),
            "dcmqrscp": lambda: Dcmqrscp(
                place, self.files(work.count, work.size), self.folder / "target"
            ),
        }
        with servers[work.server]() as server:
            yield server
        shutil.rmtree(place, ignore_errors=True)  # what is kept there takes room in memory

    def files(self, count: int, size: int) -> Files:
        """Instances, made when they are first asked for."""
        if (count, size) not in self._files:
            self._files[count, size] = make_files(
                self.folder / f"files-{count}-{size}", count, size
            )
        return self._files[count, size]

    def once(self, work: Work, who: Contender, server: Server) -> Run:
        """Have somebody do it once.

        Raises:
            Failed: It did not do all of it.
        """
        files = self.files(work.count, work.size) if work.size else None
        server.reset()
        job = {
            "action": work.action,
            "host": HOST,
            "port": server.raw_port if who.name == "bare" else server.port,
            "closed_port": free_port(),
            "called_ae": server.called_ae,
            "count": work.count,
            "window": work.window,
            "open": work.open,
            "associations": work.associations,
            "sop_class": _CT if work.size <= 512 * KIB else _MULTI_FRAME,
            "study_uid": STUDY_UID,
            "keys": _KEYS,
            "target": str(self.folder / "target"),
            "ca": str(self.folder / "ca.pem") if work.tls else "",
            "folder": str(files.folder) if files else "",
            "paths": [str(path) for path in files.paths] if files else [],
        }
        run = self._drive(who, {**job, **who.changes, **who.commands(job)})
        if run.done != work.count:
            raise Failed(f"{who.name} did {run.done} of {work.count}")
        if work.server != "none":
            _check(work, who, files, server.arrived())
        return run

    def _drive(self, who: Contender, job: Mapping[str, Any]) -> Run:
        path = self.folder / "job.json"
        path.write_text(json.dumps(job))
        with subprocess.Popen(
            [*who.driver, str(path)],
            cwd=self.folder,
            env={**os.environ, **who.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            if process.stdout.readline() != "READY\n":
                raise Failed(f"{who.name} did not get ready")
            process.stdin.write("go\n")
            process.stdin.flush()
            try:
                said, _ = process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise Failed(f"{who.name} was not done within {_PATIENCE} s") from None
        if process.returncode or not said:
            raise Failed(f"{who.name} ended with {process.returncode}")
        result = json.loads(said.splitlines()[-1])
        return Run(
            seconds=result["seconds"],
            done=int(result["done"]),
            peak=int(result["peak"]),
            start=result.get("start", 0.0),
        )

    def _certificate(self) -> tuple[Path, Path]:
        certificate, key = self.folder / "server.pem", self.folder / "server.key"
        if not certificate.exists():
            authority = trustme.CA(key_type=trustme.KeyType.RSA)
            server = authority.issue_cert(HOST, "localhost", key_type=trustme.KeyType.RSA)
            authority.cert_pem.write_to_path(self.folder / "ca.pem")
            server.cert_chain_pems[0].write_to_path(certificate)
            server.private_key_pem.write_to_path(key)
        return certificate, key


def _check(work: Work, who: Contender, files: Files | None, arrived: Mapping[str, int]) -> None:
    """That nobody is quick because he does less."""
    expected: dict[str, int] = {}
    if work.action in _OF_INSTANCES:
        assert files
        expected = {"instances": work.count, "bytes": files.data_sets}
        if who.name == "bare":
            expected = {"bytes": files.data_sets}
    elif work.action == "find":
        expected = {"matches": work.count}
    elif work.action == "echo":
        expected = {"echoes": work.count, "associations": 1}
    elif work.action == "associate":
        expected = {"echoes": work.count, "associations": work.count}
    for what, least in expected.items():
        if arrived.get(what, 0) < least:
            raise Failed(f"of {who.name} {arrived.get(what, 0)} of {least} {what} arrived")
    if arrived.get("released", 0) != arrived.get("associations", 0):
        raise Failed(f"{who.name} did not release each association")
