"""BayesSearchCV: the parameters, their validation, and `fit`, which composes the parts."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.validation import check_is_fitted

from sklearn_bo._sklearn import (
    BaseSearchCV,
    Interval,
    StrOptions,
    _check_method_params,
    _fit_context,
    _insert_error_scores,
    _MultimetricScorer,
    _num_samples,
    _warn_or_raise_about_fit_failures,
    init_callback_context,
)
from sklearn_bo.design import default_n_initial_points
from sklearn_bo.evaluation import CrossValidation, FoldResult, evaluate_trials
from sklearn_bo.optimizer import Optimizer
from sklearn_bo.results import (
    Objective,
    mean_test_scores,
    objective_value,
    resolve_objective,
    results_frame,
)
from sklearn_bo.validation import check_data, check_parameters, check_splits, check_splitter


class BayesSearchCV(BaseSearchCV):
    """Bayesian search over hyperparameters with cross-validation.

    A drop-in for `RandomizedSearchCV` that learns from what it has evaluated: a Gaussian process
    models the score over the search space, and the candidate of the highest expected improvement
    over the best so far is evaluated next (Jones, Schonlau and Welch 1998; Snoek, Larochelle and
    Adams 2012, arXiv:1206.2944).

    Parameters
    ----------
    estimator : estimator object
        Implements the scikit-learn estimator interface, with a ``score`` method unless ``scoring``
        is given.

    param_distributions : dict or list of dicts
        The search space: parameter names to what they may be. **A list or array holds choices, a
        tuple is a range, a scipy object is a distribution.**

        - ``[250, 500]``, ``np.logspace(-3, 3, 7)``, ``range(1, 10)``, ``["l1", None, PCA()]``:
          choices; all-numeric ones are modelled as ordered.
        - ``(0.1, 1.0)``: a float in the range; ``(1, 8)``: an integer, both ends included;
          ``(1e-6, 1e1, "log-uniform")``: uniform in the logarithm.
        - ``loguniform(1e-3, 1e3)``, ``randint(1, 9)`` and any other frozen or new-style
          distribution of `scipy.stats`; an object that has only ``rvs``; a dimension of
          scikit-optimize or Optuna.

        A list of dicts is a list of subspaces, which one surrogate models together and which share
        ``n_iter``; an entry ``(dict, n)`` has ``n`` trials of its own instead, beside ``n_iter``.

    n_iter : int, default=50
        Number of candidates that are evaluated.

    scoring : str, callable, list, tuple or dict, default=None
        As in `RandomizedSearchCV`. With several metrics, see ``objective``.

    n_jobs : int, default=None
        Number of folds fitted in parallel. ``None`` means 1 unless in a `joblib.parallel_config`
        context, which also chooses the backend; -1 means all processors.

    refit : bool, str or callable, default=True
        As in `RandomizedSearchCV`: refit an estimator on all data with the best parameters found.

    cv : int, cross-validation generator or iterable, default=None
        As in `RandomizedSearchCV`. The splits are drawn once, so all candidates meet the same.

    verbose : int, default=0
        As in `RandomizedSearchCV`.

    pre_dispatch : int or str, default="2*n_jobs"
        Number of folds of candidates already proposed that are handed to the workers at a time. A
        candidate is proposed only once a worker is free, whatever ``pre_dispatch``. Folds of a few
        milliseconds count less, as they are handed over several at a time.

    random_state : int, RandomState instance or None, default=None
        Makes the search reproducible, given ``n_jobs=None`` or 1, or ``lag``.

    error_score : "raise" or numeric, default=np.nan
        Score of a fold whose fit fails. A candidate whose every fold fails is avoided, whatever the
        value; ``"raise"`` ends the search with the error.

    return_train_score : bool, default=False
        Whether ``cv_results_`` includes training scores.

    objective : str or callable, default=None
        What the search maximises when ``scoring`` gives several metrics: the name of one, or a
        function of the dict of mean test scores that returns a float. ``None`` is the ``refit``
        metric.

    n_initial_points : int or "auto", default="auto"
        Number of candidates before the surrogate proposes, ``initial_candidates`` included.
        ``"auto"`` grows with the dimension from 4 to 10, and is at most a third of ``n_iter``.

    initial_candidates : dict or list of dicts, default=None
        Settings to evaluate first; they count in ``n_iter``. What one of them leaves out is taken
        from the estimator's own parameters or else from the middle of the space. ``None`` starts
        with the estimator's own parameters, as far as the space contains them; ``[]`` with none.

    lag : int, default=None
        ``None`` proposes from every result at hand, so that in parallel the candidates depend on
        timing. With an integer, candidate i is proposed from exactly the results of candidates 0 to
        i - lag: the search is reproducible whatever the timing, ``n_jobs`` or backend, and a worker
        may wait for a slow fold. A good value is the number of workers.

    fit_timeout : float, default=None
        Seconds that the fit and the scoring of a fold may take. Then it is given up with
        ``error_score``, and its worker freed: a process (loky, multiprocessing, Ray) is replaced; a
        thread runs on, with another in its place. loky replaces all its processes at once and
        starts the other folds anew. A Dask worker stays busy: the search goes on with the others,
        and a fold that Dask has queued behind the one that hangs is given up too. On clusters the
        time counts from when the fold is sent to a worker. With ``n_jobs=1`` the fit is interrupted
        as soon as it runs Python code.

    Attributes
    ----------
    cv_results_ : dict of numpy (masked) ndarrays
        As in `RandomizedSearchCV`, candidates in the order in which they were proposed.

    best_estimator_ : estimator
        Refitted on all data; only with ``refit``.

    best_score_ : float
        Mean cross-validated score of the best candidate.

    best_params_ : dict
        Parameters of the best candidate.

    best_index_ : int
        Row of the best candidate in ``cv_results_``.

    scorer_ : function or dict
        What scored the held-out data.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds that the refit took; only with ``refit``.

    multimetric_ : bool
        Whether there are several metrics.

    classes_ : ndarray of shape (n_classes,)
        Class labels; only with ``refit`` and a classifier.

    n_features_in_ : int
        Number of features; only with ``refit``.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features; only with ``refit`` and where ``X`` has them.

    optimizer_ : Optimizer
        The fitted engine; ``optimizer_.predict(params)`` asks its surrogate.

    trials_ : list of Trial
        The candidates, each with its origin, its state and the value of the objective.

    See Also
    --------
    sklearn.model_selection.RandomizedSearchCV : Random candidates.
    sklearn.model_selection.GridSearchCV : All candidates of a grid.
    Optimizer : The engine, for objectives that are no estimator.

    Notes
    -----
    Of a finite space no candidate is evaluated twice. With ``lag=None`` and several workers, two
    runs with one ``random_state`` may propose different candidates.

    References
    ----------
    .. [1] D. R. Jones, M. Schonlau, W. J. Welch, "Efficient global optimization of expensive
       black-box functions", Journal of Global Optimization 13, 1998.
    .. [2] J. Snoek, H. Larochelle, R. P. Adams, "Practical Bayesian optimization of machine
       learning algorithms", NeurIPS 2012, arXiv:1206.2944.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sklearn_bo import BayesSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": (1e-3, 1e3, "log-uniform"), "gamma": (1e-4, 1e1, "log-uniform")}
    >>> search = BayesSearchCV(SVC(), space, n_iter=15, random_state=0).fit(X, y)
    >>> bool(search.best_score_ > 0.97)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "objective": [str, callable, None],
        "n_initial_points": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "initial_candidates": [dict, list, None],
        "lag": [Interval(Integral, 1, None, closed="left"), None],
        "fit_timeout": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        param_distributions: Mapping[str, Any] | Sequence[Any],
        *,
        n_iter: int = 50,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: int | np.random.RandomState | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        objective: Objective | None = None,
        n_initial_points: int | str = "auto",
        initial_candidates: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        lag: int | None = None,
        fit_timeout: float | None = None,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.random_state = random_state
        self.objective = objective
        self.n_initial_points = n_initial_points
        self.initial_candidates = initial_candidates
        self.lag = lag
        self.fit_timeout = fit_timeout

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> BayesSearchCV:
        """Search, then refit the best candidate on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
            Training data; square for a precomputed kernel or distance.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target; None for unsupervised learning.
        **params : dict of str to object
            Passed to the ``fit`` of the estimator, the scorer and the splitter, as in
            `RandomizedSearchCV`; ``groups`` among them, and ``sample_weight``.

        Returns
        -------
        BayesSearchCV
            This search, fitted.

        Raises
        ------
        ValueError, TypeError
            If an argument is malformed; the message names it. If every fit failed.
        KeyboardInterrupt
            By Ctrl-C before any candidate is evaluated, or by a second one. After a first, later
            one the search is fitted on the candidates evaluated by then, with a warning.
        """
        base_estimator = clone(self.estimator)
        if callable(self.scoring):
            check_scoring(self.estimator, self.scoring)  # raises for a metric that is no scorer
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        check_data(X, y, params.get("sample_weight"))
        cv = check_splitter(self.cv)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        optimizer, n_candidates = self._make_optimizer()
        exhaustive = n_candidates == optimizer.n_settings
        if not callable(self.scoring):
            multimetric = isinstance(scorers, _MultimetricScorer)
            metrics = list(scorers._scorers) if multimetric else ["score"]
            resolve_objective(self.objective, self.refit, metrics, exhaustive)

        weight = params.get("sample_weight")
        data = {"X": X, "y": y, "metadata": None if weight is None else {"sample_weight": weight}}
        context = init_callback_context(self, max_subtasks=1 + (self.refit is not False))
        context = context.call_on_fit_task_begin(estimator=self, **data)

        cv = check_cv(cv, y, classifier=is_classifier(self.estimator))
        self.n_splits_ = cv.get_n_splits(X, y, **routed.splitter.split)
        splits = list(cv.split(X, y, **routed.splitter.split))
        check_splits(splits, self.n_splits_, _num_samples(X))

        if self.verbose > 0:
            print(
                f"Fitting {self.n_splits_} folds for each of {n_candidates} candidates, "
                f"totalling {n_candidates * self.n_splits_} fits"
            )
        search_context = context.subcontext(
            task_name="search",
            max_subtasks=n_candidates * self.n_splits_,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        cross_validation = CrossValidation(
            estimator=base_estimator,
            X=X,
            y=y,
            splits=splits,
            n_candidates=n_candidates,
            options={
                "scorer": scorers,
                "fit_params": routed.estimator.fit,
                "score_params": routed.scorer.score,
                "return_train_score": self.return_train_score,
                "return_n_test_samples": True,
                "return_times": True,
                "error_score": self.error_score,
                "verbose": self.verbose,
            },
            caller=self if search_context._callbacks else None,
        )
        finished = {
            trial.number: folds
            for trial, folds in evaluate_trials(
                optimizer,
                cross_validation,
                partial(self._score_candidate, exhaustive=exhaustive),
                lag=self.lag,
                n_jobs=self.n_jobs,
                pre_dispatch=self.pre_dispatch,
                fit_timeout=self.fit_timeout,
                search_context=search_context,
            )
        }
        search_context.call_on_fit_task_end(estimator=self)
        if len(finished) < n_candidates:
            if not finished:
                raise KeyboardInterrupt
            warnings.warn(
                f"The search was interrupted when {len(finished)} of {n_candidates} candidates had "
                "been evaluated; it is fitted on these.",
                UserWarning,
                stacklevel=3,
            )

        out = [fold for number in sorted(finished) for fold in finished[number]]
        _warn_or_raise_about_fit_failures(out, self.error_score)
        if callable(self.scoring):
            _insert_error_scores(out, self.error_score)
        trials = [optimizer.trials[number] for number in sorted(finished)]
        candidates = [trial.params for trial in trials]
        results = self._format_results(candidates, self.n_splits_, out)
        self.multimetric_ = isinstance(out[0]["test_scores"], dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(out[0]["test_scores"])
            refit_metric = self.refit

        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        if self.refit:
            self._refit(base_estimator, routed.estimator.fit, context, data)

        self.scorer_ = scorers._scorers if isinstance(scorers, _MultimetricScorer) else scorers
        self.cv_results_ = results
        self.optimizer_ = optimizer
        self.trials_ = trials
        context.call_on_fit_task_end(estimator=self, **data)
        return self

    def results_frame(self) -> pd.DataFrame:
        """Tabulate the trials.

        Returns
        -------
        DataFrame
            One row a trial: its origin ("estimator", "user", "initial design" or "model"), its
            state ("complete" or "failed"), the value of the objective, its parameters, and means,
            standard deviations and ranks from ``cv_results_``.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "cv_results_")
        return results_frame(self.trials_, self.cv_results_)

    def _make_optimizer(self) -> tuple[Optimizer, int]:
        """Build the engine, its queue of first candidates, and count the candidates to come."""
        optimizer = Optimizer(self.param_distributions, random_state=self.random_state)
        space = optimizer.space
        check_parameters(self.estimator, space)
        n_candidates = optimizer.share(self.n_iter)
        budgets = [subspace.n_trials for subspace in space.subspaces]
        wanted = sum(n for n in budgets if n is not None) + (self.n_iter if None in budgets else 0)
        if n_candidates < wanted:
            warnings.warn(
                f"The total space of parameters {n_candidates} is smaller than n_iter={wanted}. "
                f"Running {n_candidates} iterations. For exhaustive searches, use GridSearchCV.",
                UserWarning,
                stacklevel=4,
            )
        if isinstance(self.n_initial_points, str):
            optimizer.n_initial_points = default_n_initial_points(space.n_dims, n_candidates)
        else:
            optimizer.n_initial_points = self.n_initial_points
        defaults = self.estimator.get_params()
        if self.initial_candidates is None:
            if (known := space.closest(defaults)) is not None:
                optimizer.enqueue(known, defaults=defaults, origin="estimator")
            return optimizer, n_candidates
        candidates = self.initial_candidates
        for i, candidate in enumerate([candidates] if isinstance(candidates, dict) else candidates):
            if not isinstance(candidate, Mapping):
                raise TypeError(
                    f"initial_candidates[{i}]={candidate!r} must be a dict of parameters."
                )
            try:
                optimizer.enqueue(candidate, defaults=defaults)
            except ValueError as error:
                raise ValueError(
                    f"initial_candidates[{i}]={candidate!r} lies outside param_distributions: "
                    f"{error}"
                ) from error
        return optimizer, n_candidates

    def _score_candidate(self, folds: list[FoldResult], exhaustive: bool) -> float:
        """Reduce the results of one candidate to what the search maximises; NaN if it failed."""
        if all(fold["fit_error"] is not None for fold in folds):
            return float("nan")
        means = mean_test_scores(folds)
        if callable(self.scoring) and "score" not in means:
            self._check_refit_for_multimetric(means)
        objective = resolve_objective(self.objective, self.refit, list(means), exhaustive)
        return objective_value(means, objective)

    def _refit(
        self, estimator: BaseEstimator, fit_params: dict[str, Any], context: Any, data: dict
    ) -> None:
        """Fit the best candidate to all data."""
        # Parameters may be estimators themselves; the results keep them unfitted.
        best = clone(estimator).set_params(**clone(self.best_params_, safe=False))
        context = context.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(best):
            context.call_on_fit_task_begin(estimator=self, **data)
            start = time.time()
            if data["y"] is None:
                best.fit(data["X"], **fit_params)
            else:
                best.fit(data["X"], data["y"], **fit_params)
            self.refit_time_ = time.time() - start
        self.best_estimator_ = best
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        context.call_on_fit_task_end(estimator=self, **data)
