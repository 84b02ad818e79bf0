"""A journal makes an interruption invisible: the search ends as it would have ended."""

import json
import os
import signal
import sys
import threading
import time
from enum import IntEnum

import joblib
import numpy as np
import pytest
import sklearn
from journaled import (
    RICH,
    SIMPLE,
    THINGS,
    Anything,
    X,
    by_two,
    lines_of,
    make,
    outcome,
    records_of,
    y,
)
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import KFold
from sklearn.utils.fixes import parse_version

from sklearn_bo import BayesSearchCV, NoImprovement, Optimizer
from sklearn_bo.journal import Journal
from sklearn_bo.locking import open_locked

pytestmark = pytest.mark.usefixtures("no_fits")


# -- resuming


def test_resumed_after_any_line_the_search_ends_as_if_uninterrupted(path):
    expected = outcome(make(space=RICH).fit(X, y))
    search = make(path, RICH).fit(X, y)
    assert outcome(search) == expected
    assert {"model", "initial design", "estimator"} == {t.origin for t in search.trials_}
    lines = lines_of(path)
    assert len(lines) == 1 + 8 * (1 + 2)
    n_folds = 0
    for n in range(len(lines) + 1):
        path.write_bytes(b"".join(lines[:n]))
        Anything.fits.clear()
        assert outcome(make(path, RICH).fit(X, y)) == expected
        n_folds += n > 0 and b'"line": "fold"' in lines[n - 1]
        assert len(Anything.fits) == 16 - n_folds
        assert len(lines_of(path)) == len(lines)


def test_resumed_after_any_byte_the_search_ends_as_if_uninterrupted(path):
    expected = outcome(make(path).fit(X, y))
    content = path.read_bytes()
    borders = {i + k for i, byte in enumerate(content) if byte == ord("\n") for k in (-1, 0, 1)}
    somewhere = {1, 5, *np.random.RandomState(0).randint(len(content), size=12).tolist()}
    for n in sorted(somewhere | set(sorted(borders)[::7])):
        path.write_bytes(content[:n])
        n_whole = content[:n].count(b"\n")
        if n and content[n - 1] != ord("\n"):
            with pytest.warns(UserWarning, match=rf"line {n_whole + 1} is torn") as caught:
                search = make(path).fit(X, y)
            assert caught[0].filename == __file__
        else:
            search = make(path).fit(X, y)
        assert outcome(search) == expected
        assert lines_of(path)[:n_whole] == content.splitlines(keepends=True)[:n_whole]
        assert len(lines_of(path)) == content.count(b"\n")


def test_what_a_journal_holds_costs_no_time_of_a_budget(path):
    expected = make(path).fit(X, y)
    Anything.fits.clear()
    search = make(path, time_budget=1e-9).fit(X, y)
    assert not Anything.fits
    assert outcome(search) == outcome(expected)
    assert make(path, n_iter=12, time_budget=1e-9).fit(X, y).n_trials_ == 8


def test_a_candidate_that_lacks_a_fold_does_not_hide_those_after_it(path):
    make(path).fit(X, y)
    missing = b'"line": "fold", "number": 2, "split": 1'
    lines = lines_of(path)
    kept = [line for line in lines if missing not in line]
    assert len(kept) < len(lines)
    path.write_bytes(b"".join(kept))
    search = make(path, time_budget=1e-9).fit(X, y)
    assert [trial.number for trial in search.trials_] == [0, 1, 3, 4, 5, 6, 7]


def test_a_search_interrupted_again_and_again_fits_each_fold_once(path):
    expected = outcome(make().fit(X, y))
    fits = list(Anything.fits)
    Anything.fits.clear()
    for n_lines in (3, 4, 6, 9, 17, 18, 25, 30):  # grows, as if each run were killed there
        make(path).fit(X, y)
        lines = lines_of(path)
        path.write_bytes(b"".join(lines[:n_lines]))
        n_folds = len(records_of(path, "fold"))
        del Anything.fits[n_folds:]  # what was not written was not done
    assert outcome(make(path).fit(X, y)) == expected
    assert Anything.fits == fits


def test_a_complete_journal_fits_nothing_but_the_winner(path):
    first = make(path, refit=True).fit(X, y)
    Anything.fits.clear()
    content = path.read_bytes()
    second = make(path, refit=True).fit(X, y)
    assert len(Anything.fits) == 1
    assert outcome(second) == outcome(first)
    assert second.best_estimator_.a == first.best_estimator_.a
    assert path.read_bytes() == content
    # Times are those of the fits.
    np.testing.assert_array_equal(
        second.cv_results_["mean_fit_time"], first.cv_results_["mean_fit_time"]
    )


def test_the_path_may_be_a_string_or_a_path(path):
    expected = outcome(make(str(path)).fit(X, y))
    Anything.fits.clear()
    assert outcome(make(path).fit(X, y)) == expected
    assert not Anything.fits


@pytest.mark.parametrize("n_lines", [0, 2, 9, 16])
def test_more_iterations_prolong_a_search(path, n_lines):
    longer = make(n_iter=14, n_initial_points=3)
    expected = outcome(longer.fit(X, y))
    make(path, n_initial_points=3).fit(X, y)
    path.write_bytes(b"".join(lines_of(path)[: n_lines or None]))
    n_known = len(records_of(path, "fold"))
    Anything.fits.clear()
    assert outcome(longer.set_params(journal=path).fit(X, y)) == expected
    assert len(Anything.fits) == 28 - n_known


def test_larger_budgets_of_subspaces_prolong_a_search(path):
    def spaces(n):
        return [({"a": (0.0, 0.5)}, n), ({"a": (0.5, 1.0), "b": (1, 9)}, 3)]

    assert make(path, spaces(2)).fit(X, y).n_trials_ == 5
    assert make(path, spaces(4)).fit(X, y).n_trials_ == 7
    assert len(Anything.fits) == 14


@pytest.mark.parametrize("n_lines", range(1, 26, 3))
def test_a_design_point_that_a_spent_budget_forbids_is_not_asked_when_resumed(path, n_lines):
    spaces = [({"a": (0.0, 0.5)}, 2), {"a": (0.25, 1.0)}]
    kwargs = {"n_initial_points": 6, "random_state": 1}
    expected = outcome(make(path, spaces, **kwargs).fit(X, y))
    path.write_bytes(b"".join(lines_of(path)[:n_lines]))
    assert outcome(make(path, spaces, **kwargs).fit(X, y)) == expected


def test_when_all_fits_failed_the_journal_is_said_to_hold_that(path, monkeypatch):
    def fail(self):
        raise OSError("the license server is down")

    monkeypatch.setattr(Anything, "fail", staticmethod(fail))
    for _ in range(2):
        with pytest.raises(ValueError, match="All the 16 fits failed") as error:
            make(path).fit(X, y)
        monkeypatch.setattr(Anything, "fail", staticmethod(lambda self: None))
        (note,) = error.value.__notes__
        assert "search.jsonl" in note
        assert "name a new file" in note


def test_a_prolonged_search_keeps_the_initial_design_of_the_shorter_one(path):
    make(path, n_iter=4).fit(X, y)  # which has two initial points, "auto"
    prolonged = make(path, n_iter=16).fit(X, y)
    of_shorter = make(n_iter=16, n_initial_points=2).fit(X, y)
    assert outcome(prolonged) == outcome(of_shorter)


def test_numbers_of_numpy_steer_a_search_as_those_of_python_do(path):
    expected = outcome(make(path, n_initial_points=np.int64(3), n_iter=np.int64(5)).fit(X, y))
    assert outcome(make(path, n_initial_points=3, n_iter=5).fit(X, y)) == expected


def test_fewer_iterations_take_the_first_candidates(path):
    make(path, n_initial_points=3).fit(X, y)
    Anything.fits.clear()
    search = make(path, n_initial_points=3, n_iter=5).fit(X, y)
    assert not Anything.fits
    assert outcome(search) == outcome(make(n_initial_points=3, n_iter=5).fit(X, y))


@pytest.mark.parametrize("n_lines", [1, 6, None])
@pytest.mark.parametrize("is_global", [True, False])
def test_splits_that_share_the_source_of_the_seed_are_the_same_again(path, n_lines, is_global):
    def searching(path=None):
        np.random.seed(1)
        source = None if is_global else np.random.RandomState(1)
        cv = KFold(2, shuffle=True, random_state=source)
        return make(path, random_state=source, cv=cv).fit(X, y)

    expected = outcome(searching())
    assert outcome(searching(path)) == expected
    path.write_bytes(b"".join(lines_of(path)[:n_lines]))
    assert outcome(searching(path)) == expected


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(3)], ids=["None", "instance"])
def test_without_a_seed_the_journals_is_taken(path, random_state):
    expected = outcome(make(path, RICH, random_state=random_state).fit(X, y))
    lines = lines_of(path)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    assert outcome(make(path, RICH, random_state=random_state).fit(X, y)) == expected
    seed = json.loads(lines[0])["seed"]
    assert outcome(make(space=RICH, random_state=seed).fit(X, y)) == expected


@pytest.mark.parametrize("n_lines", range(1, 33, 5))
def test_with_a_lag_a_parallel_search_resumes_as_if_uninterrupted(path, n_lines):
    expected = outcome(make(lag=2).fit(X, y))
    with joblib.parallel_config("threading", n_jobs=2):
        assert outcome(make(path, lag=2).fit(X, y)) == expected
        path.write_bytes(b"".join(lines_of(path)[:n_lines]))
        n_known = len(records_of(path, "fold"))
        Anything.fits.clear()
        assert outcome(make(path, lag=2).fit(X, y)) == expected
    assert len(Anything.fits) == 16 - n_known


@pytest.mark.parametrize("n_lines", range(1, 33, 5))
def test_a_parallel_search_loses_nothing_that_was_written(path, n_lines):
    with joblib.parallel_config("threading", n_jobs=3):
        make(path).fit(X, y)
        kept = lines_of(path)[:n_lines]
        path.write_bytes(b"".join(kept))
        n_known = len(records_of(path, "fold"))
        Anything.fits.clear()
        search = make(path).fit(X, y)
    assert len(Anything.fits) == 16 - n_known
    assert lines_of(path)[:n_lines] == kept
    candidates = records_of(path, "candidate")
    assert [r["params"] for r in candidates] == search.cv_results_["params"]
    for fold in records_of(path, "fold"):
        scores = search.cv_results_[f"split{fold['split']}_test_score"]
        assert scores[fold["number"]] == fold["test_scores"]


def test_an_interrupted_search_resumes(path):
    expected = outcome(make().fit(X, y))
    Anything.fits.clear()

    def interrupt_at_the_eighth(self):
        if len(Anything.fits) == 8:
            raise KeyboardInterrupt

    Anything.fail = staticmethod(interrupt_at_the_eighth)
    with pytest.warns(UserWarning, match="interrupted when 3 of 8"):
        make(path).fit(X, y)
    assert outcome(make(path).fit(X, y)) == expected
    assert len(Anything.fits) == 16 + 1


def test_every_line_is_on_the_disk_before_what_it_tells_of_is_used(path, monkeypatch):
    synced = [b""]
    fsync, tell = os.fsync, Optimizer.tell

    def noting_fsync(fd):
        fsync(fd)
        synced.append(path.read_bytes())

    def checking_tell(self, trial, score):
        folds = [json.loads(line) for line in synced[-1].splitlines()][-2:]
        assert {(fold["number"], fold["split"]) for fold in folds} == {
            (trial.number, 0),
            (trial.number, 1),
        }
        return tell(self, trial, score)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Optimizer, "tell", checking_tell)
    make(path).fit(X, y)
    assert synced[-1] == path.read_bytes()


# -- what a fold can bring


def fail_for_small(self):
    if self.a < 0.5:
        raise ValueError("too\nsmall \udc80")  # as undecodable names of files have


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the")
@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("fail", [lambda self: None, fail_for_small], ids=["", "failing"])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        *({"error_score": score} for score in (-3, np.float32(0.5), -np.inf)),
        {"return_train_score": True},
        {"scoring": ["accuracy", "f1"], "objective": "f1", "return_train_score": True},
        {"scoring": {"one": "accuracy"}},
        {"scoring": by_two, "objective": "first"},
    ],
    ids=["single", "integer", "float32", "infinite", "train", "multimetric", "dict", "callable"],
)
def test_results_of_folds_are_restored_exactly(path, kwargs, fail):
    Anything.fail = staticmethod(fail)
    kwargs = {"n_iter": 6, "n_initial_points": 3, **kwargs}
    expected = outcome(make(**kwargs).fit(X, y))
    assert outcome(make(path, **kwargs).fit(X, y)) == expected
    lines = lines_of(path)
    for n in (len(lines), len(lines) - 3, 12):
        path.write_bytes(b"".join(lines[:n]))
        assert outcome(make(path, **kwargs).fit(X, y)) == expected
    for line in lines:
        json.loads(line, parse_constant=pytest.fail)  # strict JSON: no NaN


@pytest.mark.parametrize("scoring", [None, ["accuracy", "f1"]])
def test_a_score_that_fails_is_restored(path, scoring):
    class Unpredictable(Anything):
        def predict(self, X):
            raise ValueError("no")

        score = predict

    kwargs = {"n_iter": 3, "scoring": scoring, "objective": scoring and "f1"}
    kwargs |= {"error_score": -1.0, "cv": 2, "random_state": 0, "refit": False}
    search = BayesSearchCV(Unpredictable(), SIMPLE, journal=path, **kwargs)
    with pytest.warns(UserWarning, match="Scoring failed"):
        expected = outcome(search.fit(X, y))
    assert outcome(search.fit(X, y)) == expected  # without a warning, for nothing is scored


def test_with_error_score_raise_the_fold_that_fails_is_fitted_again(path):
    def fail_once(self):
        if len(Anything.fits) == 6:
            raise ValueError("once")

    expected = outcome(make(error_score="raise").fit(X, y))
    Anything.fits.clear()
    Anything.fail = staticmethod(fail_once)
    with pytest.raises(ValueError, match="once"):
        make(path, error_score="raise").fit(X, y)
    assert outcome(make(path, error_score="raise").fit(X, y)) == expected
    assert len(Anything.fits) == 17


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_fold_that_took_too_long_has_ended(path):
    def hang(self):
        if self.a == 0.25:  # the first candidate
            time.sleep(5)

    Anything.fail = staticmethod(hang)
    with pytest.warns(FitFailedWarning):
        first = make(path, fit_timeout=0.05, n_iter=4, error_score=-9).fit(X, y)
    Anything.fits.clear()
    assert "TaskLostError" in records_of(path, "fold")[0]["fit_error"]
    with pytest.warns(FitFailedWarning):
        second = make(path, n_iter=4, error_score=-9).fit(X, y)  # without a timeout
    assert not Anything.fits
    assert outcome(second) == outcome(first)


def test_values_without_a_form_in_json_stand_by_their_place(path):
    space = {"thing": THINGS}
    search = make(path, space, n_iter=len(THINGS), n_initial_points=100).fit(X, y)
    places = [record["params"]["thing"] for record in records_of(path, "candidate")]
    for params, place in zip(search.cv_results_["params"], places, strict=True):
        if isinstance(place, dict):
            assert params["thing"] is THINGS[place["choice"]]
        else:
            assert (type(place), place) == (type(params["thing"]), params["thing"])
    # 2.5 was numpy's; a space holds Python's own numbers.
    plain = [place for place in places if not isinstance(place, dict)]
    assert sorted(map(repr, plain)) == ["'x'", "1", "1.5", "2.5", "None", "True"]
    resumed = make(path, space, n_iter=len(THINGS), n_initial_points=100).fit(X, y)
    found = zip(search.cv_results_["params"], resumed.cv_results_["params"], places, strict=True)
    for one, other, place in found:
        assert one["thing"] is other["thing"] or one["thing"] == place == other["thing"]


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"), reason="callbacks are new in 1.9"
)
def test_callbacks_see_the_folds_that_a_journal_holds(path, tmp_path):
    class Count:
        def __init__(self):
            self.events = []

        def setup(self, estimator, context):
            pass

        teardown = setup

        def on_fit_task_begin(self, estimator, context):
            self.events.append(("begin", context.task_name, context.task_id))

        def on_fit_task_end(self, estimator, context):
            self.events.append(("end", context.task_name, context.task_id))

    make(path, n_iter=3).fit(X, y)
    counts = []
    for n_lines in (0, 6, None):
        path.write_bytes(b"".join(lines_of(path)[:n_lines]))
        count = Count()
        make(path, n_iter=3).set_callbacks(count).fit(X, y)
        counts.append(sorted(count.events))
    assert counts[0] == counts[1] == counts[2]
    assert sum(name == "candidate-split-evaluation" for _, name, _ in counts[0]) == 12


# -- one search at a time


def test_a_journal_in_use_is_refused(path):
    entered, leave = threading.Event(), threading.Event()

    def wait(self):
        entered.set()
        assert leave.wait(30)

    Anything.fail = staticmethod(wait)
    first = threading.Thread(target=lambda: make(path, n_iter=2).fit(X, y))
    first.start()
    try:
        assert entered.wait(30)
        content = path.read_bytes()
        with pytest.raises(BlockingIOError, match=r"search.jsonl' is in use by another search"):
            make(path, n_iter=2).fit(X, y)
        assert path.read_bytes() == content
    finally:
        leave.set()
        first.join()
    Anything.fits.clear()
    make(path, n_iter=2).fit(X, y)  # now it is free, and whole
    assert not Anything.fits


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_forked_worker_does_not_hold_the_journal(path):
    journal = Journal(path)
    receive, send = os.pipe()
    worker = os.fork()
    if not worker:
        os.write(send, b"forked")
        time.sleep(60)
        os._exit(0)
    try:
        os.read(receive, 6)
        journal.close()  # as the death of its process does
        Journal(path).close()
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


def test_a_search_that_fails_gives_its_journal_free(path):
    def fail(self):
        raise ValueError("no")

    Anything.fail = staticmethod(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            make(path, error_score="raise").fit(X, y)


@pytest.mark.parametrize(
    "more",
    [
        {"stopping": NoImprovement(4)},
        {"time_budget": 1000, "stopping": lambda state: len(state.finished) == 9},
        {
            "previous_results": {
                "params": [{"a": a / 9, "b": 1 + a} for a in range(9)],
                "mean_test_score": np.cos(np.arange(9)),
            }
        },
    ],
    ids=["rule", "budget", "earlier search"],
)
def test_what_steers_and_ends_a_search_does_so_when_it_resumes(path, more):
    whole = make(path, n_iter=14, **more).fit(X, y)
    lines = lines_of(path)
    for n in range(1, len(lines), 7):
        path.write_bytes(b"".join(lines[:n]))
        resumed = make(path, n_iter=14, **more).fit(X, y)
        assert outcome(resumed) == outcome(whole)
        assert resumed.stop_reason_ == whole.stop_reason_


class Stingy:
    """A file that takes a few bytes at a time, as a file may."""

    def __init__(self, file):
        self.file = file

    def write(self, content):
        return self.file.write(content[:7])

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_file_that_takes_part_of_what_is_written_holds_all(path, monkeypatch):
    expected = outcome(make(path, n_iter=3).fit(X, y))
    lines = [line for line in lines_of(path) if b"_time" not in line]
    path.unlink()
    monkeypatch.setattr("sklearn_bo.journal.open_locked", lambda *args: Stingy(open_locked(*args)))
    assert outcome(make(path, n_iter=3).fit(X, y)) == expected
    assert [line for line in lines_of(path) if b"_time" not in line] == lines
    Anything.fits.clear()
    assert outcome(make(path, n_iter=3).fit(X, y)) == expected
    assert not Anything.fits


class Few(IntEnum):
    TWO = 2


def test_an_integer_of_a_users_own_kind_is_resumed(path):
    first = make(path, n_iter=3, initial_candidates=[{"b": Few.TWO}]).fit(X, y)
    assert first.trials_[0].params["b"] == Few.TWO
    Anything.fits.clear()
    resumed = make(path, n_iter=3, initial_candidates=[{"b": Few.TWO}]).fit(X, y)
    assert not Anything.fits
    assert [t.z.tolist() for t in resumed.trials_] == [t.z.tolist() for t in first.trials_]
