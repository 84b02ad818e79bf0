"""The loop's two halves: ask where to evaluate next, tell what came out.

    for t = 1 .. T
        x_t = argmax u(x | D)          trial = optimizer.ask()
        y_t = f(x_t) + noise           score = ...
        D   = D + {(x_t, y_t)}         optimizer.tell(trial, score)

where u is the acquisition function of a surrogate that is fitted to D, all trials so far.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, get_args, overload

import numpy as np
from sklearn.utils import check_random_state

from sklearn_bo.design import default_n_initial_points, initial_design, on_any_scale
from sklearn_bo.exceptions import SpaceExhaustedError
from sklearn_bo.model import Model
from sklearn_bo.numerics import engine_numerics
from sklearn_bo.proposal import improvement_left, propose
from sklearn_bo.remaining import Remaining
from sklearn_bo.space import Space
from sklearn_bo.trials import Origin, Trial, Trials, best_of
from sklearn_bo.values import is_number, native, same
from sklearn_bo.warping import differ


class Optimizer:
    """Bayesian optimisation by ask and tell, for objectives that are no estimator.

    A Gaussian process learns the score over the space from the trials told so far; the setting of
    the highest expected improvement over the best of them is asked next (Jones, Schonlau and Welch
    1998), one in three explores instead. Trials asked and not yet told are taken to score what the
    surrogate expects (the "Kriging believer"), so several can be evaluated at once. The improvement
    is weighted by the probability of success, and failed trials are taken to score what the worst
    did, unless they fail by chance. No setting is asked twice.

    Parameters
    ----------
    param_distributions : dict or list of dicts
        The space, as in `BayesSearchCV`.
    random_state : int, RandomState instance or None, default=None
        Makes the proposals reproducible.
    n_initial_points : int or "auto", default="auto"
        The surrogate proposes once so many trials have not failed, or twice as many have been asked
        in all; ``initial_candidates`` and complete trials that `learn` was given count. It waits
        longer while all scores are equal, unless as many trials have failed. ``"auto"`` grows with
        the dimension from 4 to 8.
    initial_candidates : dict or list of dicts, default=None
        Settings, or parts of some, to ask first.
    defaults : dict, default=None
        Values for the parameters that an initial candidate lacks, as far as they lie in the space;
        the middle of the range stands in for the others.

    Attributes
    ----------
    n_initial_points : int
        Number of trials from which on the surrogate proposes, as above.
    seed : int
        What the proposals depend on beside the trials: ``random_state``, or drawn from it.
    space : Space
        The search space.
    n_settings : float
        Number of distinct settings, infinite with a continuous parameter.
    trials : Trials
        All trials in order, a read-only sequence.
    best_trial : Trial or None
        The complete trial with the highest score.

    Raises
    ------
    ValueError, TypeError
        If the space or an argument is malformed; the message names it.

    Examples
    --------
    >>> from sklearn_bo import Optimizer
    >>> optimizer = Optimizer({"x": (-5.0, 5.0)}, random_state=0)
    >>> for _ in range(20):
    ...     trial = optimizer.ask()
    ...     _ = optimizer.tell(trial, score=-((trial.params["x"] - 2) ** 2))
    >>> round(optimizer.best_trial.params["x"], 1)
    2.0
    """

    def __init__(
        self,
        param_distributions: Mapping[str, Any] | Sequence[Any],
        *,
        random_state: int | np.random.RandomState | None = None,
        n_initial_points: int | str = "auto",
        initial_candidates: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.seed = draw_seed(random_state)
        _check_defaults(defaults)
        self.space = Space(param_distributions, random_state=self.seed)
        if n_initial_points == "auto":
            self.n_initial_points = default_n_initial_points(self.space.n_dims)
        elif isinstance(n_initial_points, Integral) and n_initial_points >= 1:
            self.n_initial_points = int(n_initial_points)
        else:
            raise ValueError(
                f"n_initial_points={n_initial_points!r} must be 'auto' or an integer of at least 1."
            )
        self.trials = Trials()
        self._remaining = Remaining(self.space)
        self.n_settings = self._remaining.n_settings
        self._queue: deque[tuple[dict[str, Any], Origin]] = deque()
        self._design: deque[np.ndarray] | None = None
        self._model = Model(self.space)
        if isinstance(initial_candidates, Mapping):
            initial_candidates = [initial_candidates]
        elif not isinstance(initial_candidates, Iterable | None):
            raise TypeError(
                f"initial_candidates={initial_candidates!r} must be a dict of parameters or a list "
                "of such dicts."
            )
        for i, candidate in enumerate(initial_candidates or ()):
            where = f"initial_candidates[{i}]={candidate!r}"
            if not isinstance(candidate, Mapping):
                raise TypeError(f"{where} must be a dict of parameters.")
            try:
                self.enqueue(candidate, defaults=defaults)
            except ValueError as error:
                raise ValueError(f"{where} lies outside param_distributions: {error}") from error

    @property
    def best_trial(self) -> Trial | None:
        """The complete trial with the highest score, the earliest of equals; None before any."""
        return best_of(self.trials)

    def restore(self, params: Mapping[str, Any], origin: Origin) -> Trial:
        """Add the next trial of an earlier run, as if it had been asked.

        Proposals depend on the seed and the trials alone. An optimizer of the same seed that is
        given the trials of another, in their order, asks what that one would have asked.

        Parameters
        ----------
        params : dict
            The setting.
        origin : {"estimator", "user", "initial design", "model", "told"}
            `Trial.origin` of the earlier trial.

        Returns
        -------
        Trial
            A pending trial.

        Raises
        ------
        ValueError
            If ``params`` lies outside the space, or ``origin`` is none of these.
        TypeError
            If ``params`` is no dict.
        """
        if origin not in get_args(Origin):
            raise ValueError(f"origin={origin!r} must be one of {', '.join(get_args(Origin))}.")
        return self._append(params, origin)

    def enqueue(
        self,
        params: Mapping[str, Any],
        *,
        defaults: Mapping[str, Any] | None = None,
        origin: Origin = "user",
    ) -> None:
        """Have a setting asked before any other.

        It is left out if it was asked, or if its subspace has no trials left. All values beyond
        what is searched of a distribution, 0.1 % at each end that is unbounded, count as one.

        Parameters
        ----------
        params : dict
            The setting, or a part of one.
        defaults : dict, default=None
            Values for the parameters that ``params`` lacks, as far as they lie in the space; the
            middle of the range stands in for the others.
        origin : {"user", "estimator"}, default="user"
            What `Trial.origin` will say.

        Raises
        ------
        ValueError
            If ``params`` lies outside the space, or ``origin`` is neither.
        TypeError
            If ``params`` or ``defaults`` is no dict.
        """
        if origin not in ("user", "estimator"):
            raise ValueError(f"origin={origin!r} must be 'user' or 'estimator'.")
        _check_defaults(defaults)
        self._queue.append((self.space.complete(params, defaults or {}), origin))

    @overload
    def ask(self, n: None = None) -> Trial: ...
    @overload
    def ask(self, n: int) -> list[Trial]: ...
    def ask(self, n: int | None = None) -> Trial | list[Trial]:
        """Propose where to evaluate next.

        Parameters
        ----------
        n : int, default=None
            Number of trials; None for a single one.

        Returns
        -------
        Trial or list of Trial
            Pending trials, distinct from all before. The list is shorter than ``n`` where a finite
            space has fewer settings left.

        Raises
        ------
        SpaceExhaustedError
            If no setting is left.
        ValueError
            If ``n`` is no integer of at least 1.
        """
        if n is None:
            return self._ask()
        if not isinstance(n, Integral) or n < 1:
            raise ValueError(f"ask(n={n!r}): n must be an integer of at least 1, or None.")
        asked = [self._ask()]
        while len(asked) < n and self._remaining:
            asked.append(self._ask())
        return asked

    def tell(self, trial: Trial | Mapping[str, Any], score: float) -> Trial:
        """Report the score of a trial; those asked may be told in any order.

        Parameters
        ----------
        trial : Trial or dict
            A trial that was asked; or a setting, asked or not.
        score : float
            What to maximise. NaN or an infinity says that the evaluation failed.

        Returns
        -------
        Trial
            The finished trial.

        Raises
        ------
        ValueError
            If the trial has been told, the setting lies outside the space, or the score is beyond
            what a float holds.
        TypeError
            If the score is no number, or the trial neither a trial nor a dict.
        """
        score = _as_float("score", score)
        if isinstance(trial, Mapping):
            trial = self._find_or_add(dict(trial))
        if not isinstance(trial, Trial):
            raise TypeError(f"trial={trial!r} must be a Trial that was asked, or a dict of params.")
        return self.trials.finish(trial, score)

    @property
    def learned(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """What `learn` was given: for each source points (n, d) and standardised scores (n,)."""
        return self._model.sources

    def learn(self, params: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> None:
        """Learn from another search, whose scores may differ in unit, level and trend.

        The scores of each source are standardised by themselves. The surrogate then models them as
        a multiple of this search's function, a deviation, an offset and a noise of the source's
        own, all learnt, so that a source which contradicts the trials loses its influence. The best
        of the settings is the first that the surrogate proposes. Every third proposal is made from
        the trials alone, and every one once 20 trials are complete. At most 100 settings, the best
        and a spread over the others, represent all sources. They may be asked again, and do not
        count as trials.

        Parameters
        ----------
        params : list of dicts
            Settings, each inside the space.
        scores : sequence of float
            Their scores, to be maximised; NaN or an infinity for one that failed.

        Raises
        ------
        ValueError
            If a setting lies outside the space, there is not one score for each, none is finite,
            or one is beyond what a float holds.
        TypeError
            If a score is no number, a setting no dict, or either argument no list.
        """
        for name, given in (("params", params), ("scores", scores)):
            if not isinstance(given, Iterable) or isinstance(given, Mapping):
                raise TypeError(f"{name}={given!r} must be a list, one entry for each setting.")
        params, scores = list(params), list(scores)
        if len(params) != len(scores):
            raise ValueError(
                f"learn was given {len(params)} params and {len(scores)} scores; give one score "
                "for each setting."
            )
        trials: list[Trial] = []
        for number, (setting, score) in enumerate(zip(params, scores, strict=True)):
            value = _as_float(f"scores[{number}]", score)
            where = f"params[{number}]={setting!r}"
            if not isinstance(setting, Mapping):
                raise TypeError(f"{where} must be a dict of parameters.")
            try:
                z = self.space.encode(setting)
            except ValueError as error:
                raise ValueError(f"{where} lies outside the space: {error}") from error
            trials.append(Trial(number, dict(setting), z, "told").completed(value))
        if all(trial.state == "failed" for trial in trials):
            raise ValueError(
                f"None of scores={scores!r} is finite, so there is nothing to learn from. Leave "
                "this source out."
            )
        with engine_numerics():
            self._model.learn(trials)

    @overload
    def predict(self, params: Mapping[str, Any]) -> tuple[float, float]: ...
    @overload
    def predict(self, params: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]: ...
    def predict(self, params: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> tuple[Any, Any]:
        """Predict the score of settings from the trials told so far.

        Parameters
        ----------
        params : dict or list of dicts
            One setting or several.

        Returns
        -------
        mean, std : float or ndarray of shape (n,)
            Of a new score in the unit of the scores, the noise of the evaluation included.

        Raises
        ------
        ValueError
            Before any trial is complete, or if a setting lies outside the space.
        TypeError
            If a setting is no dict.
        """
        if not isinstance(params, Iterable):
            raise TypeError(
                f"params={params!r} must be a dict of parameters or a list of such dicts."
            )
        if not self.trials.complete:
            raise ValueError(
                "predict needs at least one complete trial; tell a finite score first."
            )
        single = isinstance(params, Mapping)
        settings = [params] if isinstance(params, Mapping) else list(params)
        Z = np.reshape([self.space.encode(s) for s in settings], (len(settings), self.space.n_dims))
        with engine_numerics():
            gp, warping, *_ = self._model.fit(self.trials.finished)
            mean, std = gp.predict(Z)
            mean, std = warping.inverse_moments(mean, np.hypot(std, math.sqrt(gp.noise)))
        return (float(mean[0]), float(std[0])) if single else (mean, std)

    def posterior(
        self, trials: Sequence[Trial] | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Judge trials by all scores told so far, not by their own alone.

        Parameters
        ----------
        trials : sequence of Trial, default=None
            Trials of this optimizer to compare; None for all.

        Returns
        -------
        mean, std : ndarray of shape (n_trials,)
            Of the score that a trial would have without the noise of its evaluation, in the unit
            of the scores; NaN unless it is complete.
        prob_best : ndarray of shape (n_trials,)
            Probability that this score is the highest of them, by joint draws that are the same
            in each call; 0 unless the trial is complete.

        Raises
        ------
        TypeError
            If ``trials`` is no list of trials.
        ValueError
            If one of them is none of this optimizer's.
        """
        if not isinstance(trials, Iterable | None):
            raise TypeError(f"trials={trials!r} must be a list of trials, or None for all.")
        trials = list(self.trials if trials is None else trials)
        for i, trial in enumerate(trials):
            if not isinstance(trial, Trial):
                raise TypeError(f"trials holds {trial!r}, which is no Trial.")
            if (known := self.trials.find(trial)) is None:
                raise ValueError(f"trials holds {trial!r}, which was not asked of this optimizer.")
            trials[i] = known  # what was told of it since
        complete = np.flatnonzero([trial.state == "complete" for trial in trials])
        mean, std = np.full((2, len(trials)), np.nan)
        prob_best = np.zeros(len(trials))
        if complete.size:
            Z = np.array([trials[i].z for i in complete])
            with engine_numerics():
                judged = self._model.judge(self.trials.finished, Z)
            mean[complete], std[complete], prob_best[complete] = judged
        return mean, std, prob_best

    def largest_expected_improvement(self) -> float:
        """Estimate what may still be won: the largest expected improvement left in the space.

        The improvement is over the best expectation of a setting told so far, f_best, and free of
        the noise of evaluations: max over z of E[max(f(z) - f_best, 0)]. Settings that are pending
        may bring it too. What is asked next does not change.

        Returns
        -------
        float
            In the unit of the scores; infinite while less than two trials are complete, 0 when no
            setting is left. Improvements by more than five interquartile ranges of the scores count
            as five; of the better scores, where many have diverged.
        """
        if len(self.trials.complete) < 2:
            return math.inf
        with engine_numerics():
            rng = self._rng(len(self.trials))
            return improvement_left(self._model, self.trials, self._remaining.admissible, rng)

    def share(self, n_iter: int) -> int:
        """Let the subspaces that have no budget of their own share one.

        Where no subspace has one, nothing is limited: whoever asks counts.

        Parameters
        ----------
        n_iter : int
            Number of trials that they may have together.

        Returns
        -------
        int
            Number of trials that the whole space then allows.

        Raises
        ------
        ValueError
            If ``n_iter`` is no integer of at least 1.
        """
        if not isinstance(n_iter, Integral) or n_iter < 1:
            raise ValueError(f"n_iter={n_iter!r} must be an integer of at least 1.")
        return self._remaining.share(int(n_iter))

    # -- proposals

    def _ask(self) -> Trial:
        while self._queue:
            params, origin = self._queue.popleft()
            if self._remaining.admissible(self.space.encode(params)[None])[0]:
                return self._append(params, origin)
        if not self._remaining:
            count = f"{self.n_settings:g} " if self.n_settings < math.inf else ""
            raise SpaceExhaustedError(
                f"All {count}settings of the space, or all trials of its subspaces' budgets, have "
                "been asked."
            )
        complete, failed = self.trials.complete, self.trials.failed
        n_learned = self._model.n_learned
        # Where most settings fail, what little has succeeded leads to more much sooner than chance.
        n_useful = max(len(self.trials) - len(failed), len(self.trials) / 2) + n_learned
        # Equal scores alone would have the model call the space flat, and ask its corners; beside
        # as many failures it knows where to look.
        scores = np.array([trial.score for trial in complete])
        has_levels = differ(scores) or bool(complete) + n_learned > 1
        is_informative = has_levels or 0 < len(complete) <= len(failed)
        if n_useful < self.n_initial_points or not is_informative:
            is_flat = bool(complete) and not is_informative
            z, origin = self._explore(is_flat), "initial design"
        else:
            z, origin = self._exploit(), "model"
        if not self._remaining.may_ask(z):
            z = self._any_left()
        return self._append(self.space.decode(z), origin)

    def _explore(self, is_flat: bool) -> np.ndarray:
        """Next point of the initial design; a random one when it is used up.

        Where the scores so far are flat, that is on any scale.
        """
        if self._design is None:
            self._design = deque(initial_design(self.space, self.n_initial_points, self._rng()))
        while self._design:
            z = self._design.popleft()
            if self._remaining.may_ask(z):
                return z
        z = self._any_left()
        return on_any_scale(self.space, z, self._rng(len(self.trials), 1)) if is_flat else z

    def _any_left(self) -> np.ndarray:
        return self._remaining.draw(self._rng(len(self.trials)))

    def _exploit(self) -> np.ndarray:
        """Maximise the acquisition function of the fitted surrogate."""
        with engine_numerics():
            rng = self._rng(len(self.trials))
            z = propose(self._model, self.trials, self._remaining.admissible, rng)
        return self._any_left() if z is None else z

    # -- bookkeeping

    def _rng(self, *key: int) -> np.random.RandomState:
        """Return the source of randomness of one proposal, the same whatever was asked before."""
        return np.random.RandomState(np.random.PCG64([self.seed, *(k + 1 for k in key)]))

    def _append(self, params: Mapping[str, Any], origin: Origin) -> Trial:
        points = self.space.encodings(params)
        trial = self.trials.append(dict(params), points[0], origin)
        self._remaining.take(points)
        return trial

    def _find_or_add(self, params: dict[str, Any]) -> Trial:
        """Return the pending trial with these params, or a new one."""
        z = self.space.encode(params)
        for trial in self.trials.pending:
            if np.array_equal(trial.z, z) and not _differ_far_out(params, trial.params):
                return trial
        return self._append({name: native(value) for name, value in params.items()}, "told")


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return an integer as it is; draw one from a source of randomness.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None for NumPy's global source.

    Returns
    -------
    int
        The seed.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    try:
        random = check_random_state(random_state)
    except ValueError as error:
        raise ValueError(f"random_state={random_state!r} is no seed: {error}") from error
    return int(random_state if isinstance(random_state, Integral) else random.randint(2**31 - 1))


def _differ_far_out(params: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Return whether settings of one point differ: what is far out in a distribution shares one."""
    pairs: list[tuple[Any, Any]] = [(value, others.get(name)) for name, value in params.items()]
    return any(
        all(map(is_number, pair)) and not (same(*pair) or math.isclose(*pair)) for pair in pairs
    )


def _check_defaults(defaults: Mapping[str, Any] | None) -> None:
    if not isinstance(defaults, Mapping | None):
        raise TypeError(f"defaults={defaults!r} must be a dict of parameters.")


def _as_float(name: str, score: float) -> float:
    if not is_number(score) and not isinstance(score, bool):
        raise TypeError(
            f"{name}={score!r} must be a number to maximise; NaN says that the trial failed."
        )
    try:
        return float(score)
    except OverflowError as error:
        raise ValueError(f"{name} is beyond what a float holds; use a smaller unit.") from error
