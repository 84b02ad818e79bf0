"""How the engine computes, whatever the caller has set."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from sklearn_bo._sklearn import _get_threadpool_controller

_LIMITING: dict[int, threading.Lock] = {}  # by process: a fork may copy a lock that is held


@contextmanager
def engine_numerics() -> Iterator[None]:
    """Limit BLAS to one thread, and let numbers underflow to 0 without an error or a warning.

    Threads of BLAS cost far more than they give here while the cores are busy. The limit is the
    process's, so a lock keeps two threads from restoring each other's.
    """
    with (
        _LIMITING.setdefault(os.getpid(), threading.Lock()),
        _get_threadpool_controller().limit(limits=1, user_api="blas"),
        np.errstate(under="ignore"),
    ):
        yield
