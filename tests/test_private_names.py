"""Every private name of scikit-learn and joblib that the package uses has a test that pins it."""

import ast
from pathlib import Path

import test_private_joblib  # noqa: F401
import test_private_sklearn  # noqa: F401
from pinned import PINNED

import sklearn_bo

PACKAGE = Path(sklearn_bo.__file__).parent
OURS = {"_centres", "_theta"}  # private attributes that others of our own objects have


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


def _by_name(tree: ast.Module) -> set[str]:
    """Attributes that are looked up by getattr and hasattr."""
    return {
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("getattr", "hasattr")
        and isinstance(node.args[1], ast.Constant)
    }


def _private_attributes(tree: ast.Module) -> set[str]:
    """Private attributes of all but self."""
    by_dot = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    }
    return {name for name in by_dot | _by_name(tree) if _is_private(name)}


def _names(tree: ast.Module) -> set[str]:
    """Names that the code itself has, without what its texts and comments say."""
    nodes = list(ast.walk(tree))
    return {
        *(node.attr for node in nodes if isinstance(node, ast.Attribute)),
        *(node.id for node in nodes if isinstance(node, ast.Name)),
        *(alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names),
        *(node.name for node in nodes if isinstance(node, ast.FunctionDef)),
        *_by_name(tree),
    }


def test_private_names_are_imported_in_two_files_only():
    importing = {name for name, tree in _trees().items() if _private_imports(tree)}
    assert importing <= {"_sklearn.py", "_joblib.py"}


def test_every_private_name_is_pinned():
    used = set().union(*(_private_imports(t) | _private_attributes(t) for t in _trees().values()))
    assert used - OURS - PINNED == set()


def test_every_pinned_name_is_used():
    assert PINNED - set().union(*map(_names, _trees().values())) == set()
