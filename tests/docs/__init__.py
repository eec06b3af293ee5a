"""The README is part of the product: what it shows runs, and what it claims has tests."""

import os
import re
import sys
from itertools import pairwise
from pathlib import Path

from bitquery_auth.sandbox import Sandbox

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows_of(title: str) -> list[list[str]]:
    """Return the cells of all tables in a section, without their headings."""
    lines = [*section(title).splitlines(), ""]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line, following in pairwise(lines)
        if line.startswith("| ") and not following.startswith("|---")
    ]


def code_in(text: str, language: str) -> list[str]:
    """Return the code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def shell_of(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """Return the variables of a shell in which the commands of this package are found.

    Args:
        sandbox: Where its settings point.
        folder: For the token that is kept between runs.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {"BITQUERY_CACHE_DIR": str(folder / "cache"), "PATH": path}
    return os.environ | sandbox.environment() | kept
