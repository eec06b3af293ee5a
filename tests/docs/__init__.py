"""The README is part of the product: what it shows runs, and what it claims has tests."""

from itertools import pairwise
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def rows_of(section: str) -> list[list[str]]:
    """Return the cells of all tables in a section, without their headings."""
    text = README.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [*text.splitlines(), ""]
    return [
        line.strip("| ").split(" | ")
        for line, following in pairwise(lines)
        if line.startswith("| ") and not following.startswith("|---")
    ]
