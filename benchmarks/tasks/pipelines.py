"""Pipelines with mixed, conditional and purely categorical spaces, noise and failures."""

from typing import Any

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA, FastICA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_classif
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    LogisticRegression,
    Ridge,
    SGDClassifier,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from ..spaces import Params, Space
from .data import cross_validate, hold_out
from .task import Task

LOG = "log-uniform"
SCALERS = ["passthrough", StandardScaler(), MinMaxScaler(), RobustScaler(), Normalizer()]


def _tuned(name: str, model: Any, data: str, metric: str, space: Space, slow: bool = False) -> Task:
    """Return the task of cross-validating `model.set_params(**params)`."""

    def objective(params: Params, seed: int) -> float:
        return cross_validate(_clone(model, params), data, metric)

    return Task(name, space, objective, slow=slow)


def _noisy(
    name: str,
    model: Any,
    data: str,
    metric: str,
    space: Space,
    seeded: str | None = None,
    slow: bool = False,
) -> Task:
    """Return a task whose score is of a random third; `seeded` also takes a random state."""

    def objective(params: Params, seed: int) -> float:
        extra = {} if seeded is None else {seeded: seed % 2**31}
        return hold_out(_clone(model, params | extra), data, metric, seed)

    return Task(name, space, objective, noisy=True, slow=slow)


def _clone(model: Any, params: Params) -> Any:
    return clone(model).set_params(**params)


def _steps(**steps: Any) -> Pipeline:
    return Pipeline(list(steps.items()))


def _kmeans_features(params: Params, seed: int) -> float:
    model = make_pipeline(
        StandardScaler(),
        KMeans(params["k"], n_init=1, random_state=0),
        LogisticRegression(C=params["C"], max_iter=300),
    )
    return cross_validate(model, "digits", "acc")


def _weighted_neighbours(params: Params, seed: int) -> float:
    """Scale each feature by hand before the neighbours: eleven numbers that interact."""
    weights = 10.0 ** np.array([params[f"w{k}"] for k in range(10)])
    model = make_pipeline(
        FunctionTransformer(lambda X: X * weights), KNeighborsRegressor(params["k"])
    )
    return cross_validate(model, "friedman", "mse")


CONTINUOUS = [
    _tuned("ridge-diabetes", Ridge(), "diabetes", "mse", {"alpha": loguniform(1e-4, 1e4)}),
    _tuned("bayes-digits", GaussianNB(), "digits", "acc", {"var_smoothing": (1e-12, 1e2, LOG)}),
    _tuned(
        "neighbours-madelon", KNeighborsClassifier(), "madelon", "acc", {"n_neighbors": (1, 120)}
    ),
    _tuned(
        "svr-friedman",
        make_pipeline(StandardScaler(), SVR()),
        "friedman",
        "mse",
        {
            "svr__C": (1e-3, 1e3, LOG),
            "svr__gamma": (1e-5, 1e1, LOG),
            "svr__epsilon": (1e-4, 1e1, LOG),
        },
    ),
    # Most of the space predicts one class: a plateau.
    _tuned(
        "svc-plateau-circles",
        SVC(),
        "circles",
        "acc",
        {"C": loguniform(1e-6, 1e6), "gamma": loguniform(1e-8, 1e4)},
    ),
    _tuned(
        "elastic-sparse",
        ElasticNet(max_iter=300),
        "sparse",
        "mse",
        {"alpha": (1e-4, 1e2, LOG), "l1_ratio": uniform(0.01, 0.99)},
    ),
    _tuned(
        "boosting-friedman",
        GradientBoostingRegressor(random_state=0),
        "friedman",
        "mse",
        {
            "learning_rate": (1e-3, 1.0, LOG),
            "n_estimators": randint(5, 60),
            "max_depth": (1, 8),
            "subsample": (0.2, 1.0),
            "max_features": (0.05, 1.0),
            "min_samples_leaf": (1, 40),
            "ccp_alpha": (1e-6, 1.0, LOG),
        },
    ),
]
MIXED = [
    _tuned(
        "pca-svc-digits",
        _steps(scale=StandardScaler(), pca=PCA(random_state=0), svc=SVC(max_iter=20_000)),
        "digits",
        "acc",
        {
            "scale": SCALERS,
            "pca__n_components": (2, 60),
            "pca__whiten": [False, True],
            "svc__kernel": ["rbf", "poly", "sigmoid", "linear"],
            "svc__C": (1e-3, 1e3, LOG),
            "svc__gamma": (1e-5, 1e1, LOG),
        },
    ),
    # Each kernel has parameters of its own.
    _tuned(
        "svr-kernels-diabetes",
        make_pipeline(StandardScaler(), SVR(max_iter=20_000)),
        "diabetes",
        "mae",
        [
            {"svr__kernel": ["rbf"], "svr__C": (1e-2, 1e4, LOG), "svr__gamma": (1e-5, 1e1, LOG)},
            {"svr__kernel": ["linear"], "svr__C": (1e-3, 1e2, LOG)},
            {
                "svr__kernel": ["poly"],
                "svr__C": (1e-3, 1e3, LOG),
                "svr__degree": [2, 3, 4],
                "svr__coef0": (0.0, 2.0),
            },
        ],
    ),
    _tuned(
        "models-madelon",
        _steps(scale=StandardScaler(), model=SVC()),
        "madelon",
        "acc",
        [
            {
                "scale": SCALERS,
                "model": [SVC()],
                "model__C": (1e-2, 1e3, LOG),
                "model__gamma": (1e-5, 1e1, LOG),
            },
            {
                "scale": SCALERS,
                "model": [KNeighborsClassifier()],
                "model__n_neighbors": (1, 50),
                "model__weights": ["uniform", "distance"],
                "model__p": [1, 2],
            },
            {
                "scale": SCALERS,
                "model": [LogisticRegression(max_iter=300)],
                "model__C": (1e-4, 1e3, LOG),
            },
            {
                "model": [DecisionTreeClassifier(random_state=0)],
                "model__max_depth": (1, 20),
                "model__min_samples_leaf": (1, 60, LOG),
                "model__criterion": ["gini", "entropy"],
            },
        ],
    ),
    _tuned(
        "selection-breast",
        _steps(select=PCA(), model=LogisticRegression(max_iter=200)),
        "breast",
        "nll",
        [
            {
                "select": [PCA(random_state=0)],
                "select__n_components": (1, 30),
                "model__C": (1e-4, 1e4, LOG),
            },
            {
                "select": [make_pipeline(StandardScaler(), SelectKBest(f_classif))],
                "select__selectkbest__k": (1, 30),
                "model__C": (1e-4, 1e4, LOG),
            },
            {"select": ["passthrough", StandardScaler()], "model__C": (1e-4, 1e4, LOG)},
        ],
    ),
    _tuned(
        "neighbours-wine",
        _steps(scale=StandardScaler(), knn=KNeighborsClassifier()),
        "wine",
        "nll",
        {
            "scale": SCALERS,
            "knn__n_neighbors": (1, 60),
            "knn__weights": ["uniform", "distance"],
            "knn__metric": ["euclidean", "manhattan", "chebyshev", "cosine"],
        },
    ),
    _tuned(
        "polynomial-diabetes",
        _steps(
            scale=StandardScaler(),
            expand=PolynomialFeatures(include_bias=False),
            model=ElasticNet(max_iter=200),
        ),
        "diabetes",
        "mse",
        {
            "scale": [StandardScaler(), QuantileTransformer(n_quantiles=50), PowerTransformer()],
            "expand__degree": [1, 2],
            "expand__interaction_only": [False, True],
            "model__alpha": loguniform(1e-3, 1e2),
            "model__l1_ratio": uniform(0, 1),
        },
    ),
    # shrinkage fails with svd, quadratic models fail with many components.
    _tuned(
        "discriminant-digits",
        _steps(pca=PCA(random_state=0), lda=LinearDiscriminantAnalysis()),
        "digits",
        "acc",
        {
            "pca__n_components": (1, 64),
            "lda__solver": ["svd", "lsqr", "eigen"],
            "lda__shrinkage": [None, "auto", 0.01, 0.1, 0.5, 0.9],
            "lda__tol": (1e-6, 1.0, LOG),
        },
    ),
    # Many pairs of solver and penalty are errors.
    _tuned(
        "logistic-solvers-breast",
        _steps(scale=StandardScaler(), model=LogisticRegression(max_iter=100)),
        "breast",
        "nll",
        {
            "scale": [StandardScaler(), MinMaxScaler(), RobustScaler()],
            "model__solver": ["lbfgs", "liblinear", "newton-cg", "newton-cholesky"],
            "model__l1_ratio": [0.0, 1.0],
            "model__C": (1e-4, 1e4, LOG),
            "model__fit_intercept": [True, False],
            "model__class_weight": [None, "balanced"],
        },
    ),
    _tuned(
        "kernel-ridge-friedman",
        make_pipeline(StandardScaler(), KernelRidge()),
        "friedman",
        "mae",
        [
            {
                "kernelridge__kernel": ["rbf", "laplacian"],
                "kernelridge__alpha": (1e-6, 1e2, LOG),
                "kernelridge__gamma": (1e-4, 1e1, LOG),
            },
            {
                "kernelridge__kernel": ["polynomial"],
                "kernelridge__alpha": (1e-6, 1e2, LOG),
                "kernelridge__degree": [2, 3, 4, 5],
                "kernelridge__coef0": (0.0, 5.0),
                "kernelridge__gamma": (1e-4, 1e0, LOG),
            },
        ],
    ),
    _tuned(
        "boosting-imbalanced",
        GradientBoostingClassifier(random_state=0),
        "imbalanced",
        "bal",
        {
            "loss": ["log_loss", "exponential"],
            "criterion": ["friedman_mse", "squared_error"],
            "learning_rate": (1e-3, 3.0, LOG),
            "n_estimators": (5, 50),
            "max_depth": (1, 8),
            "subsample": (0.1, 1.0),
            "max_features": ["sqrt", "log2", None],
            "min_samples_leaf": (1, 60),
        },
    ),
    _tuned(
        "histogram-madelon",
        HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=0),
        "madelon",
        "nll",
        {
            "learning_rate": (1e-3, 1.0, LOG),
            "max_iter": (5, 40),
            "max_leaf_nodes": (2, 40),
            "min_samples_leaf": (2, 80),
            "l2_regularization": (1e-6, 1e3, LOG),
            "max_features": (0.1, 1.0),
            "max_bins": [8, 16, 32, 64, 128, 255],
        },
    ),
    _tuned(
        "mlp-moons",
        make_pipeline(StandardScaler(), MLPClassifier(max_iter=60, random_state=0)),
        "moons",
        "nll",
        {
            "mlpclassifier__hidden_layer_sizes": [
                (5,),
                (20,),
                (60,),
                (5, 5),
                (20, 20),
                (10, 10, 10),
            ],
            "mlpclassifier__activation": ["relu", "tanh", "logistic", "identity"],
            "mlpclassifier__solver": ["adam", "sgd", "lbfgs"],
            "mlpclassifier__alpha": (1e-6, 1e1, LOG),
            "mlpclassifier__learning_rate_init": (1e-4, 1.0, LOG),
            "mlpclassifier__batch_size": [8, 16, 32, 64, 128],
            "mlpclassifier__beta_1": (0.3, 0.99),
        },
        slow=True,
    ),
    _tuned(
        "text-naive-bayes",
        _steps(words=TfidfVectorizer(), model=MultinomialNB()),
        "documents",
        "nll",
        {
            "words__analyzer": ["word", "char", "char_wb"],
            "words__ngram_range": [(1, 1), (1, 2), (2, 2), (1, 3), (2, 3)],
            "words__sublinear_tf": [False, True],
            "words__norm": [None, "l1", "l2"],
            "words__use_idf": [False, True],
            "words__min_df": (1, 6),
            "model__alpha": (1e-4, 1e2, LOG),
        },
    ),
    _tuned(
        "target-transform-diabetes",
        TransformedTargetRegressor(make_pipeline(StandardScaler(), HuberRegressor(max_iter=100))),
        "diabetes",
        "mae",
        {
            "transformer": [None, PowerTransformer(), QuantileTransformer(n_quantiles=40)],
            "regressor__huberregressor__alpha": (1e-5, 1e4, LOG),
            "regressor__huberregressor__epsilon": (1.0, 4.0),
            "regressor__standardscaler": ["passthrough", StandardScaler()],
        },
    ),
    _tuned(
        "splines-friedman",
        _steps(scale=StandardScaler(), splines=SplineTransformer(), model=Ridge()),
        "friedman",
        "mse",
        {
            "splines__n_knots": (2, 25),
            "splines__degree": [0, 1, 2, 3, 4],
            "splines__knots": ["uniform", "quantile"],
            "splines__extrapolation": ["constant", "linear", "continue", "error"],
            "model__alpha": (1e-6, 1e4, LOG),
        },
    ),
    _tuned(
        "forest-categories",
        _steps(encode=OrdinalEncoder(), forest=ExtraTreesClassifier(12, random_state=0)),
        "categories",
        "nll",
        {
            "encode": [
                OrdinalEncoder(),
                OneHotEncoder(handle_unknown="ignore"),
                TargetEncoder(random_state=0),
            ],
            "forest__max_depth": (1, 25),
            "forest__max_features": (0.05, 1.0),
            "forest__min_samples_leaf": (1, 40, LOG),
            "forest__bootstrap": [False, True],
            "forest__criterion": ["gini", "entropy"],
        },
    ),
]
CATEGORICAL = [
    _tuned(
        "preparation-wine",
        _steps(impute=SimpleImputer(), scale=StandardScaler(), select=SelectKBest(), model=SVC()),
        "missing",
        "acc",
        {
            "impute__strategy": ["mean", "median", "most_frequent", "constant"],
            "impute__add_indicator": [False, True],
            "scale": [*SCALERS, MaxAbsScaler()],
            "select__k": [1, 2, 3, 5, 8, 13],
            "select__score_func": [f_classif, mutual_info_classif],
            "model": [
                SVC(),
                LinearSVC(),
                KNeighborsClassifier(),
                GaussianNB(),
                LogisticRegression(),
            ],
        },
    ),
    _tuned(
        "encoders-categories",
        _steps(encode=OneHotEncoder(), model=LogisticRegression()),
        "categories",
        "acc",
        {
            "encode": [
                OneHotEncoder(handle_unknown="ignore"),
                OneHotEncoder(handle_unknown="ignore", min_frequency=10),
                OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=5),
                TargetEncoder(random_state=0),
                TargetEncoder(smooth=30.0, random_state=0),
                OrdinalEncoder(),
            ],
            "model": [
                LogisticRegression(C=0.01),
                LogisticRegression(C=0.1),
                LogisticRegression(C=1.0),
                DecisionTreeClassifier(max_depth=3, random_state=0),
                DecisionTreeClassifier(max_depth=8, random_state=0),
                KNeighborsClassifier(3),
                KNeighborsClassifier(15),
                BernoulliNB(),
                SVC(),
                SVC(C=10.0),
            ],
        },
    ),
    _tuned(
        "svc-grid-breast",
        _steps(scale=StandardScaler(), svc=SVC(max_iter=3000)),
        "breast",
        "acc",
        {
            "scale": [*SCALERS, PowerTransformer()],
            "svc__kernel": ["rbf", "poly", "sigmoid", "linear"],
            "svc__C": [0.001, 0.01, 0.1, 1.0, 10.0, 100.0],
            "svc__gamma": ["scale", "auto", 0.001, 0.01, 0.1],
            "svc__class_weight": [None, "balanced"],
        },
    ),
    # Ordered choices, as grids are usually written.
    _tuned(
        "tree-grid-madelon",
        DecisionTreeClassifier(random_state=0),
        "madelon",
        "acc",
        {
            "criterion": ["gini", "entropy", "log_loss"],
            "splitter": ["best", "random"],
            "max_depth": [None, 2, 3, 5, 8, 13],
            "min_samples_leaf": [1, 2, 4, 8, 16, 32],
            "max_features": ["sqrt", "log2", None, 0.5],
            "ccp_alpha": [0.0, 0.001, 0.003, 0.01, 0.03],
            "class_weight": [None, "balanced"],
        },
    ),
    _tuned(
        "text-choices",
        _steps(words=TfidfVectorizer(), model=MultinomialNB()),
        "documents",
        "acc",
        {
            "words__analyzer": ["word", "char", "char_wb"],
            "words__ngram_range": [(1, 1), (1, 2), (2, 2), (2, 4)],
            "words__sublinear_tf": [False, True],
            "words__norm": [None, "l1", "l2"],
            "words__use_idf": [False, True],
            "model": [
                MultinomialNB(),
                ComplementNB(),
                BernoulliNB(),
                LogisticRegression(),
                LinearSVC(),
            ],
        },
    ),
    # Two subspaces without any number.
    _tuned(
        "bins-or-neighbours-diabetes",
        _steps(prepare=KBinsDiscretizer(), model=Ridge()),
        "diabetes",
        "mae",
        [
            {
                "prepare": [KBinsDiscretizer(quantile_method="averaged_inverted_cdf")],
                "prepare__n_bins": [2, 3, 5, 8, 12],
                "prepare__strategy": ["uniform", "quantile"],
                "prepare__encode": ["onehot", "ordinal", "onehot-dense"],
                "model": [Ridge(0.1), Ridge(1.0), Ridge(10.0), Ridge(100.0)],
            },
            {
                "prepare": SCALERS,
                "model": [KNeighborsRegressor(k) for k in (1, 3, 7, 15, 30, 60)],
                "model__weights": ["uniform", "distance"],
                "model__p": [1, 2, 3],
            },
        ],
    ),
]
NOISY = [
    _noisy(
        "svc-holdout-moons",
        SVC(),
        "moons",
        "acc",
        {"C": (1e-3, 1e4, LOG), "gamma": (1e-4, 1e3, LOG)},
    ),
    _noisy(
        "forest-holdout-diabetes",
        RandomForestRegressor(10),
        "diabetes",
        "mse",
        {
            "max_depth": (1, 15),
            "max_features": (0.05, 1.0),
            "min_samples_leaf": (1, 60, LOG),
            "max_samples": (0.1, 1.0),
        },
        seeded="random_state",
    ),
    _noisy(
        "sgd-holdout-breast",
        _steps(scale=StandardScaler(), sgd=SGDClassifier(max_iter=20)),
        "breast",
        "acc",
        {
            "scale": SCALERS,
            "sgd__loss": ["hinge", "log_loss", "modified_huber", "perceptron"],
            "sgd__penalty": ["l1", "l2", "elasticnet"],
            "sgd__alpha": (1e-6, 1e0, LOG),
            "sgd__l1_ratio": (0.0, 1.0),
            "sgd__learning_rate": ["optimal", "constant", "invscaling", "adaptive"],
            "sgd__eta0": (1e-4, 1e1, LOG),
            "sgd__power_t": (0.1, 0.9),
            "sgd__average": [False, True],
        },
        seeded="sgd__random_state",
    ),
    _noisy(
        "neighbours-holdout-wine",
        _steps(scale=StandardScaler(), knn=KNeighborsClassifier()),
        "wine",
        "acc",
        {
            "scale": SCALERS,
            "knn__n_neighbors": (1, 60),
            "knn__weights": ["uniform", "distance"],
            "knn__p": (1.0, 5.0),
        },
    ),
    _noisy(
        "nystroem-holdout-friedman",
        _steps(scale=MinMaxScaler(), map=Nystroem(), model=Ridge()),
        "friedman",
        "mse",
        {
            "scale": [MinMaxScaler(), StandardScaler()],
            "map__kernel": ["rbf", "laplacian", "sigmoid"],
            "map__gamma": (1e-4, 1e1, LOG),
            "map__n_components": (5, 80),
            "model__alpha": (1e-6, 1e2, LOG),
        },
        seeded="map__random_state",
    ),
    _noisy(
        "ica-holdout-wine",
        _steps(ica=FastICA(max_iter=50), qda=QuadraticDiscriminantAnalysis()),
        "wine",
        "nll",
        {
            "ica__n_components": (1, 13),
            "ica__fun": ["logcosh", "exp", "cube"],
            "ica__whiten": ["unit-variance", "arbitrary-variance"],
            "qda__reg_param": (0.0, 1.0),
        },
        seeded="ica__random_state",
    ),
    _noisy(
        "forest-holdout-imbalanced",
        _steps(encode=OrdinalEncoder(), forest=RandomForestClassifier(10)),
        "imbalanced",
        "bal",
        {
            "encode": ["passthrough", StandardScaler()],
            "forest__class_weight": [None, "balanced", "balanced_subsample"],
            "forest__criterion": ["gini", "entropy"],
            "forest__max_depth": [None, 2, 4, 8],
            "forest__max_features": [1, 2, 4, 8],
            "forest__min_samples_leaf": [1, 2, 4, 8, 16, 32],
        },
        seeded="forest__random_state",
    ),
]
TASKS = [
    *CONTINUOUS,
    Task(
        "kmeans-features-digits", {"k": (2, 60), "C": (1e-4, 1e3, LOG)}, _kmeans_features, slow=True
    ),
    Task(
        "weighted-neighbours-friedman",
        {f"w{k}": (-2.0, 1.0) for k in range(10)} | {"k": (1, 40)},
        _weighted_neighbours,
    ),
    *MIXED,
    *CATEGORICAL,
    *NOISY,
]
