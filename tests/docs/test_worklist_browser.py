"""The example of a web page with a worklist, as its own process and in a browser."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from attrs import frozen
from selenium.common import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from tests.docs.browser import chromium
from tests.docs.embedding import EXAMPLES, Ends, listening, within, worklist_server
from tests.interop import peers
from tests.interop.programs import HOST, in_background
from tests.interop.worklists import worklist_items
from trio_dicom.testing import ConversationEnd

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def browser() -> Generator[Chrome, None, None]:
    with chromium() as started:
        yield started


@frozen
class Page:
    """The page, served by a process of its own."""

    url: str
    process: subprocess.Popen[str]

    def end(self) -> str:
        """Ask it to end, as systems do, and return what it said until it had."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=10)
        return said


@contextmanager
def page(port: int, ae_title: str = "WORKLIST") -> Generator[Page, None, None]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / "worklist_page.py")]
    command += [HOST, str(port), ae_title, "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            running = re.search(r"Running on (http://[\d.]+:\d+)", said)
            assert running is not None, said + process.stderr.read()
            yield Page(running[1], process)
        finally:
            process.kill()


def rows(browser: Chrome) -> list[list[str]]:
    """What stands in the table."""
    lines = browser.find_elements(By.CSS_SELECTOR, "tbody tr")
    return [[it.text for it in line.find_elements(By.TAG_NAME, "td")] for line in lines]


def filter_by(browser: Chrome, **values: str) -> None:
    """Fill the form, send it off, and wait for the page that comes."""
    filled = browser.find_element(By.TAG_NAME, "form")
    for name in ("date", "modality", "station"):
        browser.find_element(By.NAME, name).clear()
    for name, value in values.items():
        field = browser.find_element(By.NAME, name)
        # A date is typed as the locale has it: this is not about that.
        browser.execute_script("arguments[0].value = arguments[1]", field, value)
    browser.find_element(By.TAG_NAME, "button").click()
    # While one page takes the place of the other, the driver says many things.
    patience = WebDriverWait(browser, 20, 0.02, ignored_exceptions=[WebDriverException])
    patience.until(staleness_of(filled))


def status(browser: Chrome) -> int:
    """The HTTP status of the page that is shown."""
    entries = "return performance.getEntriesByType('navigation')[0].responseStatus"
    code: int = browser.execute_script(entries)
    return code


def problem(browser: Chrome) -> str:
    return browser.find_element(By.CSS_SELECTOR, "[role=alert]").text


def test_the_page_shows_the_worklist_of_dcmtk_until_that_is_gone(
    browser: Chrome, dcmtk: None, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        with in_background(lambda: peers.wlmscpfs(tmp_path)) as peer:
            served = stack.enter_context(page(peer.port, peer.ae_title))
            browser.get(served.url)
            assert (status(browser), rows(browser)) == (200, [])  # nothing is scheduled for today
            filter_by(browser, date="2026-03-04")
            assert rows(browser) == [
                ["2026-03-04 08:00", "Müller Käthe", "P4", "MR", "MR1", "Look", "A4"],
                ["2026-03-04 08:00", "Yamada Tarou (山田 太郎)", "P5", "US", "US1", "Look", "A5"],
            ]
            filter_by(browser, modality="CT", station="CT1")
            assert [row[-1] for row in rows(browser)] == ["A2", "A6"]
            assert browser.find_element(By.NAME, "station").get_property("value") == "CT1"
            filter_by(browser)
            assert len(rows(browser)) == len(worklist_items())
            filter_by(browser, modality="M*")
            assert (status(browser), rows(browser)) == (400, [])
            assert "capital letters" in problem(browser)
        filter_by(browser)
        assert (status(browser), rows(browser)) == (502, [])
        assert problem(browser).startswith("The worklist server cannot be reached.\n")
        served.end()
        assert served.process.returncode == 0


def test_what_the_server_says_is_shown_and_not_run(browser: Chrome) -> None:
    item = worklist_items()[0]
    item.PatientName = "<script>document.body.remove()</script>"
    item.PatientID = "<img src=x onerror=\"document.title='owned'\">"
    serve = worklist_server([item], Ends())
    with in_background(lambda: listening(serve)) as port, page(port) as served:
        browser.get(f"{served.url}/?date=")
        [row] = rows(browser)
        assert browser.title == "Worklist"
    assert row[1:3] == [item.PatientName, item.PatientID]


def test_an_association_ends_when_the_browser_or_the_server_goes_away(browser: Chrome) -> None:
    ends = Ends()
    serve = worklist_server([], ends, is_silent=True)
    with in_background(lambda: listening(serve)) as port, page(port) as served:
        visit = "window.other = window.open(arguments[0])"
        browser.get("about:blank")
        browser.execute_script(visit, f"{served.url}/?date=")
        within(10, lambda: ends.begun == 1)
        assert ends.seen == []
        browser.execute_script("window.other.close()")
        within(10, lambda: ends.seen == [ConversationEnd.ABORTED])

        browser.execute_script(visit, f"{served.url}/?date=")
        within(10, lambda: ends.begun == 2)
        assert "Traceback" not in served.end()
        assert served.process.returncode == 0
        browser.execute_script("window.other.close()")
    assert ends.seen == [ConversationEnd.ABORTED] * 2
