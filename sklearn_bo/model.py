"""What the trials say of every setting: a surrogate of their scores, warped to suit it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from sklearn_bo.acquisition import log_probability_above
from sklearn_bo.judgement import judge
from sklearn_bo.kernel import Kernel
from sklearn_bo.maximizer import Term
from sklearn_bo.space import Space
from sklearn_bo.surrogate import GaussianProcess
from sklearn_bo.trials import Trial
from sklearn_bo.warping import OutputWarping, differ

_REFIT_ALWAYS = 40  # observations up to which hyperparameters are refitted for each new one
_REFIT_GROWTH = 1.1  # beyond, when the data have grown by this factor
_MAX_FIT = 200  # observations that a refit uses
_MAX_CONDITION = 300  # observations that the posterior uses
_MAX_LEARNED = 100  # observations of other searches that either uses
_MAX_SOURCES = 20  # such searches
_BY_CHANCE = 0.8  # share of the variance of success that other trials leave unexplained
_FORGET_AFTER = 20  # complete trials from which other searches mislead more than they tell

Data = tuple[np.ndarray, np.ndarray]  # points (n, d), targets (n,)


class Model:
    """The surrogate of a search, and of others that it learns from.

    It depends on the trials that it is given, not on those that it was fitted to before; other
    searches are forgotten for good once enough of this one's are complete.

    Parameters
    ----------
    space : Space
        The search space.

    Attributes
    ----------
    n_learned : int
        Number of complete trials of other searches.
    sources : list of (ndarray of shape (n, d), ndarray of shape (n,))
        Points and targets of each of them.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.n_learned = 0
        self.sources: list[Data] = []
        self._gp = self.process()
        self._fitted_to: list[Trial] | None = None  # the trials of the last fit
        # Whether a trial succeeds tells too little to learn scales from it.
        self._success = GaussianProcess(Kernel(space.categories, space.n_varying))
        self._success_of: list[Trial] | None = None  # those of the last fit of their success

    def process(self, sources: Sequence[Data] = ()) -> GaussianProcess:
        """Return a process over the space, not fitted yet.

        Parameters
        ----------
        sources : sequence of (ndarray of shape (n, d), ndarray of shape (n,)), default=()
            Points and targets of other searches.

        Returns
        -------
        GaussianProcess
            A new process.
        """
        space = self.space
        kernel = Kernel(space.categories, space.n_varying, space.max_bends)
        return GaussianProcess(kernel, sources)

    def learn(self, trials: list[Trial]) -> None:
        """Add another search.

        Parameters
        ----------
        trials : list of Trial
            Its finished trials, at least one complete; their order does not matter.
        """
        trials = sorted(trials, key=lambda trial: (trial.key, repr(trial.score)))
        Z, y, _ = self._data(trials, len(trials))
        self.sources.append((Z, y))
        self.sources.sort(key=lambda source: (source[0].tobytes(), source[1].tobytes()))
        self.n_learned += sum(trial.state == "complete" for trial in trials)
        self._gp = self.process(_representatives(self.sources))
        self._fitted_to = None

    def fit(
        self, trials: list[Trial]
    ) -> tuple[GaussianProcess, OutputWarping, np.ndarray, np.ndarray]:
        """Fit the surrogate.

        Parameters
        ----------
        trials : list of Trial
            All finished trials.

        Returns
        -------
        gp : GaussianProcess
            Conditioned on the trials, and on the other searches while the trials are few.
        warping : OutputWarping
            From scores to targets.
        Z : ndarray of shape (n, d)
            Points of the trials; a selection of very many.
        y : ndarray of shape (n,)
            Their targets.
        """
        n_complete = sum(trial.state == "complete" for trial in trials)
        if n_complete >= _FORGET_AFTER and len(self._gp.source_Z):
            self._gp, self._fitted_to = self.process(), None
        if self._fitted_to != (first := _to_refit(trials)):
            self._fitted_to = first
            Z, y, _ = self._data(first, _MAX_FIT)
            self._gp.fit(Z, y)
        Z, y, warping = self._data(trials, _MAX_CONDITION)
        return self._gp.condition(Z, y), warping, Z, y

    def success(self, trials: list[Trial]) -> list[Term]:
        """Return the logarithm of the probability of success, nothing where no trial has failed.

        Parameters
        ----------
        trials : list of Trial
            All finished trials, at least one complete.

        Returns
        -------
        list of (GaussianProcess, callable)
            At most one term of a sum to be maximised.
        """
        if (fitted := self._fit_success(trials)) is None:
            return []
        gp, y = fitted
        return [(gp, partial(log_probability_above, threshold=(y.min() + y.max()) / 2))]

    def judge(
        self, trials: list[Trial], candidates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compare points by all trials, see `judgement.judge`.

        Parameters
        ----------
        trials : list of Trial
            All finished trials.
        candidates : ndarray of shape (m, d)
            Points.

        Returns
        -------
        mean, std, prob_best : ndarray of shape (m,)
            The first two in the unit of the scores.
        """
        Z, y, warping = self._data(trials, len(trials))
        mean, std, prob_best = judge(self.process(), Z, y, candidates)
        return *warping.inverse_moments(mean, std), prob_best

    def _fit_success(self, trials: list[Trial]) -> tuple[GaussianProcess, np.ndarray] | None:
        """Return a process of which trials succeed and its targets (n,); None if all do or none."""
        if len({trial.state for trial in trials}) < 2:
            return None
        if self._success_of != (first := _to_refit(trials)):
            self._success_of = first
            self._success.fit(*_successes(first, _MAX_FIT))
        Z, y = _successes(trials, _MAX_CONDITION)
        return self._success.condition(Z, y), y

    def _fail_by_chance(self, trials: list[Trial]) -> bool:
        """Whether the other trials tell next to nothing of which one fails."""
        if (fitted := self._fit_success(trials)) is None:
            return False
        gp, y = fitted
        unexplained = np.mean((y - gp.leave_one_out(y)) ** 2)  # of the variance of y, which is 1
        return bool(unexplained > _BY_CHANCE)

    def _data(
        self, trials: list[Trial], n_max: int
    ) -> tuple[np.ndarray, np.ndarray, OutputWarping]:
        """Return points, targets and how scores become targets.

        A failed trial has the worst target, unless it failed by chance, as for want of time or
        memory: then it says nothing of the scores there and is left out.
        """
        scores = np.array([trial.score for trial in trials])
        complete = np.isfinite(scores)
        has_levels = differ(scores[complete])
        if has_levels and self._fail_by_chance(trials):
            trials = [trial for trial in trials if trial.state == "complete"]
            scores, complete = scores[complete], complete[complete]
        warping = OutputWarping(scores[complete] if complete.any() else np.zeros(1))
        y = np.empty(len(trials))
        y[complete] = warping(scores[complete])
        # Beside scores that are all equal, or none, a failure is one standard deviation below.
        y[~complete] = y[complete].min() if has_levels else -1.0
        Z = np.reshape([trial.z for trial in trials], (len(trials), self.space.n_dims))
        order = np.lexsort((y, *Z.T))  # so that the order of telling does not matter
        rows = order[_spread_over_ranks(y[order], n_max)]
        return Z[rows], y[rows], warping


def _to_refit(trials: list[Trial]) -> list[Trial]:
    """Return the first of the trials, as many as the last refit of hyperparameters had.

    Their number grows geometrically, and is at least such that each state, complete or failed, that
    any trial has is among them.
    """
    n = len(trials)
    if n <= _REFIT_ALWAYS:
        return trials
    steps = math.floor(math.log(n / _REFIT_ALWAYS) / math.log(_REFIT_GROWTH))
    states = [trial.state for trial in trials]
    first_of_each = [1 + states.index(state) for state in set(states)]
    return trials[: max(math.ceil(_REFIT_ALWAYS * _REFIT_GROWTH**steps), *first_of_each)]


def _successes(trials: list[Trial], n_max: int) -> Data:
    """Return points and whether they succeeded, standardised; some but not all have.

    Of more than n_max trials the latest, yet neither state crowds out more than half of them.
    """
    succeeded = np.array([trial.state == "complete" for trial in trials])
    complete, failed = np.flatnonzero(succeeded), np.flatnonzero(~succeeded)
    n_failed = max(min(len(failed), n_max // 2), n_max - len(complete))
    rows = np.sort(np.r_[complete[-(n_max - n_failed) :], failed[-n_failed:]])
    y = (succeeded[rows] - succeeded[rows].mean()) / succeeded[rows].std()
    return np.array([trials[row].z for row in rows]), y


def _spread_over_ranks(y: np.ndarray, n: int) -> np.ndarray:
    """At most n indices: the better half of them the best, the rest spread over the others.

    Of equals, as scores of few levels are, some at random, not those first in the order of y.
    """
    if len(y) <= n:
        return np.arange(len(y))
    shuffled = np.random.RandomState(0).permutation(len(y))
    order = shuffled[np.argsort(-y[shuffled], kind="stable")]
    best, rest = order[: n // 2], order[n // 2 :]
    spread = rest[np.linspace(0, len(rest) - 1, n - n // 2).astype(int)]
    return np.sort(np.r_[best, spread])


def _representatives(sources: list[Data]) -> list[Data]:
    """Choose at most `_MAX_LEARNED` rows of the largest sources, equally many of each."""
    largest = sorted(sources, key=lambda source: -len(source[1]))[:_MAX_SOURCES]
    sizes = np.array([len(y) for _, y in largest])
    share = max(n for n in range(_MAX_LEARNED + 1) if np.minimum(sizes, n).sum() <= _MAX_LEARNED)
    rows = [_spread_over_ranks(y, share) for _, y in largest]
    return [(Z[chosen], y[chosen]) for (Z, y), chosen in zip(largest, rows, strict=True)]
