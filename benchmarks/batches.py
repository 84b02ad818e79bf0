"""Scores with trials pending: `python -m benchmarks.batches`.

Rounds of 4 and 16 trials that end together, by the number of rounds; and several trials in flight,
of which the oldest ends first, against one at a time, by the number of evaluations: 3 are what a
search on 8 workers has with 5 folds a candidate (8 / 5 + 1), and 8 are what it has with ``lag=8``.

What parallel runs cost in score, in minutes: `python -m benchmarks.batches --suite cheap
--methods sklearn_bo --no-rounds`.
"""

import argparse
from pathlib import Path

from . import peers, report, runs, scores
from .tasks import SUITES

ROUNDS = {4: (3, 5, 8, 12), 16: (1, 2, 3, 4)}  # pending -> rounds reported
ASYNCHRONOUS = ("random", "sklearn_bo", "optuna-tpe", "optuna-gp", "hyperopt")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--methods", nargs="+", default=["random", "sklearn_bo", "scikit-optimize", "optuna-tpe"]
    )
    parser.add_argument("--suite", default="standard", choices=SUITES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 3, 8])
    parser.add_argument("--no-rounds", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--real", action="store_true", help="no emulators")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="a folder")
    args = parser.parse_args()
    factories = peers.methods(args.methods)
    names, seeds = SUITES[args.suite], range(args.seeds)

    def search(methods: dict, n: int, pending: int, rounds: bool) -> list[dict]:
        kind = ("" if rounds else "-in-flight") + ("-real" if args.real else "")
        path = args.out / f"batches-{args.suite}-{pending}{kind}.jsonl"
        return runs.search(
            methods, names, seeds, n, path, args.jobs, not args.real, False, pending, rounds
        )

    for pending, shown in () if args.no_rounds else ROUNDS.items():
        budgets = [pending * k for k in shown]
        table = scores.table(search(factories, budgets[-1], pending, True), budgets)
        print(f"\n{pending} pending, after so many rounds")
        table["n"] //= pending
        print(report.to_markdown(report.of_methods(table, "n"), "method"))
    capable = {name: make for name, make in factories.items() if name in ASYNCHRONOUS}
    records = [
        {**record, "method": f"{record['method']}, {pending} in flight"}
        for pending in args.in_flight
        for record in search(capable, 50, pending, False)
    ]
    print("\nin flight, after so many evaluations")
    print(report.to_markdown(report.of_methods(scores.table(records), "n"), "method"))


if __name__ == "__main__":
    main()
