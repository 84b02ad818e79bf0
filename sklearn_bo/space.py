"""The search space: settings of the parameters as points of the unit cube, and back.

Several subspaces (a list of dicts) are one cube, so that one surrogate learns over all of them:

======== ================== ====================================================================
column   in the cube of     holds
======== ================== ====================================================================
0        several subspaces  the subspace, an unordered category
others   all                a parameter; subspaces share it if name and dimension are the same
======== ================== ====================================================================

Columns that a row's subspace does not have rest at a fixed value.
"""

import itertools
import math
import numbers
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklearn_bo.dimensions import Choices, Dimension
from sklearn_bo.parsing import parse_dimension
from sklearn_bo.values import native

_MAX_COMPARED = 10_000  # settings of a subspace up to which it is searched for duplicates


@dataclass(frozen=True, eq=False)
class Subspace:
    """One dict of parameters.

    Parameters
    ----------
    dimensions : dict of str to Dimension
        The parameters, in the user's order.
    columns : dict of str to int
        The cube's column of each parameter.
    n_trials : int or None
        The number of trials that are this subspace's own, None when it shares those of all.
    """

    dimensions: dict[str, Dimension]
    columns: dict[str, int]
    n_trials: int | None = None

    @property
    def n_settings(self) -> float:
        """Number of settings, ``math.inf`` with a continuous parameter or beyond a float."""
        levels = [dimension.n_levels for dimension in self.dimensions.values()]
        n_settings = math.inf if math.inf in levels else math.prod(levels)
        return n_settings if n_settings <= sys.float_info.max else math.inf


class Space:
    """Search space of one or several subspaces as one unit cube.

    Parameters
    ----------
    param_distributions : mapping, or list of mappings or (mapping, n) tuples
        Parameter names to what :func:`~sklearn_bo.parsing.parse_dimension` reads. In a list,
        each entry is a subspace; ``(mapping, n)`` gives it `n` trials of its own.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws from distributions that have nothing but ``rvs``.

    Attributes
    ----------
    subspaces : tuple of Subspace
        The subspaces in the user's order.
    n_dims : int
        Number of columns of the cube.
    is_categorical : ndarray of bool, shape (n_dims,)
        Which columns hold categories, which have no order, alone or beside numbers.
    is_continuous : ndarray of bool, shape (n_dims,)
        Which columns have infinitely many values.
    max_bends : ndarray of shape (n_dims,)
        `Dimension.max_bend` of each column.
    categories : list of ndarray
        Coordinates of each column's categories, empty for a numeric one; numbers are below them.
    n_settings : int or math.inf
        Number of settings, summed over subspaces.
    n_varying : float
        Mean number of parameters of a subspace that have more than one value; where there are
        several subspaces, which one it is counts too.

    Raises
    ------
    TypeError, ValueError
        If `param_distributions` or one of its entries is malformed; the message names the
        parameter.
    """

    def __init__(self, param_distributions: Any, *, random_state: Any = None) -> None:
        # One seed for all parameters: a sampler that two subspaces share gives equal dimensions.
        seed = check_random_state(random_state).randint(2**31 - 1)
        entries = _entries(param_distributions)
        columns: list[tuple[str | None, Dimension]] = []
        self._selector: Choices | None = None  # which subspace, column 0
        if len(entries) > 1:
            self._selector = Choices(f"subspace {k}" for k in range(len(entries)))
            columns.append((None, self._selector))
        subspaces = []
        for specs, n_trials in entries:
            subspace = Subspace({}, {}, n_trials)
            for name, spec in specs.items():
                column = name, parse_dimension(name, spec, seed)
                if column not in columns:
                    columns.append(column)
                subspace.dimensions[name] = column[1]
                subspace.columns[name] = columns.index(column)
            subspaces.append(subspace)
        self._dimensions = [dimension for _, dimension in columns]
        self.subspaces = tuple(subspaces)
        self.n_dims = len(self._dimensions)
        self.categories = [d.categories() for d in self._dimensions]
        self.is_categorical = np.array([len(c) > 0 for c in self.categories], dtype=bool)
        self.is_continuous = np.array([d.n_levels == math.inf for d in self._dimensions], bool)
        self.max_bends = np.array([d.max_bend for d in self._dimensions])
        self.n_settings = sum(subspace.n_settings for subspace in self.subspaces)
        self._rest = np.array([d.snap(np.array([0.5]))[0] for d in self._dimensions])  # (n_dims,)
        self._has_column = np.zeros((len(subspaces), self.n_dims), dtype=bool)
        for k, subspace in enumerate(self.subspaces):
            self._has_column[k, list(subspace.columns.values())] = True
        if self._selector:
            self._has_column[:, 0] = True
        varies = np.array([d.n_levels > 1 for d in self._dimensions], dtype=bool)
        self.n_varying = float((self._has_column & varies).sum(axis=1).mean())

    def duplicates(self) -> Iterator[np.ndarray]:
        """Iterate over the points of finite subspaces whose setting an earlier subspace has too.

        Yields
        ------
        ndarray of shape (n_dims,)
            The later point of a setting; `encode` gives the first.
        """
        for k, subspace in enumerate(self.subspaces):
            if subspace.n_settings > _MAX_COMPARED:
                continue
            columns = list(subspace.columns.values())
            found: set[tuple[float, ...]] = set()
            for other in self.subspaces[:k]:
                if other.dimensions.keys() == subspace.dimensions.keys():
                    common = (
                        _common(dimension, other.dimensions[name])
                        for name, dimension in subspace.dimensions.items()
                    )
                    found.update(itertools.product(*common))
            for coordinates in sorted(found):
                z = self._start(k)
                z[columns] = coordinates
                yield z

    def snap(self, Z: np.ndarray) -> np.ndarray:
        """Move each row to the point that stands for its setting.

        Parameters
        ----------
        Z : ndarray of shape (n, n_dims)
            Points of the cube.

        Returns
        -------
        ndarray of shape (n, n_dims)
            Canonical points: rows of equal settings have equal bytes.
        """
        snapped = np.empty_like(Z, dtype=float, order="C")
        for j, dimension in enumerate(self._dimensions):
            snapped[:, j] = dimension.snap(Z[:, j])
        if self._selector:
            snapped = np.where(self.active(snapped), snapped, self._rest)
        return snapped

    def subspace_of(self, Z: np.ndarray) -> np.ndarray:
        """Return the index of the subspace in which each row of Z (n, n_dims) lies, (n,)."""
        return self._selector.levels(Z[:, 0]) if self._selector else np.zeros(len(Z), dtype=int)

    def active(self, Z: np.ndarray) -> np.ndarray:
        """Return which columns the subspace of each row of Z has, bool (n, n_dims)."""
        return self._has_column[self.subspace_of(Z)]

    def sample(
        self, n: int, rng: np.random.RandomState, subspaces: Sequence[int] | None = None
    ) -> np.ndarray:
        """Draw settings from the prior.

        Parameters
        ----------
        n : int
            Number of draws.
        rng : RandomState
            Source of the draws.
        subspaces : sequence of int, optional
            Indices of the subspaces allowed, equally likely; all by default.

        Returns
        -------
        ndarray of shape (n, n_dims)
            Snapped points.
        """
        Z = rng.uniform(size=(n, self.n_dims))
        if subspaces is not None and self._selector:
            allowed = np.asarray(subspaces)[(Z[:, 0] * len(subspaces)).astype(int)]
            Z[:, 0] = self._selector.coordinates()[allowed]
        return self.snap(Z)

    def neighbours(self, z: np.ndarray) -> np.ndarray:
        """Return the settings one step away.

        Parameters
        ----------
        z : ndarray of shape (n_dims,)
            A point of the cube.

        Returns
        -------
        ndarray of shape (m, n_dims)
            One row for each adjacent value of each discrete parameter of the subspace, and for
            each other subspace.
        """
        moves = []
        for j in np.flatnonzero(self.active(z[None])[0]):
            for u in self._dimensions[j].neighbours(z[j]):
                moves.append(z.copy())
                moves[-1][j] = u
        return self.snap(np.reshape(moves, (len(moves), self.n_dims)))

    def settings(self, subspaces: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Iterate over all points of finite subspaces, the last parameter fastest.

        Parameters
        ----------
        subspaces : sequence of int, optional
            Indices of the subspaces; all by default.

        Yields
        ------
        ndarray of shape (n_dims,)
            The point of one setting.

        Raises
        ------
        ValueError
            If one of them has infinitely many settings.
        """
        for k in range(len(self.subspaces)) if subspaces is None else subspaces:
            subspace = self.subspaces[k]
            if subspace.n_settings == math.inf:
                raise ValueError("a space with a continuous parameter has infinitely many settings")
            columns = list(subspace.columns.values())
            levels = [d.coordinates() for d in subspace.dimensions.values()]
            for coordinates in itertools.product(*levels):
                z = self._start(k)
                z[columns] = coordinates
                yield z

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return the point of a setting.

        Parameters
        ----------
        params : mapping of str to object
            A value for each parameter of one subspace.

        Returns
        -------
        ndarray of shape (n_dims,)
            The point, in the first subspace that contains the setting; sooner in one that searches
            its values than in one of whose distributions they are beyond the ends.

        Raises
        ------
        ValueError
            If no subspace has just these parameters and values; tells why of the closest one.
        TypeError
            If ``params`` is no dict.
        """
        return self.encodings(params)[0]

    def encodings(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return a setting's points in all subspaces that contain it, (n, n_dims), as `encode`."""
        points: list[np.ndarray] = []
        searches: list[bool] = []
        reasons: list[list[str]] = []
        for k, subspace in enumerate(self.subspaces):
            coordinates, problems = _coordinates(subspace, params)
            missing = [name for name in subspace.dimensions if name not in params]
            problems += [f"parameter {name!r} is missing" for name in missing]
            if problems:
                reasons.append(problems)
                continue
            z = self._start(k)
            z[list(subspace.columns.values())] = [coordinates[n] for n in subspace.columns]
            points.append(z)
            searches.append(all(d.searches(params[n]) for n, d in subspace.dimensions.items()))
        if not points:
            raise _outside(reasons)
        return np.array(points)[np.argsort(np.logical_not(searches), kind="stable")]

    def decode(self, z: np.ndarray) -> dict[str, Any]:
        """Return the setting at the point z (n_dims,), in the order of the user's own dict."""
        subspace = self.subspaces[self.subspace_of(z[None])[0]]
        return {
            name: dimension.decode(z[subspace.columns[name]])
            for name, dimension in subspace.dimensions.items()
        }

    def complete(self, partial: Mapping[str, Any], fallback: Mapping[str, Any]) -> dict[str, Any]:
        """Fill what a partial setting leaves out.

        Parameters
        ----------
        partial : mapping of str to object
            Values of some parameters.
        fallback : mapping of str to object
            Where the others come from if they lie in the space, such as an estimator's own
            parameters; a value in the middle of the space stands in for the rest.

        Returns
        -------
        dict of str to object
            A setting in the subspace that contains `partial` and takes most from `fallback`.

        Raises
        ------
        ValueError
            If no subspace contains `partial`; tells why of the closest one.
        TypeError
            If it is no dict.
        """
        reasons: list[list[str]] = []
        found = []
        for subspace in self.subspaces:
            problems = _coordinates(subspace, partial)[1]
            reasons.append(problems)
            if not problems:
                found.append((subspace, _contained(subspace, fallback)))
        if not found:
            raise _outside(reasons)
        subspace, taken = max(found, key=lambda pair: len(pair[1].keys() - partial.keys()))
        known = {**taken, **_contained(subspace, partial)}
        middle = self._rest[list(subspace.columns.values())]
        return {
            name: known[name] if name in known else dimension.decode(u)
            for (name, dimension), u in zip(subspace.dimensions.items(), middle, strict=True)
        }

    def closest(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the values that lie in the space.

        Parameters
        ----------
        values : mapping of str to object
            Values by name, such as an estimator's own parameters; other names are ignored.

        Returns
        -------
        dict of str to object or None
            A partial setting, of the subspace in which the largest share of parameters has one;
            None if none has.
        """
        shares = []
        for subspace in self.subspaces:
            taken = _contained(subspace, values)
            shares.append((len(taken) / max(len(subspace.dimensions), 1), taken))
        return max(shares, key=lambda pair: pair[0])[1] or None

    def _start(self, k: int) -> np.ndarray:
        """Return the point of subspace k at which all parameters rest."""
        z = self._rest.copy()
        if self._selector:
            z[0] = self._selector.coordinates()[k]
        return z


def _common(dimension: Dimension, other: Dimension) -> list[float]:
    """Return the coordinates of those values of a finite dimension that another searches too."""
    coordinates = dimension.coordinates().tolist()
    if dimension == other:
        return coordinates
    common = []
    for u in coordinates:
        value = dimension.decode(u)
        try:
            other.encode(value)
        except ValueError:
            continue
        if other.searches(value):
            common.append(u)
    return common


def _entries(param_distributions: Any) -> list[tuple[Mapping[str, Any], int | None]]:
    """Return the (specs, n_trials) of each subspace."""
    if isinstance(param_distributions, Mapping):
        param_distributions = [param_distributions]
    if not isinstance(param_distributions, Sequence) or isinstance(param_distributions, str):
        raise TypeError(
            f"param_distributions={param_distributions!r} of type "
            f"{type(param_distributions).__name__} is not a dict or a list of dicts."
        )
    if not param_distributions:
        raise ValueError("param_distributions is an empty list; give at least one dict")
    entries = []
    for entry in param_distributions:
        specs, n_trials = entry if isinstance(entry, tuple) and len(entry) == 2 else (entry, None)
        if not isinstance(specs, Mapping):
            raise TypeError(
                f"Parameter distribution is not a dict ({entry!r}); each entry of "
                "param_distributions must be a dict or a tuple (dict, number of trials)"
            )
        if isinstance(entry, tuple) and (
            not isinstance(n_trials, numbers.Integral) or isinstance(n_trials, bool) or n_trials < 1
        ):
            raise ValueError(
                f"the number of trials in {entry!r} must be an integer >= 1, got {n_trials!r}"
            )
        if bad := [name for name in specs if not isinstance(name, str)]:
            raise TypeError(f"parameter names must be strings, got {bad[0]!r} in {specs!r}")
        entries.append((specs, None if n_trials is None else int(n_trials)))
    return entries


def _coordinates(
    subspace: Subspace, params: Mapping[str, Any]
) -> tuple[dict[str, float], list[str]]:
    """Return the coordinates of those `params` that `subspace` contains; of others say why not."""
    if not isinstance(params, Mapping):
        raise TypeError(f"{params!r} must be a dict of parameters.")
    coordinates, problems = {}, []
    for name, value in params.items():
        if name not in subspace.dimensions:
            known = ", ".join(map(repr, subspace.dimensions)) or "no parameters"
            problems.append(f"parameter {name!r} is not in the space, which has {known}")
            continue
        try:
            coordinates[name] = subspace.dimensions[name].encode(value)
        except ValueError as error:
            problems.append(f"parameter {name!r}: {error}")
    return coordinates, problems


def _outside(reasons: list[list[str]]) -> ValueError:
    """Return an error that says why a setting is in no subspace, of the closest one."""
    fewest = min(reasons, key=len)
    return ValueError(f"{'; '.join(fewest)}. Mend the setting or widen the space.")


def _contained(subspace: Subspace, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return those `params` that `subspace` contains, in its own order."""
    adopted = {n: d.adopt(params[n]) for n, d in subspace.dimensions.items() if n in params}
    inside = _coordinates(subspace, adopted)[0]
    return {
        # Of choices the very object; of numbers the value itself, which a coordinate rounds.
        name: dimension.decode(inside[name])
        if isinstance(dimension, Choices)
        else native(adopted[name])
        for name, dimension in subspace.dimensions.items()
        if name in inside
    }
