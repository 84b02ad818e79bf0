"""What is no journal is left as it is; a line that no search writes is named by its number."""

import json
import sys

import pytest
from journaled import (
    SIMPLE,
    Anything,
    X,
    by_two,
    lines_of,
    make,
    y,
)
from scipy import stats

pytestmark = pytest.mark.usefixtures("no_fits")


# -- malformed files


def test_a_file_that_is_no_journal_is_left_as_it_is(path):
    for content in (b"notes", b"notes\nof mine\n", b'{"a": 1}\n', b"\n", b"\0" * 8):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"search.jsonl' is not a journal of a search"):
            make(path).fit(X, y)
        assert path.read_bytes() == content


def test_an_empty_file_begins_a_journal(path):
    path.touch()
    make(path, n_iter=2).fit(X, y)
    assert len(lines_of(path)) == 7


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"journal='.*no.file': there is no directory"):
        make(tmp_path / "no" / "file").fit(X, y)


def test_a_directory_is_no_journal(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory; name a file"):
        make(tmp_path).fit(X, y)


@pytest.mark.skipif(sys.platform == "win32", reason="devices of Unix")
@pytest.mark.parametrize("device", ["/dev/full", "/dev/null"])
def test_a_device_is_no_journal(device):
    with pytest.raises(OSError, match=f"journal='{device}' is a device or a pipe; name a file"):
        make(device).fit(X, y)


@pytest.mark.parametrize("journal", [3, b"x", True])
def test_a_journal_must_be_a_path(journal):
    with pytest.raises(ValueError, match="'journal' parameter of BayesSearchCV must be"):
        make(journal).fit(X, y)


def header_with(**changes):
    return lambda lines: [json.dumps(json.loads(lines[0]) | changes).encode() + b"\n", *lines[1:]]


def line_with(i, **changes):
    def edit(lines):
        record = json.loads(lines[i]) | changes
        record = {key: value for key, value in record.items() if value is not ...}
        return [*lines[:i], json.dumps(record).encode() + b"\n", *lines[i + 1 :]]

    return edit


def line_of(i, content):
    return lambda lines: [*lines[:i], content + b"\n", *lines[i + 1 :]]


def params(**changes):
    return {"params": {"a": 0.5, "b": 2, "thing": "u", "law": 0.1} | changes}


# Lines: 1 header, 2 candidate 0, 3 and 4 its folds, 5 candidate 1, ...
@pytest.mark.parametrize(
    ("edit", "number", "problem"),
    [
        (header_with(version=2), 1, "version 2 of the format.*up to version 1; upgrade"),
        (header_with(version="1"), 1, "version=1 is not a whole number"),
        (header_with(seed=-1), 1, "seed=-1 is not"),
        (header_with(seed=1e3), 1, "seed=1000.0 is not"),
        (header_with(n_initial_points=0), 1, "n_initial_points"),
        (header_with(fingerprint=[]), 1, "fingerprint"),
        (header_with(fingerprint={"X": 1}), 1, "fingerprint"),
        (header_with(more=1), 1, "more"),
        (line_of(3, b"notes"), 4, "not JSON"),
        (line_of(3, b""), 4, "not JSON"),
        (line_of(3, b"\0\0\0\0"), 4, "not JSON"),
        (line_of(3, b"\xff\xfe\x80"), 4, "not JSON"),
        (line_of(3, b'{"line": "fold"'), 4, "not JSON"),
        (line_of(3, b"[" * 100_000), 4, "recursion"),
        (line_of(3, b'{"line": "fold", "number": 0, "fit_time": NaN}'), 4, "not JSON .NaN"),
        (line_of(3, b'{"line": "fold", "number": %s}' % (b"9" * 5000)), 4, "not JSON"),
        (line_of(3, b"[]"), 4, "not a JSON object"),
        (line_of(3, b"null"), 4, "not a JSON object"),
        (line_of(3, b"cos\nsystem\n(S'exit 1'\ntR."), 4, "not JSON"),
        (line_of(3, b"__import__('os').abort()"), 4, "not JSON"),
        (line_with(3, line="more"), 4, "unknown kind of line more"),
        (line_with(3, line=["fold"]), 4, "unknown kind of line"),
        (line_with(3, line=...), 4, "unknown kind of line None"),
        (line_with(3, number=7), 4, "candidate 7 is unknown"),
        (line_with(3, number=True), 4, "number=True is not a whole number"),
        (line_with(3, number=-1), 4, "number=-1 is not a whole number"),
        (line_with(3, number=10**300), 4, "number=10+.* is too large"),
        (line_with(3, split=2), 4, "split 2 is unknown"),
        (line_with(3, split=0), 4, "split 0 of 0 is there already"),
        (line_with(3, split="1"), 4, "split=1 is not a whole number"),
        (line_with(3, fit_error=1), 4, "fit_error is not a text"),
        (line_with(3, test_scores="good"), 4, "test_scores=good is not a number"),
        (line_with(3, test_scores=None), 4, "test_scores=None is not a number"),
        (line_with(3, test_scores=[1]), 4, "is not a number"),
        (line_with(3, test_scores={"f1": 1.0}), 4, "unknown metrics"),
        (line_with(3, test_scores={}), 4, "unknown metrics"),
        (line_with(3, test_scores=10**400), 4, "too large"),
        (line_with(3, fit_time="soon"), 4, "fit_time"),
        (line_with(3, fit_time=...), 4, "in place of"),
        (line_with(3, train_scores=1.0), 4, "in place of"),
        (line_with(3, number=1), 4, "candidate 1 is unknown"),
        (lambda lines: [*lines[:5], *lines[4:]], 6, "candidate 1 is out of order"),
        (lambda lines: [*lines[:4], *lines[7:]], 5, "candidate 2 is out of order"),
        (lambda lines: [*lines[:4], lines[0], *lines[4:]], 5, "number=None"),
        (line_with(1, origin="heaven"), 2, "unknown origin heaven"),
        (line_with(1, origin=[]), 2, "unknown origin"),
        (line_with(1, subspace=1), 2, "subspace 1 is unknown"),
        (line_with(1, params=[]), 2, "params is not an object"),
        (line_with(1, params={"a": 0.5}), 2, "in place of"),
        (line_with(1, **params(a=2.0)), 2, "2.0 is not in Real"),
        (line_with(1, **params(a="x")), 2, "is not"),
        (line_with(1, **params(a="nan")), 2, "is not in Real"),
        (line_with(1, **params(a=[])), 2, "is not a number"),
        (line_with(1, **params(a={"choice": 0})), 2, "is not a number"),
        (line_with(1, **params(a=None)), 2, "is not a number"),
        (line_with(1, **params(a=True)), 2, "True is not in Real"),
        (line_with(1, **params(b=1.5)), 2, "1.5 is not in Integer"),
        (line_with(1, **params(b=10**300)), 2, "is not in Integer"),
        (line_with(1, **params(law=10**400)), 2, "is too large"),
        (line_with(1, **params(law="inf")), 2, "is not in Distribution"),
        (line_with(1, **params(thing="w")), 2, "'w' is not in Choices"),
        (line_with(1, **params(thing=["u"])), 2, "is not in Choices"),
        (line_with(1, **params(thing={"choice": 3})), 2, "no choice 3"),
        (line_with(1, **params(thing={"choice": -1})), 2, "choice=-1 is not a whole number"),
        (line_with(1, **params(thing={"choice": 0, "call": "os.abort"})), 2, "in place of"),
    ],
)
def test_a_malformed_line_is_reported_with_its_number(path, edit, number, problem):
    space = {**SIMPLE, "thing": ["u", "v", (1, 2)], "law": stats.norm()}
    make(path, space, n_iter=3).fit(X, y)
    content = b"".join(edit(lines_of(path)))
    path.write_bytes(content)
    Anything.fits.clear()
    with pytest.raises(
        ValueError, match=rf"(?s)search.jsonl', line {number}: .*{problem}"
    ) as error:
        make(path, space, n_iter=3).fit(X, y)
    mend = (
        "delete this line and all that follow" if number > 1 else "name a file that does not exist"
    )
    assert mend in str(error.value)
    assert len(str(error.value)) < 1000
    assert not Anything.fits
    assert path.read_bytes() == content


def test_metrics_of_lines_must_agree_with_each_other(path):
    make(path, scoring=by_two, objective="first", n_iter=3).fit(X, y)
    lines = lines_of(path)
    path.write_bytes(b"".join(line_with(3, test_scores={"first": 1.0})(lines)))
    with pytest.raises(ValueError, match="line 4: test_scores is of unknown metrics"):
        make(path, scoring=by_two, objective="first", n_iter=3).fit(X, y)


def test_metrics_of_lines_must_be_those_of_scoring(path):
    kwargs = {"scoring": ["accuracy", "f1"], "objective": "f1", "n_iter": 3}
    make(path, **kwargs).fit(X, y)
    path.write_bytes(b"".join(line_with(2, test_scores=1.0)(lines_of(path))))
    with pytest.raises(ValueError, match=r"line 3: test_scores is not of \['accuracy', 'f1'\]"):
        make(path, **kwargs).fit(X, y)
