"""One fold of one candidate: what crosses to a worker, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from sklearn_bo._sklearn import FoldCallbacks, _fit_and_score, scorers_by_name
from sklearn_bo.broadcast import Broadcast

FoldResult = dict[str, Any]  # what scikit-learn's _fit_and_score returns
STOPPED_BY = "stopped_by"  # added to it where a callback asks for a stop


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
        Indices or masks, drawn once, so that all candidates meet the same folds.
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
    caller: BaseEstimator | None = None

    def evaluate(
        self, params: dict[str, Any], number: int, split: int, callbacks: FoldCallbacks | None
    ) -> FoldResult:
        """Fit and score one candidate on one fold."""
        train, test = self.splits[split]
        options = self.options
        if callbacks is not None:
            options = {**options, "caller": self.caller, "callback_ctx": callbacks.listened()}
        try:
            result = _fit_and_score(
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
        except Exception:
            # scikit-learn lets through what `set_params` refuses: its users choose each setting.
            try:
                with_params(self.estimator, params)
            except Exception as error:
                return self.failure(error)
            raise
        if callbacks is not None and callbacks.stopped_by is not None:
            result[STOPPED_BY] = callbacks.stopped_by
        return result

    def failure(self, error: Exception) -> FoldResult:
        """Return what stands for a fold that was not fitted, as for one whose fit fails."""
        score = self.options["error_score"]
        if score == "raise":
            raise error
        names = scorers_by_name(self.options["scorer"])
        scores: Any = score if names is None else dict.fromkeys(names, score)
        return {
            "fit_error": f"{type(error).__name__}: {error}",
            "test_scores": scores,
            **({"train_scores": scores} if self.options["return_train_score"] else {}),
            "fit_time": 0.0,
            "score_time": 0.0,
        }


def with_params(estimator: BaseEstimator, params: dict[str, Any]) -> BaseEstimator:
    """Return a clone with these parameters; estimators among them are cloned too."""
    return clone(estimator).set_params(**clone(params, safe=False))


def evaluate(broadcast: Broadcast, *args: Any) -> FoldResult:
    """Call `CrossValidation.evaluate` of what was broadcast, in a worker."""
    return broadcast.content.evaluate(*args)
