"""Fixtures of several test modules."""

import pytest


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
