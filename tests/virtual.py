"""Workers with a clock of their own: schedules of any durations cost no time."""

from dataclasses import dataclass, field

from sklearn_bo.broadcast import Broadcast

N_CANDIDATES = 12


class VirtualExecutor:
    """Runs a call at once and says that it ended when its duration is over."""

    def __init__(self, n_workers, queue_length, durations, events):
        self.n_workers = n_workers
        self.queue_length = max(queue_length, n_workers)
        self.n_each = 1
        self.durations = durations
        self.events = events
        self.now = 0.0
        self.running = []  # (end, number, task)
        self.queue = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def broadcast(self, content):
        return Broadcast(content)

    def submit(self, function, *args):
        _, _, number, split, _ = args
        self.events.append(("submit", number, split))
        out = function(*args)
        task = type("Task", (), {"result": lambda self: out, "seconds": None})()
        self.queue.append((number, split, task))
        self._start()
        return task

    def launch(self):
        """All are under way."""

    def any_done(self):
        return any(end <= self.now for end, *_ in self.running)

    def next_done(self, seconds=None):
        if not self.any_done():
            self.events.append(("wait", len(self.running)))
        self.running.sort(key=lambda item: item[0])
        end, number, split, task = self.running.pop(0)
        self.now = max(self.now, end)
        self.events.append(("done", number, split))
        self._start()
        return task

    def _start(self):
        while self.queue and len(self.running) < self.n_workers:
            number, split, task = self.queue.pop(0)
            duration = self.durations[(7 * number + split) % len(self.durations)]
            self.running.append((self.now + duration, number, split, task))


@dataclass
class FakeCrossValidation:
    """Each fold's score is a function of the setting."""

    n_splits: int
    n_candidates: int = N_CANDIDATES
    estimator: None = None
    splits: list = field(init=False)

    def __post_init__(self):
        self.splits = [None] * self.n_splits

    def evaluate(self, params, number, split, callbacks):
        return {"score": -((params["x"] - 0.3) ** 2) + 0.01 * split}
