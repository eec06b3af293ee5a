"""The README is part of the product: what it shows runs, and what it claims has tests."""

from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
