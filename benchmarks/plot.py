"""The plots of the page, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.curves import Curve, Point
from benchmarks.results import Outcome

__all__ = ["plot_curves", "plot_ratios"]

_WIDTH = 8  # inches
_ROW = 0.24
# The same results make the same file, with text that can be read and searched.
_STYLE: dict[Any, Any] = {"svg.hashsalt": "trio_dicom", "svg.fonttype": "none", "font.size": 9}
_METADATA = {"Date": None}
_QUICKER, _SLOWER = "#3b7dd8", "#d8823b"


def plot_ratios(outcomes: Sequence[Outcome], path: Path) -> None:
    """Everybody's time by ours: a bar to the right of 1 means that we are quicker.

    Each outcome has ratios.
    """
    heights = [len(outcome.ratios()) + 3 for outcome in outcomes]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, _ROW * sum(heights)), layout="constrained")
        panels = figure.subplots(len(outcomes), squeeze=False, height_ratios=heights)
        for panel, outcome in zip(panels[:, 0], outcomes, strict=True):
            _bars(panel, outcome)
        figure.savefig(path, metadata=_METADATA)


def _bars(panel: Axes, outcome: Outcome) -> None:
    shares = outcome.ratios()
    for row, (name, ratios) in enumerate(shares.items()):
        ratio = median(ratios)
        colour = _QUICKER if ratio >= 1 else _SLOWER
        panel.barh(row, ratio - 1, left=1, color=colour, height=0.7)
        panel.plot([min(ratios), max(ratios)], [row, row], color="black", linewidth=1)
        if name in outcome.work.goals:
            panel.plot([outcome.work.goals[name]], [row], marker="|", color="red", markersize=10)
    panel.set_yticks(range(len(shares)), list(shares))
    panel.set_ylim(len(shares) - 0.5, -0.5)  # the first is the uppermost
    panel.set_xscale("log")
    every = [ratio for ratios in shares.values() for ratio in ratios]
    panel.set_xlim(min(0.5, *every) * 0.8, max(2.0, *every, *outcome.work.goals.values()) * 1.25)
    panel.axvline(1, color="black", linewidth=0.8)
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_title(outcome.work.title, loc="left", fontsize=9)


def plot_curves(curves: Mapping[str, tuple[Curve, Sequence[Point]]], path: Path) -> None:
    """Time for each unit, and memory, as work grows."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 2 * len(curves)), layout="constrained")
        panels = figure.subplots(len(curves), 2, squeeze=False)
        for (left, right), (curve, points) in zip(panels, curves.values(), strict=True):
            sizes = [point.size for point in points]
            times = [point.per_unit * 1e6 for point in points]
            left.plot(sizes, times, marker="o")
            left.set_ylabel(f"µs per {curve.unit}")
            left.set_yscale("log")
            # At least two decades, so that what is flat looks flat.
            left.set_ylim(min(times) / 4, max(*times, min(times) * 25) * 1.5)
            left.yaxis.set_major_formatter("{x:g}")
            left.yaxis.set_minor_formatter(NullFormatter())
            right.plot(sizes, [point.peak / 1e6 for point in points], marker="o")
            right.set_ylabel("MB resident")
            right.set_ylim(0, max(point.peak for point in points) / 1e6 * 1.3)
            for panel in (left, right):
                panel.set_xscale("log")
                panel.xaxis.set_minor_formatter(NullFormatter())
                panel.set_xlabel(curve.grows)
        figure.savefig(path, metadata=_METADATA)
