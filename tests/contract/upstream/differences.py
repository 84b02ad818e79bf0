"""Where scikit-learn's tests do not apply to a model-based search, or not to the letter.

Each entry names a module below ``sklearn`` and tests in it. A test that is not named here, those of
a later scikit-learn included, is run as it stands; so is one whose text no longer contains what is
to be replaced. Parametrisations of the tests that have nothing to do with the search are left out
by themselves.
"""

from typing import NamedTuple

SEARCH = "model_selection.tests.test_search"


class NotApplicable(NamedTuple):
    """Tests that are not run; all those of the module where none is named."""

    reason: str
    module: str
    tests: tuple[str, ...] = ()


class Relaxed(NamedTuple):
    """A test that is run with one piece of its text replaced wherever it occurs.

    ``until`` is the last scikit-learn whose test has that text, where a later one mended it.
    """

    reason: str
    module: str
    test: str
    old: str
    new: str
    until: str | None = None


NOT_APPLICABLE = [
    NotApplicable(
        "compares the attributes of a subclass of BaseSearchCV with those of a grid search, "
        "which has no more of them",
        SEARCH,
        ("test_custom_run_search",),
    ),
    NotApplicable(
        "tests the checks themselves, on estimators that are broken on purpose",
        "utils.tests.test_estimator_checks",
    ),
    NotApplicable(
        "is about how scikit-learn lists its estimators",
        "tests.test_common",
        ("test_all_estimator_no_base_class",),
    ),
]

# These assert by position in cv_results_, or which of several tied candidates wins. The order of a
# grid, or of scikit-learn's random draws, is not part of the contract: the search is made to start
# with the same candidates in that order.
IN_SCIKIT_LEARNS_ORDER = {
    SEARCH: (
        "test_callable_multimetric_error_failing_clf",
        "test_grid_search",
        "test_grid_search_correct_score_results",
        "test_grid_search_cv_results_multimetric",
        "test_grid_search_failing_classifier",
        "test_grid_search_pipeline_steps",
        "test_grid_search_when_param_grid_includes_range",
        "test_random_search_cv_results_multimetric",
        "test_refit_callable",
        "test_refit_callable_multi_metric",
        "test_search_cv_results_none_param",
        "test_search_cv_results_rank_tie_breaking",
        "test_search_cv_timing",
        "test_search_default_iid",
        "test_search_with_2d_array",
    ),
    "feature_extraction.tests.test_text": (
        "test_count_vectorizer_pipeline_grid_selection",
        "test_vectorizer_pipeline_grid_selection",
    ),
    "linear_model.tests.test_ridge": ("test_ridgecv_sample_weight",),
}

_WORDING = "the wording of ParameterGrid's error; its type is still required"
_REPEATED = "a grid with repeated points, each of which we evaluate once"

RELAXED = [
    Relaxed(_WORDING, SEARCH, "test_grid_search_bad_param_grid", ", match=error_msg", ""),
    Relaxed(_REPEATED, SEARCH, "test_grid_search_classifier_all_fits_fail", "15 fits", "5 fits"),
    Relaxed(_REPEATED, SEARCH, "test_callable_multimetric_clf_all_fits_fail", "15 fits", "5 fits"),
    Relaxed(
        _REPEATED + "; the score of distinct ones shows the fold instead",
        SEARCH,
        "test_grid_search_cv_splits_consistency",
        'param_grid={"C": [0.1, 0.1, 0.2, 0.2]}',
        'param_grid={"C": [0.1, 0.2, 0.3, 0.4]}, scoring=lambda _, X, y: X.sum()',
    ),
    Relaxed(
        "more splits than groups, so that one has nothing to score, which we refuse",
        "model_selection.tests.test_split",
        "test_nested_cv",
        "StratifiedGroupKFold()",
        "StratifiedGroupKFold(n_splits=3)",
        until="1.8",
    ),
    Relaxed(
        "the wording of an error before scikit-learn 1.9, which says 'return'",
        SEARCH,
        "test_random_search_bad_cv",
        "get_n_splits returned ",
        "get_n_splits return ",
        until="1.8",
    ),
]


def applies(module: str, test: str) -> bool:
    """Whether a test is to be run."""
    return not any(
        module == entry.module and test in (entry.tests or (test,)) for entry in NOT_APPLICABLE
    )


def in_scikit_learns_order(module: str, test: str) -> bool:
    """Whether a test relies on the order of scikit-learn's candidates."""
    return test in IN_SCIKIT_LEARNS_ORDER.get(module, ())
