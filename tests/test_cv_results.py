"""Where the candidates are those of RandomizedSearchCV, so are the results."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from fragile import X, y
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GroupKFold, KFold, RandomizedSearchCV, ShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.fixes import parse_version

from sklearn_bo import BayesSearchCV

FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(kind=["u", "v"] * 20)


pytestmark = pytest.mark.usefixtures("one_blas_thread")


def hits_and_f1(estimator, X, y):
    predicted = estimator.predict(X)
    return {"hits": accuracy_score(y, predicted), "f1": f1_score(y, predicted)}


def best_of_f1(results):
    return int(np.argmax(results["mean_test_f1"]))


def text_and_numbers(output):
    transformer = ColumnTransformer(
        [
            ("text", OneHotEncoder(sparse_output=False), ["kind"]),
            ("numbers", StandardScaler(), ["a", "b", "c"]),
        ]
    )
    transformer.set_output(transform=output)
    return make_pipeline(transformer, LogisticRegression())


GRID = {"C": [0.01, 0.1, 1.0, 10.0]}
TWO = ["accuracy", "f1"]
PIPE_GRID = {
    "logisticregression__C": [0.01, 1.0],
    "columntransformer__numbers__with_std": [False, True],
}
SWITCHES = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
SWITCH_GRID = {"scale": [None, "passthrough", PCA(2)], "clf": [SVC(), GaussianNB()]}
GROUPS = {"groups": np.arange(40) // 5}
WEIGHTS = {"sample_weight": np.random.RandomState(0).uniform(size=40)}
with sklearn.config_context(enable_metadata_routing=True):
    ROUTED = LogisticRegression().set_fit_request(sample_weight=True)
    ROUTED.set_score_request(sample_weight=True)
TREES = [{"max_depth": [1, 2, None]}, {"min_samples_leaf": [2, 5], "criterion": ["gini"]}]
SCENARIOS = {
    "one metric": (LogisticRegression(), GRID, {}),
    "train scores": (LogisticRegression(), GRID, {"return_train_score": True}),
    "several metrics": (LogisticRegression(), GRID, {"scoring": TWO, "refit": "f1"}),
    "several metrics and train scores": (
        LogisticRegression(),
        GRID,
        {"scoring": {"x": "accuracy", "y": "f1"}, "refit": "x", "return_train_score": True},
    ),
    "function of several metrics": (
        LogisticRegression(),
        GRID,
        {"scoring": hits_and_f1, "refit": "hits"},
    ),
    "callable refit": (
        LogisticRegression(),
        GRID,
        {"scoring": TWO, "refit": best_of_f1, "objective": "f1"},
    ),
    "callable refit and function of several metrics": (
        LogisticRegression(),
        GRID,
        {"scoring": hits_and_f1, "refit": best_of_f1, "objective": "f1"},
    ),
    "no refit": (LogisticRegression(), GRID, {"refit": False}),
    "no refit, several metrics": (LogisticRegression(), GRID, {"refit": False, "scoring": TWO}),
    "list of dicts": (DecisionTreeClassifier(random_state=0), TREES, {}),
    "whole search space is one setting": (LogisticRegression(), {}, {}),
    "steps of a pipeline": (SWITCHES, SWITCH_GRID, {}),
    "precomputed kernel": (SVC(kernel="precomputed"), GRID, {"X": X @ X.T}),
    "sparse matrix": (LogisticRegression(), GRID, {"X": sparse.csr_matrix(X)}),
    "sparse array": (LogisticRegression(), GRID, {"X": sparse.csr_array(X)}),
    "lists": (LogisticRegression(), GRID, {"X": X.tolist(), "y": y.tolist()}),
    "text labels": (LogisticRegression(), GRID, {"y": np.array(["no", "yes"])[y]}),
    "several outputs": (Ridge(), {"alpha": [0.1, 1.0]}, {"y": X[:, :2] ** 2}),
    "no target": (KMeans(n_init=1, random_state=0), {"n_clusters": [2, 3, 4]}, {"y": None}),
    "pandas": (text_and_numbers("default"), PIPE_GRID, {"X": FRAME, "y": pd.Series(y)}),
    "pandas output": (text_and_numbers("pandas"), PIPE_GRID, {"X": FRAME}),
    "polars": (text_and_numbers("default"), PIPE_GRID, {"X": "polars"}),
    "polars output": (text_and_numbers("polars"), PIPE_GRID, {"X": "polars"}),
    "groups": (LogisticRegression(), GRID, {"cv": GroupKFold(3), "fit": GROUPS}),
    "sample_weight": (LogisticRegression(), GRID, {"fit": WEIGHTS}),
    "routed sample_weight": (ROUTED, GRID, {"fit": WEIGHTS, "routing": True}),
    "routed groups": (
        LogisticRegression(),
        GRID,
        {"cv": GroupKFold(3), "fit": GROUPS, "routing": True},
    ),
    "seeded shuffle": (LogisticRegression(), GRID, {"cv": ShuffleSplit(3, random_state=1)}),
    "splits in a list": (LogisticRegression(), GRID, {"cv": list(KFold(4).split(X))}),
    "splits counted from the end": (
        LogisticRegression(),
        GRID,
        {"cv": [(train - 40, test - 40) for train, test in KFold(4).split(X)]},
    ),
}


def table(search):
    """The rows of `cv_results_`, times aside, in an order that does not depend on the search's."""
    columns = {k: v for k, v in search.cv_results_.items() if not k.endswith("_time")}
    n = len(columns["params"])
    rows = [
        {key: np.ma.asarray(value).tolist()[i] for key, value in columns.items()} for i in range(n)
    ]
    return sorted(rows, key=lambda row: repr(row["params"]))


@pytest.mark.parametrize("name", SCENARIOS)
def test_results_are_those_of_random_search_where_the_candidates_are(name):
    estimator, space, options = SCENARIOS[name]
    options = dict(options)
    data = {"X": options.pop("X", X), "y": options.pop("y", y), **options.pop("fit", {})}
    if isinstance(data["X"], str):
        if parse_version(sklearn.__version__) < parse_version("1.7"):
            pytest.skip("scikit-learn 1.6 does not read today's polars")
        data["X"] = pytest.importorskip("polars").DataFrame(FRAME.to_dict("list"))
    routing = options.pop("routing", False)
    dicts = space if isinstance(space, list) else [space]
    n_iter = sum(int(np.prod([len(values) for values in d.values()])) for d in dicts)
    theirs_options = {k: v for k, v in options.items() if k != "objective"}
    with sklearn.config_context(enable_metadata_routing=routing):
        ours, theirs = (
            search.fit(**data)
            for search in (
                BayesSearchCV(estimator, space, **{"n_iter": n_iter, "cv": 3, **options}),
                RandomizedSearchCV(
                    estimator, space, **{"n_iter": n_iter, "cv": 3, **theirs_options}
                ),
            )
        )

    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for key, column in theirs.cv_results_.items():
        assert type(ours.cv_results_[key]) is type(column), key
        if key != "params":
            assert ours.cv_results_[key].dtype == column.dtype, key
            assert np.ma.isMA(ours.cv_results_[key]) == np.ma.isMA(column), key
    assert table(ours) == table(theirs)
    attributes = {name for name in vars(ours) if name.endswith("_")}
    own = {"optimizer_", "trials_", "n_trials_", "stop_reason_", "total_time_"}
    assert attributes - own == {n for n in vars(theirs) if n.endswith("_")}
    for name in ("n_splits_", "multimetric_", "best_score_"):
        assert getattr(ours, name, None) == getattr(theirs, name, None), name
    if options.get("refit", True):
        fitted = [search.best_estimator_ for search in (ours, theirs)]
        if ours.best_params_ == theirs.best_params_:  # not so where several are equally good
            predictions = [search.predict(data["X"]) for search in fitted]
            np.testing.assert_array_equal(*predictions)
        assert getattr(ours, "n_features_in_", 0) == getattr(theirs, "n_features_in_", 0)
        if hasattr(theirs, "feature_names_in_"):
            np.testing.assert_array_equal(ours.feature_names_in_, theirs.feature_names_in_)
