"""Tasks of users.py whose objective is more than a cross-validated model."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    f1_score,
    matthews_corrcoef,
    roc_auc_score,
    silhouette_score,
)
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import OneClassSVM

from ..spaces import Params
from .task import Task, plain
from .users_data import cross_validate, load

LOG = "log-uniform"


def _beyond(threshold: float, metric: Callable[..., float]) -> Callable[..., float]:
    """Return the scorer of predicting the class whose probability exceeds the threshold."""
    return lambda model, X, y: metric(y, model.predict_proba(X)[:, 1] > threshold)


def _threshold_f1(params: Params) -> float:
    weights = {0: 1, 1: params["w"]}
    logistic = LogisticRegression(C=params["C"], max_iter=60, class_weight=weights)
    model = make_pipeline(StandardScaler(), logistic)
    return cross_validate(model, "imbalanced-20", _beyond(params["t"], f1_score))


def _threshold_mcc(params: Params) -> float:
    priors = [1 - params["prior"], params["prior"]]
    model = GaussianNB(var_smoothing=params["vs"], priors=priors)
    return cross_validate(model, "imbalanced", _beyond(params["t"], matthews_corrcoef))


def _kmeans_silhouette(params: Params) -> float:
    X, _ = load("blobs")
    return silhouette_score(X, KMeans(random_state=0, **params).fit_predict(X))


def _dbscan_silhouette(params: Params) -> float:
    X, _ = load("moons")
    labels = DBSCAN(**params).fit_predict(X)
    return silhouette_score(X, labels) if 1 < len(set(labels)) < len(X) else -1.0


def _dbscan_rand(params: Params) -> float:
    X, y = load("ellipses")
    return adjusted_rand_score(y, DBSCAN(**params).fit_predict(X))


def _mixture_bic(params: Params) -> float:
    X, _ = load("blobs")
    mixture = GaussianMixture(
        params["k"],
        covariance_type=params["ct"],
        reg_covar=params["rc"],
        init_params=params["ip"],
        random_state=0,
        max_iter=20,
    )
    return -mixture.fit(X).bic(X)


def _agglomeration_information(params: Params) -> float:
    X, y = load("blobs")
    if params["s"] != "none":
        X = params["s"].fit_transform(X)
    model = AgglomerativeClustering(params["k"], linkage=params["l"], metric=params["m"])
    return adjusted_mutual_info_score(y, model.fit_predict(X))


def _outliers_auc(params: Params) -> float:
    """Fit the common class only; score how well the rare one stands out."""
    X, y = load("imbalanced")
    model = OneClassSVM(kernel=params["k"], nu=params["nu"], gamma=params["g"])
    return roc_auc_score(y, -model.fit(X[y == 0][:150]).decision_function(X))


def _density(params: Params) -> float:
    return cross_validate(
        KernelDensity(**params), "blobs", lambda model, X, y: model.score(X) / len(X)
    )


def _chosen(params: Params) -> list[int]:
    """Return the columns that the mask chooses."""
    return [k for k in range(len(params)) if params.get(f"f{k}")]


def _on_columns(columns: list[int], model: Any) -> Any:
    return make_pipeline(FunctionTransformer(lambda X: X[:, columns]), model)


def _mask_neighbours(params: Params) -> float:
    columns = _chosen(params)
    if not columns:
        return 0.5
    return cross_validate(_on_columns(columns, KNeighborsClassifier(7)), "madelon", "accuracy")


def _mask_kernel_ridge(params: Params) -> float:
    kernel = {name: params[name] for name in ("alpha", "gamma", "kernel", "degree")}
    return cross_validate(_on_columns(_chosen(params), KernelRidge(**kernel)), "friedman1", "r2")


def _weighted_neighbours(params: Params) -> float:
    weights = np.array([params[f"w{k}"] for k in range(15)])
    model = make_pipeline(FunctionTransformer(lambda X: X * weights), KNeighborsClassifier(9))
    return cross_validate(model, "four-classes", "accuracy")


TASKS = [
    # Decision thresholds, which interact with the weight or the prior of the rare class.
    Task(
        "users-threshold-f1",
        {"C": (1e-4, 1e2, LOG), "w": (1.0, 100.0), "t": (0.0, 1.0)},
        plain(_threshold_f1),
    ),
    Task(
        "users-threshold-mcc-nb",
        {"vs": (1e-12, 1e2, LOG), "prior": (1e-3, 0.999), "t": (0.0, 1.0)},
        plain(_threshold_mcc),
    ),
    # Clusterings, densities and outliers.
    Task(
        "users-kmeans-sil",
        {
            "n_clusters": (2, 50),
            "init": ["k-means++", "random"],
            "n_init": [1, 2, 3],
            "max_iter": (1, 50),
        },
        plain(_kmeans_silhouette),
    ),
    Task(
        "users-dbscan-sil",
        {
            "eps": (0.001, 5.0),
            "min_samples": (1, 50),
            "metric": ["euclidean", "manhattan", "cosine", "chebyshev"],
        },
        plain(_dbscan_silhouette),
    ),
    Task("users-dbscan-ari", {"eps": (0.01, 10.0), "min_samples": (1, 100)}, plain(_dbscan_rand)),
    Task(
        "users-gmm-bic",
        {
            "k": (1, 20),
            "ct": ["full", "tied", "diag", "spherical"],
            "rc": (1e-8, 10.0),
            "ip": ["random", "k-means++", "random_from_data"],
        },
        plain(_mixture_bic),
    ),
    # Ward's linkage fails with any metric but the Euclidean.
    Task(
        "users-agglo-ami",
        {
            "s": ["none", StandardScaler(), MinMaxScaler(), Normalizer()],
            "k": (2, 60),
            "l": ["ward", "complete", "average", "single"],
            "m": ["euclidean", "manhattan", "cosine", "l1"],
        },
        plain(_agglomeration_information),
    ),
    Task(
        "users-oneclass-auc",
        {"k": ["rbf", "sigmoid", "poly", "linear"], "nu": uniform(0.001, 0.99), "g": (1e-4, 10.0)},
        plain(_outliers_auc),
    ),
    # Kernels of bounded support have no density where no neighbour is: failures.
    Task(
        "users-kde",
        {
            "bandwidth": (0.01, 20.0),
            "kernel": ["gaussian", "exponential", "tophat", "epanechnikov", "linear", "cosine"],
        },
        plain(_density),
    ),
    # Masks and weights of the features.
    Task(
        "users-feature-mask", {f"f{k}": [True, False] for k in range(16)}, plain(_mask_neighbours)
    ),
    Task(
        "users-mask-krr",
        {
            **{f"f{k}": [True, False] for k in range(10)},
            "alpha": loguniform(1e-4, 1e2),
            "gamma": loguniform(1e-3, 1e2),
            "kernel": ["rbf", "laplacian", "polynomial", "linear", "sigmoid"],
            "degree": [2, 3],
        },
        plain(_mask_kernel_ridge),
    ),
    Task("users-weights15", {f"w{k}": (0.0, 1.0) for k in range(15)}, plain(_weighted_neighbours)),
]
