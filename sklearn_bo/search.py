"""BayesSearchCV: the parameters, their validation, and `fit`, which composes the parts."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, indexable
from sklearn.utils.validation import check_is_fitted

from sklearn_bo._sklearn import (
    BaseSearchCV,
    Interval,
    StrOptions,
    _check_method_params,
    _fit_context,
    _warn_or_raise_about_fit_failures,
    init_callback_context,
    scorers_by_name,
)
from sklearn_bo.assembly import begin_journal, choices_by_name, draw_splits, make_optimizer
from sklearn_bo.budget import TimeBudget
from sklearn_bo.cross_validation import CrossValidation, FoldResult, with_params
from sklearn_bo.ending import Ending
from sklearn_bo.evaluation import evaluate_trials
from sklearn_bo.journal import Journal
from sklearn_bo.objective import (
    Objective,
    all_failed,
    insert_error_scores,
    mean_test_scores,
    named_metric,
    objective_value,
    resolve_objective,
)
from sklearn_bo.optimizer import Optimizer
from sklearn_bo.refit import RefitRule
from sklearn_bo.results import results_frame
from sklearn_bo.stopping import Rule, check_rules, mean_test_to_train
from sklearn_bo.trials import Trial
from sklearn_bo.validation import check_refit, check_splitter, check_target, check_weights

_HAS_RESULTS = "The search has its results: cv_results_, trials_."
_NOT_ALWAYS_SET = (
    *("best_estimator_", "best_index_", "best_params_", "best_score_"),
    *("feature_names_in_", "refit_time_", "total_time_"),
)


class BayesSearchCV(BaseSearchCV):
    """Bayesian search over hyperparameters with cross-validation.

    A drop-in for `RandomizedSearchCV` that learns from what it has evaluated: a Gaussian process
    models the score over the search space, and the candidate of the highest expected improvement
    over the best so far is evaluated next (Jones, Schonlau and Welch 1998; Snoek, Larochelle and
    Adams 2012, arXiv:1206.2944); one in three explores instead.

    Parameters
    ----------
    estimator : estimator object
        Implements the scikit-learn estimator interface, with a ``score`` method unless ``scoring``
        is given.

    param_distributions : dict or list of dicts
        The search space: parameter names to what they may be. **A list or array holds choices, a
        tuple is a range, a scipy object is a distribution.**

        - ``[250, 500]``, ``np.logspace(-3, 3, 7)``, ``["l1", None, PCA()]``:
          choices; numbers are modelled as ordered, alone or beside ``None``.
        - ``(0.1, 1.0)``: a float in the range; ``(1, 8)``, ``range(1, 9)``: an integer from 1 to 8;
          ``(1e-6, 1e1, "log-uniform")``: uniform in the logarithm.
        - ``loguniform(1e-3, 1e3)``, ``randint(1, 9)`` and any other frozen or new-style
          distribution of `scipy.stats`; an object that has only ``rvs``; a dimension of
          scikit-optimize or Optuna.

        A list of dicts is a list of subspaces, which one surrogate models together and which share
        ``n_iter``; an entry ``(dict, n)`` has ``n`` trials of its own instead, beside ``n_iter``.
        A setting that an earlier subspace has too counts as that one's.

    n_iter : int, default=50
        Number of candidates that are evaluated. Where each subspace has a number of its own, it is
        not used.

    scoring : str, callable, list, tuple or dict, default=None
        As in `RandomizedSearchCV`. With several metrics, see ``objective``.

    n_jobs : int, default=None
        Number of folds fitted in parallel. ``None`` means 1 unless in a `joblib.parallel_config`
        context, which also chooses the backend; -1 means all processors.

    refit : bool, str or callable, default=True
        As in `RandomizedSearchCV`: refit an estimator on all data with the best parameters found.
        `PosteriorMean` and `OneStandardError` choose a candidate whose score is less likely luck.

    cv : int, cross-validation generator or iterable, default=None
        As in `RandomizedSearchCV`. The splits are drawn once, so all candidates meet the same.

    verbose : int, default=0
        As in `RandomizedSearchCV`.

    pre_dispatch : int or str, default="2*n_jobs"
        Number of folds of candidates already proposed that are handed to the workers at a time. A
        candidate is proposed only once a worker is free, whatever ``pre_dispatch``. Folds of a few
        milliseconds count less, as they are handed over several at a time.

    random_state : int, RandomState instance or None, default=None
        Makes the search reproducible where one fold is fitted at a time, or with ``lag``.

    error_score : "raise" or numeric, default=np.nan
        Score of a fold whose fit fails. A candidate whose every fold fails is avoided, whatever the
        value; ``"raise"`` ends the search with the error.

    return_train_score : bool, default=False
        Whether ``cv_results_`` includes training scores.

    objective : str or callable, default=None
        What the search maximises when ``scoring`` gives several metrics: the name of one, or a
        function of the dict of mean test scores that returns a float. ``None`` is the ``refit``
        metric, or that of `PosteriorMean` or `OneStandardError`; with several metrics and a
        ``refit`` that names none, it has to be given unless every setting is evaluated.

    n_initial_points : int or "auto", default="auto"
        The surrogate proposes once so many candidates have not failed, or twice as many have been
        proposed in all; ``initial_candidates`` and complete candidates of ``previous_results``
        count. It waits longer while all scores are equal, unless as many candidates have failed.
        ``"auto"`` grows with the dimension from 4 to 8, and is at most a third of ``n_iter``,
        rounded up.

    initial_candidates : dict or list of dicts, default=None
        Settings to evaluate first; they count in ``n_iter``. What one of them leaves out is taken
        from the estimator's own parameters or else from the middle of the space. ``None`` starts
        with the estimator's own parameters, as far as the space contains them; ``[]`` with none.

    lag : int, default=None
        ``None`` proposes from every result at hand, so that in parallel the candidates depend on
        timing. With an integer, candidate i is proposed from exactly the results of candidates 0 to
        i - lag: the search is reproducible whatever the timing, ``n_jobs`` or backend, and a worker
        may wait for a slow fold. A good value is the number of workers, twice that from some 30 on.

    fit_timeout : float, default=None
        Seconds that the fit and the scoring of a fold may take. Then it is given up with
        ``error_score``, and its worker replaced; how, depends on the backend, see Notes. When no
        worker is left, the search ends with what it has, and warns.

    journal : str or PathLike, default=None
        A file to which the search appends each candidate it proposes and each fold that ends, on
        the disk before they are used. If the file exists, the search resumes: what it holds counts
        in ``n_iter`` and is not fitted again, and the results are those of a search that was never
        interrupted. What the recorded scores depend on must be the same: space, estimator and its
        fixed parameters, data and what else goes to `fit`, ``scoring``, splits, ``error_score``,
        ``return_train_score``, ``previous_results``, and ``random_state`` (``None`` and a
        RandomState take the journal's). ``n_iter`` and the subspaces' numbers of trials may grow to
        prolong the search, whose ``n_initial_points="auto"`` remains that of the first call, and
        what steers or runs it may change. Fits that failed are not fitted again. Functions and
        classes are compared by name: an edit of theirs is not noticed. Of functions within others
        the defaults and the variables that they do not set are compared too if these are plain data
        (numbers, strings, tuples, dicts, arrays), functions or classes, and written to the file; so
        leave out what differs between runs, as the time does. Of lambdas the code is as well, which
        another version of Python may compile to something else. A RandomState among the parameters
        is compared by its state. Choices are stored by their place in the space; nothing that the
        file holds is unpickled or evaluated. Clones share the file but not the data: within
        `cross_val_score` or another estimator set it to ``None``.

    previous_results : search, dict, DataFrame or list of these, default=None
        Earlier searches to learn from: a fitted `GridSearchCV`, `RandomizedSearchCV`,
        `HalvingRandomSearchCV`, `BayesSearchCV` or search of scikit-optimize, a ``cv_results_``, or
        a DataFrame of one, read back from a file too. Their candidates do not count in ``n_iter``,
        are not in ``cv_results_`` and may be evaluated again, the best of them soon; those outside
        the space are left out with a warning. A parameter that only one of the two searches varies
        must have the estimator's own value.

        The earlier scores may be of another metric or other data: those of each source, and of each
        iteration of a successive halving, are standardised by themselves, and an offset, a
        weight, a deviation and a noise of each source are part of the surrogate. With several
        metrics, the ``objective`` is what counts if the source has it, then ``"score"``.

    time_budget : float or timedelta, default=None
        Seconds that the search may take, the refit not counted. No fold is started that would, by
        the times seen, end past it, save for the first candidate's; at the budget's end a fold that
        still runs is let go once one candidate is evaluated (with ``n_jobs=1`` as ``fit_timeout``
        has it). ``n_iter`` is then an upper bound. With ``journal`` each call has the whole budget
        again: to repeat one that it ended prolongs the search, unless by the journal's fastest fold
        no candidate ends within it. How far the search comes depends on the machine, so that
        ``random_state`` no longer makes it reproducible.

    stopping : callable or list of callables, default=None
        Rules that may end the search after a candidate: `TargetScore`, `NoImprovement`,
        `NegligibleGain`, or a function of a `SearchState` that returns a bool, or the reason to
        stop as a str. Candidates that are not fully evaluated by then are left out; with ``lag``,
        so are those that have ended out of turn.

    Attributes
    ----------
    cv_results_ : dict of numpy (masked) ndarrays
        As in `RandomizedSearchCV`, candidates in the order in which they were proposed.

    best_estimator_ : estimator
        Refitted on all data; only with ``refit``.

    best_score_ : float
        Mean cross-validated score of the best candidate; not with a callable ``refit``, nor with
        several metrics and ``refit=False``.

    best_params_ : dict
        Parameters of the best candidate; like the next, not with several metrics and
        ``refit=False``.

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

    n_trials_ : int
        Number of candidates that were evaluated, the rows of ``cv_results_``.

    stop_reason_ : str
        What ended the search, and on what figures.

    total_time_ : float
        Seconds that ``fit`` took, with the refit.

    See Also
    --------
    sklearn.model_selection.RandomizedSearchCV : Random candidates.
    sklearn.model_selection.GridSearchCV : All candidates of a grid.
    Optimizer : The engine, for objectives that are no estimator.

    Notes
    -----
    Of a finite space no candidate is evaluated twice. With ``lag=None`` and several workers, two
    runs with one ``random_state`` may propose different candidates.

    How a fold that takes longer than ``fit_timeout`` is given up:

    - With ``n_jobs=1`` the fit is interrupted as soon as it runs Python code; in a thread that is
      not the main one, or on Windows, it is not, which a warning says.
    - A process (loky, multiprocessing, Ray) is replaced. loky can only replace all of them: it
      waits while another fold has run for more than half of the timeout, at most half of it beyond
      the timeout; folds that have not ended by then start anew, and what other threads run on loky
      at that moment, searches of scikit-learn for instance, ends with an error. Where a process
      dies, loky tells other threads' searches too, which may then lose the fold they had there.
    - A thread runs on, with another in its place.
    - A Dask worker stays busy: the search goes on with the others, and a fold that Dask has queued
      behind the one that hangs is given up too.
    - On clusters the time counts from when the fold is sent to a worker. A backend of joblib that
      does not tell when a single fold ends gives none up, with a warning.

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

    # What a fit sets, for type checkers, which know nothing of scikit-learn's classes.
    best_index_: int
    best_params_: dict[str, Any]
    best_score_: float
    cv_results_: dict[str, Any]
    multimetric_: bool
    n_splits_: int
    n_trials_: int
    optimizer_: Optimizer
    refit_time_: float
    stop_reason_: str
    total_time_: float
    trials_: list[Trial]

    _parameter_constraints: ClassVar[dict[str, list | str]] = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "random_state": ["random_state"],
        "objective": [str, callable, None],
        "n_initial_points": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "initial_candidates": [dict, list, tuple, None],
        "lag": [Interval(Integral, 1, None, closed="left"), None],
        "fit_timeout": [Interval(Real, 0, None, closed="neither"), None],
        "journal": [str, os.PathLike, None],
        "previous_results": "no_validation",  # `teach` has more to say
        "time_budget": [Interval(Real, 0, None, closed="neither"), timedelta, None],
        "stopping": [callable, list, tuple, None],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        param_distributions: dict[str, Any] | list[Any],
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
        initial_candidates: dict[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        lag: int | None = None,
        fit_timeout: float | None = None,
        journal: str | os.PathLike[str] | None = None,
        previous_results: Any = None,
        time_budget: float | timedelta | None = None,
        stopping: Rule | Sequence[Rule] | None = None,
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
        self.journal = journal
        self.previous_results = previous_results
        self.time_budget = time_budget
        self.stopping = stopping

    def __sklearn_clone__(self) -> BayesSearchCV:
        """Clone all but the earlier searches, which would not be fitted any more."""
        twin = super().__sklearn_clone__()
        twin.previous_results = self.previous_results
        return twin

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
            If an argument is malformed; the message names it. If every fit failed. If ``journal``
            is that of a different search, or no journal.
        KeyError
            If ``objective`` asks for a metric that there is not.
        RuntimeError
            If a stopping rule fails. If each worker hangs past ``fit_timeout``, none can be freed,
            and no candidate is evaluated.
        IndexError
            If a ``refit`` function returns no index of a candidate.
        Exception
            That of a fit, with ``error_score="raise"``; a RuntimeError if it took longer than
            ``fit_timeout`` or each worker that ran it died.
        OSError
            If ``journal`` cannot be opened; `BlockingIOError` if another search has it open.
        KeyboardInterrupt
            By Ctrl-C before any candidate is evaluated, or by a second Ctrl-C. After a single one
            later than that, the search is fitted on the candidates evaluated by then, with a
            warning; within another `BayesSearchCV` it is the outer search that ends so.
        """
        with Journal(self.journal) as journal:
            return self._fit(X, y, params, journal)

    def _fit(self, X: Any, y: Any, params: dict[str, Any], journal: Journal) -> BayesSearchCV:
        budget = TimeBudget.of(self.time_budget)
        rules = check_rules(self.stopping)
        check_refit(self.refit)
        estimator = clone(self.estimator)
        if callable(self.scoring):
            check_scoring(self.estimator, self.scoring)  # raises for a metric that is no scorer
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        check_weights(X, params.get("sample_weight"))
        cv = check_splitter(self.cv)
        if self.refit or not isinstance(cv, list):  # which may leave out samples without a target
            check_target(estimator, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        optimizer, n_candidates = make_optimizer(self, journal.header)
        exhaustive = n_candidates == optimizer.n_settings
        by_name = scorers_by_name(scorers)
        names = metrics = None  # unknown before the first candidate
        if not callable(self.scoring):
            names = list(by_name or ())
            metrics = names or ["score"]
            resolve_objective(self.objective, self.refit, metrics, exhaustive)

        weight = params.get("sample_weight")
        data = {"X": X, "y": y, "metadata": None if weight is None else {"sample_weight": weight}}
        context = init_callback_context(self, max_subtasks=1 + (self.refit is not False))
        context = context.call_on_fit_task_begin(estimator=self, **data)

        splits = draw_splits(self.estimator, cv, X, y, routed.splitter.split)
        if isinstance(self.refit, RefitRule):
            self.refit.check(choices_by_name(optimizer.space), metrics, len(splits))
        if self.journal is not None:
            given = {name: value for name, value in params.items() if value is not None}
            if given and get_config()["enable_metadata_routing"]:
                given["metadata requests"] = repr(self.get_metadata_routing())
            passed = {"X": X, "y": y, **given}
            begin_journal(journal, self, optimizer, passed, splits, names)
        cross_validation = CrossValidation(
            estimator=estimator,
            X=X,
            y=y,
            splits=splits,
            n_candidates=n_candidates,
            options=self._fold_options(scorers, routed),
            caller=self if context._callbacks else None,
        )
        ending = Ending(rules, budget, mean_test_to_train(splits))
        finished = self._search(optimizer, cross_validation, exhaustive, journal, ending, context)
        # Trials that a rule cut off are pending.
        numbers = [n for n in sorted(finished) if optimizer.trials[n].state != "pending"]
        whole = "settings of the space" if exhaustive else "trials asked for"
        stop_reason = ending.conclude(len(numbers), n_candidates, whole)
        folds = [fold for number in numbers for fold in finished[number]]
        self._report_failures(folds)

        # Nothing is set before, as a fit that fails would mix with an earlier one.
        for name in _NOT_ALWAYS_SET:  # but may be by an earlier fit
            self.__dict__.pop(name, None)
        self.n_splits_ = len(splits)
        self.stop_reason_ = stop_reason
        self.optimizer_ = optimizer
        self.scorer_ = by_name or scorers
        self._record([optimizer.trials[number] for number in numbers], folds, refit_metric)
        if self.refit:  # after all else, so that one that fails costs no results
            self._refit(estimator, routed.estimator.fit, context, data)
        context.call_on_fit_task_end(estimator=self, **data)
        self.total_time_ = budget.elapsed
        return self

    def _fold_options(self, scorers: Any, routed: Bunch) -> dict[str, Any]:
        """Return the keyword arguments of ``_fit_and_score`` that all folds share."""
        return {
            "scorer": scorers,
            "fit_params": routed.estimator.fit,
            "score_params": routed.scorer.score,
            "return_train_score": self.return_train_score,
            "return_times": True,
            "error_score": self.error_score,
            "verbose": self.verbose,
        }

    def _search(
        self,
        optimizer: Optimizer,
        cross_validation: CrossValidation,
        exhaustive: bool,
        journal: Journal,
        ending: Ending,
        context: Any,
    ) -> dict[int, list[FoldResult]]:
        """Evaluate the candidates; return the folds of those that ended, by number."""
        n_candidates, n_splits = cross_validation.n_candidates, len(cross_validation.splits)
        if self.verbose > 0:
            print(
                f"Fitting {n_splits} folds for each of {n_candidates} candidates, "
                f"totalling {n_candidates * n_splits} fits"
            )
            if n_known := sum(len(known.folds) for known in journal.candidates[:n_candidates]):
                print(f"of which journal={self.journal!r} holds {n_known}")
        context = context.subcontext(
            task_name="search",
            max_subtasks=n_candidates * n_splits,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        ended = evaluate_trials(
            optimizer,
            cross_validation,
            partial(self._score_candidate, exhaustive=exhaustive),
            lag=self.lag,
            n_jobs=self.n_jobs,
            pre_dispatch=self.pre_dispatch,
            fit_timeout=self.fit_timeout,
            journal=journal,
            search_context=context,
            ending=ending,
        )
        finished = {trial.number: folds for trial, folds in ended}
        context.call_on_fit_task_end(estimator=self)
        return finished

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Score the best estimator by ``scoring``, or by its own ``score``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target.
        **params : dict
            What metadata routing passes to the scorer.

        Returns
        -------
        float
            Of several metrics the one that ``refit`` names, or else ``objective``.

        Raises
        ------
        ValueError
            If there are several and neither names one.
        """
        if not (callable(self.refit) and getattr(self, "multimetric_", False)):
            return super().score(X, y, **params)
        twin = copy.copy(self)  # whose refit names the metric, as scikit-learn has it
        start = "mean_test_"
        metrics = [key[len(start) :] for key in self.cv_results_ if key.startswith(start)]
        if isinstance(self.refit, RefitRule):
            twin.refit = self.refit.metric_of(self.cv_results_)
        elif (named := named_metric(self.refit)) in metrics:
            twin.refit = named
        elif isinstance(self.objective, str):
            twin.refit = self.objective
        elif len(metrics) == 1:
            twin.refit = metrics[0]
        else:
            raise ValueError(
                f"score returns one of several metrics, and refit={self.refit!r} names none. Name "
                "it by objective=."
            )
        return BaseSearchCV.score(twin, X, y, **params)

    def results_frame(self) -> pd.DataFrame:
        """Tabulate the trials.

        Returns
        -------
        DataFrame
            One row a trial: ``origin`` ("estimator" for its own parameters, of which those outside
            the space are replaced by the middle of the range, "user", "initial design" or "model"),
            ``state`` ("complete" or "failed"), ``objective``, its value; ``posterior_mean`` and
            ``posterior_std``, what the model takes the objective to be without the luck of its
            evaluation (NaN if failed); ``prob_best``, the probability that this trial is the best
            by that (0 if failed); its parameters, and means, standard deviations and ranks from
            ``cv_results_``.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Notes
        -----
        The model sees the luck by which a trial differs from its neighbours. Similar candidates are
        also lucky alike on the same folds, which it cannot see; nested cross-validation shows that.
        """
        check_is_fitted(self, "cv_results_")
        posterior = self.optimizer_.posterior(self.trials_)
        return results_frame(self.trials_, self.cv_results_, posterior)

    def _report_failures(self, folds: list[FoldResult]) -> None:
        """Warn of the fits that failed, or raise if all did."""
        try:
            _warn_or_raise_about_fit_failures(folds, self.error_score)
        except ValueError as error:
            if self.journal is not None:
                error.add_note(
                    f"journal={self.journal!r} holds these failures, so they are not fitted again; "
                    "once their cause is mended, name a new file."
                )
            raise

    def _score_candidate(self, folds: list[FoldResult], exhaustive: bool) -> float:
        """Reduce the results of one candidate to what the search maximises; NaN if it failed."""
        if all(fold["fit_error"] is not None for fold in folds):
            return float("nan")
        if callable(self.scoring):
            # If every fold failed, even the names of several metrics are unknown.
            one = (None, "score")
            is_named = self.objective not in one or named_metric(self.refit) not in one
            if is_named and all_failed(folds, self.error_score):
                return float("nan")
            insert_error_scores(folds, self.error_score)  # now, as a fold alone knows no names
        means = mean_test_scores(folds)
        if isinstance(folds[0]["test_scores"], dict):
            self._check_refit_for_multimetric(means)
        objective = resolve_objective(self.objective, self.refit, list(means), exhaustive)
        return objective_value(means, objective)

    def _record(self, trials: list[Trial], out: list[FoldResult], refit_metric: str) -> None:
        """Set the results, then which candidate is the best."""
        if callable(self.scoring):
            insert_error_scores(out, self.error_score)
        params = [dict(trial.params) for trial in trials]
        results = self._format_results(params, self.n_splits_, out)
        self.cv_results_ = results
        self.trials_ = trials
        self.n_trials_ = len(trials)
        self.multimetric_ = isinstance(out[0]["test_scores"], dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(out[0]["test_scores"])
            refit_metric = self.refit
        if self.refit or not self.multimetric_:
            try:
                self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
            except Exception as error:
                error.add_note(f"It is of refit={self.refit!r}. {_HAS_RESULTS}")
                raise
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]

    def _refit(
        self, estimator: BaseEstimator, fit_params: dict[str, Any], context: Any, data: dict
    ) -> None:
        """Fit the best candidate to all data."""
        best = with_params(estimator, self.best_params_)
        context = context.subcontext(task_name="refit-with-best-params")
        target = () if data["y"] is None else (data["y"],)
        with context.propagate_callback_context(best):
            context.call_on_fit_task_begin(estimator=self, **data)
            start = time.time()
            try:
                best.fit(data["X"], *target, **fit_params)
            except Exception as error:
                error.add_note(f"It is of the refit. {_HAS_RESULTS}")
                raise
            self.refit_time_ = time.time() - start
        self.best_estimator_ = best
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        context.call_on_fit_task_end(estimator=self, **data)
