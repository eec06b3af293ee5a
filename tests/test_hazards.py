"""``HAZARDS.md`` explains the codes that tests cite, and no others."""

import re
from pathlib import Path

TESTS = Path(__file__).parent


def test_every_hazard_that_a_test_cites_is_explained_and_no_other() -> None:
    citation = re.compile(r"[Hh]azards? ([A-Z]\d+(?:(?:, | and )[A-Z]\d+)*)")
    cited = {
        code
        for path in TESTS.rglob("*.py")
        for codes in citation.findall(path.read_text(encoding="utf-8"))
        for code in re.findall(r"[A-Z]\d+", codes)
    }
    text = (TESTS / "HAZARDS.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^- \*\*([A-Z]\d+)\*\*", text, re.MULTILINE))
    assert cited - explained == set(), "cited and not explained"
    assert explained - cited == set(), "explained and not cited"
