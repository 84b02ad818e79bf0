"""Stopping rules: after each trial, whether the search has gone far enough.

A rule is a callable of the `SearchState`. It returns False to go on, and True or the reason to
stop. What a rule must remember from one call to the next it keeps in ``SearchState.memory``, so
that one object serves any number of searches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklearn_bo.optimizer import Optimizer
from sklearn_bo.trials import Trial, best_of


@dataclass(frozen=True, eq=False)
class SearchState:
    """What a stopping rule may know, after a trial of a search has finished; read-only.

    Parameters
    ----------
    finished : list of Trial
        The complete and the failed trials of this search, the latest last.
    pending : list of Trial
        Trials that are still evaluated.
    n_candidates : int
        Number of trials that the search will have unless it is stopped.
    fold_scores : ndarray of shape (n_splits,)
        The objective of the best trial, fold by fold; empty before any trial is complete.
    test_to_train : float
        Ratio of the numbers of test and training samples, the mean over the folds.
    elapsed : float
        Seconds since ``fit`` began.
    optimizer : Optimizer
        The engine, to call its ``predict`` and ``largest_expected_improvement``.
    memory : dict
        What rules keep from one call to the next, under keys of their own; empty at first.
    """

    finished: list[Trial]
    pending: list[Trial]
    n_candidates: int
    fold_scores: np.ndarray
    test_to_train: float
    elapsed: float
    optimizer: Optimizer
    memory: dict[Any, Any]

    @property
    def complete(self) -> list[Trial]:
        """Finished trials with a score."""
        return [trial for trial in self.finished if trial.state == "complete"]

    @property
    def failed(self) -> list[Trial]:
        """Finished trials without a score."""
        return [trial for trial in self.finished if trial.state == "failed"]

    @property
    def best_trial(self) -> Trial | None:
        """The complete trial of the highest score, the earliest of equals; None before any."""
        return best_of(self.finished)

    @property
    def standard_error(self) -> float:
        """Standard error of the best trial's mean score; NaN for less than two folds.

        The training sets of k folds overlap, so their scores are correlated, and s / sqrt(k) is too
        small. The square is s^2 (1 / k + n_test / n_train) instead (Nadeau and Bengio 2003,
        "Inference for the generalization error", Machine Learning 52).
        """
        k = len(self.fold_scores)
        if k < 2:
            return math.nan
        return float(np.std(self.fold_scores, ddof=1)) * math.sqrt(1 / k + self.test_to_train)


Rule = Callable[[SearchState], bool | np.bool_ | str]


class StoppingRule:
    """What the rules of this module have in common, that a list of them is one of rules."""

    def __call__(self, state: SearchState) -> bool | str:
        """Judge a search; see `SearchState`."""
        raise NotImplementedError


def mean_test_to_train(splits: list[tuple]) -> float:
    """Average the ratio of test to training samples over the splits.

    Parameters
    ----------
    splits : list of (train, test)
        Arrays of indices, or masks.

    Returns
    -------
    float
        The ratio, 1 / (k - 1) for k folds of one size.
    """
    sizes = [
        [np.sum(side) if np.asarray(side).dtype.kind == "b" else len(side) for side in split]
        for split in splits
    ]
    return float(np.mean([n_test / n_train for n_train, n_test in sizes]))


@dataclass(frozen=True)
class TargetScore(StoppingRule):
    """Stop when a trial reaches a score.

    Parameters
    ----------
    score : float
        What the objective, which is maximised, must reach.

    Examples
    --------
    >>> from sklearn_bo import TargetScore
    >>> TargetScore(0.95)
    TargetScore(score=0.95)
    """

    score: float

    def __post_init__(self) -> None:
        _check_number(self, "score", -math.inf)

    def __call__(self, state: SearchState) -> bool | str:
        """Judge a search; see `SearchState`."""
        best = state.best_trial
        if best is None or best.score < self.score:
            return False
        return f"trial {best.number} scored {best.score:.6g}"


@dataclass(frozen=True)
class NoImprovement(StoppingRule):
    """Stop when ``n_trials`` in a row have not improved on the best before them.

    Parameters
    ----------
    n_trials : int, default=20
        Number of trials, in the order in which they finish; failed ones count.
    min_delta : float, default=0.0
        A rise of the best score by no more than this over all of them is no improvement.

    Examples
    --------
    >>> from sklearn_bo import NoImprovement
    >>> NoImprovement(10, min_delta=1e-3)
    NoImprovement(n_trials=10, min_delta=0.001)
    """

    n_trials: int = 20
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        _check_count(self, "n_trials")
        _check_number(self, "min_delta", 0)

    def __call__(self, state: SearchState) -> bool | str:
        """Judge a search; see `SearchState`."""
        before = best_of(state.finished[: -self.n_trials])
        best = state.best_trial
        if before is None or best is None or best.score - before.score > self.min_delta:
            return False
        return (
            f"the last {self.n_trials} trials did not raise the best score, {before.score:.6g} of "
            f"trial {before.number}, by more than {self.min_delta:g}"
        )


@dataclass(frozen=True)
class NegligibleGain(StoppingRule):
    """Stop when the improvement that may be left is small beside the error of the best score.

    The score of cross-validation is itself an estimate. To maximise it beyond its own standard
    error gains nothing that can be known, and fits the folds at hand (Makarova et al. 2022 [1]_).
    So the search ends once, for some trials in a row,

        max over the space of E[max(f - f_best, 0)]  <=  fraction * standard error,

    where f is the surrogate's score of a setting, and f_best its largest expectation of a trial. As
    in the paper, the error is corrected for the overlap of the training sets: its square is
    s^2 (1 / k + n_test / n_train), with s the standard deviation of the scores of the k folds
    (Nadeau and Bengio 2003 [2]_). Unlike there, the left side is an expectation and no upper bound
    of the regret; the fraction allows for that.

    Before the surrogate proposes, and with a single fold, it never stops the search. It costs about
    one proposal a trial.

    Parameters
    ----------
    fraction : float, default=0.1
        Share of the standard error that is negligible.
    n_trials : int, default=5
        Number of trials in a row after which the gain must be negligible, for its estimate is
        noisy.

    References
    ----------
    .. [1] A. Makarova, H. Shen, V. Perrone, A. Klein, J. B. Faddoul, A. Krause, M. Seeger,
       C. Archambeau, "Automatic termination for hyperparameter optimization", AutoML-Conf 2022,
       arXiv:2104.08166.
    .. [2] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52,
       2003.

    Examples
    --------
    >>> from sklearn_bo import NegligibleGain
    >>> NegligibleGain()
    NegligibleGain(fraction=0.1, n_trials=5)
    """

    fraction: float = 0.1
    n_trials: int = 5

    def __post_init__(self) -> None:
        _check_number(self, "fraction", 0)
        _check_count(self, "n_trials")

    def __call__(self, state: SearchState) -> bool | str:
        """Judge a search; see `SearchState`."""
        if not any(trial.origin == "model" for trial in state.finished):
            return False
        error = state.standard_error
        if not math.isfinite(error):
            return False
        gain = state.optimizer.largest_expected_improvement()
        in_a_row = state.memory.get(id(self), 0) + 1 if gain <= self.fraction * error else 0
        state.memory[id(self)] = in_a_row
        if in_a_row < self.n_trials:
            return False
        return (
            f"the largest expected improvement left, {gain:.2g}, is at most {self.fraction:g} of "
            f"the standard error of the best score, {error:.2g}, for {in_a_row} trials in a row"
        )


def _check_number(rule: Any, name: str, low: float) -> None:
    value = getattr(rule, name)
    if not isinstance(value, Real) or not math.isfinite(value) or value < low:
        wanted = "a finite number" + (f" of at least {low:g}" if math.isfinite(low) else "")
        raise ValueError(f"{name}={value!r} of {type(rule).__name__} must be {wanted}.")


def _check_count(rule: Any, name: str) -> None:
    value = getattr(rule, name)
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(
            f"{name}={value!r} of {type(rule).__name__} must be an integer of at least 1."
        )


def check_rules(stopping: Any) -> list[Rule]:
    """List the rules of the search's parameter ``stopping``.

    Parameters
    ----------
    stopping : callable, list, tuple or None
        The parameter.

    Returns
    -------
    list of callable
        The rules.

    Raises
    ------
    TypeError
        If one of them is a class, or not callable.
    """
    if stopping is None:
        return []
    several = isinstance(stopping, list | tuple)
    for i, rule in enumerate(stopping if several else [stopping]):
        name = f"stopping[{i}]" if several else "stopping"
        if isinstance(rule, type):
            raise TypeError(
                f"{name}={rule.__name__} is a class; give an instance, {rule.__name__}(...)."
            )
        if not callable(rule):
            raise TypeError(
                f"{name}={rule!r} is no stopping rule; give a rule such as NoImprovement(20), or a "
                "function of the SearchState that returns a bool, or the reason to stop as a str."
            )
    return list(stopping) if several else [stopping]


def verdict(rule: Rule, state: SearchState) -> str | None:
    """Ask a rule whether the search is to end.

    Parameters
    ----------
    rule : callable
        The rule.
    state : SearchState
        What it judges by.

    Returns
    -------
    str or None
        Which rule ends the search, and why; None to go on.

    Raises
    ------
    RuntimeError
        If the rule raises an error.
    TypeError
        If it returns neither a bool nor a str.
    """
    name = getattr(rule, "__name__", None) or repr(rule)
    try:
        answer = rule(state)
    except Exception as error:
        raise RuntimeError(
            f"The stopping rule {name} raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(answer, bool | np.bool_ | str):
        raise TypeError(
            f"The stopping rule {name} returned {answer!r}; it must return a bool, or the reason "
            "to stop as a str."
        )
    if not answer:
        return None
    return f"{name}: {answer}" if isinstance(answer, str) else f"{name} asked for a stop"
