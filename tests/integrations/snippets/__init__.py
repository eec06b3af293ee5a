"""What the README shows of each library, in one file each: its name, the auth it takes, and the lines that give it."""

import warnings
from importlib import import_module
from pathlib import Path
from textwrap import indent
from typing import Any

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def run(name: str, **given: Any) -> dict[str, Any]:
    """Run a library's lines as the README has them.

    Args:
        name: Of the snippet's file.
        given: The names that stand before it: ``auth``, ``url``, …

    Returns:
        Every name that stands after it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library's imports, as in `needs`
        exec(compile(_module(name).SNIPPET, f"README: {name}", "exec"), given)
    return given


def section() -> str:
    """What the README has to hold, word for word.

    Each snippet stands indented in a list: it is no program of its own, as the README's others are.
    """
    return "\n".join(f"- {_heading(name)}\n\n{_fenced(name)}" for name in NAMES)


def _heading(name: str) -> str:
    module = _module(name)
    return f"**{module.LIBRARY}** (`{module.AUTH}`)"


def _fenced(name: str) -> str:
    return indent(f"```python\n{_module(name).SNIPPET}```\n", "  ")


def _module(name: str) -> Any:
    return import_module(f"tests.integrations.snippets.{name}")
