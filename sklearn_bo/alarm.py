"""An alarm: what ends a call in this process when its time is over."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Alarm(BaseException):
    """The time of a call is over; no `Exception`, which a fit might catch."""

    @contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Raise this alarm if the block lasts longer, as soon as it runs Python code.

        There are signals for it in the main thread alone, and not on Windows. One that is set
        already, for a search around this one or by anyone else, rings in its own time.

        Parameters
        ----------
        seconds : float
            May be infinite.
        """
        in_main_thread = threading.current_thread() is threading.main_thread()
        if seconds == math.inf or not in_main_thread or not hasattr(signal, "SIGALRM"):
            yield
            return
        handler = signal.getsignal(signal.SIGALRM) or signal.SIG_DFL
        left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
        end = time.monotonic() + seconds
        other = time.monotonic() + left if left else math.inf

        def arm(next_end: float) -> None:
            if next_end < math.inf:  # 0 would disarm it
                left = max(next_end - time.monotonic(), 1e-6)
                signal.setitimer(signal.ITIMER_REAL, left, interval)

        def ring(number: int, frame: Any) -> None:
            nonlocal other
            if end <= other:
                raise self
            other = time.monotonic() + interval if interval else math.inf
            arm(min(end, other))
            if callable(handler):
                handler(number, frame)
            elif handler == signal.SIG_DFL:  # it is to kill this process
                signal.signal(number, handler)
                signal.raise_signal(number)

        signal.signal(signal.SIGALRM, ring)
        arm(min(end, other))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            arm(other)
