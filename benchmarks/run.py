"""Run the methods side by side and report: `python -m benchmarks [--quick]`.

Records are appended to a file of JSON lines: the same command again resumes, and `--also FILE`
adds an earlier run to the report.
"""

import argparse
from pathlib import Path

from . import peers, report, runs
from .tasks import SUITES

METHODS = [
    "random",
    "sklearn_bo",
    "scikit-optimize",
    "optuna-tpe",
    "optuna-gp",
    "hyperopt",
    "smac",
    "ax",
    "hebo",
]
QUICK = METHODS[:5]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="five methods, ten tasks, 2 seeds")
    parser.add_argument("--suite", default="standard", choices=SUITES)
    parser.add_argument("--tasks", nargs="+", help="parts of names of tasks")
    parser.add_argument("--methods", nargs="+", default=METHODS, help=" ".join(METHODS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("-n", type=int, default=100, help="evaluations")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="a folder")
    parser.add_argument("--also", type=Path, nargs="+", default=[], help="files of earlier runs")
    parser.add_argument("--report", action="store_true", help="report only what there is")
    args = parser.parse_args()
    if args.quick:
        args.suite, args.methods, args.seeds, args.n = "quick", QUICK, 2, 50
    names = [
        name
        for name in SUITES[args.suite]
        if not args.tasks or any(part in name for part in args.tasks)
    ]
    path = args.out / f"{args.suite}.jsonl"
    if args.report:
        records = runs.load([path])
    else:
        factories = peers.methods(args.methods)
        records = runs.search(factories, names, range(args.seeds), args.n, path, args.jobs)
    earlier = [
        {**record, "method": f"{record['method']} ({file.stem})"}
        for file in args.also
        for record in runs.load([file])
    ]
    chosen = [r for r in records + earlier if r["task"] in names]
    if not chosen:
        parser.error(f"no runs of such tasks in {path}")
    text = report.markdown(chosen)
    (args.out / f"{args.suite}.md").write_text(text)
    report.figure(chosen, args.out / f"{args.suite}.png")
    print(text)


if __name__ == "__main__":
    main()
