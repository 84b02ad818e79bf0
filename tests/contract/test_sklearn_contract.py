"""The contract: scikit-learn's own tests of a search, as installed, pass on BayesSearchCV.

conftest.py collects them below this module, from every test module of the installed scikit-learn
that names a search: a new release extends the contract by itself. What does not apply, or not to
the letter, stands in upstream/differences.py with the reason.
"""

import importlib
import subprocess
import sys

import pytest
import sklearn
import upstream
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.utils.fixes import parse_version
from upstream import differences

NEWEST = "1.9"  # the scikit-learn for which the differences are kept up to date

only_newest = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version(NEWEST),
    reason="some differences concern tests of later releases",
)


@pytest.mark.parametrize(
    "module",
    [
        "model_selection.tests.test_search",
        "model_selection.tests.test_validation",
        "tests.test_base",
        "tests.test_common",
        "tests.test_metaestimators",
        "tests.test_metaestimators_metadata_routing",
        "tests.test_multiclass",
        "tests.test_multioutput",
        "utils.tests.test_parallel",
    ],
)
def test_contract_includes(module):
    assert module in upstream.modules()


def test_tests_of_scikit_learn_are_collected():
    nodes = f"{__file__}::model_selection.tests.test_search"
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", nodes]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    collected = {line.rpartition("::")[2].partition("[")[0] for line in out.splitlines()}
    assert {"test_pickle", "test_refit_callable", "test_unsupervised_grid_search"} <= collected
    assert len(collected) > 50


def test_only_tests_that_build_a_search_are_selected():
    module = importlib.import_module("upstream.model_selection.tests.test_search")
    assert upstream.concerns_search(module.test_pickle)
    assert upstream.concerns_search(module.GridSearchCV)
    assert not upstream.concerns_search(module.test_parameter_grid)
    assert not upstream.concerns_search(module.HalvingGridSearchCV)


def test_workers_can_unpickle_what_the_modules_define():
    module = importlib.import_module("upstream.model_selection.tests.test_search")
    estimators = [module.MockClassifier(foo_param=i) for i in range(2)]
    clones = Parallel(n_jobs=2)(delayed(clone)(estimator) for estimator in estimators)
    assert [type(result) for result in clones] == [module.MockClassifier] * 2


@only_newest
@pytest.mark.parametrize(
    ("module", "tests"),
    [
        *((entry.module, entry.tests) for entry in differences.NOT_APPLICABLE),
        *differences.IN_SCIKIT_LEARNS_ORDER.items(),
    ],
)
def test_differences_name_tests_that_exist(module, tests):
    assert set(tests) <= set(upstream.functions(upstream.source(module)))


@only_newest
@pytest.mark.parametrize(
    "entry",
    [entry for entry in differences.RELAXED if entry.until is None],
    ids=lambda entry: entry.test,
)
def test_text_to_relax_exists(entry):
    assert entry.old in upstream.functions(upstream.source(entry.module))[entry.test]
