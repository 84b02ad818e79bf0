"""Callbacks of scikit-learn 1.9, which may ask the search to stop."""

import joblib
import numpy as np
import pytest
import sklearn
from hill import X, hill_search, rows, y
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.fixes import parse_version

from sklearn_bo import BayesSearchCV

needs_callbacks = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"), reason="scikit-learn 1.9"
)


class StopAfter:
    """Asks for a stop at the end of a fold, from whichever process."""

    def __init__(self, fold):
        self.fold = fold

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        in_search = context.parent is not None and context.parent.task_name == "search"
        return in_search and context.task_id >= self.fold


class PropagatedStopAfter(StopAfter):
    max_propagation_depth = None


@needs_callbacks
@pytest.mark.parametrize("callback", [StopAfter, PropagatedStopAfter])
@pytest.mark.parametrize(
    ("fold", "n_trials"), [(0, 1), (2, 1), (3, 1), (4, 1), (8, 3), (9, 3), (11, 4)]
)
def test_a_callback_that_asks_for_a_stop_is_honoured(callback, fold, n_trials):
    space = {"C": (0.01, 1.0)}
    search = BayesSearchCV(LogisticRegression(), space, n_iter=20, cv=3, random_state=0)
    search.set_callbacks(callback(fold)).fit(X, y)
    assert search.n_trials_ == n_trials
    assert search.stop_reason_ == (
        f"the callback {callback.__name__} asked for a stop at the end of a fold"
    )
    assert search.best_params_["C"] == search.best_estimator_.C
    scores = search.cv_results_["mean_test_score"]
    assert [trial.score for trial in search.trials_] == scores.tolist()


@needs_callbacks
@pytest.mark.parametrize("callback", [StopAfter, PropagatedStopAfter])
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_callback_in_a_worker_is_honoured(callback, backend):
    space = {"C": (0.01, 1.0)}
    search = BayesSearchCV(LogisticRegression(), space, n_iter=40, cv=3, random_state=0)
    with joblib.parallel_config(backend, n_jobs=2):
        search.set_callbacks(callback(12)).fit(X, y)
    assert 3 <= search.n_trials_ < 10
    assert "asked for a stop" in search.stop_reason_


@needs_callbacks
def test_a_callback_that_never_asks_changes_nothing():
    search = hill_search().set_callbacks(StopAfter(10**9)).fit(X, y)
    assert rows(search) == rows(hill_search().fit(X, y))
    assert "stopped_by" not in search.cv_results_


class Noting(StopAfter):
    """Notes each call of a hook with what it is told."""

    def __init__(self):
        self.calls = []

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.note("begin", context, X, y, metadata)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None):
        self.note("end", context, X, y, metadata)

    def note(self, hook, context, *data):
        told = [None if one is None else len(one) for one in data]
        self.calls.append((hook, context.task_name, context.max_subtasks, *told))


@needs_callbacks
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("metadata", [{}, {"sample_weight": np.ones(len(X))}])
def test_callbacks_are_told_what_a_grid_search_tells_them(refit, metadata):
    callbacks = Noting(), Noting()
    for kind, callback in zip((GridSearchCV, BayesSearchCV), callbacks, strict=True):
        search = kind(LogisticRegression(), {"C": [1.0]}, cv=2, refit=refit)
        if kind is BayesSearchCV:
            search.set_params(n_iter=1)
        search.set_callbacks(callback).fit(X, y, **metadata)
    assert callbacks[0].calls == callbacks[1].calls != []
