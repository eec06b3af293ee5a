"""The README's section on libraries names those that the tests run, and no other."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs import README, rows_of, section
from tests.integrations.environments import GROUPS

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
ROWS = rows_of("Libraries")
AUTHS = sorted({auth for _, auths, _ in ROWS for auth in re.findall(r"`(\w+\.\w+)`", auths)})


def project_of(requirement: str) -> str:
    """Return the name of a project, without extras and versions, in lower case."""
    return re.split(r"[\[>' (;]", requirement)[0].lower()


PROJECTS = {"airflow": "apache-airflow-providers-http", "pydantic-ai": "pydantic-ai-slim"}
"""Projects that people know by another name."""

TESTED = {project_of(each) for group in GROUPS for each in group.requirements}
TESTED_HERE = {project_of(each) for extra in EXTRAS.values() for each in extra}


def named() -> set[str]:
    """Return the libraries in the first column of the table, and in parentheses there."""
    first_column = ", ".join(re.sub(r"'s? `.*?`( and `.*?`)?", "", row[0]) for row in ROWS)
    separate = re.sub(r"[()]", ", ", first_column.replace("(Bitquery's CoreCast)", ""))
    names = {project_of(each) for each in separate.split(", ") if each.strip()}
    return {PROJECTS.get(name, name) for name in names}


def test_every_library_of_the_table_is_one_that_the_tests_run() -> None:
    assert named() - TESTED - TESTED_HERE == set()


def test_every_library_that_has_an_environment_of_its_own_is_named() -> None:
    assert TESTED - named() == {"celery", "filelock", "gunicorn", "platformdirs"}
    assert all(name in section("Use it") for name in ("Celery", "gunicorn"))


@pytest.mark.parametrize("auth", AUTHS)
def test_the_modules_of_the_table_have_these_names(auth: str) -> None:
    module, name = auth.split(".")
    folder = ROOT / "bitquery_auth" / "integrations"
    file = folder / f"{module}.py"
    text = (file if file.exists() else folder / module / "__init__.py").read_text(encoding="utf-8")
    assert re.search(rf'^ *__all__ = .*"{name}"', text, re.MULTILINE)


def test_the_extras_that_the_readme_names_exist() -> None:
    of_contributors = {"benchmark", "cli", "lint", "test"}
    names = set(re.findall(r"`(\w+)`", section("Install")))
    assert names == set(EXTRAS) - of_contributors
    for name in re.findall(r"\.\[(\w+)\]", README):
        assert name in EXTRAS
