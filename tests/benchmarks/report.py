"""What a case found, and how it is written down."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles

from tests.benchmarks.contenders.face import Contender
from tests.benchmarks.contenders.table import CONTENDERS

NONE = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
FLOOR = "fixed header"

RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass
class Table:
    """One case's results.

    Args:
        title: Of its section.
        about: What was done, in a sentence or two.
        columns: Headings; the first two are contender and client.
        rows: The cells.
        figures: Numbers for the chart: contender's label to value.
        standings: Whether bitquery_auth is ahead, and where it is not, why.
        left_out: Who could not do it, and why.
    """

    title: str
    about: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    standings: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def compare(
        self, what: str, figures: Mapping[type[Contender], float], why: str, *, noise: float = 0.0
    ) -> None:
        """Say who is level with bitquery_auth on the same client, and who is ahead of it.

        Args:
            what: Of which less is better.
            figures: How much of it each has.
            why: What to say of those that have less.
            noise: The share of ours by which two may differ and still be level.
        """
        ours = {kind.client: figure for kind, figure in figures.items() if _is_ours(kind.name)}
        rivals = [
            kind for kind in figures if not _is_ours(kind.name) and not kind.name.startswith(FLOOR)
        ]
        room = {client: abs(figure) * noise for client, figure in ours.items()}
        less = [kind for kind in rivals if figures[kind] < ours[kind.client] - room[kind.client]]
        level = [
            kind for kind in rivals if abs(figures[kind] - ours[kind.client]) <= room[kind.client]
        ]
        said = "ahead of all" if not less and not level else "ahead of all but those named here"
        if level:
            said += f"; level with {_listed(level)}"
        if less:
            said += f"; behind {_listed(less)}: {why}"
        self.standings.append(f"- {what}: {said}.")

    def leave_out(self, case: str) -> None:
        """Say who cannot do the case."""
        whys: dict[str, list[str]] = {}
        for contender in CONTENDERS:
            if case in contender.cannot and not contender.name.startswith(FLOOR):
                whys.setdefault(f"{contender.name}: {contender.cannot[case]}", []).append(
                    contender.client
                )
        self.left_out += whys

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.about, ""]
        lines.append("| " + " | ".join(self.columns) + " |")
        lines.append("|" + " --- |" * 2 + " ---: |" * (len(self.columns) - 2))
        lines += [
            "| " + " | ".join(f"**{cell}**" if _is_ours(row[0]) else cell for cell in row) + " |"
            for row in self.rows
        ]
        if self.standings:
            lines += ["", "Where bitquery_auth stands:", "", *self.standings]
        if self.left_out:
            lines += ["", "Left out: " + "; ".join(self.left_out) + "."]
        return "\n".join(lines) + "\n"


def _is_ours(name: str) -> bool:
    return name.startswith("bitquery_auth")


def _listed(kinds: Sequence[type[Contender]]) -> str:
    return ", ".join(kind.label() for kind in kinds)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of them do not exceed."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=1000, method="inclusive")[min(998, round(percent * 10) - 1)]


def write(tables: Sequence[Table], mode: str, seconds: float) -> None:
    """Write `RESULTS.md`."""
    versions = sorted(
        {f"{name} {version(name)}" for name in {each.distribution for each in CONTENDERS}},
        key=str.lower,
    )
    head = [
        "# Results",
        "",
        f"One {mode} run of `python -m tests.benchmarks` ({seconds / 60:.0f} minutes): all",
        "contenders side by side, in interleaved rounds. Figures are medians. Ratios are medians",
        "of the ratios to the fixed header, the *floor* of the same client, in the same round. The",
        "server is a process of its own on loopback, and counts.",
        "",
        f"Python {platform.python_version()} ({platform.python_implementation()}, {sys.platform}),",
        f"{os.cpu_count()} cores. {', '.join(versions)}.",
        "",
    ]
    RESULTS.write_text(
        "\n".join(head) + "\n" + "\n".join(table.markdown() for table in tables), encoding="utf-8"
    )
