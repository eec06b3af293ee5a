"""Which module of the package may import which."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import bitquery_auth

PACKAGE = Path(bitquery_auth.__file__).parent


def modules() -> dict[str, ast.Module]:
    """The parsed modules of the package, by name."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }


def imported_by(statement: ast.AST) -> list[str]:
    """The names of what a statement imports, each with its module."""
    if isinstance(statement, ast.ImportFrom):
        return [f"{statement.module}.{alias.name}" for alias in statement.names]
    return [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else []


def test_an_auth_knows_sources_only_by_their_protocol() -> None:
    for name, tree in modules().items():
        if name.startswith("bitquery_auth._auth."):
            imported = [each for node in ast.walk(tree) for each in imported_by(node)]
            others = ("bitquery_auth._sources", "bitquery_auth._stores")
            assert [each for each in imported if each.startswith(others)] == [], name


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions and under ``TYPE_CHECKING`` are not made when a module is."""
    trees = modules()
    graph: TopologicalSorter[str] = TopologicalSorter()
    for name, tree in trees.items():
        for imported in (each for statement in tree.body for each in imported_by(statement)):
            graph.add(name, *{imported, imported.rpartition(".")[0]} & trees.keys())
    assert list(graph.static_order())


def test_one_module_imports_authlib() -> None:
    named = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if any(each.startswith("authlib") for each in imported_by(node))
    }
    assert named == {"bitquery_auth._sources.token_request"}
