"""The journal of a search: a file to which it appends what it does, and from which it resumes.

Each line is a JSON object, on the disk before what it tells of is used:

=========== ====================================================================================
line        holds
=========== ====================================================================================
header      the first: the format's version, the engine's seed, the fingerprint of the search
candidate   a setting that was proposed: its values, or their places in the space where JSON has
            no form for them
fold        the results of a candidate on one fold
=========== ====================================================================================

The first n lines of a journal are a journal, so whatever ends a search leaves one. Nothing in it is
evaluated or unpickled.
"""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, get_args

from sklearn_bo.dimensions import Choices, Dimension, Integer
from sklearn_bo.locking import open_locked
from sklearn_bo.space import Space
from sklearn_bo.trials import Origin, Trial
from sklearn_bo.values import native

_FORMAT = "sklearn_bo journal"
_VERSION = 1
_START = json.dumps({"format": _FORMAT, "version": 1})[:-2].encode()  # of any version's header
_NOT_FINITE = ("nan", "inf", "-inf")  # JSON has no form for these floats


@dataclass(frozen=True)
class Header:
    """What a search must share with the one that began the journal.

    Parameters
    ----------
    seed : int
        The engine's.
    n_initial_points : int
        The engine's; it depends on ``n_iter``, and a search that is prolonged keeps it.
    fingerprint : dict of str to str
        A description of each argument that the results depend on.
    """

    seed: int
    n_initial_points: int
    fingerprint: dict[str, str]


@dataclass(frozen=True)
class FoldForm:
    """What the results of a fold look like.

    Parameters
    ----------
    n_splits : int
        Number of folds of a candidate.
    metrics : set of str or None
        Names of the metrics; empty if a score is a single number, None where only a fit will tell.
    train_scores : bool
        Whether there are training scores.
    """

    n_splits: int
    metrics: set[str] | None
    train_scores: bool


@dataclass
class Candidate:
    """What a journal knows of one candidate.

    Parameters
    ----------
    params : dict
        Its setting.
    origin : str
        As in `Trial`.
    folds : dict of int to dict
        The results of the folds on file when the search began, by split.
    """

    params: dict[str, Any]
    origin: Origin
    folds: dict[int, dict[str, Any]] = field(default_factory=dict)


class Journal:
    """An open journal, locked against other searches until it is closed or its process ends.

    Parameters
    ----------
    path : str, PathLike or None
        The file, which need not exist. None keeps no journal.

    Attributes
    ----------
    header : Header or None
        Of the search that began the journal; None of a new one.
    candidates : list of Candidate
        Those of earlier runs, by number, after `begin`.

    Raises
    ------
    ValueError
        If the file is no journal, or one of a newer version.
    BlockingIOError
        If another search has it open.
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.header: Header | None = None
        self.candidates: list[Candidate] = []
        self._file: BinaryIO | None = None
        if path is None:
            return
        self._name = f"journal={os.fspath(path)!r}"
        self._file = open_locked(Path(path), self._name)
        try:
            self._read_header()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def begin(self, header: Header, space: Space, form: FoldForm) -> None:
        """Begin the journal, or take up what it holds for this search.

        Parameters
        ----------
        header : Header
            Of this search.
        space : Space
            Its search space.
        form : FoldForm
            What the results of its folds look like.

        Raises
        ------
        ValueError
            If the journal is that of a different search, which the message compares with this one;
            or if a line is malformed, which the message numbers.
        """
        assert self._file is not None
        if self.header is not None:
            if differences := _differences(self.header, header):
                raise ValueError(
                    f"{self._name} belongs to a different search:\n- "
                    + "\n- ".join(differences)
                    + "\nGive this search a journal of its own, or the arguments of that one; and "
                    "none, journal=None, within cross_val_score or another estimator, where the "
                    "data differ each time."
                )
            reader = _Reader(space, form, self.candidates)
            for i, line in enumerate(self._lines[1:], start=1):
                with self._naming(i):
                    reader.read(_parse(line))
        if self._torn:
            self._file.truncate(sum(len(line) + 1 for line in self._lines))
        if self.header is None:
            self._append({"format": _FORMAT, "version": _VERSION, **asdict(header)})

    def propose(self, trial: Trial, space: Space) -> None:
        """Note a candidate."""
        if self._file is None:
            return
        k = int(space.subspace_of(trial.z[None])[0])
        dimensions = space.subspaces[k].dimensions
        params = {name: _place(dimensions[name], value) for name, value in trial.params.items()}
        self._append(
            {
                "line": "candidate",
                "number": trial.number,
                "origin": trial.origin,
                "subspace": k,
                "params": params,
            }
        )

    def end_fold(self, number: int, split: int, result: Mapping[str, Any]) -> None:
        """Note the results of a fold of candidate `number`, as ``_fit_and_score`` gives them."""
        if self._file is None:
            return
        values = {key: _to_json(value) for key, value in result.items() if key in _RESULT_KEYS}
        self._append({"line": "fold", "number": number, "split": split, **values})

    def _append(self, record: dict[str, Any]) -> None:
        """Write a line and wait until it is on the disk."""
        assert self._file is not None
        rest = memoryview(json.dumps(record, allow_nan=False).encode() + b"\n")
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())

    def _read_header(self) -> None:
        assert self._file is not None
        self._file.seek(0)
        content = self._file.read()
        if not content.startswith(_START[: len(content)]):
            raise ValueError(
                f"{self._name} is not a journal of a search; name a file that does not exist yet."
            )
        *self._lines, self._torn = content.split(b"\n")
        if self._torn:
            warnings.warn(
                f"{self._name}: line {len(self._lines) + 1} is torn, as by a power cut; it is "
                "dropped, and what it told of is done again.",
                UserWarning,
                stacklevel=5,
            )
        if self._lines:
            with self._naming(0):
                self.header = _header(_parse(self._lines[0]))

    @contextmanager
    def _naming(self, i: int) -> Iterator[None]:
        """Name the line of an error."""
        try:
            yield
        except (ValueError, RecursionError) as error:
            mend = "To resume from the lines before it, delete this line and all that follow."
            mend = mend if i else "To begin anew, name a file that does not exist yet."
            raise ValueError(f"{self._name}, line {i + 1}: {error}. {mend}") from error


# -- lines


_RESULT_KEYS = {"fit_error", "test_scores", "train_scores", "fit_time", "score_time"}


class _Reader:
    """Adds lines to the candidates; raises ValueError for what no search writes."""

    def __init__(self, space: Space, form: FoldForm, candidates: list[Candidate]) -> None:
        self.space = space
        self.form = form
        self.metrics = form.metrics  # or those of the first fold
        self.candidates = candidates

    def read(self, record: dict[str, Any]) -> None:
        kind, number = record.pop("line", None), _integer(record.pop("number", None), "number")
        if kind == "candidate":
            _check(number == len(self.candidates), f"candidate {number} is out of order")
            self.candidates.append(self._candidate(record))
            return
        _check(kind == "fold", f"unknown kind of line {_shown(kind)}")
        _check(number < len(self.candidates), f"candidate {number} is unknown")
        folds = self.candidates[number].folds
        split = _integer(record.pop("split", None), "split")
        _check(split < self.form.n_splits, f"split {split} is unknown")
        _check(split not in folds, f"split {split} of {number} is there already")
        folds[split] = self._result(record)

    def _candidate(self, record: dict[str, Any]) -> Candidate:
        _check_keys(record, {"origin", "subspace", "params"})
        origin, params = record["origin"], record["params"]
        _check(origin in get_args(Origin), f"unknown origin {_shown(origin)}")
        k = _integer(record["subspace"], "subspace")
        _check(k < len(self.space.subspaces), f"subspace {k} is unknown")
        _check(isinstance(params, dict), "params is not an object")
        dimensions = self.space.subspaces[k].dimensions
        _check_keys(params, set(dimensions))
        return Candidate({name: _value(dimensions[name], params[name]) for name in params}, origin)

    def _result(self, record: dict[str, Any]) -> dict[str, Any]:
        keys = _RESULT_KEYS if self.form.train_scores else _RESULT_KEYS - {"train_scores"}
        _check_keys(record, keys)
        error = record["fit_error"]
        _check(error is None or isinstance(error, str), "fit_error is not a text")
        result = {"fit_error": error}
        for key in sorted(keys & {"test_scores", "train_scores"}):
            result[key] = self._scores(record[key], key)
        for key in ("fit_time", "score_time"):
            result[key] = float(_number(record[key], key))
        return result

    def _scores(self, scores: Any, key: str) -> Any:
        if not isinstance(scores, dict):
            _check(not self.form.metrics, f"{key} is not of {sorted(self.form.metrics or ())}")
            return _number(scores, key)
        if self.metrics is None:
            self.metrics = set(scores)
        _check(bool(scores) and scores.keys() == self.metrics, f"{key} is of unknown metrics")
        return {name: _number(score, key) for name, score in scores.items()}


def _parse(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_reject)
    except ValueError as error:  # of the encoding, of JSON, of endless digits
        raise ValueError(f"it is not JSON ({error})") from error
    _check(isinstance(record, dict), "it is not a JSON object")
    return record


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _header(record: dict[str, Any]) -> Header:
    version = _integer(record.get("version"), "version")
    if version > _VERSION:
        raise ValueError(
            f"the journal has version {version} of the format, and this sklearn_bo reads up to "
            f"version {_VERSION}; upgrade it"
        )
    _check_keys(record, {"format", "version", "seed", "n_initial_points", "fingerprint"})
    fingerprint = record["fingerprint"]
    _check(
        isinstance(fingerprint, dict) and all(isinstance(v, str) for v in fingerprint.values()),
        "fingerprint is not an object of texts",
    )
    n_initial_points = _integer(record["n_initial_points"], "n_initial_points")
    _check(n_initial_points > 0, "n_initial_points is 0")
    return Header(_integer(record["seed"], "seed"), n_initial_points, fingerprint)


def _differences(old: Header, new: Header) -> list[str]:
    """Say what differs between two searches, part by part."""
    parts = [{"random_state": str(h.seed), **h.fingerprint} for h in (old, new)]
    was, now = ({key: _shown(value) for key, value in part.items()} for part in parts)
    return [
        f"{key}: {was.get(key, 'nothing')} in the journal, {now.get(key, 'nothing')} here"
        for key in dict.fromkeys([*parts[0], *parts[1]])
        if parts[0].get(key) != parts[1].get(key)
    ]


def _place(dimension: Dimension, value: Any) -> Any:
    """Return a value of a dimension if JSON has a form for it, else its place among the choices."""
    finite = type(value) is float and math.isfinite(value)
    if value is None or finite or type(value) in (bool, int, str):
        return value
    if isinstance(dimension, Choices):
        return {"choice": dimension.index(value)}
    return int(value) if isinstance(dimension, Integer) else float(value)  # of a user's own kind


def _value(dimension: Dimension, place: Any) -> Any:
    """Undo `_place`; ValueError if the dimension has no such value."""
    if isinstance(dimension, Choices):
        if not isinstance(place, dict):
            return dimension.values[dimension.index(place)]
        _check_keys(place, {"choice"})
        level = _integer(place["choice"], "choice")
        _check(level < dimension.n_levels, f"{dimension} has no choice {level}")
        return dimension.values[level]
    _number(place, "a value")
    dimension.encode(place)
    return place


def _to_json(value: Any) -> Any:
    """Return the form of a number, of several by name, or of a text."""
    if isinstance(value, Mapping):
        return {name: _to_json(number) for name, number in value.items()}
    value = native(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    return float(value) if math.isfinite(value) else str(float(value))


def _number(value: Any, name: str) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return float(value)
    _check(isinstance(value, bool | int | float), f"{name}={_shown(value)} is not a number")
    _check(abs(value) <= sys.float_info.max, f"{name}={_shown(value)} is too large")
    return value


def _integer(value: Any, name: str) -> int:
    _check(type(value) is int and value >= 0, f"{name}={_shown(value)} is not a whole number")
    _check(value < 2**63, f"{name}={_shown(value)} is too large")
    return value


def _check(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)


def _check_keys(record: dict[str, Any], keys: set[str]) -> None:
    _check(record.keys() == keys, f"it has {_shown(sorted(record))} in place of {sorted(keys)}")


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
