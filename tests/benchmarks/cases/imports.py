"""How long an import takes, and how much it loads, over a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from tests.benchmarks.contenders.table import able
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.report import NONE, Table

_BARE = "pass"


def run(endpoint: Endpoint) -> Table:
    table = Table(
        "Import",
        "Wall time of `python -c` with that import, less that of `python -c pass`; modules loaded "
        "beyond those of the bare interpreter.",
        ("import", "client", "ms", "modules"),
    )
    statements = {("bitquery_auth", NONE): "import bitquery_auth"}
    for names in ("ClientCredentials, RequestsAuth", "ClientCredentials, HTTPXAuth"):
        statements[f"bitquery_auth: {names}", NONE] = f"from bitquery_auth import {names}"
    for kind in able("imports"):
        if f"import {kind.module}" not in statements.values():
            statements[kind.module, kind.client] = f"import {kind.module}"
    walls: dict[str, list[float]] = {statement: [] for statement in (_BARE, *statements.values())}
    for statement in walls:
        _run(statement)  # writes what is to be compiled once
    for _ in range(endpoint.choose(3, 11)):
        for statement, seen in walls.items():
            began = time.perf_counter()
            _run(statement)
            seen.append(time.perf_counter() - began)
    bare, loaded = median(walls[_BARE]), _modules(_BARE)
    for row, statement in statements.items():
        milliseconds = (median(walls[statement]) - bare) * 1000
        table.rows.append((*row, f"{milliseconds:.1f}", str(_modules(statement) - loaded)))
    return table


def _run(statement: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", statement]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _modules(statement: str) -> int:
    return int(_run(f"{statement}; import sys; print(len(sys.modules))"))
