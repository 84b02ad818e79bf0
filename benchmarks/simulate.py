"""Utilisation up to 1,000 workers, simulated: `python -m benchmarks.simulate`.

The search's own loop, on virtual workers with a virtual clock. Fold times as in
`benchmarks.parallel`. A proposal costs `--ask` of a mean fold where results have come since the
last, and `--again` of that where none have, as the surrogate is then fitted already: by default
what the engine's own cost, measured here and now. The first proposals, one to each worker, and the
last folds, when fewer than workers are left, do not count.
"""

import argparse
import heapq
import time

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_bo import Optimizer, evaluation
from sklearn_bo._sklearn import init_callback_context
from sklearn_bo.broadcast import Broadcast

from .cost import objective, space_of
from .parallel import N_SPLITS, Random, fold_times
from .spaces import Flat


class World:
    """Workers, and a proposer whose thread stands still while it proposes."""

    def __init__(self, n_workers, n_candidates, ask, again, seed):
        self.n_workers, self.queue_length = n_workers, 2 * n_workers
        self.seconds = fold_times(np.random.RandomState(seed), n_candidates)
        self.now = 0.0
        self.idle_since = [0.0] * n_workers  # a heap
        self.queue, self.ending = [], []
        self.spans = []
        self.costs = ask, ask * again
        self.told = True
        self.ask_spans = []

    n_each = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def broadcast(self, content):
        return Broadcast(content)

    def submit(self, function, *args):
        task = type("Task", (), {"result": lambda self: {"score": 0.0}, "seconds": None})()
        begin = max(self.now, heapq.heappop(self.idle_since))
        end = begin + self.seconds[args[2], args[3]]
        heapq.heappush(self.idle_since, end)
        heapq.heappush(self.ending, (end, id(task), task))
        self.spans.append((begin, end))
        return task

    def launch(self):
        pass

    def any_done(self):
        return bool(self.ending) and self.ending[0][0] <= self.now

    def next_done(self, seconds=None):
        end, _, task = heapq.heappop(self.ending)
        self.now = max(self.now, end)
        return task

    def spend(self):
        begin, self.now = self.now, self.now + self.costs[not self.told]
        self.ask_spans.append((begin, self.now))
        self.told = False


class Proposer(Random):
    """Spends virtual time."""

    def __init__(self, world):
        super().__init__(0.0)
        self.world = world
        self.n_pending = 0

    def ask(self, n=None):
        self.unfinished.append(self.n_pending)
        self.n_pending += 1
        self.world.spend()
        return self._append({"x": 1 / (1 + len(self.trials))}, "model")

    def tell(self, trial, score):
        self.n_pending -= 1
        self.world.told = True


class Sleep:
    """Stands for a cross-validation."""

    estimator = None
    splits = (None,) * N_SPLITS

    def __init__(self, n_candidates):
        self.n_candidates = n_candidates


def within(spans, start, stop):
    """Time that spans have within an interval."""
    begin, end = np.clip(np.array(spans).T, start, stop)
    return (end - begin).sum()


def simulate(n_workers, lag, args):
    """Return utilisation, the proposer's, and the unfinished candidates at a proposal."""
    n_candidates = max(200, 6 * n_workers)
    world = World(n_workers, n_candidates, args.ask, args.again, 0)
    proposer = Proposer(world)
    evaluation.Executor = lambda n_jobs, pre_dispatch, timeout: world
    evaluation.perf_counter = lambda: world.now
    context = init_callback_context(BaseEstimator(), max_subtasks=1)
    for _ in evaluation.evaluate_trials(
        proposer, Sleep(n_candidates), lambda folds: 0.0, lag=lag, search_context=context
    ):
        pass
    stop = world.ask_spans[-1][1]
    start = 0.3 * stop
    busy = within(world.spans, start, stop) / (n_workers * (stop - start))
    asking = within(world.ask_spans, start, stop) / (stop - start)
    return busy, asking, np.mean(proposer.unfinished[len(proposer.unfinished) // 3 :])


def engine_costs(n_told, n_dims=6, n_first=8, n_again=4):
    """Return n_told and the CPU seconds of an ask after a tell, and of one after an ask."""
    space = space_of(n_dims)
    optimizer = Optimizer(space, random_state=0)
    flat, random = Flat(space), np.random.RandomState(0)
    for _ in range(n_told):
        params = flat.params(flat.sample(random))
        optimizer.tell(params, objective(flat, params))
    first, again = [], []
    for _ in range(n_first):
        trials = []
        for seconds in [first] + [again] * n_again:
            start = time.process_time()
            trials.append(optimizer.ask())
            seconds.append(time.process_time() - start)
        for trial in trials:
            optimizer.tell(trial, objective(flat, trial.params))
    return n_told, np.median(first), np.median(again)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ask", type=float, default=0.05, help="of a proposal, in mean folds")
    parser.add_argument("--again", type=float, help="default: measured")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 32, 100, 316, 1000])
    args = parser.parse_args()
    if args.again is None:
        print("told | ms of a first proposal | of a repeated one\n---|---|---")
        costs = [engine_costs(n_told) for n_told in (20, 50, 100, 200)]
        for n_told, first, again in costs:
            print(f"{n_told} | {1e3 * first:.1f} | {1e3 * again:.1f}")
        args.again = np.mean([again / first for _, first, again in costs])
        print(f"\na repeated proposal costs {args.again:.2f} of a first one\n")
    print("| workers | lag | utilisation | proposer busy | unfinished at a proposal |")
    print("|---|---|---|---|---|")
    for n_workers in args.workers:
        for lag in (None, n_workers):
            busy, asking, unfinished = simulate(n_workers, lag, args)
            print(
                f"| {n_workers} | {lag or '-'} | {busy:.3f} | {asking:.2f} | {unfinished:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
