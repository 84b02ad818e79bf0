"""When a search ends before its last candidate: rules, the time budget and callbacks together."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from sklearn_bo.budget import TimeBudget
from sklearn_bo.exceptions import NoWorkerLeftError, TimeIsUp
from sklearn_bo.optimizer import Optimizer
from sklearn_bo.stopping import Rule, SearchState, verdict
from sklearn_bo.trials import best_of


class SearchEnded(Exception):
    """Nothing more is to be evaluated, and what still runs is not waited for."""


class Ending:
    """Says whether a search goes on, and why not.

    Whatever asks for the end, one trial is finished first.

    Parameters
    ----------
    rules : sequence of callable, default=()
        Stopping rules.
    budget : TimeBudget, default=None
        Time that the search may take, which has begun to run out; None for any.
    test_to_train : float, default=nan
        Ratio of the numbers of test and training samples in a fold.

    Attributes
    ----------
    reason : str or None
        Why the search ends early; None while it goes on.
    at_once : bool
        Whether what still runs is not waited for, as a rule or a callback asked; a budget lets it
        end.
    by_rule : bool
        Whether a rule asked.
    """

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        budget: TimeBudget | None = None,
        test_to_train: float = math.nan,
    ) -> None:
        self.reason: str | None = None
        self.at_once = self.by_rule = False
        self._rules = rules
        self._budget = budget or TimeBudget(math.inf)
        self._test_to_train = test_to_train
        self._lost_workers = False
        self._n_ended = 0  # trials
        self._told: list[int] = []
        self._memory: dict = {}

    @property
    def has_budget(self) -> bool:
        """Whether time is limited."""
        return self._budget.seconds < math.inf

    def allows_fold(self) -> bool:
        """Whether a further fold may begin now."""
        return not self.at_once and self._fits("fold", 1)

    def allows_trial(self, n_in_a_row: int) -> bool:
        """Whether a further trial may begin, so many of whose folds run one after the other."""
        return self.reason is None and self._fits("trial", n_in_a_row)

    def _fits(self, what: str, n_in_a_row: int) -> bool:
        budget, seconds = self._budget, self._budget.predict(n_in_a_row)
        # Rounding must not keep the last fold of a trial that just fits from its time.
        slack = 1 + 1e-9 if what == "trial" else 1.0
        if seconds * slack <= budget.left:
            return True
        self.reason = (
            f"the time budget of {budget.seconds:g} s: after {budget.elapsed:.3g} s, a further "
            f"{what} of {seconds:.3g} s, by the times seen, would have ended past it"
        )
        return False

    def seconds_to_wait(self) -> float | None:
        """How long to wait for a fold that runs; None for as long as it takes."""
        if not (self.has_budget and self._n_ended):
            return None
        return max(self._budget.left, 0.0)

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """End the search where the wait for a fold is over, or hopeless, before the fold is."""
        try:
            yield
        except TimeIsUp:
            self.reason = (
                f"the time budget of {self._budget.seconds:g} s was over while a fold, slower than "
                "those before, still ran"
            )
            raise SearchEnded from None
        except NoWorkerLeftError as error:
            if not self._n_ended:
                raise
            self.reason = f"no worker is left: {error}"
            self._lost_workers = True
            raise SearchEnded from None

    def fold_began(self, task: Hashable) -> None:
        """Note that a worker has a fold."""
        self._budget.begin(task)

    def fold_ended(self, task: Hashable, seconds: float | None, callback: str | None) -> None:
        """Note that a fold has ended.

        Parameters
        ----------
        task : hashable
            What was noted when it began.
        seconds : float or None
            How long a worker took, if that is known.
        callback : str or None
            Which callback, if any, asked for a stop at its end.
        """
        self._budget.end(task, seconds)
        if callback is not None and not self.at_once:
            self.at_once = True
            self.reason = f"the callback {callback} asked for a stop at the end of a fold"

    def fold_known(self, seconds: float) -> None:
        """Note how long a fold took in the run that a search resumes."""
        self._budget.note(seconds)

    def trial_ended(self) -> None:
        """Note that a trial has ended."""
        self._n_ended += 1

    @property
    def is_due(self) -> bool:
        """Whether the search ends here, without what still runs."""
        return self.at_once and self._n_ended > 0

    def conclude(self, n_finished: int, n_candidates: int, whole: str) -> str:
        """Say why a search has ended; warn where Ctrl-C or the loss of all workers has ended it.

        Parameters
        ----------
        n_finished, n_candidates : int
            Number of trials that were evaluated, and that were to be.
        whole : str
            What those were, in words.

        Returns
        -------
        str
            The reason.

        Raises
        ------
        KeyboardInterrupt
            If it was interrupted before any trial had ended.
        """
        if n_finished == 0:
            raise KeyboardInterrupt
        if n_finished == n_candidates and not self.at_once:
            return f"all {n_candidates} {whole} were evaluated"
        if self._lost_workers:
            warnings.warn(f"The search ends early, for {self.reason}", RuntimeWarning, stacklevel=5)
        if self.reason is not None:
            return self.reason
        interrupt = f"interrupted when {n_finished} of {n_candidates} candidates had been evaluated"
        warnings.warn(
            f"The search was {interrupt}; it is fitted on these.", UserWarning, stacklevel=5
        )
        return f"{interrupt} (Ctrl-C)"

    def apply_rules(
        self,
        number: int,
        n_candidates: int,
        fold_scores: Callable[[int], list[float]],
        optimizer: Optimizer,
    ) -> None:
        """Ask the rules whether to stop after a trial was told.

        Parameters
        ----------
        number : int
            Number of the trial that was told.
        n_candidates : int
            Number of trials to come in all.
        fold_scores : callable
            From the number of a trial to its objective by fold.
        optimizer : Optimizer
            The engine, told of the trial.
        """
        self._told.append(number)
        if not self._rules:
            return
        finished = [optimizer.trials[told] for told in self._told]
        best = best_of(finished)
        state = SearchState(
            finished=finished,
            pending=optimizer.trials.pending,
            n_candidates=n_candidates,
            fold_scores=np.array([] if best is None else fold_scores(best.number)),
            test_to_train=self._test_to_train,
            elapsed=self._budget.elapsed,
            optimizer=optimizer,
            memory=self._memory,
        )
        for rule in self._rules:
            if reason := verdict(rule, state):
                self.reason = reason
                self.at_once = self.by_rule = True
                return
