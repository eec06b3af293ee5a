"""Run the comparison: ``python -m tests.benchmarks``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import warnings
from importlib import import_module

from tests.benchmarks import report
from tests.benchmarks.endpoint import Endpoint

CASES = ("work", "whole_request", "herd", "steady", "revocation", "outage", "imports")
_SURROUNDINGS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC", "BITQUERY_")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Compare with similar libraries."
    )
    parser.add_argument(
        "--quick", action="store_true", help="about three minutes in place of a quarter of an hour"
    )
    parser.add_argument(
        "--case", action="append", choices=CASES, help="only this one; prints, and writes no file"
    )
    given = parser.parse_args()
    for name in list(os.environ):
        if name.upper().startswith(_SURROUNDINGS):
            del os.environ[name]
    warnings.simplefilter("ignore")  # the contenders' own
    logging.disable()  # ours too
    began, tables = time.monotonic(), []
    with Endpoint(is_quick=given.quick) as endpoint:
        for case in given.case or CASES:
            since = time.monotonic()
            tables.append(import_module(f"tests.benchmarks.cases.{case}").run(endpoint))
            sys.stderr.write(f"{case}: {time.monotonic() - since:.0f} s\n")
            if given.case:
                sys.stdout.write(tables[-1].markdown() + "\n")
    if not given.case:
        mode = "quick" if given.quick else "whole"
        report.write(tables, mode, time.monotonic() - began)


if __name__ == "__main__":
    main()
