"""What a type checker knows of a search, checked by mypy in .ci/run."""

from typing import Any, assert_type

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.svm import SVC

from sklearn_bo import BayesSearchCV, NegligibleGain, NoImprovement, Optimizer, TargetScore
from sklearn_bo.stopping import SearchState


def is_late(state: SearchState) -> np.bool_:
    """Stop by a rule of one's own."""
    return np.greater(state.elapsed, 60)


def search_and_read() -> None:
    """Write a search as a user does."""
    X, y = load_breast_cancer(return_X_y=True)
    rules = [TargetScore(0.9), NoImprovement(20), NegligibleGain()]
    search = BayesSearchCV(
        SVC(), {"C": (0.1, 10.0)}, stopping=rules, initial_candidates=({"C": 1.0},)
    ).fit(X, y)
    assert_type(search, BayesSearchCV)
    assert_type(search.best_score_, float)
    assert_type(search.best_params_, dict[str, Any])
    assert_type(search.trials_[0].score, float)
    BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, stopping=is_late).fit(X, y)


def ask_and_tell() -> None:
    """Write an optimisation as a user does."""
    optimizer = Optimizer({"x": (-1.0, 1.0)}, random_state=0)
    trial = optimizer.ask()
    optimizer.tell(trial, score=-(trial.params["x"] ** 2))
    assert_type(optimizer.predict(trial.params), tuple[float, float])
    assert_type(optimizer.predict([trial.params]), tuple[np.ndarray, np.ndarray])
