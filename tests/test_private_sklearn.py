"""What we rely on in the private names of scikit-learn.

A release that changes one of them fails here first.
"""

from numbers import Integral
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from pinned import pins
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_bo import _sklearn

# Of a search.

X, Y = make_classification(n_samples=60, random_state=0)
GRID = {"C": [0.01, 1.0], "fit_intercept": [True, False]}
CV = StratifiedKFold(3)


class Picky(LogisticRegression):
    """Fails to fit where C is below 0.1."""

    def fit(self, X, y):
        if self.C < 0.1:
            raise ValueError("C is too small")
        return super().fit(X, y)


def fit_and_score(search, scorer, estimator, params, error_score=np.nan, **callbacks):
    """Evaluate a candidate as our search does."""
    return [
        _sklearn._fit_and_score(
            clone(estimator),
            X,
            Y,
            train=train,
            test=test,
            parameters=params,
            split_progress=(0, 3),
            candidate_progress=(0, 4),
            scorer=scorer,
            fit_params={},
            score_params={},
            return_train_score=search.return_train_score,
            return_times=True,
            error_score=error_score,
            verbose=0,
            **callbacks,
        )
        for train, test in CV.split(X, Y)
    ]


def fold_results(search, estimator, error_score=np.nan):
    scorer, _ = search._get_scorers()
    return [
        fold
        for params in ParameterGrid(GRID)
        for fold in fit_and_score(search, scorer, estimator, params, error_score)
    ]


def without_times(results):
    return {key: value for key, value in results.items() if not key.endswith("_time")}


@pins("BaseSearchCV", "_fit_and_score", "_get_scorers", "_format_results", "_select_best_index")
@pytest.mark.parametrize(
    ("scoring", "refit"), [(None, True), ("roc_auc", True), (["accuracy", "f1"], "f1")]
)
def test_parts_of_a_search_make_up_the_whole(scoring, refit):
    search = GridSearchCV(
        LogisticRegression(), GRID, scoring=scoring, refit=refit, cv=CV, return_train_score=True
    )
    _, refit_metric = search._get_scorers()
    candidates = list(ParameterGrid(GRID))
    results = search._format_results(candidates, 3, fold_results(search, search.estimator))
    best = search._select_best_index(refit, refit_metric, results)
    whole = clone(search).fit(X, Y)
    assert isinstance(whole, _sklearn.BaseSearchCV)
    assert best == whole.best_index_
    assert set(results) == set(whole.cv_results_)
    np.testing.assert_equal(without_times(results), without_times(whole.cv_results_))


@pins("_fit_and_score")
def test_failed_fold_says_why():
    search = GridSearchCV(Picky(), GRID, cv=CV)
    failed, *_, fine = fold_results(search, Picky(), error_score=-1.0)
    assert "C is too small" in failed["fit_error"]
    assert failed["test_scores"] == -1.0
    assert fine["fit_error"] is None
    assert {"fit_time", "score_time", "fit_error"} <= set(failed)


@pins("_fit_and_score")
def test_failed_fold_raises_where_it_should():
    search = GridSearchCV(Picky(), GRID, cv=CV)
    with pytest.raises(ValueError, match="C is too small"):
        fold_results(search, Picky(), error_score="raise")


@pins("_warn_or_raise_about_fit_failures")
def test_failed_fits_warn_together():
    out = fold_results(GridSearchCV(Picky(), GRID, cv=CV), Picky())
    with pytest.warns(
        FitFailedWarning, match=r"6 fits failed out of a total of 12(.|\n)*too small"
    ):
        _sklearn._warn_or_raise_about_fit_failures(out, np.nan)
    with pytest.raises(ValueError, match=r"All the 3 fits failed(.|\n)*too small"):
        _sklearn._warn_or_raise_about_fit_failures(out[:3], np.nan)


@pins("_get_scorers", "_MultimetricScorer", "_scorers")
def test_several_metrics_make_one_scorer():
    search = GridSearchCV(LogisticRegression(), GRID, scoring=["accuracy", "f1"], refit="f1")
    scorer, refit_metric = search._get_scorers()
    assert isinstance(scorer, _sklearn._MultimetricScorer)
    assert list(scorer._scorers) == ["accuracy", "f1"]
    assert refit_metric == "f1"
    scorer, refit_metric = GridSearchCV(LogisticRegression(), GRID)._get_scorers()
    assert not isinstance(scorer, _sklearn._MultimetricScorer)
    assert refit_metric == "score"


@pins("_check_refit_for_multimetric")
@pytest.mark.parametrize("refit", [True, "recall"])
def test_several_metrics_need_refit_to_name_one(refit):
    search = GridSearchCV(LogisticRegression(), GRID, scoring=["accuracy", "f1"], refit=refit)
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        search._check_refit_for_multimetric({"accuracy": 1.0, "f1": 1.0})


@pins("_select_best_index")
def test_best_index_may_be_chosen_by_a_callable():
    select = GridSearchCV._select_best_index
    assert select(lambda results: 1, "score", {"params": [{}, {}]}) == 1
    with pytest.raises(IndexError, match="out of range"):
        select(lambda results: 2, "score", {"params": [{}, {}]})


@pins("_get_threadpool_controller")
def test_controller_limits_blas_and_restores_it():
    limit = _sklearn._get_threadpool_controller().limit
    with threadpool_limits(2, "blas"):
        with limit(limits=1, user_api="blas"):
            assert {pool["num_threads"] for pool in blas()} == {1}
        assert {pool["num_threads"] for pool in blas()} == {2}


def blas():
    return [pool for pool in threadpool_info() if pool["user_api"] == "blas"]


@pins("_num_samples")
@pytest.mark.parametrize("data", [X, X.tolist(), pd.DataFrame(X), sparse.csr_array(X)], ids=type)
def test_samples_are_counted_whatever_holds_them(data):
    assert _sklearn._num_samples(data) == len(X)


@pins("_get_routed_params_for_fit", "_check_method_params")
def test_fit_params_are_routed_to_estimator_and_splitter():
    groups, weight = np.repeat([0, 1, 2], 20), [1.0] * 60
    search = GridSearchCV(LogisticRegression(), GRID)
    params = _sklearn._check_method_params(
        X, params={"groups": groups, "sample_weight": weight, "flag": "as it is"}
    )
    routed = search._get_routed_params_for_fit(params)
    assert routed.splitter.split["groups"] is groups
    assert set(routed.estimator.fit) == {"sample_weight", "flag"}
    assert routed.estimator.fit["flag"] == "as it is"
    assert set(routed.scorer.score) <= {"sample_weight"}  # since scikit-learn 1.7


@pins("_get_routed_params_for_fit")
def test_metadata_routing_follows_the_requests():
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("accuracy").set_score_request(sample_weight="score_weight")
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        search = GridSearchCV(estimator, GRID, scoring=scorer)
        routed = search._get_routed_params_for_fit({"sample_weight": 1, "score_weight": 2})
    assert dict(routed.estimator.fit) == {"sample_weight": 1}
    assert dict(routed.scorer.score) == {"sample_weight": 2}
    assert dict(routed.splitter.split) == {}


class Checked(BaseEstimator):
    _parameter_constraints: ClassVar[dict] = {
        "n": [_sklearn.Interval(Integral, 1, None, closed="left")],
        "how": [_sklearn.StrOptions({"auto"}), None],
    }

    def __init__(self, n=1, how="auto"):
        self.n, self.how = n, how

    @_sklearn._fit_context(prefer_skip_nested_validation=False)
    def fit(self, X=None):
        return get_config()["skip_parameter_validation"]


@pins("_fit_context", "_parameter_constraints", "Interval", "StrOptions")
def test_parameters_are_validated_at_fit():
    nested_validation_is_skipped = Checked(n=1, how=None).fit()
    assert not nested_validation_is_skipped
    with pytest.raises(ValueError, match=r"'n' parameter of Checked must be an int in the range"):
        Checked(n=0).fit()
    with pytest.raises(ValueError, match=r"'how' parameter of Checked must be a str among"):
        Checked(how="so").fit()


# Of callbacks.

needs_callbacks = pytest.mark.skipif(
    not hasattr(_sklearn.BaseSearchCV, "_init_callback_context"),
    reason="callbacks came with scikit-learn 1.9",
)


class Recorder:
    """A callback that notes each call of a hook and the task's place in the tree."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(("end", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))


@needs_callbacks
@pins("_init_callback_context", "_callbacks", "_skl_callbacks", "subcontext")
@pins("call_on_fit_task_begin", "call_on_fit_task_end")
def test_callbacks_follow_the_tasks_of_a_search():
    recorder = Recorder()
    search = GridSearchCV(LogisticRegression(), GRID).set_callbacks(recorder)
    assert search._skl_callbacks == [recorder]
    root = search._init_callback_context(max_subtasks=1)
    assert root._callbacks == [recorder]
    assert root.call_on_fit_task_begin(estimator=search, X=X, y=Y, metadata=None) is root
    task = root.subcontext(task_name="search", max_subtasks=12, sequential_subtasks=False)
    fold = task.subcontext(task_name="fold", task_id=7)
    fold.call_on_fit_task_begin(estimator=search)
    fold.call_on_fit_task_end(estimator=search)
    root.call_on_fit_task_end(estimator=search, X=X, y=Y, metadata=None)
    places = [("begin", "fit"), ("begin", "fold"), ("end", "fold"), ("end", "fit")]
    assert recorder.calls == [("setup", "fit"), *places]


@needs_callbacks
@pins("_children_map")
def test_callback_context_is_a_tree_by_task_id():
    search = GridSearchCV(LogisticRegression(), GRID).set_callbacks(Recorder())
    root = search._init_callback_context(max_subtasks=1)
    task = root.subcontext(task_name="search", max_subtasks=12, sequential_subtasks=False)
    fold = task.subcontext(task_name="fold", task_id=7)
    assert root.parent is None
    assert task.parent is root
    assert fold.parent is task
    assert root._children_map == {task.task_id: task}
    assert task._children_map == {7: fold}


@needs_callbacks
@pins("propagate_callback_context", "_skl_callbacks")
def test_callbacks_propagate_to_a_sub_estimator_for_the_length_of_its_fit():
    recorder = Recorder()
    recorder.max_propagation_depth = None
    inner = GridSearchCV(LogisticRegression(), GRID)
    context = GridSearchCV(inner, GRID).set_callbacks(recorder)._init_callback_context()
    with context.propagate_callback_context(inner):
        assert inner._skl_callbacks == [recorder]
    assert not getattr(inner, "_skl_callbacks", None)


@needs_callbacks
@pins("_fit_and_score")
def test_fold_calls_the_callbacks_of_its_context():
    recorder = Recorder()
    search = GridSearchCV(LogisticRegression(), GRID).set_callbacks(recorder)
    context = search._init_callback_context(max_subtasks=1).subcontext(task_name="fold")
    scorer, _ = search._get_scorers()
    fit_and_score(search, scorer, LogisticRegression(), {}, caller=search, callback_ctx=context)
    assert recorder.calls[1:3] == [("begin", "fold"), ("end", "fold")]


@needs_callbacks
@pins("on_fit_task_end", "_callbacks")
def test_hook_returns_whether_to_stop_and_is_called_with_what_its_signature_names():
    class Stopping(Recorder):
        def on_fit_task_end(self, estimator, context, *, y):
            return y is Y

    search = GridSearchCV(LogisticRegression(), GRID).set_callbacks(Recorder(), Stopping())
    root = search._init_callback_context(max_subtasks=1)
    fold = _sklearn.FoldCallbacks(root.subcontext(task_name="fold"))
    assert not fold.listened().call_on_fit_task_end(estimator=search, X=X, y=None)
    assert fold.stopped_by is None
    assert fold.context.call_on_fit_task_end(estimator=search, X=X, y=Y)
    assert fold.stopped_by == "Stopping"


@needs_callbacks
@pins("_callbacks", "_init_callback_context", "propagate_callback_context")
def test_a_sub_estimators_root_has_the_place_of_the_fold_and_calls_the_hook_instead():
    class Stopping(Recorder):
        max_propagation_depth = None

        def on_fit_task_end(self, estimator, context):
            return True

    inner = GridSearchCV(LogisticRegression(), GRID)
    search = GridSearchCV(inner, GRID).set_callbacks(Stopping())
    context = search._init_callback_context(max_subtasks=1).subcontext(task_name="fold")
    fold = _sklearn.FoldCallbacks(context)
    with fold.listened().propagate_callback_context(inner):
        root = inner._init_callback_context(max_subtasks=1)
        assert root.parent is context.parent
        assert root.task_id == context.task_id
        root.subcontext(task_name="search").call_on_fit_task_end(estimator=inner)
        assert fold.stopped_by is None
        root.call_on_fit_task_end(estimator=inner)
        assert fold.stopped_by == "Stopping"
        assert not context.call_on_fit_task_end(estimator=search)
