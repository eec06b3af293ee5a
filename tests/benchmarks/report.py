"""What a case found, and how it is written down."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles

from tests.benchmarks.contenders.table import CONTENDERS

NONE = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"

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
        left_out: Who could not do it, and why.
    """

    title: str
    about: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def leave_out(self, case: str) -> None:
        """Say who cannot do the case."""
        whys: dict[str, list[str]] = {}
        for contender in CONTENDERS:
            if case in contender.cannot and not contender.name.startswith("fixed header"):
                whys.setdefault(f"{contender.name}: {contender.cannot[case]}", []).append(contender.client)
        self.left_out += whys

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.about, ""]
        lines.append("| " + " | ".join(self.columns) + " |")
        lines.append("|" + " --- |" * 2 + " ---: |" * (len(self.columns) - 2))
        lines += [
            "| " + " | ".join(f"**{cell}**" if _is_ours(row) else cell for cell in row) + " |" for row in self.rows
        ]
        if self.left_out:
            lines += ["", "Left out: " + "; ".join(self.left_out) + "."]
        return "\n".join(lines) + "\n"


def _is_ours(row: Sequence[str]) -> bool:
    return row[0].startswith("bitquery_auth")


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of them do not exceed."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=1000, method="inclusive")[min(998, round(percent * 10) - 1)]


def write(tables: Sequence[Table], mode: str, seconds: float) -> None:
    """Write `RESULTS.md`."""
    versions = sorted({f"{name} {version(name)}" for name in {each.distribution for each in CONTENDERS}}, key=str.lower)
    head = [
        "# Results",
        "",
        f"One {mode} run of `python -m tests.benchmarks` ({seconds / 60:.0f} minutes): all contenders side by side, in",
        "interleaved rounds. Figures are medians; ratios are medians of the ratios to the fixed header, the *floor* of",
        "the same client, in the same round. The server is a process of its own on loopback, and counts.",
        "",
        f"Python {platform.python_version()} ({platform.python_implementation()}, {sys.platform}),",
        f"{os.cpu_count()} cores. {', '.join(versions)}.",
        "",
    ]
    RESULTS.write_text("\n".join(head) + "\n" + "\n".join(table.markdown() for table in tables), encoding="utf-8")
