"""Tries the libraries of each group in an environment of its own: ``python -m tests.integrations.run [GROUP…]``.

The environments are kept in the folder that BITQUERY_AUTH_COMPAT names, else in the temporary one.
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
HOME = Path(
    os.environ.get("BITQUERY_AUTH_COMPAT", Path(tempfile.gettempdir()) / "bitquery-auth-compat")
)
VERSIONS: dict[str, Callable[[Group], list[str]]] = {
    "lowest": Group.at_lowest,
    "newest": lambda group: list(group.requirements),
}


def main(names: list[str]) -> int:
    """Run the groups of these names, or all, and print what came of it."""
    known = {group.name: group for group in GROUPS}
    if unknown := [name for name in names if name not in known]:
        print(f"no group {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    rows = [row for name in names or known for row in _tried(known[name])]
    print(f"\n{'group':<12} {'versions':<9} {'result':<32} libraries")
    for group, versions, result, libraries, _ in rows:
        print(f"{group:<12} {versions:<9} {result:<32} {libraries}")
    return int(any(code for *_, code in rows))


def _tried(group: Group) -> Iterator[tuple[str, str, str, str, int]]:
    for versions, requirements in VERSIONS.items():
        print(f"{group.name}, {versions}: {' '.join(requirements(group))}", flush=True)
        python = _environment(f"{group.name}-{versions}")
        installed = _run(
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--upgrade",
            *TOOLS,
            *requirements(group),
            str(PROJECT),
        )
        if installed.returncode:
            print(installed.stdout)
            yield group.name, versions, "could not be installed", "", 1
            continue
        files = [f"tests/integrations/{file}" for file in group.files]
        tested = _run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
        result = _result(tested.stdout)
        skipped = "skipped" in result  # what is installed here has to be tried
        if tested.returncode or skipped:
            print(tested.stdout)
        yield (
            group.name,
            versions,
            result,
            _libraries(python, group),
            tested.returncode or int(skipped),
        )


def _environment(name: str) -> Path:
    folder = HOME / name
    if not (folder / "pyvenv.cfg").exists():
        venv.create(folder, with_pip=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), *arguments]
    return subprocess.run(
        command,
        cwd=PROJECT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1200,
        check=False,
    )


def _result(output: str) -> str:
    lines = [
        line for line in output.splitlines() if re.search(r"\d (passed|failed|skipped|error)", line)
    ]
    return lines[-1].strip("= ") if lines else "no test ran"


def _libraries(python: Path, group: Group) -> str:
    names = [re.split(r"[\[>]", requirement)[0] for requirement in group.requirements]
    ask = "import sys; from importlib.metadata import version; print(*(f'{n} {version(n)}' for n in sys.argv[1:]))"
    return _run(python, "-c", ask, *names).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
