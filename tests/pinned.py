"""What private names the tests are about; test_private_names.py finds those that no test is."""

from collections.abc import Callable

PINNED: set[str] = set()


def pins(*names: str) -> Callable:
    """Declare what names a test is about."""
    PINNED.update(names)
    return lambda test: test
