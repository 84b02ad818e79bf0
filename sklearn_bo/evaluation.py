"""Evaluate trials: (candidate, fold) tasks on joblib's workers, proposals when a worker is free.

    for t = 1 .. T
        evaluation.tell()                D = all results at hand
        trial = evaluation.propose()     x_t = argmax u(x | D)
        ...                              its folds are fitted, beside those of other trials
        evaluation.end(trial)            y_t = f(x_t) + noise

with the folds of as many trials under way as keep the workers busy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from time import perf_counter
from typing import Any

from sklearn_bo._joblib import Executor
from sklearn_bo._sklearn import FoldCallbacks
from sklearn_bo.broadcast import Broadcast
from sklearn_bo.cross_validation import STOPPED_BY, CrossValidation, FoldResult, evaluate
from sklearn_bo.ending import Ending, SearchEnded
from sklearn_bo.exceptions import TaskLostError
from sklearn_bo.interruption import Interrupted, Interruptions
from sklearn_bo.journal import Journal
from sklearn_bo.optimizer import Optimizer
from sklearn_bo.tasks import Task
from sklearn_bo.trials import Trial, Trials

_HAND_OVER = 0.01  # seconds until a worker has a fold, beside which short ones matter


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


@dataclass
class _Evaluation:
    """What is proposed, waits, runs and has ended."""

    optimizer: Optimizer
    cross_validation: CrossValidation
    score: Callable[[list[FoldResult]], float]
    lag: int | None
    journal: Journal
    ending: Ending
    search_context: Any
    waiting: deque[tuple[Trial, int]] = field(default_factory=deque)  # folds that no worker has
    running: dict[Task, tuple[Trial, int]] = field(default_factory=dict)
    results: dict[int, dict[int, FoldResult]] = field(default_factory=dict)  # by number and split
    scores: dict[int, float] = field(default_factory=dict)  # of ended trials that are not told
    n_told: int = 0
    n_due: int = 0  # candidates of a batch that are still to be asked
    pace: _Pace = field(default_factory=_Pace)

    @property
    def trials(self) -> Trials:
        return self.optimizer.trials

    @property
    def n_splits(self) -> int:
        return len(self.cross_validation.splits)

    @property
    def all_proposed(self) -> bool:
        return len(self.trials) == self.cross_validation.n_candidates

    @property
    def knows_its_due(self) -> bool:
        """Whether all is told that a lag has the next proposal know."""
        return self.lag is None or self.n_told > len(self.trials) - self.lag

    def tell(self) -> None:
        """Tell the scores at hand; with a lag, in the order of numbers and never ahead of it."""
        while self.scores and not self.ending.is_due:
            number = next(iter(self.scores)) if self.lag is None else self.n_told
            early = self.lag is not None and self.knows_its_due and not self.all_proposed
            if early or number not in self.scores:
                return
            self.optimizer.tell(self.trials[number], self.scores.pop(number))
            self.n_told += 1
            self.ending.apply_rules(
                number,
                self.cross_validation.n_candidates,
                self._scores_by_fold,
                self.optimizer,
            )

    def tell_the_rest(self) -> None:
        """Tell what has ended out of turn."""
        for number in sorted(self.scores):
            self.optimizer.tell(self.trials[number], self.scores[number])

    def begin_folds(self, executor: Executor, broadcast: Broadcast) -> None:
        """Hand waiting folds to the workers."""
        # What waits in a queue begins nobody knows when; a budget wants to know.
        room = executor.n_workers if self.ending.has_budget else executor.queue_length
        while self.waiting and len(self.running) < room:
            trial, split = self.waiting[0]
            if not self._may_begin(trial.number, split, executor.n_workers):
                break
            self.waiting.popleft()
            callbacks = self._callbacks(trial, split)
            task = executor.submit(
                evaluate, broadcast, trial.params, trial.number, split, callbacks
            )
            self.running[task] = trial, split
            self.ending.fold_began(task)
        executor.launch()

    def wants_candidate(self, executor: Executor) -> bool:
        """Whether to propose now rather than to wait for a fold."""
        n_wanted = executor.n_workers + self.pace.reserve(executor.n_workers, executor.n_each)
        n_missing = n_wanted - len(self.running) - len(self.waiting)  # folds
        # With a lag, to wait would teach the proposal nothing.
        is_known = len(self.trials) < len(self.journal.candidates)
        if n_missing <= 0 and self.lag is None and not is_known:
            return False
        # Results at hand come first. When they bring free workers faster than candidates can be
        # proposed one by one, a batch follows, which costs one fit of the surrogate.
        if self.n_due == 0 and executor.any_done():
            return False
        if self.all_proposed or not self.knows_its_due:
            return False
        if not (is_known or self._may_begin(len(self.trials), 0, executor.n_workers)):
            return False
        self.n_due = max(self.n_due, ceil(n_missing / self.n_splits), 1) - 1
        return True

    def propose(self) -> Trial:
        """Take the next candidate from the journal or else ask for it; its folds are to wait."""
        if len(self.trials) < len(self.journal.candidates):
            candidate = self.journal.candidates[len(self.trials)]
            trial = self.optimizer.restore(candidate.params, candidate.origin)
            folds = candidate.folds
            for fold in folds.values():
                self.ending.fold_known(fold["fit_time"] + fold["score_time"])
        else:
            trial, folds = self.pace.ask(self.optimizer), {}
            self.journal.propose(trial, self.optimizer.space)
        for split in range(self.n_splits):
            if split not in folds:
                self.waiting.append((trial, split))
            elif callbacks := self._callbacks(trial, split):
                callbacks.pass_over(self.cross_validation.caller)
        self.results[trial.number] = folds
        return trial

    def next_result(self, executor: Executor) -> tuple[Task, Trial, int, FoldResult]:
        """Wait for a fold to end."""
        task = executor.next_done(self.ending.seconds_to_wait())
        trial, split = self.running.pop(task)
        try:
            return task, trial, split, task.result()
        except TaskLostError as error:
            return task, trial, split, self.cross_validation.failure(error)

    def end_fold(self, task: Task, trial: Trial, split: int, result: FoldResult) -> None:
        """Keep what a fold has given."""
        self.n_due = 0
        self.pace.fold_ended()
        self.ending.fold_ended(task, task.seconds, result.pop(STOPPED_BY, None))
        self.journal.end_fold(trial.number, split, result)
        self.results[trial.number][split] = result

    def has_ended(self, trial: Trial) -> bool:
        """Whether all folds of a trial have."""
        return len(self.results[trial.number]) == self.n_splits

    def end(self, trial: Trial) -> tuple[Trial, list[FoldResult]]:
        """Score a trial whose folds have all ended."""
        ended = [self.results[trial.number][split] for split in range(self.n_splits)]
        self.scores[trial.number] = self.score(ended)
        self.ending.trial_ended()
        return trial, ended

    def _may_begin(self, number: int, split: int, n_workers: int) -> bool:
        """Whether a fold may begin, and with a first fold all others; the first trial's always."""
        if number == 0:
            return True
        if split == 0:
            n_left = self.n_splits - len(self.results.get(number, ()))  # a journal may hold some
            return self.ending.allows_trial(ceil(n_left / n_workers))
        return self.ending.allows_fold()

    def _callbacks(self, trial: Trial, split: int) -> FoldCallbacks | None:
        task_id = trial.number * self.n_splits + split
        return FoldCallbacks.of_fold(self.search_context, self.cross_validation.estimator, task_id)

    def _scores_by_fold(self, number: int) -> list[float]:
        # A fold that failed has its error score: the trial, which is complete, has not.
        folds = [
            {**self.results[number][split], "fit_error": None} for split in range(self.n_splits)
        ]
        return [self.score([fold]) for fold in folds]


def evaluate_trials(
    optimizer: Optimizer,
    cross_validation: CrossValidation,
    score: Callable[[list[FoldResult]], float],
    *,
    lag: int | None = None,
    n_jobs: int | None = None,
    pre_dispatch: int | str = "2*n_jobs",
    fit_timeout: float | None = None,
    journal: Journal | None = None,
    search_context: Any,
    ending: Ending | None = None,
) -> Iterator[tuple[Trial, list[FoldResult]]]:
    """Ask, evaluate and tell until each candidate is evaluated on each fold.

    A candidate is asked for when a worker is free and no fold of an earlier candidate waits, so
    that a proposal knows as many results as it can; ahead of that where proposals are slow beside
    the folds. Its folds may wait in the workers' queue.

    Candidates of a journal come first, and none of their folds that it holds is fitted again.

    Ctrl-C ends the evaluation, and so may stopping rules, callbacks and a time budget; trials that
    have ended by then have been told. With a lag, rules judge after exactly the trials that the
    optimizer knows, in their order; what else has ended when a rule ends the search stays untold.

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
    journal : Journal, default=None
        Where to note what is proposed and what ends; it has begun.
    search_context : CallbackContext
        scikit-learn's callback context of the search.
    ending : Ending, default=None
        Says when to end before the last candidate, and keeps the reason.

    Yields
    ------
    trial : Trial
        A trial whose folds have all ended, in the order of ending.
    results : list of dict
        Its results, one a fold.
    """
    ending = ending or Ending()
    evaluation = _Evaluation(
        optimizer,
        cross_validation,
        score,
        lag,
        journal or Journal(None),
        ending,
        search_context,
    )
    with (
        suppress(Interrupted, SearchEnded),
        Interruptions() as interruptions,
        Executor(n_jobs, pre_dispatch, fit_timeout) as executor,
    ):
        broadcast = executor.broadcast(cross_validation)
        while True:
            evaluation.tell()
            if ending.is_due:
                raise SearchEnded
            with ending.in_time():
                evaluation.begin_folds(executor, broadcast)
            if evaluation.wants_candidate(executor):
                trial = evaluation.propose()
            elif evaluation.running:
                with interruptions.may_interrupt(), ending.in_time():
                    fold = evaluation.next_result(executor)
                evaluation.end_fold(*fold)
                trial = fold[1]
            else:
                break
            if evaluation.has_ended(trial):
                yield evaluation.end(trial)
    if not ending.by_rule:
        evaluation.tell_the_rest()
