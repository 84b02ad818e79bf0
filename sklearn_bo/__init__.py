"""Bayesian hyperparameter search for scikit-learn."""

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
