"""Stopping rules: when each fires, that a stopped search is the beginning of one that is not."""

import copy
import math
import pickle
import threading

import joblib
import numpy as np
import pytest
from hill import SPACE, Hill, X, hill_search, rows, y
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_bo import BayesSearchCV, NegligibleGain, NoImprovement, Optimizer, TargetScore
from sklearn_bo.ending import Ending
from sklearn_bo.stopping import SearchState, mean_test_to_train
from sklearn_bo.trials import Trials


@pytest.fixture(scope="module")
def whole():
    return rows(hill_search().fit(X, y))


# -- the rules on made-up states


class GainOf:
    """An engine of which only the gain is asked."""

    def __init__(self, gain):
        self.gain = gain

    def largest_expected_improvement(self):
        return self.gain


def state(scores, fold_scores=(), gain=0.0, origin="model", memory=None):
    trials = Trials()
    for i, score in enumerate(scores):
        trials.finish(trials.append({"x": i}, np.array([float(i)]), origin), score)
    return SearchState(
        finished=list(trials),
        pending=[],
        n_candidates=50,
        fold_scores=np.array(fold_scores),
        test_to_train=0.25,
        elapsed=1.0,
        optimizer=GainOf(gain),
        memory={} if memory is None else memory,
    )


@settings(max_examples=60)
@given(
    scores=st.lists(st.one_of(st.floats(-10, 10), st.just(math.nan)), min_size=1, max_size=12),
    target=st.floats(-10, 10),
)
def test_target_score_stops_once_a_score_has_reached_it(scores, target):
    reached = any(score >= target for score in scores)
    assert bool(TargetScore(target)(state(scores))) == reached


@settings(max_examples=100)
@given(
    scores=st.lists(st.one_of(st.integers(-5, 5), st.just(math.nan)), min_size=1, max_size=12),
    n_trials=st.integers(1, 6),
    min_delta=st.integers(0, 3),
)
def test_no_improvement_compares_the_best_of_the_last_with_the_best_before(
    scores, n_trials, min_delta
):
    scores = [float(score) for score in scores]
    before = [score for score in scores[:-n_trials] if score == score]
    last = [score for score in scores[-n_trials:] if score == score]
    expected = bool(before) and max([*last, -math.inf]) <= max(before) + min_delta
    assert bool(NoImprovement(n_trials, min_delta)(state(scores))) == expected


def test_negligible_gain_must_be_negligible_several_times_in_a_row():
    rule, memory = NegligibleGain(fraction=0.5, n_trials=3), {}
    folds = [0.0, 1.0, 2.0, 3.0, 4.0]
    error = math.sqrt(2.5 * (1 / 5 + 0.25))
    gains = [0.49, 0.1, 0.51, 0.5, 0.0, 0.49, 0.2]
    fired = [bool(rule(state([1.0], folds, gain * error, memory=memory))) for gain in gains]
    assert fired == [False, False, False, False, False, True, True]
    assert not rule(state([1.0], folds, 0.0))  # another search has a memory of its own
    assert NegligibleGain(n_trials=1)(state([1.0], [0.5, 0.5], gain=0.0))  # no gain, no error


def test_two_rules_of_one_search_count_for_themselves():
    rules, memory = [NegligibleGain(n_trials=n) for n in (2, 3)], {}
    fired = [
        [bool(rule(state([1.0], [0.0, 1.0], gain=0.0, memory=memory))) for rule in rules]
        for _ in range(3)
    ]
    assert fired == [[False, False], [True, False], [True, True]]


@pytest.mark.parametrize(
    "made_up",
    [
        state([1.0], [0.9, 1.1], gain=0.0, origin="initial design"),
        state([1.0], [1.0], gain=0.0),  # one fold
        state([1.0], [0.9, math.nan], gain=0.0),
        state([math.nan], gain=0.0),
    ],
)
def test_negligible_gain_is_silent_without_a_model_or_an_error(made_up):
    assert not NegligibleGain(n_trials=1)(made_up)


def test_standard_error_is_corrected_for_the_overlap_of_training_sets():
    folds = np.random.RandomState(0).normal(size=5)
    naive = folds.std(ddof=1) / math.sqrt(5)
    assert state([1.0], folds).standard_error == pytest.approx(naive * math.sqrt(1 + 5 * 0.25))
    assert math.isnan(state([1.0], [0.5]).standard_error)
    assert math.isnan(state([]).standard_error)


def test_ratio_of_test_to_training_samples():
    indices = list(ShuffleSplit(3, train_size=30, test_size=10, random_state=0).split(X))
    masks = [tuple(np.isin(np.arange(60), side) for side in split) for split in indices]
    assert mean_test_to_train(indices) == pytest.approx(1 / 3)
    assert mean_test_to_train(masks) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: TargetScore("0.9"), "score='0.9' of TargetScore"),
        (lambda: TargetScore(np.nan), "score=nan of TargetScore"),
        (lambda: NoImprovement(0), "n_trials=0 of NoImprovement"),
        (lambda: NoImprovement(2.5), r"n_trials=2\.5 of NoImprovement"),
        (lambda: NoImprovement(5, min_delta=-1), "min_delta=-1 of NoImprovement"),
        (lambda: NegligibleGain(fraction=-0.1), r"fraction=-0\.1 of NegligibleGain"),
        (lambda: NegligibleGain(n_trials=None), "n_trials=None of NegligibleGain"),
    ],
)
def test_a_malformed_rule_is_refused_when_it_is_made(make, name):
    with pytest.raises(ValueError, match=name):
        make()


@pytest.mark.parametrize("rule", [TargetScore(0.5), NoImprovement(3), NegligibleGain(0.2)])
def test_rules_are_values(rule):
    assert eval(repr(rule)) == rule == pickle.loads(pickle.dumps(rule)) == copy.deepcopy(rule)
    search = clone(hill_search([rule]))
    assert search.get_params()["stopping"] == [rule]


# -- searches that are stopped


@pytest.mark.parametrize(
    "rule",
    [
        TargetScore(0.9),
        NoImprovement(6, min_delta=0.002),
        NoImprovement(4, min_delta=0.05),
        NegligibleGain(0.2, n_trials=2),
        lambda state: len(state.finished) == 7,
        lambda state: np.bool_(len(state.finished) == 1),
    ],
)
def test_a_stopped_search_is_the_beginning_of_the_whole_one(rule, whole):
    Hill.n_fits = 0
    search = hill_search(rule).fit(X, y)
    assert search.n_trials_ == len(search.trials_) < 30
    assert rows(search) == whole[: search.n_trials_]
    assert Hill.n_fits == 3 * search.n_trials_
    assert search.best_score_ == max(score for _, score in rows(search))


def test_target_score_ends_with_the_first_trial_that_reaches_it(whole):
    search = hill_search(TargetScore(0.9)).fit(X, y)
    first = next(i for i, (_, score) in enumerate(whole) if score >= 0.9)
    assert search.n_trials_ == first + 1
    assert search.stop_reason_ == (
        f"TargetScore(score=0.9): trial {first} scored {whole[first][1]:.6g}"
    )


def test_the_first_rule_of_a_list_that_fires_gives_the_reason():
    rules = [NoImprovement(25), TargetScore(0.5), TargetScore(0.4)]
    search = hill_search(rules).fit(X, y)
    assert search.stop_reason_.startswith("TargetScore(score=0.5): ")


def test_negligible_gain_says_its_figures_and_needs_two_folds():
    rule = NegligibleGain(0.2, n_trials=2)
    assert "standard error of the best score" in hill_search(rule).fit(X, y).stop_reason_
    one_fold = hill_search(rule, cv=ShuffleSplit(1, random_state=0)).fit(X, y)
    assert one_fold.n_trials_ == 30


def test_negligible_gain_stops_early_at_little_loss():
    rule = NegligibleGain()
    search = hill_search(rule, n_iter=60).fit(X, y)
    assert search.n_trials_ < 40
    assert search.best_score_ > max(score for _, score in rows(hill_search().fit(X, y))) - 0.005


def test_the_same_rule_object_serves_several_searches():
    rule = NegligibleGain(0.2, n_trials=2)
    assert rows(hill_search(rule).fit(X, y)) == rows(hill_search(rule).fit(X, y))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(True, "my_rule asked for a stop"), ("enough is enough", "my_rule: enough is enough")],
)
def test_a_callable_stops_by_true_or_by_a_reason(answer, reason):
    def my_rule(state):
        return answer if len(state.finished) == 3 else False

    search = hill_search(my_rule).fit(X, y)
    assert search.n_trials_ == 3
    assert search.stop_reason_ == reason


@pytest.mark.filterwarnings("ignore:One or more of the test scores", "ignore:[^a]*fits failed")
def test_a_rule_sees_the_state_of_the_search():
    seen = []

    def look(state):
        seen.append(state)
        return ""

    search = hill_search([look], estimator=Hill(fail_below=0.3), n_iter=12)
    search.fit(X, y)
    assert [len(state.finished) for state in seen] == [*range(1, 13)]
    assert [len(state.complete) + len(state.failed) for state in seen] == [*range(1, 13)]
    last = seen[-1]
    assert last.failed
    assert last.best_trial.score == pytest.approx(search.best_score_)
    assert last.fold_scores.mean() == pytest.approx(search.best_score_)
    folds = [search.cv_results_[f"split{i}_test_score"][search.best_index_] for i in range(3)]
    assert last.fold_scores.tolist() == folds
    assert last.test_to_train == pytest.approx(0.5)
    assert last.n_candidates == 12
    assert 0 < seen[0].elapsed < last.elapsed < search.total_time_
    assert last.optimizer.predict(last.best_trial.params)[1] > 0


def test_the_latest_trial_that_a_rule_sees_is_the_one_told_last():
    seen = []
    ending = Ending([lambda state: bool(seen.append([t.number for t in state.finished]))])
    optimizer = Optimizer(SPACE, random_state=0)
    trials = optimizer.ask(3)
    for number in (2, 0, 1):
        optimizer.tell(trials[number], 0.5)
        ending.apply_rules(number, 3, lambda number: [0.5], optimizer)
    assert seen == [[2], [2, 0], [2, 0, 1]]


def test_fold_scores_are_those_of_the_objective():
    seen = []
    search = BayesSearchCV(
        LogisticRegression(),
        {"C": (0.01, 1.0)},
        scoring={"plain": "accuracy", "balanced": "balanced_accuracy"},
        objective=lambda means: means["plain"] + 2 * means["balanced"],
        refit=False,
        n_iter=3,
        cv=2,
        stopping=lambda state: bool(seen.append(state.fold_scores)),
        random_state=0,
    ).fit(X, y)
    results = search.cv_results_
    folds = [
        results[f"split{i}_test_plain"][0] + 2 * results[f"split{i}_test_balanced"][0]
        for i in range(2)
    ]
    assert seen[0].tolist() == pytest.approx(folds)


def test_a_fold_that_fails_has_its_error_score_among_those_of_the_best():
    class Half(Hill):
        def fit(self, X, y):
            if X[0, 0] == whole[0, 0]:  # all folds but the first
                raise ValueError("one fold")
            return super().fit(X, y)

    def note(state):
        seen.append(state.fold_scores)
        return False

    seen = []
    whole = X
    options = {"error_score": 0.25, "refit": False, "stopping": note, "random_state": 0}
    search = BayesSearchCV(Half(), SPACE, n_iter=2, cv=KFold(3), **options)
    with pytest.warns(FitFailedWarning):
        search.fit(X, y)
    results = search.cv_results_
    expected = [results[f"split{i}_test_score"][0] for i in range(3)]
    assert expected.count(0.25) == 2
    assert seen[0].tolist() == expected


def test_a_search_that_runs_to_its_end_says_so():
    assert hill_search(n_iter=4).fit(X, y).stop_reason_ == "all 4 trials asked for were evaluated"
    search = BayesSearchCV(Hill(), {"a": [0.1, 0.2, 0.3]}, n_iter=3, cv=2).fit(X, y)
    assert search.stop_reason_ == "all 3 settings of the space were evaluated"
    assert search.n_trials_ == 3
    last = hill_search(lambda state: len(state.finished) == 4 and "enough", n_iter=4).fit(X, y)
    assert last.stop_reason_ == "<lambda>: enough"


# -- in parallel


@pytest.mark.parametrize(
    "rule",  # without min_delta, ever smaller improvements may go on to the end
    [TargetScore(0.93), NoImprovement(5, min_delta=0.01), NegligibleGain(0.3, 2)],
)
def test_with_a_lag_a_stopped_search_does_not_depend_on_timing(rule):
    expected = rows(hill_search(rule, lag=3, estimator=Hill(jitter=0.0)).fit(X, y))
    assert len(expected) < 30
    for n_jobs in (2, 3):
        search = hill_search(rule, lag=3, estimator=Hill(jitter=0.003))
        with joblib.parallel_config("threading", n_jobs=n_jobs):
            search.fit(X, y)
        assert rows(search) == expected
        assert [trial.number for trial in search.trials_] == [*range(len(expected))]


class Stuck(Hill):
    """All but its first fits wait."""

    gate = threading.Event()

    def fit(self, X, y):
        if self.a != 0.0 and not Stuck.gate.is_set():
            Stuck.gate.wait(60)
        return super().fit(X, y)


def test_a_stop_does_not_wait_for_folds_of_unfinished_candidates():
    Stuck.gate.clear()
    search = hill_search(lambda state: True, estimator=Stuck(), cv=2)
    with joblib.parallel_config("threading", n_jobs=3):
        search.fit(X, y)
    assert not Stuck.gate.is_set()
    assert search.total_time_ < 50
    Stuck.gate.set()
    assert search.n_trials_ == 1
    assert search.cv_results_["params"] == [{"a": 0.0, "b": 0.0}]


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_a_stopped_search_in_processes_is_fitted_on_finished_trials(backend):
    rule = NoImprovement(4, min_delta=0.01)
    search = hill_search(rule, estimator=Hill(jitter=0.002), refit=True)
    with joblib.parallel_config(backend, n_jobs=2):
        search.fit(X, y)
    assert search.n_trials_ == len(search.cv_results_["params"]) < 30
    assert {trial.state for trial in search.trials_} == {"complete"}
    assert search.best_estimator_.a == search.best_params_["a"]
    assert search.stop_reason_.startswith("NoImprovement(n_trials=4")


# -- malformed


@pytest.mark.parametrize(
    ("stopping", "message"),
    [
        (TargetScore, r"stopping=TargetScore is a class; give an instance, TargetScore\("),
        ([NoImprovement(3), NegligibleGain], r"stopping\[1\]=NegligibleGain is a class"),
        ([TargetScore(1.0), 0.95], r"stopping\[1\]=0\.95 is no stopping rule"),
        (["target"], r"stopping\[0\]='target' is no stopping rule"),
        (0.95, "'stopping' parameter of BayesSearchCV must be"),
        ("target", "'stopping' parameter of BayesSearchCV must be"),
    ],
)
def test_what_is_no_rule_is_refused_before_any_fit(stopping, message):
    Hill.n_fits = 0
    with pytest.raises((TypeError, ValueError), match=message):
        hill_search(stopping).fit(X, y)
    assert Hill.n_fits == 0


@pytest.mark.parametrize("answer", [None, 1, 0.5, [True]])
def test_a_rule_must_answer_by_bool_or_str(answer):
    def vague(state):
        return answer

    with pytest.raises(TypeError, match=r"The stopping rule vague returned .* must return a bool"):
        hill_search(vague).fit(X, y)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_an_error_in_a_rule_names_the_rule_and_keeps_the_cause(n_jobs):
    def broken(state):
        return state.no_such_thing

    with (
        joblib.parallel_config("threading"),
        pytest.raises(RuntimeError, match="stopping rule broken raised AttributeError") as raised,
    ):
        hill_search([TargetScore(2.0), broken], n_jobs=n_jobs).fit(X, y)
    assert isinstance(raised.value.__cause__, AttributeError)
