"""Validate the public docstrings against the numpydoc standard."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

from numpydoc.validate import validate

import sklearn_bo

IGNORED = {
    "ES01",  # an extended summary is not always needed
    "EX01",  # nor is an example
    "SA01",  # nor a See Also section
    "GL01",  # the summary starts on the line of the quotes, as in PEP 257
    "GL02",  # and the quotes may close on the line of a one-line docstring
    "GL08",  # attributes that scikit-learn documents
    "SS06",  # kept to one line by ruff
    "RT02",  # a returned name says what its type does not
}


def public_names() -> Iterator[str]:
    """Yield the public names and the public methods that this package defines."""
    for name in sklearn_bo.__all__:
        yield f"sklearn_bo.{name}"
        for method, value in vars(getattr(sklearn_bo, name)).items():
            if not method.startswith("_") and (inspect.isfunction(value)):
                yield f"sklearn_bo.{name}.{method}"


problems = [
    f"{name}: {code} {message}"
    for name in public_names()
    for code, message in validate(name)["errors"]
    if code not in IGNORED
]
print("\n".join(problems) or "docstrings: all valid")
sys.exit(bool(problems))
