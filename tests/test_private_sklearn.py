"""The private names of scikit-learn and joblib that we rely on, and what we rely on in each.

A release that changes one of them fails here first. ``@pins`` says which names a test is about, and
`test_every_private_name_is_pinned` finds those that no test is about.
"""

import ast
import functools
import inspect
import os
import pickle
import threading
import time
from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from queue import SimpleQueue
from typing import ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib.parallel import BatchedCalls
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold
from sklearn.utils.parallel import Parallel, delayed

import sklearn_bo
from sklearn_bo import _joblib, _sklearn, _workers

PINNED: set[str] = set()


def pins(*names: str) -> Callable:
    """Declare what names a test is about."""
    PINNED.update(names)
    return lambda test: test


# ------------------------------------------------------------------ which names there are


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


# ------------------------------------------------------------------ scikit-learn: a search


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
            return_n_test_samples=True,
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
    assert {"fit_time", "score_time", "n_test_samples"} <= set(failed)


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


# ------------------------------------------------------------------ scikit-learn: callbacks

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


# ------------------------------------------------------------------ joblib

BACKENDS = ["loky", "threading"]


def submit(parallel, call, on_pickling=None):
    """Hand one call to the backend as our executor does; return what tells its result."""
    backend, done = parallel._backend, SimpleQueue()
    batch = BatchedCalls([call], backend.get_nested_backend(), on_pickling, {})
    hand_over = getattr(backend, "submit", None) or backend.apply_async
    hand_over(batch, callback=done.put)
    return lambda: backend.retrieve_result_callback(done.get(timeout=60))


@pins("_backend", "_effective_n_jobs", "submit", "apply_async", "BatchedCalls")
@pins("get_nested_backend", "retrieve_result_callback")
@pytest.mark.parametrize("backend", BACKENDS)
def test_backend_runs_a_single_call(backend):
    with joblib.Parallel(n_jobs=2, backend=backend) as parallel:
        assert parallel._effective_n_jobs() == 2
        results = [submit(parallel, (divmod, (7, n), {})) for n in (2, 3)]
        assert [result() for result in results] == [[(3, 1)], [(2, 1)]]


@pins("retrieve_result_callback")
@pytest.mark.parametrize("backend", BACKENDS)
def test_result_raises_what_the_call_raised(backend):
    with joblib.Parallel(n_jobs=2, backend=backend) as parallel:
        result = submit(parallel, (divmod, (1, 0), {}))
        with pytest.raises(ZeroDivisionError):
            result()


@pins("abort_everything")
@pytest.mark.parametrize("backend", BACKENDS)
def test_backend_can_be_aborted(backend):
    with joblib.Parallel(n_jobs=2, backend=backend) as parallel:
        submit(parallel, (divmod, (7, 2), {}))()
        parallel._backend.abort_everything(ensure_ready=False)
    assert joblib.Parallel(n_jobs=2)([(divmod, (7, 2), {})]) == [(3, 1)]


@pins("start_call", "_calling")
def test_leaving_the_context_ends_a_call_that_was_started():
    ended = []
    with joblib.Parallel(n_jobs=2, backend="threading") as parallel:
        parallel._backend.start_call()
        parallel._backend.stop_call = lambda: ended.append(True)
        parallel._calling = True
    assert ended == [True]


@pins("BatchedCalls")
def test_batch_announces_that_it_is_pickled():
    announced = []
    with joblib.Parallel(n_jobs=1) as parallel:
        nested = parallel._backend.get_nested_backend()
    batch = BatchedCalls([(divmod, (7, 2), {})], nested, lambda: announced.append(True), {})
    assert pickle.loads(pickle.dumps(batch))() == [(3, 1)]
    assert announced == [True]


@pins("_id", "_workers", "_temp_folder_manager")
def test_loky_maps_large_arrays_to_the_folder_of_the_executor():
    array = np.ones(200_000)  # beyond joblib's 1 MB
    with joblib.Parallel(n_jobs=2, backend="loky") as parallel:
        manager = parallel._backend._workers._temp_folder_manager
        use_folder = functools.partial(manager.set_current_context, parallel._id)
        (name,) = submit(parallel, (getattr, (array, "filename"), {}), use_folder)()
        assert str(name).startswith(manager.resolve_temp_folder_name())


@pins("_work_ids")
def test_loky_is_ended_while_calls_wait_without_an_error_in_its_thread():
    with joblib.Parallel(n_jobs=2, backend="loky") as parallel:
        for _ in range(5):
            for _ in range(30):
                submit(parallel, (time.sleep, (0.01,), {}))
            assert parallel._backend._workers._work_ids.qsize() >= 0
            workers = _workers.workers_of(parallel._backend, parallel._id)
            workers.abandon(ensure_ready=True)
            workers.release()
        assert submit(parallel, (divmod, (7, 2), {}))() == [(3, 1)]


@pins("eval_expr")
def test_pre_dispatch_is_an_arithmetic_expression():
    assert _joblib.eval_expr("2*3") == 6
    with pytest.raises(ValueError, match="not a valid or supported arithmetic expression"):
        _joblib.eval_expr("__import__('os')")


@pins("uses_threads", "supports_retrieve_callback")
@pytest.mark.parametrize(
    ("backend", "n_jobs", "in_process", "asynchronous"),
    [
        ("loky", 2, False, True),
        ("multiprocessing", 2, False, True),
        ("threading", 2, True, True),
        ("threading", 1, True, False),
    ],
)
def test_backend_says_what_it_can(backend, n_jobs, in_process, asynchronous):
    with joblib.Parallel(n_jobs=n_jobs, backend=backend) as parallel:
        assert getattr(parallel._backend, "uses_threads", False) == in_process
        assert parallel._backend.supports_retrieve_callback == asynchronous


@pins("_get_pool", "_processes", "_repopulate_pool")
def test_a_pool_of_threads_can_grow():
    with joblib.Parallel(n_jobs=2, backend="threading") as parallel:
        pool = parallel._backend._get_pool()
        gate = threading.Event()
        stuck = [submit(parallel, (gate.wait, (60,), {})) for _ in range(2)]
        pool._processes += 1
        pool._repopulate_pool()
        assert submit(parallel, (divmod, (7, 2), {}))() == [(3, 1)]
        gate.set()
        assert [result() for result in stuck] == [[True], [True]]


@pins("_pool")
def test_a_pool_of_processes_knows_those_that_live():
    with joblib.Parallel(n_jobs=2, backend="multiprocessing") as parallel:
        pids = {process.pid for process in parallel._backend._pool._pool}
        (pid,) = submit(parallel, (os.getpid, (), {}))()
        assert pid in pids


@pins("_actor_pool", "_current_index", "_new_actor_entry")
def test_a_pool_of_ray_has_actors_in_turn():
    pool = pytest.importorskip("ray.util.multiprocessing.pool").Pool
    source = inspect.getsource(pool._next_actor_index) + inspect.getsource(pool._run_batch)
    assert "self._current_index += 1" in source
    assert "actor, count = self._actor_pool[actor_index]" in source
    assert "self._actor_pool[actor_index] = (actor, count)" in inspect.getsource(pool)
    assert "_new_actor_entry() for _ in range(processes)" in inspect.getsource(pool)


def test_parallel_of_scikit_learn_hands_configured_calls_to_the_next_class():
    class Calls(joblib.Parallel):
        def __call__(self, calls):
            return list(calls)

    class Configured(Parallel, Calls):
        pass

    with config_context(assume_finite=True):
        ((function, args, kwargs),) = Configured()([delayed(get_config)()])
    assert function(*args, **kwargs)["assume_finite"]
