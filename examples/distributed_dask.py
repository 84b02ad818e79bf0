"""
A search on a Dask cluster
==========================

The search is the same as on one machine; `joblib.parallel_config` says where its folds are fitted.
Here the cluster is two processes of this machine. For many machines, start ``dask scheduler`` on
one and ``dask worker tcp://<scheduler>:8786`` on each, with the same packages everywhere, and write
``Client("tcp://<scheduler>:8786")`` in place of the local cluster: nothing else changes.

The data and the estimator travel to the cluster once, each fold as a few kilobytes. A worker that
dies costs the fold that killed it.
"""

import joblib
from distributed import Client, LocalCluster
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from sklearn_bo import BayesSearchCV


def main() -> None:
    """Search on two workers."""
    X, y = load_digits(return_X_y=True)
    space = {"C": (1e-2, 1e3, "log-uniform"), "gamma": (1e-5, 1e-1, "log-uniform")}
    search = BayesSearchCV(SVC(), space, n_iter=20, cv=3, random_state=0)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        search.fit(X, y)
    print(f"{search.best_score_:.4f} with {search.best_params_}")


if __name__ == "__main__":  # the workers import this file
    main()
