"""What the README shows of each library is what its test runs, and each is tried somewhere."""

from pathlib import Path

from tests.integrations import snippets
from tests.integrations.environments import GROUPS

HERE = Path(__file__).parent


def test_the_readme_holds_every_snippet_word_for_word() -> None:
    assert snippets.section() in (HERE.parents[1] / "README.md").read_text(encoding="utf-8")


def test_every_snippet_is_run_by_a_test_of_a_group() -> None:
    tests = "".join(
        (HERE / file).read_text(encoding="utf-8") for group in GROUPS for file in group.files
    )
    assert [name for name in snippets.NAMES if f'run("{name}"' not in tests] == []
