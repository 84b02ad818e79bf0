"""Every private name of scikit-learn and joblib that the package uses has a test that pins it."""

import ast
from pathlib import Path

import test_private_joblib  # noqa: F401
import test_private_sklearn  # noqa: F401
from pinned import PINNED

import sklearn_bo

PACKAGE = Path(sklearn_bo.__file__).parent


def _trees() -> dict[str, ast.Module]:
    return {path.name: ast.parse(path.read_text()) for path in PACKAGE.glob("*.py")}


def _is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def _private_imports(tree: ast.Module) -> set[str]:
    """Names imported from private places of scikit-learn and joblib, private names included."""
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        if node.module.split(".")[0] in ("sklearn", "joblib")
        for alias in node.names
        if _is_private(f"{node.module}.{alias.name}")
    }


def _private_attributes(tree: ast.Module) -> set[str]:
    """Private attributes that are looked up, by getattr and hasattr too."""
    nodes = list(ast.walk(tree))
    by_name = [
        node.args[1].value
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("getattr", "hasattr")
        and isinstance(node.args[1], ast.Constant)
    ]
    by_dot = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    return {name for name in by_name + by_dot if _is_private(name)}


def _defined(tree: ast.Module) -> set[str]:
    """Functions, classes and attributes that are our own."""
    return {
        node.name if isinstance(node, ast.FunctionDef) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        or (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        )
    }


def test_private_names_are_imported_in_two_files_only():
    importing = {name for name, tree in _trees().items() if _private_imports(tree)}
    assert importing <= {"_sklearn.py", "_joblib.py"}


def test_every_private_name_is_pinned():
    trees = _trees().values()
    defined = set().union(*map(_defined, trees))
    used = set().union(*(_private_imports(t) | _private_attributes(t) for t in trees))
    assert used - defined - PINNED == set()


def test_every_pinned_name_is_used():
    source = " ".join(path.read_text() for path in PACKAGE.glob("*.py"))
    assert {name for name in PINNED if name not in source} == set()
