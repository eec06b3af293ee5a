"""What a case found, and how it is written down."""

from __future__ import annotations

import os
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles

from tests.benchmarks.contenders.table import CONTENDERS

NONE = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"

RESULTS = Path(__file__).with_name("RESULTS.md")
_HEAD = """\
# Results

One {mode} run of `python -m tests.benchmarks` ({minutes:.0f} minutes): all contenders side by
side, in interleaved rounds. Figures are medians. Ratios are medians of the ratios to the fixed
header, the *floor* of the same client, in the same round. The server is a process of its own on
loopback, and counts.

Python {python} ({implementation}, {system}), {cores} cores. {versions}.

"""


@dataclass
class Table:
    """One case's results.

    Args:
        title: The title of its section.
        about: What was done, in a sentence or two.
        columns: Headings; the first two are contender and client.
        case: If given, who cannot do this case is named.
        rows: The cells.
    """

    title: str
    about: str
    columns: Sequence[str]
    case: str = ""
    rows: list[Sequence[str]] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.about, ""]
        lines.append("| " + " | ".join(self.columns) + " |")
        lines.append("|" + " --- |" * 2 + " ---: |" * (len(self.columns) - 2))
        for row in self.rows:
            is_ours = row[0].startswith("bitquery_auth")
            cells = (f"**{cell}**" if is_ours else cell for cell in row)
            lines.append("| " + " | ".join(cells) + " |")
        reasons = {
            f"{kind.name}: {kind.cannot[self.case]}": None
            for kind in CONTENDERS
            if self.case in kind.cannot and not kind.name.startswith("fixed header")
        }
        if reasons:
            lines += ["", "Left out: " + "; ".join(reasons) + "."]
        return "\n".join(lines) + "\n"


def tally(answers: Iterable[str]) -> str:
    """Return what came, and how often."""
    return ", ".join(f"{count}{TIMES} {answer}" for answer, count in Counter(answers).most_common())


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent of them do not exceed."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=1000, method="inclusive")[min(998, round(percent * 10) - 1)]


def write(tables: Sequence[Table], mode: str, seconds: float) -> None:
    """Write `RESULTS.md`."""
    names = sorted({each.distribution for each in CONTENDERS}, key=str.lower)
    head = _HEAD.format(
        mode=mode,
        minutes=seconds / 60,
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        system=sys.platform,
        cores=os.cpu_count(),
        versions=", ".join(f"{name} {version(name)}" for name in names),
    )
    body = "\n".join(table.markdown() for table in tables)
    RESULTS.write_text(head + body, encoding="utf-8")
