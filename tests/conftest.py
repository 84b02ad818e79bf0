"""Fixtures of several test modules."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture
def no_fits(monkeypatch):
    """Have the estimator of journaled.py forget its fits and how it was to fail."""
    from journaled import Anything

    monkeypatch.setattr(Anything, "fits", [])
    monkeypatch.setattr(Anything, "fail", staticmethod(lambda self: None))


@pytest.fixture
def path(tmp_path):
    """Return where a journal is kept."""
    return tmp_path / "search.jsonl"


@pytest.fixture(scope="module")
def one_blas_thread():
    """Have BLAS use one thread; more cost time on small data."""
    with threadpool_limits(1):
        yield
