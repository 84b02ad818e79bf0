"""What tests that start processes do in them, and wait for."""

import os
import signal
import time


class Payload:
    """Notes in a file which process unpickles it."""

    def __init__(self, log):
        self.log = str(log)

    def __setstate__(self, state):
        self.__dict__ = state
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()}\n")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(condition, seconds=60):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
