"""Evaluate trials: (candidate, fold) tasks on joblib's workers, proposals when a worker is free."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from sklearn_bo._joblib import Executor
from sklearn_bo._sklearn import FoldCallbacks, _fit_and_score, _MultimetricScorer
from sklearn_bo._workers import Task, TaskLostError
from sklearn_bo.interruption import Interrupted, Interruptions
from sklearn_bo.optimizer import Optimizer
from sklearn_bo.shipment import Shipment
from sklearn_bo.trials import Trial

FoldResult = dict[str, Any]  # what scikit-learn's _fit_and_score returns


@dataclass(frozen=True)
class CrossValidation:
    """What all folds of all candidates share; crosses to each worker once.

    Parameters
    ----------
    estimator : estimator
        The unfitted estimator; each fold fits a clone.
    X, y : array-like
        The data.
    splits : list of (train, test)
        Index arrays, drawn once, so that all candidates meet the same folds.
    n_candidates : int
        Number of candidates to come, for progress messages.
    options : dict
        Further keyword arguments of scikit-learn's ``_fit_and_score``.
    caller : estimator or None
        The search, for callbacks.
    """

    estimator: BaseEstimator
    X: Any
    y: Any
    splits: list[tuple[np.ndarray, np.ndarray]]
    n_candidates: int
    options: dict[str, Any]
    caller: BaseEstimator | None = field(default=None)

    def evaluate(
        self, params: dict[str, Any], number: int, split: int, callbacks: FoldCallbacks | None
    ) -> FoldResult:
        """Fit and score one candidate on one fold."""
        train, test = self.splits[split]
        options = self.options
        if callbacks is not None:
            options = {**options, "caller": self.caller, "callback_ctx": callbacks.context}
        return _fit_and_score(
            clone(self.estimator),
            self.X,
            self.y,
            train=train,
            test=test,
            parameters=params,
            split_progress=(split, len(self.splits)),
            candidate_progress=(number, self.n_candidates),
            **options,
        )

    def failure(self, split: int, error: TaskLostError) -> FoldResult:
        """Return what stands for a fold that was lost, as for one whose fit fails."""
        score, scorer = self.options["error_score"], self.options["scorer"]
        if score == "raise":
            raise error
        scores: Any = score
        if isinstance(scorer, _MultimetricScorer):
            scores = dict.fromkeys(scorer._scorers, score)
        return {
            "fit_error": f"{type(error).__name__}: {error}",
            "test_scores": scores,
            **({"train_scores": scores} if self.options["return_train_score"] else {}),
            "n_test_samples": len(self.splits[split][1]),
            "fit_time": 0.0,
            "score_time": 0.0,
        }


_HAND_OVER = 0.005  # seconds until a worker has a fold, beside which short ones matter


class _Pace:
    """How many folds end while a candidate is proposed and handed over.

    So many are kept in reserve beyond those that run, at most what each worker is handed at a time,
    in order that the workers need not wait for the proposal.
    """

    def __init__(self) -> None:
        self._start = perf_counter()
        self._n_ended = 0
        self._seconds = 0.0  # of a slow proposal of late

    def ask(self, optimizer: Optimizer) -> Trial:
        """Ask, and note how long it takes."""
        start = perf_counter()
        trial = optimizer.ask()
        self._seconds = max(perf_counter() - start, 0.8 * self._seconds)
        return trial

    def fold_ended(self) -> None:
        """Note the end of a fold."""
        self._n_ended += 1

    def reserve(self, n_workers: int, n_each: int) -> int:
        """Return the number of folds to keep in reserve, of which a worker is handed so many."""
        if n_workers == 1 or not self._n_ended:
            return 0
        per_second = self._n_ended / (perf_counter() - self._start)
        seconds = self._seconds + (_HAND_OVER if n_each > 1 else 0.0)
        return min(round(seconds * per_second), n_workers * n_each)


def _evaluate(shipment: Shipment, *args: Any) -> FoldResult:
    return shipment.content.evaluate(*args)


def evaluate_trials(
    optimizer: Optimizer,
    cross_validation: CrossValidation,
    score: Callable[[list[FoldResult]], float],
    *,
    lag: int | None = None,
    n_jobs: int | None = None,
    pre_dispatch: int | str = "2*n_jobs",
    fit_timeout: float | None = None,
    search_context: Any,
) -> Iterator[tuple[Trial, list[FoldResult]]]:
    """Ask, evaluate and tell until each candidate is evaluated on each fold.

    A candidate is asked for when a worker is free and no fold of an earlier candidate waits, so
    that a proposal knows as many results as it can; ahead of that where proposals are slow beside
    the folds. Its folds may wait in the workers' queue.

    Ctrl-C ends the evaluation; trials that have ended by then have been told.

    Parameters
    ----------
    optimizer : Optimizer
        Proposes candidates and learns their scores.
    cross_validation : CrossValidation
        Evaluates one fold.
    score : callable
        From the results of all folds of a candidate to the number to maximise, NaN if it failed.
    lag : int, default=None
        If given, proposal i is made from exactly the results of trials 0 .. i - lag, whatever else
        has ended; otherwise from all that have.
    n_jobs : int, default=None
        As in `joblib.Parallel`.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of folds handed to the workers at a time, an expression of ``n_jobs`` or "all".
    fit_timeout : float, default=None
        Seconds that a fold may take; then it is given up and scores ``error_score``.
    search_context : CallbackContext
        scikit-learn's callback context of the search.

    Yields
    ------
    trial : Trial
        A trial whose folds have all ended, in the order of ending.
    results : list of dict
        Its results, one a fold.
    """
    n_splits, n_candidates = len(cross_validation.splits), cross_validation.n_candidates
    trials: list[Trial] = []
    waiting: deque[tuple[Trial, int]] = deque()  # folds that no worker has
    running: dict[Task, tuple[Trial, int]] = {}
    results: dict[int, dict[int, FoldResult]] = {}  # trial number -> split -> result
    scores: dict[int, float] = {}  # of ended trials that the optimizer has not been told
    n_told = 0  # with a lag: trials told, in the order of their numbers
    n_due = 0  # candidates of a batch that are still to be asked
    pace = _Pace()

    def ready_to_ask() -> bool:
        """Whether the next candidate may be asked for; with a lag, tells what it must know."""
        nonlocal n_told
        if len(trials) == n_candidates:
            return False
        if lag is None:
            return True
        while n_told <= len(trials) - lag:
            if n_told not in scores:
                return False
            optimizer.tell(trials[n_told], scores.pop(n_told))
            n_told += 1
        return True

    with (
        suppress(Interrupted),
        Interruptions() as interruptions,
        Executor(n_jobs, pre_dispatch, fit_timeout) as executor,
    ):
        shipment = executor.ship(cross_validation)
        while True:
            while waiting and len(running) < executor.queue_length:
                trial, split = waiting.popleft()
                callbacks = FoldCallbacks.of_fold(
                    search_context, cross_validation.estimator, trial.number * n_splits + split
                )
                task = executor.submit(
                    _evaluate, shipment, trial.params, trial.number, split, callbacks
                )
                running[task] = trial, split
            executor.launch()
            n_wanted = executor.n_workers + pace.reserve(executor.n_workers, executor.n_each)
            n_missing = n_wanted - len(running) - len(waiting)  # folds
            # With a lag, to wait would teach the proposal nothing.
            wanted = n_missing > 0 or lag is not None
            # Results at hand come first. When they bring free workers faster than candidates can
            # be proposed one by one, a batch follows, which costs one fit of the surrogate.
            if wanted and (n_due > 0 or not executor.any_done()) and ready_to_ask():
                n_due = max(n_due, ceil(n_missing / n_splits)) - 1
                trials.append(pace.ask(optimizer))
                waiting.extend((trials[-1], split) for split in range(n_splits))
                continue
            if not running:
                break
            with interruptions.may_interrupt():
                task = executor.next_done()
                trial, split = running.pop(task)
                try:
                    result = task.result()
                except TaskLostError as error:
                    result = cross_validation.failure(split, error)
            n_due = 0
            pace.fold_ended()
            folds = results.setdefault(trial.number, {})
            folds[split] = result
            if len(folds) == n_splits:
                ended = [folds[split] for split in range(n_splits)]
                scores[trial.number] = score(ended)
                if lag is None:
                    optimizer.tell(trial, scores.pop(trial.number))
                yield trial, ended
    for number in sorted(scores):
        optimizer.tell(trials[number], scores[number])
