"""Test libraries, each group in an environment of its own: ``python -m tests.integrations.run``.

Names of groups may follow. The environments are kept in the folder that the variable
BITQUERY_AUTH_ENVIRONMENTS names, or in the temporary one.
"""

# ruff: noqa: T201 - a command prints

import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.integrations.environments import GROUPS, TOOLS, Group

PROJECT = Path(__file__).parents[2]
TEMPORARY = Path(tempfile.gettempdir()) / "bitquery-auth-environments"
HOME = Path(os.environ.get("BITQUERY_AUTH_ENVIRONMENTS", TEMPORARY))
VERSIONS: dict[str, Callable[[Group], list[str]]] = {
    "lowest": Group.at_lowest,
    "newest": lambda group: list(group.requirements),
}

Row = tuple[str, str, str, str, int]
"""Group, versions, result, libraries, exit code."""


def main(names: list[str]) -> int:
    """Test the groups of these names, or all, and print a table of the results."""
    known = {group.name: group for group in GROUPS}
    if unknown := [name for name in names if name not in known]:
        print(f"no group {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    rows = [row for name in names or known for row in _rows(known[name])]
    print(f"\n{'group':<12} {'versions':<9} {'result':<32} libraries")
    for group, versions, result, libraries, _ in rows:
        print(f"{group:<12} {versions:<9} {result:<32} {libraries}")
    return int(any(code for *_, code in rows))


def _rows(group: Group) -> Iterator[Row]:
    for versions, requirements in VERSIONS.items():
        if versions == "lowest" and not group.has_lowest:
            continue
        print(f"{group.name}, {versions}: {' '.join(requirements(group))}", flush=True)
        python = _environment(f"{group.name}-{versions}")
        packages = [*TOOLS, *requirements(group), str(PROJECT)]
        installed = _run(python, "-m", "pip", "install", "--quiet", "--upgrade", *packages)
        if installed.returncode:
            print(installed.stdout)
            yield group.name, versions, "could not be installed", "", 1
            continue
        files = [f"tests/integrations/{file}" for file in group.files]
        options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-m", "matrix or not matrix"]
        tested = _run(python, "-m", "pytest", *options, *files)
        if tested.returncode:
            print(tested.stdout)
        libraries = _libraries(python, group)
        yield group.name, versions, _result(tested.stdout), libraries, tested.returncode


def _environment(name: str) -> Path:
    folder = HOME / name
    if not (folder / "pyvenv.cfg").exists():
        venv.create(folder, with_pip=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), *arguments],
        cwd=PROJECT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1200,
        check=False,
    )


def _result(output: str) -> str:
    """Return the last line of pytest, which counts the results."""
    lines = [line for line in output.splitlines() if re.search(r"\d (passed|failed|error)", line)]
    return lines[-1].strip("= ") if lines else "no test ran"


def _libraries(python: Path, group: Group) -> str:
    names = [re.split(r"[\[>]", requirement)[0] for requirement in group.requirements]
    program = (
        "import sys; from importlib.metadata import version; "
        "print(*(f'{name} {version(name)}' for name in sys.argv[1:]))"
    )
    return _run(python, "-c", program, *names).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
