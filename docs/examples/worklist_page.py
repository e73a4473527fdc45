"""A web page that shows a modality worklist: python worklist_page.py HOST PORT AE HTTP_PORT"""

import re
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from functools import partial
from typing import TypeAlias

import trio
from attrs import frozen
from hypercorn.config import Config
from hypercorn.trio import serve
from pydicom import Dataset
from quart import render_template_string, request
from quart_trio import QuartTrio

from trio_dicom import (
    Association,
    AssociationRejected,
    ConnectFailed,
    ConnectionEnded,
    ConnectionOptions,
    NoAcceptedContext,
    OperationTimeout,
    RemoteProtocolError,
    StatusError,
    Timeouts,
    open_association,
)
from trio_dicom.sop_classes import MODALITY_WORKLIST

Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[Association]]

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Worklist</title>
<style>
  body { font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
  form { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; margin: 1rem 0; }
  label { display: grid; font-size: .85rem; }
  input, button { font: inherit; padding: .3rem .5rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { border-bottom: 1px solid #ccc; padding: .4rem .6rem; text-align: left; }
  [role=alert] { background: #fdecea; border-left: 4px solid #b3261e; padding: .6rem 1rem; }
</style>
<h1>Worklist</h1>
<form>
  <label>Date <input type="date" name="date" value="{{ wanted.date }}"></label>
  <label>Modality <input name="modality" value="{{ wanted.modality }}" size="6"></label>
  <label>Station <input name="station" value="{{ wanted.station }}" size="16"></label>
  <button>Show</button>
</form>
{% if problem %}
<p role="alert"><strong>{{ problem }}</strong>{% if details %}<br>{{ details }}{% endif %}</p>
{% else %}
<p role="status">{{ steps | length or "Nothing" }} scheduled. {{ note }}</p>
<table>
<thead><tr>{% for title in titles %}<th scope="col">{{ title }}</th>{% endfor %}</tr></thead>
<tbody>
{% for step in steps %}<tr>{% for cell in step %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody>
</table>
{% endif %}
"""
TITLES = ("Time", "Patient", "Patient ID", "Modality", "Station", "Procedure", "Accession")


# [wanted
@frozen
class Wanted:
    """The steps that the browser asks for; "" stands for all."""

    date: str = ""
    modality: str = ""
    station: str = ""

    @classmethod
    def by_request(cls) -> "Wanted":
        """Of today, unless the request says otherwise."""
        today = datetime.now().astimezone().date().isoformat()
        texts = (request.args.get(name, "").strip() for name in ("modality", "station"))
        return cls(request.args.get("date", today).strip(), *texts)

    def query(self) -> Dataset:
        """The keys for the worklist server.

        Raises:
            ValueError: A value is none that a server could match.
        """
        step = Dataset()
        step.ScheduledProcedureStepStartDate = ""
        if self.date:
            day = date.fromisoformat(self.date).isoformat()  # %Y would not pad the year 1
            step.ScheduledProcedureStepStartDate = day.replace("-", "")
        if not re.fullmatch(r"[A-Z0-9_ ]{0,16}", self.modality):
            raise ValueError("A modality is up to 16 capital letters and digits, such as MR.")
        # No backslash, which would make several titles, and no wild cards, which titles have not.
        if not re.fullmatch(r"[ !-)+->@-\[\]-~]{0,16}", self.station):
            raise ValueError("A station is an AE title of up to 16 characters, such as MR1.")
        step.Modality, step.ScheduledStationAETitle = self.modality, self.station
        step.ScheduledProcedureStepStartTime = step.ScheduledProcedureStepDescription = ""
        query = Dataset()
        query.PatientName = query.PatientID = query.AccessionNumber = ""
        query.ScheduledProcedureStepSequence = [step]
        return query
        # wanted]


def row_of(item: Dataset) -> tuple[str, ...]:
    """What the page shows of a worklist item, whatever the server left out of it."""
    step = next(iter(item.get("ScheduledProcedureStepSequence") or [Dataset()]))
    day = str(step.get("ScheduledProcedureStepStartDate") or "")
    time = str(step.get("ScheduledProcedureStepStartTime") or "")
    return (
        f"{day[:4]}-{day[4:6]}-{day[6:8]} {time[:2]}:{time[2:4]}".strip(" -:"),
        readable(str(item.get("PatientName") or "")),
        str(item.get("PatientID") or ""),
        str(step.get("Modality") or ""),
        str(step.get("ScheduledStationAETitle") or ""),
        str(step.get("ScheduledProcedureStepDescription") or ""),
        str(item.get("AccessionNumber") or ""),
    )


def readable(name: str) -> str:
    """A person's name without its syntax: Yamada^Tarou=山田^太郎 is Yamada Tarou (山田 太郎)."""
    groups = [" ".join(filter(None, group.split("^"))) for group in name.split("=")]
    first, *others = [group for group in groups if group] or [""]
    return first + "".join(f" ({other})" for other in others)


# [app
def make_app(
    open_worklist: Opening, *, deadline: float = 10, at_once: int = 4, most: int = 500
) -> QuartTrio:
    """The page.

    Args:
        open_worklist: Opens an association with the worklist server.
        deadline: Seconds that a browser waits, at most.
        at_once: How many associations there may be at a time, however many browsers.
        most: How many steps are shown. The server is told to stop after so many.
    """
    app = QuartTrio("worklist_page", static_folder=None)
    limiter = trio.CapacityLimiter(at_once)

    async def scheduled(query: Dataset) -> tuple[list[tuple[str, ...]], str]:
        steps: list[tuple[str, ...]] = []
        note = ""
        async with (
            limiter,
            open_worklist() as association,
            association.c_find(query, model=MODALITY_WORKLIST) as matches,
        ):
            async for match in matches:
                if len(steps) == most:
                    note = "There are more."
                    break  # leaving the block tells the server to stop
                try:
                    steps.append(row_of(match.identifier))
                except Exception:  # noqa: BLE001 - this one alone is broken, in whatever way
                    note = "Some cannot be read."
        return sorted(steps), note

    async def page(status: int, wanted: Wanted, **more: object) -> tuple[str, int, dict[str, str]]:
        text = await render_template_string(PAGE, wanted=wanted, titles=TITLES, **more)
        return text, status, HEADERS

    @app.get("/")
    async def worklist() -> tuple[str, int, dict[str, str]]:
        wanted = Wanted.by_request()
        try:
            query = wanted.query()
        except ValueError as error:
            return await page(400, wanted, problem=f"This cannot be looked for. {error}")
        try:
            with trio.fail_after(deadline):
                steps, note = await scheduled(query)
        except (trio.TooSlowError, OperationTimeout) as error:
            problem = "The worklist server takes too long."
            return await page(504, wanted, problem=problem, details=str(error))
        except tuple(PROBLEMS) as error:
            problem = next(words for kind, words in PROBLEMS.items() if isinstance(error, kind))
            return await page(502, wanted, problem=problem, details=str(error))
        return await page(200, wanted, steps=steps, note=note)

    return app


HEADERS = {
    "Cache-Control": "no-store",  # patients do not belong on the browser's disk
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'",
}
PROBLEMS: dict[type[Exception], str] = {
    ConnectFailed: "The worklist server cannot be reached.",
    AssociationRejected: "The worklist server does not talk to us.",
    NoAcceptedContext: "This server has no worklist.",
    StatusError: "The worklist server could not answer.",
    ConnectionEnded: "The worklist server broke off.",
    RemoteProtocolError: "The worklist server says what nobody can understand.",
}
# app]


# [main
async def main(host: str, port: int, called_ae: str, http_port: int) -> None:
    timeouts = Timeouts(release=1)  # the browser has its page when that is over
    app = make_app(
        partial(
            open_association,
            host,
            port,
            called_ae=called_ae,
            contexts=[MODALITY_WORKLIST],
            options=ConnectionOptions(timeouts=timeouts),
        )
    )
    config = Config()
    config.bind = [f"127.0.0.1:{http_port}"]  # who may see patients, others must decide
    config.graceful_timeout = 1  # second for those who still wait for their page at the end
    await serve(app, config, shutdown_trigger=asked_to_end)


async def asked_to_end() -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        await anext(signals)
        # main]


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
