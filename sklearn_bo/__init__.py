"""Bayesian hyperparameter search for scikit-learn."""

from sklearn_bo.optimizer import Optimizer
from sklearn_bo.refit import OneStandardError, PosteriorMean
from sklearn_bo.search import BayesSearchCV

__all__ = ["BayesSearchCV", "OneStandardError", "Optimizer", "PosteriorMean"]
__version__ = "0.1.0"
