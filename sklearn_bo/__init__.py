"""Bayesian hyperparameter search for scikit-learn.

From top to bottom, each part knows only those below it:

    search        assembly, validation, previous, objective, results, refit
    evaluation    cross_validation, ending, budget, stopping, journal, fingerprint
    workers       _joblib, _workers, tasks, broadcast, alarm, interruption
    optimizer     proposal, remaining, design
    model         maximizer, acquisition, surrogate, kernel, warping, judgement
    space         parsing, dimensions
    trials        what all of them exchange; values, exceptions, _sklearn, locking, numerics
"""

from sklearn_bo.exceptions import SpaceExhaustedError
from sklearn_bo.optimizer import Optimizer
from sklearn_bo.refit import OneStandardError, PosteriorMean
from sklearn_bo.search import BayesSearchCV
from sklearn_bo.stopping import NegligibleGain, NoImprovement, SearchState, TargetScore
from sklearn_bo.trials import Trial

__all__ = [
    "BayesSearchCV",
    "NegligibleGain",
    "NoImprovement",
    "OneStandardError",
    "Optimizer",
    "PosteriorMean",
    "SearchState",
    "SpaceExhaustedError",
    "TargetScore",
    "Trial",
]
__version__ = "0.1.0"
