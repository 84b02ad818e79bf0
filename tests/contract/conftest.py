"""Collects scikit-learn's own tests of its searches, to be run on ours.

They appear below test_sklearn_contract.py, and are named as in
``test_sklearn_contract.py::model_selection.tests.test_search::test_pickle``.
"""

import importlib
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import upstream
from sklearn import conftest as sklearn_conftest
from threadpoolctl import threadpool_limits
from upstream import differences, stand_ins

pytest_generate_tests = sklearn_conftest.pytest_generate_tests  # global_random_seed

# Their tests may warn, unless they say otherwise; our arithmetic may not.
FILTERS = pytest.mark.filterwarnings("ignore", "error::RuntimeWarning:sklearn_bo")


class UpstreamModule(pytest.Module):
    """A test module of scikit-learn, of which only what concerns a search is collected."""

    def _getobj(self) -> Any:
        for mark in upstream.marks(self.name):
            self.config.addinivalue_line("markers", f"{mark}: a mark of scikit-learn's tests")
        return importlib.import_module(f"upstream.{self.name}")

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(super().collect())

    def applies(self, test: pytest.Function) -> bool:
        """Whether a test is about a search, and one that scikit-learn's own is meant to pass."""
        params = test.callspec.params if hasattr(test, "callspec") else {}
        return (
            differences.applies(self.name, test.originalname)
            and upstream.concerns_search([test.function, params])
            and test.get_closest_marker("xfail") is None
        )


class ContractModule(pytest.Module):
    """Our tests of the contract as such, then scikit-learn's modules."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        yield from super().collect()
        for name in upstream.modules():
            nodeid = f"{self.nodeid}::{name}"
            yield UpstreamModule.from_parent(self, path=self.path, name=name, nodeid=nodeid)


def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> pytest.Module | None:
    if module_path.name == "test_sklearn_contract.py":
        return ContractModule.from_parent(parent, path=module_path)
    return None


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    made = yield
    module = collector.getparent(UpstreamModule)
    if module is None or not isinstance(made, list):
        return made
    tests = [test for test in made if module.applies(test)]
    for test in tests:
        test.add_marker(FILTERS, append=False)  # first, so that the test's own come after
    return tests


@pytest.fixture(autouse=True, scope="package")
def _one_thread_a_process() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def _seed_and_order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    np.random.seed(0)  # many of scikit-learn's tests leave their search unseeded
    module = request.node.getparent(UpstreamModule)
    if module is not None:
        in_order = differences.in_scikit_learns_order(module.name, request.node.originalname)
        monkeypatch.setattr(stand_ins, "in_order", in_order)
