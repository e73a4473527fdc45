"""A headless Chromium that leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.interop.programs import missing, program

__all__ = ["chromium"]

# None of it downloads anything or talks to anybody but the page.
_OPTIONS = (
    "--headless",
    "--no-sandbox",  # which root has not
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1100,700",
)


@contextmanager
def chromium() -> Generator[Chrome, None, None]:
    """A browser with an empty profile; skips the test where Debian's packages are missing.

    In the end none of its processes is left, and no file.
    """
    driver = program("chromedriver", package="chromium-driver")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        missing("Chromium is not installed (apt-get install chromium)")
    with tempfile.TemporaryDirectory(prefix="browser-") as home:
        options = ChromeOptions()
        options.binary_location = browser
        for option in (*_OPTIONS, f"--user-data-dir={home}/profile"):
            options.add_argument(option)
        service = ChromeService(
            executable_path=driver,  # so that Selenium does not look for one
            log_output=subprocess.DEVNULL,
            env={**os.environ, "HOME": home, "TMPDIR": home},
            popen_kw={"start_new_session": True},  # a group of its own, to end all of it
        )
        try:
            started = Chrome(options=options, service=service)
            try:
                started.set_page_load_timeout(20)
                yield started
            finally:
                started.quit()
        finally:
            _end(service.process, home)


def _end(process: subprocess.Popen[bytes], home: str) -> None:
    """See to it that all processes are gone: those of the group, and those that left it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(5)
    patience = time.monotonic() + 5
    while left := _processes_of(home):
        if time.monotonic() > patience:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _processes_of(home: str) -> list[int]:
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if home.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found
