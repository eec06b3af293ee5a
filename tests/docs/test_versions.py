"""The versions that the metadata names are those that the project is tested with."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
RUNTIME = [name for name in EXTRAS if name not in ("benchmark", "lint", "test")]


def requirements(extras: Iterable[str]) -> list[Requirement]:
    """Return what the package requires with these extras, which also name one another."""
    lines = [*PROJECT["dependencies"], *(line for name in extras for line in EXTRAS[name])]
    return [Requirement(line) for line in lines if not line.startswith(PROJECT["name"])]


def test_the_lowest_versions_are_those_of_the_metadata() -> None:
    bounds = [f"{each.name}{each.specifier}" for each in requirements(RUNTIME)]
    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    constraints = [line for line in lines if not line.startswith("#")]
    assert sorted(constraints) == sorted(bound.replace(">=", "==") for bound in bounds)


def test_every_requirement_has_a_lower_bound_and_no_other() -> None:
    bounds = {str(each): str(each.specifier) for each in requirements(EXTRAS)}
    assert not [each for each, bound in bounds.items() if not re.fullmatch(r">=[0-9.]+", bound)]


def test_every_python_that_the_metadata_names_is_tested() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    tested = re.search(r"python: \[(.*)\]", workflow)
    assert tested is not None
    assert re.findall(r"3\.\d+", tested[1]) == named
    assert PROJECT["requires-python"] == f">={named[0]}"
