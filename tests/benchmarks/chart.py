"""`results.svg`: what a reader should see at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.benchmarks.report import TIMES, Table

CHART = Path(__file__).with_name("results.svg")

_OURS = "#0b7285"
_OTHERS = "#b0b7be"
_FLOOR = "#495057"


def draw(tables: Mapping[str, Table]) -> None:
    """Draw token requests of a herd beside the work of the auth."""
    mpl.rcParams.update({"svg.hashsalt": "bitquery_auth", "font.size": 9, "svg.fonttype": "none"})
    figure = Figure(figsize=(11, 6.2), facecolor="white", layout="constrained")
    left, right = figure.subplots(1, 2)
    _bars(left, tables["herd"].figures, "{:.0f}")
    left.set_title(
        "Token requests at a cold start, log scale\n64 threads, or 1000 tasks on async clients",
        loc="left",
    )
    left.axvline(1, color=_FLOOR, linewidth=0.8)
    _bars(right, _without_floors(tables["work"].figures), f"{{:.1f}}{TIMES}")
    right.set_title(
        "Work of the auth per request, log scale\nas a multiple of a fixed header", loc="left"
    )
    right.axvline(1, color=_FLOOR, linewidth=0.8)
    figure.savefig(CHART, metadata={"Date": None})


def _without_floors(figures: Mapping[str, float]) -> dict[str, float]:
    return {
        label: value for label, value in figures.items() if not label.startswith("fixed header (")
    }


def _bars(axes: Any, figures: Mapping[str, float], form: str) -> None:
    labels = list(figures)[::-1]
    values = [figures[label] for label in labels]
    colours = [_OURS if label.startswith("bitquery_auth") else _OTHERS for label in labels]
    bars = axes.barh(labels, values, color=colours, height=0.7)
    axes.bar_label(bars, [form.format(value) for value in values], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(0.8, max(values) * 2)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", bottom=False, labelbottom=False, which="both")
    axes.tick_params(axis="y", length=0)
    for tick, label in zip(axes.get_yticklabels(), labels, strict=True):
        if label.startswith("bitquery_auth"):
            tick.set_color(_OURS)
            tick.set_fontweight("bold")
