"""How long an import takes, and how much it loads, over a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders.ours import OursAsyncHttpx2, OursHttpx, OursHttpx2, OursRequests
from tests.benchmarks.contenders.table import able
from tests.benchmarks.report import NONE, Table

_BARE = "pass"


def run(bench: Bench) -> Table:
    table = Table(
        "Import",
        "Wall time of `python -c` with that import, less that of `python -c pass`; modules "
        "loaded beyond those of the "
        "bare interpreter.",
        ("import", "client", "ms", "modules"),
    )
    statements = {"bitquery_auth": "import bitquery_auth"}
    for names in ("ClientCredentials, RequestsAuth", "ClientCredentials, HTTPXAuth"):
        statements[f"bitquery_auth: {names}"] = f"from bitquery_auth import {names}"
    clients = {"bitquery_auth": NONE}
    for kind in able("imports"):
        statements.setdefault(kind.module, f"import {kind.module}")
        clients.setdefault(kind.module, kind.client)
    walls: dict[str, list[float]] = {statement: [] for statement in (_BARE, *statements.values())}
    for statement in walls:
        _wall(statement)  # writes what is to be compiled once
    for _ in range(bench.choose(3, 11)):
        for statement, seen in walls.items():
            seen.append(_wall(statement))
    bare, loaded = median(walls[_BARE]), _modules(_BARE)
    figures = {}
    for name, statement in statements.items():
        milliseconds = (median(walls[statement]) - bare) * 1000
        modules = _modules(statement) - loaded
        table.rows.append((name, clients.get(name, NONE), f"{milliseconds:.1f}", str(modules)))
        table.figures[name] = milliseconds
        figures[name] = milliseconds
    kinds = able("imports")
    table.compare("The package", {kind: figures[kind.module] for kind in kinds}, "")
    used = {kind: figures[kind.module] for kind in kinds} | {
        OursRequests: figures["bitquery_auth: ClientCredentials, RequestsAuth"],
        OursHttpx: figures["bitquery_auth: ClientCredentials, HTTPXAuth"],
        OursHttpx2: figures["bitquery_auth: ClientCredentials, HTTPXAuth"],
        OursAsyncHttpx2: figures["bitquery_auth: ClientCredentials, HTTPXAuth"],
    }
    table.compare(
        "What a program uses of it",
        used,
        "it loads Authlib and with it cryptography, which are most of that, and HTTPXAuth both "
        "families that are "
        "installed",
        noise=0.05,
    )
    return table


def _wall(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", statement], check=True)
    return time.perf_counter() - began


def _modules(statement: str) -> int:
    counted = f"{statement}; import sys; print(len(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", counted],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return int(ran.stdout)
