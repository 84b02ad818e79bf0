"""Where to look next: x_t = argmax u(x | D), the acquisition function of the fitted surrogate.

Two proposals in three exploit: they maximise the expected improvement. The third explores, for a
model fitted to few points is too sure of itself: by a confidence bound under shorter lengthscales
(Berkenkamp et al. 2019, arXiv:1901.03357), or, every other time where there are categories, by the
expected improvement within two that no trial has together, or within one that is drawn. Where even
the bound asks what is known, it is a random point. Where trials have failed, the logarithm of the
probability of success is added to either; beside the bound, which is no logarithm, it is a penalty.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from sklearn_bo.acquisition import log_expected_improvement, upper_confidence_bound
from sklearn_bo.maximizer import Admissible, Term, maximize
from sklearn_bo.model import Model
from sklearn_bo.space import Space
from sklearn_bo.trials import Trials

_EXPLORE_EVERY = 3
_EXPLORE_BETA = 2.5
_EXPLORE_SHORTENING = 0.5
_EXPLORE_DISTANCE = 0.003  # at least, in some coordinate, to what is known
_N_PAIRS = 30  # of categories, drawn to find one that no trial has
_N_ANCHORS = 5


def propose(
    model: Model, trials: Trials, admissible: Admissible, rng: np.random.RandomState
) -> np.ndarray | None:
    """Propose the next point.

    Parameters
    ----------
    model : Model
        What the trials are modelled by.
    trials : Trials
        All trials so far. Those pending are taken to score what the surrogate expects (the
        "Kriging believer", Ginsbourger et al. 2010).
    admissible : callable
        Tells for each row of Z (n, n_dims) whether it may be proposed.
    rng : RandomState
        Source of the points that are screened.

    Returns
    -------
    ndarray of shape (n_dims,) or None
        The point, snapped; None if none was found that is admissible, or any would do.
    """
    space = model.space
    gp, _, Z, y = model.fit(trials.finished)
    pending = [trial.z for trial in trials.pending]
    if pending:
        # What is believed of the function has no noise, so that proposals keep their distance.
        believed = gp.predict(np.array(pending))[0]
        Z, y = np.vstack([Z, pending]), np.r_[y, believed]
        gp.condition(Z, y, n_exact=len(pending))
    turn, step = divmod(len(trials), _EXPLORE_EVERY)
    explores = step == _EXPLORE_EVERY - 1
    is_first = all(trial.origin != "model" for trial in trials)
    if explores and len(gp.source_Z) and not is_first:
        # Lest a source that misleads keep the search from what it makes look bad.
        gp = model.process().fit(Z, y)
        gp.condition(Z, y, n_exact=len(pending))
    known, expected = gp.Z, gp.expected
    if is_first and (may := admissible(known)).any():
        # The best of what is learned shows how the sources' scores compare to those to come.
        return known[np.argmax(np.where(may, expected, -np.inf))]
    # Noise makes the best score too good; the incumbent is the best expectation.
    ours = expected[len(gp.source_Z) :]
    best = (ours if len(ours) else expected).max()
    anchors, success = _anchors(known, expected), model.success(trials.finished)
    has_categories = any(len(categories) > 1 for categories in space.categories)
    if explores and not (turn % 2 and has_categories):
        gp = gp.shortened(_EXPLORE_SHORTENING).condition(Z, y, n_exact=len(pending))
        bound = partial(upper_confidence_bound, beta=_EXPLORE_BETA)
        z = maximize([(gp, bound), *success], space, anchors, admissible, rng)
        is_known = z is not None and abs(gp.Z - z).max(axis=1).min() < _EXPLORE_DISTANCE
        return None if is_known else z  # or else the end of a slope is asked again and again
    terms: list[Term] = [(gp, partial(log_expected_improvement, best=best)), *success]
    if explores:
        there, place = _in_drawn_categories(space, trials, admissible, rng)
        for move in (None, place):  # of hundreds of categories chance meets none that was drawn
            if (z := maximize(terms, space, anchors, there, rng, move)) is not None:
                return z
    return maximize(terms, space, anchors, admissible, rng)


def improvement_left(
    model: Model, trials: Trials, admissible: Admissible, rng: np.random.RandomState
) -> float:
    """Estimate the largest expected improvement, as `Optimizer.largest_expected_improvement`.

    Parameters
    ----------
    model, trials, admissible, rng
        As of `propose`; at least one trial is complete.

    Returns
    -------
    float
        In the unit of the scores; 0 where nothing is pending or admissible.
    """
    gp, warping, Z, _ = model.fit(trials.finished)
    expected = gp.expected[len(gp.source_Z) :]
    best = float(expected.max())
    terms = [(gp, partial(log_expected_improvement, best=best))]
    z = maximize(terms, model.space, _anchors(Z, expected), admissible, rng)
    left = [trial.z for trial in trials.pending] + ([] if z is None else [z])
    if not left:
        return 0.0
    moments = np.transpose(gp.predict(np.array(left))).tolist()
    return max(warping.expected_excess(mean, std, best) for mean, std in moments)


def _anchors(Z: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the few points of Z (n, n_dims) of the highest expectations (n,)."""
    return Z[np.argsort(-expected, kind="stable")[:_N_ANCHORS]]


def _in_drawn_categories(
    space: Space, trials: Trials, admissible: Admissible, rng: np.random.RandomState
) -> tuple[Admissible, Callable[[np.ndarray], np.ndarray]]:
    """Restrict to two categories that no trial has together, or to one where none were drawn.

    Lest the search settle on others; and what is bad with all that was tried may be good with what
    was not. Also returns what moves points there.
    """
    has_categories = np.array([len(centres) > 1 for centres in space.categories])
    asked = np.array([trial.z for trial in trials])

    def is_there(Z: np.ndarray) -> np.ndarray:
        # A subspace without a column rests in one of its categories, and is not there.
        return np.all((Z[:, columns] == z[columns]) & space.active(Z)[:, columns], axis=1)

    draws = space.sample(_N_PAIRS, rng)
    if (may := admissible(draws)).any():  # a subspace that has had its trials may not
        draws = draws[may]
    for z in draws:
        columns = rng.permutation(np.flatnonzero(has_categories & space.active(z[None])[0]))[:2]
        if len(columns) == 2 and not is_there(asked).any():
            break
    else:
        has_columns = has_categories & space.active(draws)
        columns = rng.choice(np.flatnonzero(has_columns.any(axis=0)), size=1)
        z = draws[rng.choice(np.flatnonzero(has_columns[:, columns[0]]))]

    def place(Z: np.ndarray) -> np.ndarray:
        Z = Z.copy()
        lacks = ~space.active(Z)[:, columns].all(axis=1)
        Z[lacks, 0] = z[0]  # the subspace of z has the columns
        Z[:, columns] = z[columns]
        return space.snap(Z)

    return lambda Z: admissible(Z) & is_there(Z), place
