"""An alarm: what ends a call in this process when its time is over."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

_AGAIN = 10.0  # seconds, time to clean up, until it rings again, lest what it raised was caught
_MAX_SECONDS = 1e9  # some 30 years; a timer takes no more than 290


def can_ring() -> bool:
    """Return whether there are signals here: in the main thread, and not on Windows."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and hasattr(signal, "SIGALRM")


class Alarm(BaseException):
    """The time of a call is over; no `Exception`, which a fit might catch."""

    def limit(self, seconds: float, function: Callable, *args: Any) -> Any:
        """Make a call, and raise this alarm if it takes longer, as soon as it runs Python code.

        A call that catches the alarm and returns is over its time all the same.

        Where it cannot ring, the call takes its time. An alarm that is set already, for a search
        around this one or by anyone else, rings in its own time.

        Parameters
        ----------
        seconds : float
            May be infinite.
        function : callable
            What to call.
        *args : object
            Its arguments.

        Returns
        -------
        object
            What the call returns.
        """
        if seconds == math.inf or not can_ring():
            return function(*args)
        end = time.monotonic() + seconds
        is_over = has_rung = False
        handler = signal.getsignal(signal.SIGALRM) or signal.SIG_DFL
        other, interval = _disarm()

        def ring(number: int, frame: Any) -> None:
            nonlocal end, other, interval, has_rung
            if is_over:
                return
            if end <= other:
                has_rung = True
                end = time.monotonic() + _AGAIN
                _arm(min(end, other))
                raise self
            signal.setitimer(signal.ITIMER_REAL, interval, interval)
            try:
                if callable(handler):
                    handler(number, frame)
                elif handler == signal.SIG_DFL:  # it is to kill this process
                    signal.signal(number, handler)
                    signal.raise_signal(number)
            finally:
                other, interval = _disarm()  # as the handler has left it
                _arm(min(end, other))

        try:
            try:
                signal.signal(signal.SIGALRM, ring)
                _arm(min(end, other))
                value = function(*args)
                if has_rung:
                    raise self
                return value
            finally:
                is_over = True
        finally:
            _disarm()
            signal.signal(signal.SIGALRM, handler)
            _arm(other, interval)


def _disarm() -> tuple[float, float]:
    """Disarm the timer; return when it would have rung, and after which interval again."""
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    return (time.monotonic() + left if left else math.inf), interval


def _arm(end: float, interval: float = 0.0) -> None:
    """Have the timer ring at a time that is finite, and again after an interval that is not 0."""
    if end < math.inf:
        seconds = min(max(end - time.monotonic(), 1e-6), _MAX_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, seconds, interval)
