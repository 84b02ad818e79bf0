"""Ctrl-C: the first ends a wait, and what was learnt is kept; the second leaves at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(BaseException):
    """The first Ctrl-C."""


class Interruptions:
    """Within a ``with`` block, let Ctrl-C act where it does no harm.

    A first SIGINT raises `Interrupted` in the blocks marked by `may_interrupt`, at once or when
    the next of them begins; a second one raises `KeyboardInterrupt` anywhere. A handler that is not
    Python's own stays in place, as does any in a thread that is not the main one. Within another
    such block the first goes to the outer one, for what it evaluates is cut short.
    """

    def __init__(self) -> None:
        self._n = 0
        self._allowed = False
        self._handles = False
        self._is_inner = False

    def __enter__(self) -> Interruptions:
        in_main_thread = threading.current_thread() is threading.main_thread()
        handler = signal.getsignal(signal.SIGINT) if in_main_thread else None
        self._is_inner = isinstance(getattr(handler, "__self__", None), Interruptions)
        self._handles = handler is signal.default_int_handler
        if self._handles:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._handles:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, *_: Any) -> None:
        self._n += 1
        if self._allowed or self._n > 1:
            raise KeyboardInterrupt

    @contextmanager
    def may_interrupt(self) -> Iterator[None]:
        """Mark a block that Ctrl-C may end."""
        self._allowed = True
        try:
            if self._n:
                raise KeyboardInterrupt
            yield
        except KeyboardInterrupt:
            if self._n > 1 or self._is_inner:
                raise
            self._n = 1  # it may have come from a worker
            raise Interrupted from None
        finally:
            self._allowed = False
