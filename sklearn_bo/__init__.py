"""Bayesian hyperparameter search for scikit-learn."""

from sklearn_bo.exceptions import SpaceExhaustedError
from sklearn_bo.optimizer import Optimizer
from sklearn_bo.refit import OneStandardError, PosteriorMean
from sklearn_bo.search import BayesSearchCV
from sklearn_bo.stopping import NegligibleGain, NoImprovement, TargetScore

__all__ = [
    "BayesSearchCV",
    "NegligibleGain",
    "NoImprovement",
    "OneStandardError",
    "Optimizer",
    "PosteriorMean",
    "SpaceExhaustedError",
    "TargetScore",
]
__version__ = "0.1.0"
