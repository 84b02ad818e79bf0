"""Tasks as users write them: wide or unfit ranges, lists of numbers, many parameters, failures."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.stats import (
    beta,
    expon,
    gamma,
    halfnorm,
    lognorm,
    loguniform,
    randint,
    truncnorm,
    uniform,
)
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA, FastICA, KernelPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..spaces import Params
from . import users_objectives
from .task import Task
from .users_data import cross_validate

LOG = "log-uniform"
SCALERS = [StandardScaler(), MinMaxScaler(), RobustScaler()]


def _tuned(
    name: str,
    data: str,
    metric: str,
    noisy: bool = False,
    seeded: str | None = None,
    slow: bool = False,
    **folds: Any,
) -> Callable[..., Task]:
    """Return what makes the task of a model and the ranges of its parameters, or subspaces.

    A noisy task's seed chooses the rows; the parameter named `seeded` takes it too. `folds` are
    other arguments of `cross_validate`.
    """

    def of(model: Any, *subspaces: Mapping[str, Any], **space: Any) -> Task:
        def objective(params: Params, seed: int) -> float:
            extra = {} if seeded is None else {seeded: seed}
            tuned = clone(model).set_params(**clone(params, safe=False), **extra)
            return cross_validate(tuned, data, metric, seed=seed, **folds)

        return Task(name, list(subspaces) or space, objective, noisy=noisy, slow=slow)

    return of


def _steps(**steps: Any) -> Pipeline:
    return Pipeline(list(steps.items()))


TASKS = [
    # Distributions, as in scikit-learn's guide: mostly unbounded.
    _tuned("users-docs-svc-expon", "digits", "accuracy")(
        SVC(),
        C=expon(scale=100),
        gamma=expon(scale=0.1),
        kernel=["rbf"],
        class_weight=["balanced", None],
    ),
    _tuned("users-expon-svc-breast", "breast", "roc_auc", k=3)(
        make_pipeline(StandardScaler(), SVC()), svc__C=expon(scale=1000), svc__gamma=expon(scale=1)
    ),
    _tuned("users-expon-svr-diab", "diabetes", "r2")(
        make_pipeline(StandardScaler(), SVR()),
        svr__C=expon(scale=1000),
        svr__gamma=expon(scale=1.0),
        svr__epsilon=expon(scale=10),
    ),
    _tuned("users-halfnorm-krr", "friedman1", "r2")(
        make_pipeline(StandardScaler(), KernelRidge(kernel="rbf")),
        kernelridge__alpha=halfnorm(scale=10),
        kernelridge__gamma=halfnorm(scale=2),
    ),
    _tuned("users-truncnorm-rf", "madelon", "accuracy")(
        RandomForestClassifier(n_estimators=4, random_state=0),
        max_features=truncnorm(a=0, b=1, loc=0.25, scale=0.1),
        min_samples_split=uniform(0.01, 0.199),
        max_depth=randint(2, 20),
    ),
    _tuned("users-beta-enet", "wide", "r2")(
        ElasticNet(max_iter=200), alpha=gamma(1, scale=50), l1_ratio=beta(2, 2)
    ),
    _tuned("users-lognorm-logit", "breast", "neg_log_loss")(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=100)),
        logisticregression__C=lognorm(s=3, scale=10),
    ),
    # Lists of numbers, most on a linear scale.
    _tuned("users-lin-list-ridge", "diabetes", "r2")(
        make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge()),
        ridge__alpha=np.linspace(0.01, 10000, 1000).tolist(),
        polynomialfeatures__interaction_only=[True, False],
        ridge__fit_intercept=[True, False],
    ),
    _tuned("users-arange-svc", "four-classes", "accuracy", k=3)(
        make_pipeline(StandardScaler(), SVC()),
        svc__C=np.arange(0.1, 100, 0.1).tolist(),
        svc__gamma=np.arange(0.001, 5, 0.01).tolist(),
    ),
    _tuned("users-linspace-svr", "friedman1", "neg_mean_absolute_error")(
        make_pipeline(StandardScaler(), SVR()),
        svr__C=np.linspace(0.1, 500, 200).tolist(),
        svr__gamma=np.linspace(0.001, 3, 200).tolist(),
        svr__epsilon=np.linspace(0, 5, 50).tolist(),
    ),
    _tuned("users-range-step-gb", "friedman2", "r2", held_out=0.3)(
        GradientBoostingRegressor(random_state=0),
        n_estimators=list(range(2, 62, 3)),
        learning_rate=np.arange(0.01, 1.5, 0.01).tolist(),
        max_depth=list(range(1, 12)),
        min_samples_leaf=list(range(1, 60, 3)),
        subsample=np.arange(0.3, 1.01, 0.05).tolist(),
    ),
    _tuned("users-loglist-svc", "circles", "accuracy", k=3)(
        make_pipeline(StandardScaler(), SVC()),
        svc__C=np.logspace(-3, 4, 30).tolist(),
        svc__gamma=np.logspace(-5, 3, 30).tolist(),
    ),
    _tuned("users-grid-knn", "friedman3", "r2")(
        KNeighborsRegressor(),
        n_neighbors=list(range(1, 60)),
        p=[1, 1.5, 2, 3, 5],
        weights=["uniform", "distance"],
        algorithm=["auto", "ball_tree", "kd_tree", "brute"],
        leaf_size=[5, 10, 20, 30, 50],
    ),
    # Ranges far too wide on a linear scale, where a logarithmic one would be right.
    _tuned("users-uni-logit", "imbalanced-20", "average_precision")(
        make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=60, solver="liblinear", random_state=0)
        ),
        logisticregression__C=(0.0001, 100.0),
        logisticregression__penalty=["l1", "l2"],
        logisticregression__class_weight=[None, "balanced"],
    ),
    _tuned("users-uni-nystroem", "moons", "neg_log_loss")(
        _steps(
            s=StandardScaler(),
            n=Nystroem(n_components=30, random_state=0),
            m=LogisticRegression(max_iter=60),
        ),
        n__gamma=(1e-3, 50.0),
        m__C=(1e-3, 1000.0),
        n__n_components=(2, 80),
    ),
    _tuned("users-uni-sgd", "breast", "roc_auc", k=3)(
        _steps(s=StandardScaler(), m=SGDClassifier(max_iter=8, random_state=0, tol=None)),
        m__alpha=(1e-6, 1.0),
        m__eta0=(1e-4, 10.0),
        m__learning_rate=["constant", "optimal", "invscaling", "adaptive"],
        m__loss=["hinge", "log_loss", "modified_huber", "perceptron"],
        m__l1_ratio=(0.0, 1.0),
        m__penalty=["l2", "l1", "elasticnet"],
        m__average=[True, False],
    ),
    _tuned("users-uni-lasso", "sparse", "r2", k=3)(
        Lasso(max_iter=200), alpha=(0.0, 100.0), fit_intercept=[True, False], positive=[False, True]
    ),
    _tuned("users-uni-mlp", "moons", "accuracy", held_out=0.4)(
        MLPClassifier(hidden_layer_sizes=(8,), max_iter=12, random_state=0),
        learning_rate_init=(1e-5, 1.0),
        alpha=(0.0, 10.0),
        batch_size=(5, 100),
        momentum=(0.0, 0.999),
        solver=["sgd", "adam"],
        hidden_layer_sizes=[(4,), (8,), (16,), (8, 8), (32,), (4, 4, 4)],
        activation=["relu", "tanh", "logistic"],
    ),
    _tuned("users-uni-nusvc", "imbalanced-20", "balanced_accuracy")(
        make_pipeline(StandardScaler(), NuSVC()),
        nusvc__nu=(0.001, 0.9),
        nusvc__gamma=(1e-4, 10.0),
        nusvc__class_weight=[None, "balanced"],
    ),
    # Integers that exceed what the data can tell apart; random states to choose.
    _tuned("users-int-dt", "friedman1", "r2", k=3)(
        DecisionTreeRegressor(random_state=0),
        max_leaf_nodes=(2, 10000),
        min_samples_leaf=(1, 1000),
        max_depth=(1, 1000),
        min_samples_split=(2, 1000),
    ),
    _tuned("users-int-rf", "diabetes", "r2")(
        RandomForestRegressor(n_estimators=4, random_state=0),
        min_samples_leaf=(1, 125),
        max_depth=(1, 200),
        max_leaf_nodes=(2, 2000),
        max_features=(1, 10),
    ),
    _tuned("users-int-kbest", "friedman1", "r2")(
        _steps(p=PolynomialFeatures(2), s=StandardScaler(), k=SelectKBest(f_regression), m=Ridge()),
        k__k=(1, 60),
        m__alpha=(0.0, 1000.0),
        p__degree=[1, 2],
        p__interaction_only=[False, True],
    ),
    _tuned("users-rs-param-dt", "wine", "accuracy", k=3)(
        DecisionTreeClassifier(),
        random_state=(0, 10000),
        max_depth=(1, 10),
        min_samples_leaf=(1, 20),
        criterion=["gini", "entropy"],
        splitter=["best", "random"],
    ),
    _tuned("users-rs-param-et", "iris", "neg_log_loss")(
        ExtraTreesClassifier(n_estimators=5),
        random_state=randint(0, 1000),
        max_depth=(1, 10),
        max_features=(1, 4),
        min_samples_leaf=(1, 20),
    ),
    # Scores of few levels: accuracies on small data.
    _tuned("users-wine-knn", "wine", "accuracy", k=3)(
        _steps(s=StandardScaler(), m=KNeighborsClassifier()),
        s=[*SCALERS, "passthrough", Normalizer(), MaxAbsScaler()],
        m__n_neighbors=(1, 50),
        m__weights=["uniform", "distance"],
        m__metric=["euclidean", "manhattan", "chebyshev", "canberra", "cosine"],
    ),
    _tuned("users-iris-dt", "iris", "accuracy", k=3)(
        DecisionTreeClassifier(random_state=0),
        max_depth=[None, 1, 2, 3, 4, 5, 8, 10],
        min_samples_split=(2, 50),
        min_samples_leaf=(1, 40),
        criterion=["gini", "entropy", "log_loss"],
        max_features=[None, "sqrt", "log2", 1, 2, 3],
        ccp_alpha=(0.0, 0.1),
        splitter=["best", "random"],
    ),
    _tuned("users-qda-wine", "wine", "accuracy", k=3)(
        _steps(s=StandardScaler(), p=PCA(), m=QuadraticDiscriminantAnalysis()),
        p__n_components=(1, 13),
        m__reg_param=(0.0, 1.0),
        p__whiten=[True, False],
    ),
    _tuned("users-lda-digits", "digits", "accuracy")(
        _steps(v=VarianceThreshold(), m=LinearDiscriminantAnalysis()),
        v__threshold=(0.0, 60.0),
        m__solver=["svd", "lsqr", "eigen"],
        m__shrinkage=[None, "auto", 0.01, 0.1, 0.3, 0.5, 0.9],
    ),
    # Imbalance: F1 is zero in much of the space.
    _tuned("users-f1-svc", "imbalanced", "f1")(
        make_pipeline(StandardScaler(), SVC()), svc__C=(1e-4, 1e4, LOG), svc__gamma=(1e-6, 1e3, LOG)
    ),
    _tuned("users-f1-logit", "imbalanced", "f1")(
        make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=60, solver="liblinear", random_state=0)
        ),
        logisticregression__C=(1e-6, 1e2, LOG),
        logisticregression__penalty=["l1", "l2"],
        logisticregression__class_weight=[{0: 1, 1: w} for w in (1, 2, 3, 5, 8, 13, 20, 30, 50)],
        logisticregression__intercept_scaling=(0.1, 10.0),
    ),
    _tuned("users-f1-ada", "imbalanced", "f1", held_out=0.5)(
        AdaBoostClassifier(n_estimators=5, random_state=0),
        learning_rate=(1e-4, 2.0),
        n_estimators=(1, 12),
        estimator=[DecisionTreeClassifier(max_depth=d, random_state=0) for d in (1, 2, 3, 5)],
    ),
    # Pipelines and models with many parameters.
    _tuned("users-pipe-reg", "missing", "r2", slow=True)(
        _steps(im=SimpleImputer(), sc=StandardScaler(), poly="passthrough", m=Ridge()),
        im__strategy=["mean", "median", "most_frequent"],
        im__add_indicator=[True, False],
        sc=[*SCALERS, "passthrough", QuantileTransformer(n_quantiles=20), PowerTransformer()],
        poly=[
            "passthrough",
            PolynomialFeatures(2),
            PolynomialFeatures(2, interaction_only=True),
            SplineTransformer(3),
            SplineTransformer(8),
        ],
        m=[Ridge(), Lasso(max_iter=100), HuberRegressor(max_iter=30), ElasticNet(max_iter=100)],
        m__alpha=(1e-4, 1e3, LOG),
    ),
    _tuned("users-hgb", "imbalanced-20", "roc_auc", held_out=0.5)(
        HistGradientBoostingClassifier(max_iter=5, random_state=0),
        learning_rate=(0.01, 1.0),
        max_iter=(1, 8),
        max_leaf_nodes=[None, 3, 7, 15, 31],
        max_depth=[None, 1, 2, 3, 5],
        min_samples_leaf=(1, 60),
        l2_regularization=(0.0, 100.0),
        max_bins=(4, 255),
        max_features=(0.1, 1.0),
    ),
    _tuned("users-gb15", "hastie", "neg_log_loss", held_out=0.4)(
        GradientBoostingClassifier(n_estimators=10, random_state=0),
        loss=["log_loss", "exponential"],
        learning_rate=(0.001, 2.0),
        n_estimators=(1, 25),
        subsample=(0.1, 1.0),
        criterion=["friedman_mse", "squared_error"],
        min_samples_split=(2, 100),
        min_samples_leaf=(1, 100),
        min_weight_fraction_leaf=(0.0, 0.4),
        max_depth=(1, 12),
        min_impurity_decrease=(0.0, 1.0),
        max_features=["sqrt", "log2", None, 0.3, 0.7],
        max_leaf_nodes=(2, 50),
        ccp_alpha=(0.0, 0.05),
        n_iter_no_change=[None, 2, 5],
        validation_fraction=(0.05, 0.4),
    ),
    _tuned("users-calib", "imbalanced-20", "neg_brier_score")(
        _steps(s=StandardScaler(), m=CalibratedClassifierCV(LinearSVC(random_state=0), cv=2)),
        m__estimator__C=(1e-5, 1e2, LOG),
        m__estimator__class_weight=[None, "balanced"],
        m__estimator__loss=["hinge", "squared_hinge"],
        m__estimator__dual=[True, False],
        m__estimator__penalty=["l1", "l2"],
        m__method=["sigmoid", "isotonic"],
        m__ensemble=[True, False],
        s=["passthrough", StandardScaler(), QuantileTransformer(n_quantiles=50)],
    ),
    _tuned("users-text-logit", "documents", "accuracy", held_out=0.5)(
        _steps(v=TfidfVectorizer(), m=LogisticRegression(max_iter=40)),
        v__ngram_range=[(1, 1), (1, 2), (2, 2)],
        v__min_df=(1, 10),
        v__max_df=(0.3, 1.0),
        v__sublinear_tf=[True, False],
        v__use_idf=[True, False],
        v__norm=["l1", "l2", None],
        v__binary=[True, False],
        m__C=(1e-3, 1e3, LOG),
    ),
    _tuned("users-text-svc", "documents", "accuracy", held_out=0.5, slow=True)(
        _steps(v=CountVectorizer(), t=TruncatedSVD(5, random_state=0), m=SVC()),
        v__max_features=[20, 50, 100, 200, None],
        v__binary=[True, False],
        t__n_components=(2, 19),
        m__C=(1e-2, 1e3),
        m__kernel=["rbf", "linear"],
    ),
    # Regressions, some of which diverge; features that are learnt, sampled or projected.
    _tuned("users-pls", "low-rank", "r2")(
        _steps(p=PolynomialFeatures(1), s=StandardScaler(), m=PLSRegression()),
        p__degree=[1],
        m__n_components=(1, 50),
        m__scale=[True, False],
        m__max_iter=[50, 500],
        m__tol=(1e-8, 1e-1, LOG),
    ),
    _tuned("users-huber", "wide", "neg_median_absolute_error")(
        make_pipeline(StandardScaler(), HuberRegressor(max_iter=40)),
        huberregressor__epsilon=(1.0, 100.0),
        huberregressor__alpha=(0.0, 1000.0),
    ),
    _tuned("users-sgdreg", "diabetes", "r2")(
        make_pipeline(StandardScaler(), SGDRegressor(max_iter=10, tol=None, random_state=0)),
        sgdregressor__alpha=(1e-7, 1e1, LOG),
        sgdregressor__eta0=(1e-5, 1e1, LOG),
        sgdregressor__power_t=(0.0, 1.0),
        sgdregressor__loss=["squared_error", "huber", "epsilon_insensitive"],
        sgdregressor__learning_rate=["constant", "invscaling", "adaptive"],
        sgdregressor__penalty=["l2", "l1", "elasticnet"],
    ),
    _tuned("users-mlpreg", "friedman1", "r2", held_out=0.4)(
        MLPRegressor(max_iter=15, random_state=0),
        hidden_layer_sizes=(1, 60),
        learning_rate_init=loguniform(1e-5, 10),
        alpha=loguniform(1e-8, 1e2),
        activation=["identity", "logistic", "tanh", "relu"],
        solver=["lbfgs", "adam", "sgd"],
    ),
    _tuned("users-sampler-ridge", "friedman3", "r2")(
        _steps(s=StandardScaler(), n=RBFSampler(n_components=30, random_state=0), m=Ridge()),
        n__gamma=(1e-6, 100.0),
        n__n_components=(1, 200),
        m__alpha=(1e-8, 1e4, LOG),
        s=["passthrough", StandardScaler(), MinMaxScaler()],
    ),
    _tuned("users-gpr", "friedman1", "r2")(
        GaussianProcessRegressor(
            kernel=RBF(1.0) + WhiteKernel(1.0), optimizer=None, normalize_y=True
        ),
        kernel__k1__length_scale=(1e-3, 1e3, LOG),
        kernel__k2__noise_level=(1e-8, 1e2, LOG),
        alpha=(1e-10, 1.0),
    ),
    _tuned("users-kpca", "circles", "neg_log_loss")(
        _steps(s=StandardScaler(), k=KernelPCA(n_components=10), m=LogisticRegression(max_iter=40)),
        k__kernel=["linear", "poly", "rbf", "sigmoid", "cosine"],
        k__gamma=(1e-3, 20.0),
        k__degree=[2, 3, 4],
        k__coef0=(-2.0, 2.0),
        k__n_components=(1, 60),
        m__C=(1e-3, 1e3, LOG),
    ),
    _tuned("users-bagging", "four-classes", "accuracy", held_out=0.5)(
        BaggingClassifier(n_estimators=5, random_state=0),
        n_estimators=(1, 8),
        max_samples=(0.01, 1.0),
        max_features=(0.05, 1.0),
        bootstrap=[True, False],
        bootstrap_features=[True, False],
        estimator=[
            DecisionTreeClassifier(random_state=0),
            DecisionTreeClassifier(max_depth=3, random_state=0),
            GaussianNB(),
            LogisticRegression(max_iter=20),
            KNeighborsClassifier(3),
        ],
    ),
    _tuned("users-ica", "madelon", "accuracy", held_out=0.5)(
        _steps(i=FastICA(5, random_state=0, max_iter=30), m=KNeighborsClassifier()),
        i__n_components=(1, 30),
        i__fun=["logcosh", "exp", "cube"],
        i__algorithm=["parallel", "deflation"],
        m__n_neighbors=(1, 40),
    ),
    _tuned("users-rproj", "digits", "accuracy", held_out=0.5)(
        _steps(g=GaussianRandomProjection(5), m=LinearSVC(max_iter=100)),
        g__n_components=(1, 64),
        g__random_state=(0, 50),
        m__C=(1e-6, 1e2),
    ),
    _tuned("users-scalers-knn", "scaled", "roc_auc", slow=True)(
        _steps(s=StandardScaler(), m=KNeighborsClassifier()),
        s=[
            "passthrough",
            *SCALERS,
            QuantileTransformer(n_quantiles=50),
            Normalizer(),
            PowerTransformer(),
        ],
        m__n_neighbors=(1, 100),
        m__p=(1.0, 10.0),
        m__weights=["uniform", "distance"],
    ),
    # A choice of models, or parameters that matter only with others; some pairs are errors.
    _tuned("users-models5", "four-classes", "balanced_accuracy")(
        _steps(s=StandardScaler(), m=SVC()),
        {
            "s": ["passthrough", StandardScaler()],
            "m": [SVC()],
            "m__C": (1e-3, 1e3, LOG),
            "m__gamma": (1e-4, 1e1, LOG),
        },
        {
            "m": [RandomForestClassifier(n_estimators=5, random_state=0)],
            "m__max_depth": [None, 2, 4, 8],
            "m__min_samples_leaf": (1, 30),
            "m__max_features": (0.1, 1.0),
        },
        {
            "s": ["passthrough", StandardScaler()],
            "m": [KNeighborsClassifier()],
            "m__n_neighbors": (1, 60),
            "m__p": [1, 2],
        },
        {"m": [GaussianNB()], "m__var_smoothing": (1e-10, 1.0, LOG)},
        {"m": [LinearDiscriminantAnalysis(solver="lsqr")], "m__shrinkage": (0.0, 1.0)},
    ),
    _tuned("users-svc-flat-kernels", "hastie", "accuracy")(
        SVC(max_iter=500),
        C=(1e-2, 100.0),
        kernel=["linear", "poly", "rbf", "sigmoid"],
        gamma=(1e-4, 1.0),
        degree=(1, 6),
        coef0=(0.0, 10.0),
        shrinking=[True, False],
        class_weight=[None, "balanced"],
    ),
    _tuned("users-svr-flat-kernels", "friedman2", "r2")(
        make_pipeline(StandardScaler(), SVR(max_iter=500)),
        svr__C=(0.1, 10000.0),
        svr__kernel=["linear", "poly", "rbf", "sigmoid"],
        svr__gamma=(1e-4, 1.0),
        svr__degree=(2, 5),
        svr__coef0=(0.0, 10.0),
        svr__epsilon=(0.0, 100.0),
    ),
    _tuned("users-logit-solvers", "four-classes", "neg_log_loss", held_out=0.5)(
        _steps(s=StandardScaler(), m=LogisticRegression(max_iter=30, random_state=0)),
        m__solver=["lbfgs", "liblinear", "saga", "sag", "newton-cg"],
        m__penalty=["l1", "l2", "elasticnet", None],
        m__C=(1e-5, 1e3, LOG),
        m__l1_ratio=(0.0, 1.0),
        m__max_iter=(1, 60),
        m__tol=(1e-6, 1.0, LOG),
    ),
    # Noise: each seed holds out other rows.
    _tuned("users-noisy-svc", "moons", "accuracy", held_out=0.3, noisy=True)(
        make_pipeline(StandardScaler(), SVC()), svc__C=(1e-3, 1e3, LOG), svc__gamma=(1e-4, 1e2, LOG)
    ),
    _tuned("users-noisy-enet", "wide", "r2", held_out=0.3, noisy=True)(
        ElasticNet(max_iter=100),
        alpha=(0.0, 20.0),
        l1_ratio=(0.0, 1.0),
        positive=[True, False],
        fit_intercept=[True, False],
    ),
    _tuned("users-noisy-dt", "breast", "accuracy", held_out=0.3, noisy=True, seeded="random_state")(
        DecisionTreeClassifier(),
        max_depth=(1, 20),
        min_samples_leaf=(1, 50),
        max_features=(0.05, 1.0),
        criterion=["gini", "entropy"],
        ccp_alpha=(0.0, 0.1),
        class_weight=[None, "balanced"],
    ),
    _tuned("users-noisy-lda", "imbalanced-20", "average_precision", held_out=0.3, noisy=True)(
        LinearDiscriminantAnalysis(solver="lsqr"), shrinkage=(0.0, 1.0)
    ),
    _tuned("users-noisy-krr", "linnerud", "neg_mean_absolute_error", held_out=0.3, noisy=True)(
        KernelRidge(),
        alpha=(1e-4, 1e4, LOG),
        kernel=["rbf", "laplacian", "linear", "poly"],
        gamma=(1e-8, 1.0, LOG),
        degree=[1, 2, 3],
        coef0=(0.0, 10.0),
    ),
    _tuned("users-noisy-knn-irrel", "madelon", "roc_auc", held_out=0.4, noisy=True)(
        _steps(s=StandardScaler(), k=SelectKBest(), m=KNeighborsClassifier()),
        k__k=(1, 30),
        m__n_neighbors=(1, 60),
        m__weights=["uniform", "distance"],
        m__p=[1, 2],
        m__leaf_size=(5, 60),
        m__algorithm=["kd_tree", "ball_tree", "brute"],
    ),
    # False plateaus: strong regularisation predicts a constant, which beats overfitting; the best
    # lies between.
    _tuned("users-plateau-logit-poly", "noisy-classes", "neg_log_loss", held_out=0.5)(
        _steps(s=StandardScaler(), p=PolynomialFeatures(2), m=LogisticRegression(max_iter=40)),
        p__degree=[1, 2],
        p__interaction_only=[True, False],
        s=[StandardScaler(), MinMaxScaler(), "passthrough", RobustScaler()],
        m__C=(1e-7, 1e4, LOG),
        m__fit_intercept=[True, False],
        m__max_iter=(5, 60),
        m__tol=(1e-6, 1e-1, LOG),
    ),
    _tuned("users-plateau-krr", "noisy-regression", "r2")(
        _steps(s=StandardScaler(), m=KernelRidge()),
        s=[StandardScaler(), MinMaxScaler(), "passthrough"],
        m__alpha=(1e-6, 1e6, LOG),
        m__gamma=(1e-7, 1e3, LOG),
        m__kernel=["rbf", "laplacian", "poly", "sigmoid", "linear"],
        m__degree=[2, 3],
        m__coef0=(0.0, 3.0),
    ),
    _tuned("users-plateau-enet", "noisy-regression", "r2", held_out=0.5)(
        _steps(
            s=StandardScaler(),
            p=PolynomialFeatures(2, interaction_only=True),
            m=ElasticNet(max_iter=60),
        ),
        p__degree=[1, 2],
        m__alpha=(1e-4, 1e5, LOG),
        m__l1_ratio=(0.0, 1.0),
        m__selection=["cyclic", "random"],
        m__random_state=[0],
        m__positive=[False, True],
        m__tol=(1e-5, 1e-1, LOG),
        s=[StandardScaler(), RobustScaler(), MinMaxScaler()],
    ),
    _tuned("users-plateau-gb", "noisy-classes", "neg_log_loss", held_out=0.5)(
        GradientBoostingClassifier(n_estimators=15, random_state=0),
        learning_rate=(1e-6, 3.0, LOG),
        n_estimators=(1, 25),
        max_depth=(1, 8),
        min_samples_leaf=(1, 30),
        subsample=(0.3, 1.0),
        max_features=["sqrt", "log2", None],
        criterion=["friedman_mse", "squared_error"],
    ),
    _tuned("users-plateau-svr", "noisy-regression", "r2")(
        _steps(s=StandardScaler(), m=SVR(max_iter=2000)),
        m__C=(1e-5, 1e6, LOG),
        m__gamma=(1e-7, 1e2, LOG),
        m__epsilon=(1e-3, 1e2, LOG),
        m__kernel=["rbf", "sigmoid", "poly"],
        m__shrinking=[True, False],
    ),
    _tuned("users-plateau-mlp", "noisy-classes", "neg_log_loss", held_out=0.5)(
        _steps(s=StandardScaler(), m=MLPClassifier(max_iter=10, random_state=0)),
        m__learning_rate_init=(1e-6, 1.0, LOG),
        m__alpha=(1e-6, 1e3, LOG),
        m__hidden_layer_sizes=(1, 40),
        m__activation=["relu", "tanh", "logistic", "identity"],
        m__solver=["adam", "sgd"],
        m__batch_size=[8, 16, 32, 64],
    ),
    _tuned("users-plateau-sgd", "noisy-classes", "neg_log_loss", held_out=0.5)(
        _steps(
            s=StandardScaler(),
            m=SGDClassifier(loss="log_loss", max_iter=10, tol=None, random_state=0),
        ),
        m__alpha=(1e-7, 1e3, LOG),
        m__penalty=["l1", "l2", "elasticnet"],
        m__l1_ratio=(0.0, 1.0),
        m__learning_rate=["optimal", "constant", "invscaling", "adaptive"],
        m__eta0=(1e-6, 1e1, LOG),
        m__average=[True, False],
    ),
    _tuned("users-plateau-logit-solvers", "noisy-classes", "neg_brier_score", held_out=0.5)(
        _steps(s=StandardScaler(), m=LogisticRegression(max_iter=30, random_state=0)),
        m__solver=["lbfgs", "liblinear", "saga", "newton-cg"],
        m__penalty=["l1", "l2", None],
        m__C=(1e-6, 1e4, LOG),
        m__class_weight=[None, "balanced"],
        m__max_iter=(1, 60),
        m__tol=(1e-6, 1.0, LOG),
        m__intercept_scaling=(0.1, 10.0),
    ),
    *users_objectives.TASKS,
]
