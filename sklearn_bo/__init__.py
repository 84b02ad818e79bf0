"""Bayesian hyperparameter search for scikit-learn."""

from sklearn_bo.optimizer import Optimizer
from sklearn_bo.search import BayesSearchCV

__all__ = ["BayesSearchCV", "Optimizer"]
__version__ = "0.1.0"
