"""Compare variants of the engine, paired by task and seed.

    python -m benchmarks.ablate variants.py --seeds 8

`variants.py` defines VARIANTS, a dict of name -> callable(space, seed) that returns an object
with `ask(n)` and `tell(trial, score)`; the first is the baseline. Each run has a process of its
own, so a callable may change the engine's constants in place. Slow tasks are emulated (tables.py).
"""

import argparse
import runpy
import time
from pathlib import Path

import numpy as np
import pandas as pd

from . import runs, scores, tables
from .peers import Random, sklearn_bo
from .tasks import GROUPS, SUITES, TASKS

BUILT_IN = {"sklearn_bo": sklearn_bo, "random": Random}


def compare(table: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Return each variant's mean score and its difference to the baseline, overall and by group.

    In brackets its standard error, for other seeds of the same tasks.
    """
    wide = table.pivot_table(index=["group", "task", "seed"], columns="method", values="score")
    wide = wide[[baseline, *(c for c in wide if c != baseline)]]
    rows = {}
    for method in wide:
        row = {}
        both = wide[[baseline, method]].dropna() if method != baseline else wide[[method]].dropna()
        for group in ("all", *GROUPS):
            part = both if group == "all" else both[both.index.get_level_values("group") == group]
            if part.empty:
                continue
            difference = part[method] - part[baseline] if method != baseline else part[method]
            by_task = difference.groupby(level="task")
            of_means = by_task.var(ddof=1) / by_task.count()  # NaN with one seed
            variance = of_means.sum(skipna=False) / by_task.ngroups**2
            sign = "" if method == baseline else "+"
            row[group] = f"{by_task.mean().mean():{sign}.1f} ({variance**0.5:.1f})"
        rows[method] = {"score": f"{both[method].groupby(level='task').mean().mean():.1f}", **row}
    return pd.DataFrame(rows).T


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "variants", nargs="?", help="a Python file with VARIANTS; default: sklearn_bo, random"
    )
    parser.add_argument("--only", nargs="+", help="names of variants")
    parser.add_argument("--suite", default="standard", choices=SUITES)
    parser.add_argument("--tasks", nargs="+", help="names of tasks, or parts of names")
    parser.add_argument("--groups", nargs="+", choices=GROUPS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("-n", type=int, default=50, help="evaluations")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--real", action="store_true", help="no emulators")
    parser.add_argument("--out", type=Path, help="JSON lines to append to (resumes)")
    parser.add_argument(
        "--also", type=Path, nargs="+", default=[], help="earlier runs to compare with"
    )
    parser.add_argument("--by-task", action="store_true", help="also print each task's means")
    args = parser.parse_args()
    variants = runpy.run_path(args.variants)["VARIANTS"] if args.variants else BUILT_IN
    variants = {k: v for k, v in variants.items() if not args.only or k in args.only}
    names = [
        name
        for name in SUITES[args.suite]
        if (not args.tasks or any(part in name for part in args.tasks))
        and (not args.groups or TASKS[name].group in args.groups)
        and (tables.is_ready(name) or print(f"{name}: no table yet, left out"))
    ]
    out = args.out or tables.CACHE / "ablations" / f"{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    records = runs.search(
        variants, names, seeds, args.n, out, args.jobs, not args.real, isolate=True
    )
    records += runs.load(args.also)
    records = [r for r in records if r["task"] in names and r["seed"] in seeds]
    table = scores.table(records)
    print(f"runs in {out}; mean (standard error); differences to the first")
    baseline = next(iter(variants))
    print(f"{table.task.nunique()} tasks, {table.seed.nunique()} seeds")
    for n in (10, 20, 30, 50, 100):
        if n in set(table.n):
            print(f"\nafter {n} evaluations")
            print(compare(table[table.n == n], baseline).to_string())
    several = table[table.n.isin((20, 30, 50))]
    if len(several):
        print("\nmean of those after 20, 30 and 50 (less noise)")
        print(compare(several, baseline).to_string())
    for method, part in pd.DataFrame(records).groupby("method"):
        print(f"{method}: {1e3 * np.mean(np.concatenate(part.seconds.tolist())):.1f} ms per trial")
    if args.by_task:
        last = table[table.n == table.n.max()]
        print(
            last.pivot_table(index=["group", "task"], columns="method", values="score")
            .round(1)
            .to_string()
        )


if __name__ == "__main__":
    main()
