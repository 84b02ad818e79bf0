"""
A search on a Ray cluster
=========================

The search is the same as on one machine; `joblib.parallel_config` says where its folds are fitted.
Here the cluster is two processes of this machine. For many machines, ``ray start --head`` on one,
``ray start --address=<head>:6379`` on the others, with the same packages everywhere, and write
``ray.init(address="auto")``: nothing else changes.

The data and the estimator are put into Ray's object store once; each fold is sent to an idle actor.
"""

import joblib
import ray
from ray.util.joblib import register_ray
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from sklearn_bo import BayesSearchCV

X, y = load_digits(return_X_y=True)
space = {"C": (1e-2, 1e3, "log-uniform"), "gamma": (1e-5, 1e-1, "log-uniform")}
search = BayesSearchCV(SVC(), space, n_iter=20, cv=3, random_state=0)

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
register_ray()
with joblib.parallel_config("ray", n_jobs=2):
    search.fit(X, y)
ray.shutdown()
print(f"{search.best_score_:.4f} with {search.best_params_}")
