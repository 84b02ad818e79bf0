"""Tables and the figure of a benchmark's records."""

from pathlib import Path

import numpy as np
import pandas as pd

from . import scores, tables
from .tasks import GROUPS, TASKS

AHEAD = "random, twice the evaluations"


def spread(part: pd.DataFrame) -> str:
    """Return the mean over tasks of the mean over seeds, and the spread over seeds.

    The spread is the standard deviation, over seeds, of the mean over tasks.
    """
    mean = part.groupby("task").score.mean().mean()
    by_seed = part.groupby("seed").score.mean()
    return f"{mean:.1f} ± {by_seed.std():.1f}" if len(by_seed) > 1 else f"{mean:.1f}"


def of_methods(table: pd.DataFrame, columns: str) -> pd.DataFrame:
    """Return the spread for each method and column, the best method (by the last one) first."""
    cells = {key: spread(part) for key, part in table.groupby(["method", columns], observed=True)}
    out = pd.Series(cells).unstack()
    last = table[table[columns] == table[columns].max()] if columns == "n" else table
    order = last.groupby(["method", "task"]).score.mean().groupby("method").mean()
    return out.loc[[m for m in order.sort_values(ascending=False).index if m in out.index]]


def ranks(table: pd.DataFrame) -> pd.Series:
    """Return each method's mean rank, 1 being the best, over the (task, seed) all have run."""
    wide = table.pivot_table(index=["task", "seed"], columns="method", values="score").dropna()
    return wide.rank(axis=1, ascending=False).mean()


def matching_random(records: list[dict], table: pd.DataFrame, n: int) -> dict[str, float]:
    """Return how many random draws have, over each method's tasks, its mean score after n.

    The median over tasks; where all reference draws do not suffice, infinitely many.
    """
    scorer = scores.Scorer(records)
    draws = np.unique(np.geomspace(1, tables.N_REFERENCE, 60).astype(int))
    curves = {
        name: np.array([scorer.random(name, k) for k in draws]) for name in table.task.unique()
    }
    out = {}
    for method, part in table[table.n == n].groupby("method"):
        needed = []
        for name, score in part.groupby("task").score.mean().items():
            enough = curves[name] >= score
            needed.append(draws[enough.argmax()] if enough.any() else np.inf)
        out[method] = float(np.median(needed))
    return out


def to_markdown(frame: pd.DataFrame, corner: str = "") -> str:
    """Return a table in Markdown; missing cells are empty."""
    rows = [[corner, *map(str, frame.columns)], ["---"] * (frame.shape[1] + 1)]
    rows += [
        [str(i), *("" if v != v else str(v) for v in row)]
        for i, row in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def markdown(records: list[dict]) -> str:
    """Return the report."""
    table = scores.table(records)
    n = 50 if (table.n == 50).any() else int(table.n.max())
    at = table[table.n == n]
    names = sorted(table.task.unique())
    overall = of_methods(table, "n")
    overall.columns = [f"after {k}" for k in overall.columns]
    overall[f"mean rank after {n}"] = ranks(at).round(2)
    needed = matching_random(records, table, n)
    overall[f"random needs for its {n}"] = [
        f"{needed[m]:.0f}" if np.isfinite(needed.get(m, np.inf)) else f"> {tables.N_REFERENCE}"
        for m in overall.index
    ]
    milliseconds = {
        method: 1e3 * np.mean(np.concatenate(part.seconds.tolist()))
        for method, part in pd.DataFrame(records).groupby("method")
    }
    overall["ms per evaluation"] = [f"{milliseconds[m]:.1f}" for m in overall.index]
    groups = of_methods(at, "group")
    groups = groups[[g for g in GROUPS if g in groups]]
    twice = scores.random_table(names, records, [2 * n])
    groups.loc[AHEAD] = {g: f"{p.score.mean():.1f}" for g, p in twice.groupby("group")}
    conditional = [name for name in names if len(TASKS[name].flat.keys) > 1]
    if conditional:
        part = at[at.task.isin(conditional)]
        groups["conditional"] = pd.Series({m: spread(p) for m, p in part.groupby("method")})
        expected = twice[twice.task.isin(conditional)].score.mean()
        groups.loc[AHEAD, "conditional"] = f"{expected:.1f}"
    by_task = at.pivot_table(index=["group", "task"], columns="method", values="score")
    by_task = by_task[list(overall.index)].round(0).astype("Int64").reset_index(level=0)
    return "\n".join(
        [
            f"{len(names)} tasks, {table.seed.nunique()} seeds. 100 x (1 - regret / mean regret of "
            "the best of 5 random draws), clipped at 0; mean over tasks ± standard deviation over "
            "seeds.\n",
            to_markdown(overall, "method"),
            f"## By group, after {n}\n",
            to_markdown(groups, "method"),
            f"## By task, after {n}\n",
            to_markdown(by_task, "task"),
        ]
    )


def figure(records: list[dict], path: Path) -> None:
    """Draw the mean score against evaluations, with the spread over seeds."""
    from matplotlib.figure import Figure

    longest = max(len(r["values"]) for r in records)
    table = scores.table(records, range(1, longest + 1))
    drawing = Figure(figsize=(7, 4.5), layout="constrained")
    axes = drawing.subplots()
    for method, part in table.groupby("method"):
        by_seed = part.groupby(["n", "seed"]).score.mean().unstack()
        mean, std = by_seed.mean(axis=1), by_seed.std(axis=1).fillna(0.0)
        strong = method == "sklearn_bo"
        (line,) = axes.plot(mean.index, mean, label=method, lw=2.5 if strong else 1.3)
        axes.fill_between(mean.index, mean - std, mean + std, alpha=0.15, color=line.get_color())
    axes.set(xlabel="evaluations", ylabel="normalised score", ylim=(0, 100), xlim=(1, longest))
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    drawing.savefig(path, dpi=150)
