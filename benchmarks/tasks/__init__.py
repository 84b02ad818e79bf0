"""The tasks, by name; the suites that runs choose from."""

from . import bayesmark, functions, limits, pipelines, users
from .task import GROUPS, Task

# Of Bayesmark's grid; the rest of it is held out, so that an engine tuned to the standard suite
# can be judged on tasks it has not seen.
_CHOSEN = [
    "kNN-digits-nll", "kNN-diabetes-mae",
    "SVM-digits-acc", "SVM-diabetes-mse", "SVM-wine-acc",
    "DT-breast-nll", "DT-digits-acc", "DT-diabetes-mse",
    "RF-wine-nll", "RF-digits-acc", "RF-diabetes-mae",
    "MLP-adam-iris-nll", "MLP-adam-digits-acc", "MLP-adam-diabetes-mse",
    "MLP-sgd-wine-nll", "MLP-sgd-breast-acc",
    "ada-wine-nll", "ada-diabetes-mse",
    "linear-wine-nll", "linear-breast-acc",
    "lasso-wine-nll", "lasso-diabetes-mse",
]  # fmt: skip
_QUICK = [
    "branin", "SVM-diabetes-mse", "DT-breast-nll", "svr-kernels-diabetes", "neighbours-wine",
    "polynomial-diabetes", "svc-grid-breast", "landscape", "svc-holdout-moons", "hartmann6-noisy",
]  # fmt: skip

_CHEAP = [  # milliseconds an evaluation
    *(task.name for task in functions.TASKS),
    "DT-breast-nll", "DT-diabetes-mse", "SVM-diabetes-mse", "kNN-diabetes-mae",
    "lasso-diabetes-mse", "ridge-diabetes", "polynomial-diabetes", "neighbours-wine",
    "bins-or-neighbours-diabetes", "svr-kernels-diabetes",
]  # fmt: skip

TASKS: dict[str, Task] = {
    task.name: task
    for task in [
        *bayesmark.TASKS,
        *bayesmark.MODEL_TASKS,
        *pipelines.TASKS,
        *functions.TASKS,
        *limits.TASKS,
        *users.TASKS,
    ]
}
SUITES: dict[str, list[str]] = {
    "standard": _CHOSEN + [task.name for task in [*pipelines.TASKS, *functions.TASKS]],
    "quick": _QUICK,
    "cheap": _CHEAP,
    "limits": [task.name for task in limits.TASKS],
    "users": [task.name for task in users.TASKS],
    "models": [task.name for task in bayesmark.MODEL_TASKS],
    "holdout": [task.name for task in bayesmark.TASKS if task.name not in _CHOSEN],
}

__all__ = ["GROUPS", "SUITES", "TASKS", "Task"]
