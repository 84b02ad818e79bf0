"""Rules for `refit` that do not fall for luck: the best of n scores is partly the luckiest.

They read nothing but ``cv_results_``, so every search of scikit-learn can use them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_bo.optimizer import Optimizer
from sklearn_bo.values import is_nan, is_number, native

_LOG_FROM = 100.0  # ratio of the largest value to the smallest from which the logarithm counts


class RefitRule:
    """A choice of the candidate to refit, by one metric."""

    metric: str | None

    def check(
        self, params: Mapping[str, Iterable[Any]], metrics: Sequence[str] | None, n_splits: int
    ) -> None:
        """Raise ValueError or TypeError for what can be known to fail before anything is fitted.

        Parameters
        ----------
        params : mapping of str to iterable
            The names of the parameters that are searched, with their choices; none for a range.
        metrics : sequence of str or None
            The names of the metrics, None while they are unknown.
        n_splits : int
            The number of folds.
        """
        if metrics is not None:
            _choose_metric(self, metrics)
        self._check(params, n_splits)

    def metric_of(self, cv_results: Mapping[str, Any]) -> str:
        """Return the name of the metric that chooses among the candidates of ``cv_results``."""
        return _choose_metric(self, _metrics(cv_results))

    def _check(self, params: Mapping[str, Iterable[Any]], n_splits: int) -> None:
        """Do the same for what a rule needs beyond a metric."""


@dataclass(frozen=True)
class PosteriorMean(RefitRule):
    """Refit the evaluated candidate with the best posterior mean.

    A Gaussian process is fitted to the mean test scores of all candidates, with the noise that it
    finds in them: a lucky score among mediocre neighbours counts for less than it says. The space
    is guessed from the candidates: positive numbers that span two decades have a logarithmic scale,
    other numbers a linear one, all else are categories, but numbers in order beside None;
    candidates with different parameters are of different subspaces.

    Parameters
    ----------
    metric : str, default=None
        The metric to judge by; None for the only one.

    Raises
    ------
    ValueError
        If there is no such metric, or several and none is named, or if no candidate has a score.

    See Also
    --------
    BayesSearchCV.results_frame : The posterior of each candidate, from the search's own model,
        which knows the space that was searched; another candidate may be the best there.

    Notes
    -----
    Works with `BayesSearchCV`, `GridSearchCV` and `RandomizedSearchCV`. The halving searches of
    scikit-learn ignore a callable ``refit``; called with their ``cv_results_``, it chooses from the
    last iteration. As with any callable, the search has no ``best_score_``.

    What it mends is the expectation more than the choice. On ten noisy tasks with 40 candidates,
    those that it chose were on average as good as those of the best score, within the error of the
    comparison. But where the best score of a Bayesian search promised far too much, the posterior
    mean, which ``results_frame`` shows, was about right.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.svm import SVC
    >>> from sklearn_bo import PosteriorMean
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"C": [0.1, 1.0, 10.0, 100.0], "gamma": [0.001, 0.01, 0.1, 1.0]}
    >>> search = GridSearchCV(SVC(), grid, refit=PosteriorMean()).fit(X, y)
    >>> search.best_index_ in range(16)
    True
    """

    metric: str | None = None

    def __call__(self, cv_results: Mapping[str, Any]) -> int:
        """Return the index of the candidate in ``cv_results``."""
        scores = _scores(cv_results, _choose_metric(self, _metrics(cv_results)))
        judged = np.flatnonzero(np.isfinite(scores))
        settings = [cv_results["params"][i] for i in judged]
        optimizer = Optimizer(_observed_space(settings), random_state=0)
        for setting, score in zip(settings, scores[judged], strict=True):
            optimizer.tell(setting, score)
        mean, *_ = optimizer.posterior()
        return int(judged[np.argmax(mean)])


@dataclass(frozen=True)
class OneStandardError(RefitRule):
    """Refit the simplest candidate within one standard error of the best.

    The standard error is that of the best candidate's mean over its folds, their sample standard
    deviation divided by the square root of their number (Breiman et al. 1984, section 3.4.3; Hastie
    et al. 2009, section 7.10).

    Parameters
    ----------
    simplest : str or callable
        What is simple: the name of a parameter whose lower values are simpler; the name prefixed by
        ``-`` if higher values are; or a function of a candidate's params that returns less for a
        simpler one, a number or a tuple of numbers. Candidates without the parameter, or for which
        it is None or NaN, are the least simple. Of equally simple ones the best score is chosen.
    metric : str, default=None
        The metric to judge by; None for the only one.

    Raises
    ------
    TypeError
        If ``simplest`` is neither, or what it says cannot be put in order.
    ValueError
        If there is no such parameter or metric, several metrics and none is named, a single fold,
        or if no candidate has a score.

    Notes
    -----
    Works where `PosteriorMean` does. Folds that share data, as those of repeated cross-validation
    do, make the standard error too small.

    References
    ----------
    .. [1] L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone, "Classification and Regression
       Trees", Wadsworth 1984.
    .. [2] T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd
       edition, Springer 2009.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_bo import BayesSearchCV, OneStandardError
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> search = BayesSearchCV(
    ...     DecisionTreeClassifier(random_state=0),
    ...     {"max_leaf_nodes": (2, 40)},
    ...     n_iter=10,
    ...     refit=OneStandardError(simplest="max_leaf_nodes"),
    ...     random_state=0,
    ... ).fit(X, y)
    >>> best = search.cv_results_["mean_test_score"].argmax()
    >>> simple = search.best_params_["max_leaf_nodes"]
    >>> simple <= search.cv_results_["params"][best]["max_leaf_nodes"]
    True
    """

    simplest: str | Callable[[dict[str, Any]], Any]
    metric: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.simplest, str) and not callable(self.simplest):
            raise TypeError(
                f"simplest={self.simplest!r} must be the name of a parameter, prefixed by '-' if "
                "larger is simpler, or a function of a candidate's params."
            )

    def _check(self, params: Mapping[str, Iterable[Any]], n_splits: int) -> None:
        if isinstance(self.simplest, str):
            if self._name not in params:
                raise ValueError(
                    f"simplest={self.simplest!r} is not one of the parameters that are searched, "
                    f"{sorted(params)}. Name one of them, prefixed by '-' if larger is simpler."
                )
            for value in params[self._name]:
                self._complexity({self._name: value})
        if n_splits < 2:
            raise ValueError(
                "OneStandardError needs at least 2 folds, for one has no standard error; pass "
                "another cv=."
            )

    def __call__(self, cv_results: Mapping[str, Any]) -> int:
        """Return the index of the candidate in ``cv_results``."""
        metric = self.metric_of(cv_results)
        candidates = cv_results["params"]
        fold = re.compile(rf"split\d+_test_{re.escape(metric)}")
        folds = [key for key in cv_results if fold.fullmatch(key)]
        self.check({name: () for params in candidates for name in params}, None, len(folds))
        scores = _scores(cv_results, metric)
        best = int(np.nanargmax(scores))
        # cv_results_ has the standard deviation of the folds, which is the sample's but for n - 1.
        error = cv_results[f"std_test_{metric}"][best] / math.sqrt(len(folds) - 1)
        within = np.flatnonzero(scores >= scores[best] - error)
        ranks = {i: (self._complexity(candidates[i]), -scores[i]) for i in within.tolist()}
        try:
            return min(ranks, key=ranks.__getitem__)
        except TypeError as reason:
            raise TypeError(
                f"simplest={self.simplest!r} must return a number for each candidate, or for each "
                f"a tuple of as many, to put them in order: {reason}."
            ) from reason

    @property
    def _name(self) -> str:
        return str(self.simplest).removeprefix("-")

    def _complexity(self, params: dict[str, Any]) -> Any:
        """Return what grows with complexity."""
        if callable(self.simplest):
            value = self.simplest(params)
            if value is None or is_nan(native(value)):
                raise TypeError(
                    f"simplest={self.simplest!r} must return a number, got {value!r} for {params}."
                )
            return value
        value = native(params.get(self._name))
        if value is None or is_nan(value):
            return math.inf
        if not is_number(value) and not isinstance(value, bool):
            raise TypeError(
                f"simplest={self.simplest!r}: {self._name}={value!r} is no number, so nothing says "
                "how simple it is. Pass a function of the params instead, such as "
                f"lambda params: [...].index(params[{self._name!r}])."
            )
        return -value if str(self.simplest).startswith("-") else value


def _metrics(cv_results: Mapping[str, Any]) -> list[str]:
    start = "mean_test_"
    return [key.removeprefix(start) for key in cv_results if key.startswith(start)]


def _choose_metric(rule: RefitRule, metrics: Sequence[str]) -> str:
    """Return the metric that the rule names, or else the only one."""
    metric = metrics[0] if rule.metric is None and len(metrics) == 1 else rule.metric
    if metric is None or metric not in metrics:
        raise ValueError(
            f"{type(rule).__name__}: metric={rule.metric!r} is not one of the metrics "
            f"{list(metrics)}. Name one of them by metric=, or leave it out where there is one."
        )
    return metric


def _scores(cv_results: Mapping[str, Any], metric: str) -> np.ndarray:
    """Return the mean test scores (n,), NaN for candidates that may not be chosen."""
    scores: np.ndarray = np.ma.filled(
        np.ma.asarray(cv_results[f"mean_test_{metric}"], dtype=float), np.nan
    )
    scores = np.where(np.isfinite(scores), scores, np.nan)
    if "iter" in cv_results:  # of a halving search: scores on fewer samples do not compare
        scores[cv_results["iter"] < np.max(cv_results["iter"])] = np.nan
    if np.isnan(scores).all():
        raise ValueError(
            f"No candidate can be chosen: mean_test_{metric} of all {len(scores)} is NaN or "
            "infinite. The warnings of the search, or error_score='raise', tell why."
        )
    return scores


def _observed_space(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the smallest space, as users write it, that holds these settings."""
    values: dict[str, list[Any]] = {}
    for setting in settings:
        for name, value in setting.items():
            values.setdefault(name, []).append(value)
    specs = {name: _observed_dimension(observed) for name, observed in values.items()}
    subspaces = {frozenset(setting): list(setting) for setting in settings}
    return [{name: specs[name] for name in names} for names in subspaces.values()]


def _observed_dimension(values: list[Any]) -> Any:
    """Return a range if all values are finite floats, or else choices."""
    if not all(is_number(value) and _is_a_float(value) for value in values):
        return values
    low, high = float(min(values)), float(max(values))
    if low == high or not math.isfinite(high - low):
        return values
    log = low > 0 and high / low >= _LOG_FROM
    return (low, high, "log-uniform" if log else "uniform")


def _is_a_float(number: Any) -> bool:
    """Return whether a float holds a number, which those of many digits exceed."""
    try:
        return math.isfinite(float(number)) and bool(float(number) == number)
    except OverflowError:
        return False
