"""scikit-learn's own test modules, importable with a Bayesian search in place of its searches.

``upstream.model_selection.tests.test_search`` is the installed module of that name below
``sklearn``, except that each import of a name that `stand_ins` defines is redirected there, and
that the relaxations of `differences` are applied. An import hook rather than a folder of generated
files, so that worker processes can unpickle what such a module defines.
"""

import ast
import importlib.machinery
import importlib.util
import linecache
import re
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import sklearn

from upstream import differences, stand_ins

SKLEARN = Path(sklearn.__file__).parent


def modules() -> list[str]:
    """List the installed test modules that mention a name to be redirected."""
    mention = re.compile(rf"\b({'|'.join(stand_ins.__all__)})\b")
    names = (
        ".".join(path.relative_to(SKLEARN).with_suffix("").parts)
        for path in SKLEARN.rglob("tests/test_*.py")
        if mention.search(path.read_text(encoding="utf-8"))
    )
    return sorted(names)


def source(module: str) -> str:
    """Read the text of a module."""
    return SKLEARN.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


def functions(text: str) -> dict[str, str]:
    """Cut the text of a module into its top-level functions."""
    lines = text.splitlines(keepends=True)
    return {
        node.name: "".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def relaxed_source(module: str) -> str:
    """Read the text of a module with the relaxations of its tests."""
    text = source(module)
    entries = [entry for entry in differences.RELAXED if entry.module == module]
    tests = functions(text) if entries else {}
    for entry in entries:
        test = tests.get(entry.test, "")
        tests[entry.test] = test.replace(entry.old, entry.new)
        text = text.replace(test, tests[entry.test])
    return text


def marks(module: str) -> set[str]:
    """Names of the pytest marks in the text of a module."""
    return set(re.findall(r"\bpytest\.mark\.(\w+)", source(module)))


def concerns_search(thing: object) -> bool:
    """Whether a test function or its parameters lead to a search that we stand in for."""
    todo, seen = [thing], {}
    while todo:
        thing = todo.pop()
        if stand_ins.is_stand_in(thing):
            return True
        if id(thing) not in seen:
            seen[id(thing)] = thing  # kept alive, so that the id stays its own
            todo += _references(thing)
    return False


def _references(thing: object) -> Iterable[object]:
    """What a function of an upstream module, a container or an instance refers to."""
    if isinstance(thing, FunctionType):
        known = thing.__globals__ if thing.__module__.startswith("upstream.") else {}
        used = [known.get(name) for name in _names(thing.__code__)]
        return [getattr(thing, "__wrapped__", None), *used]
    if isinstance(thing, dict):
        return thing.values()
    if isinstance(thing, list | tuple | set | frozenset):
        return thing
    return () if isinstance(thing, type | ModuleType) else getattr(thing, "__dict__", {}).values()


def _names(code: CodeType) -> set[str]:
    """Names that a function and the functions nested in it may look up in its module."""
    nested = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*nested)


class _Redirect(ast.NodeTransformer):
    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.ImportFrom]:
        ours = [alias for alias in node.names if alias.name in stand_ins.__all__]
        theirs = [alias for alias in node.names if alias not in ours]
        split = [(node.module, theirs, node.level), (stand_ins.__name__, ours, 0)]
        return [ast.copy_location(ast.ImportFrom(*part), node) for part in split if part[1]]


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        text = relaxed_source(fullname.removeprefix("upstream."))
        # what a traceback is to show
        linecache.cache[self.path] = (len(text), None, text.splitlines(True), self.path)
        return compile(_Redirect().visit(ast.parse(text)), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            super().exec_module(module)


class _Finder:
    @staticmethod
    def find_spec(name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        package, *parts = name.split(".")
        if package != "upstream":
            return None
        path = SKLEARN.joinpath(*parts)
        if path.is_dir():
            return importlib.machinery.ModuleSpec(name, None, is_package=True)
        path = path.with_suffix(".py")
        return importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))


sys.meta_path.append(_Finder)
