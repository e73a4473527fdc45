"""Small files to a storescp as installed, whose replies wait for our acknowledgements.

Run with ``nox -s bench``, or ``python benchmarks/small_files.py --files 200 --rounds 5``.
DCMTK's storescp writes each reply in two pieces with Nagle's algorithm on, so a client
that delays its acknowledgements waits 40 ms for every message. What counts is the ratio
of the medians of one run; the times themselves are those of the machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import trio
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from trio_dicom import contexts_for_files, open_association

# pynetdicom installs programs of the same names beside Python.
_DEBIAN = os.pathsep.join(["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"])


def make_files(folder: Path, count: int, size: int) -> list[Path]:
    """``count`` secondary captures of about ``size`` bytes."""
    paths = []
    for number in range(count):
        data_set = Dataset()
        data_set.SOPClassUID = SecondaryCaptureImageStorage
        data_set.SOPInstanceUID = f"2.25.{number + 1}"
        data_set.PatientName = "Benchmark^Small"
        data_set.PixelData = bytes(size)
        data_set["PixelData"].VR = "OB"
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        paths.append(folder / f"{number}.dcm")
        dcmwrite(paths[-1], data_set, enforce_file_format=True)
    return paths


@contextmanager
def storescp(program: str, folder: Path) -> Iterator[int]:
    """DCMTK's storescp as installed, on the port that this gives."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([program, "--fork", "-od", str(folder), str(port)])
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait()


async def store(port: int, paths: list[Path]) -> None:
    """Store with trio_dicom, in this process."""
    contexts = await contexts_for_files(paths)
    async with open_association("127.0.0.1", port, contexts=contexts) as association:
        for path in paths:
            (await association.c_store(path)).raise_for_status()


def main() -> None:
    """Measure, and print medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--size", type=int, default=10_000, help="bytes of each")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    server = shutil.which("storescp", path=_DEBIAN)
    client = shutil.which("storescu", path=_DEBIAN)
    if server is None or client is None:
        sys.exit("DCMTK is missing: apt-get install dcmtk")
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "source"), Path(name, "target")
        source.mkdir()
        target.mkdir()
        paths = make_files(source, options.files, options.size)
        with storescp(server, target) as port:

            def ours() -> None:
                trio.run(store, port, paths)

            def theirs() -> None:
                command = [client, "+sd", "127.0.0.1", str(port), str(source)]
                subprocess.run(command, check=True)

            contenders: dict[str, Callable[[], None]] = {"trio_dicom": ours, "storescu": theirs}
            times: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(options.rounds):
                for name, contender in contenders.items():
                    for written in target.iterdir():
                        written.unlink()
                    begun = time.perf_counter()
                    contender()
                    times[name].append(time.perf_counter() - begun)
                    assert len(list(target.iterdir())) == options.files
    best = median(times["trio_dicom"])
    print(f"{options.files} files of {options.size} bytes, median of {options.rounds} rounds")
    for name, seconds in times.items():
        spread = f"{min(seconds):.2f} to {max(seconds):.2f} s"
        print(
            f"{name:12} {median(seconds):6.2f} s ({spread})  {median(seconds) / best:6.1f} x ours"
        )


if __name__ == "__main__":
    main()
