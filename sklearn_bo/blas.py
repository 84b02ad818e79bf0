"""One BLAS thread for what is proposed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn_bo._sklearn import _get_threadpool_controller

_LIMITING: dict[int, threading.Lock] = {}  # by process: a fork may copy a lock that is held


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS, whose threads cost far more than they give here while the cores are busy.

    The limit is the process's. Two threads would restore each other's.
    """
    with (
        _LIMITING.setdefault(os.getpid(), threading.Lock()),
        _get_threadpool_controller().limit(limits=1, user_api="blas"),
    ):
        yield
