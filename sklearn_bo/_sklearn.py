"""Everything private that this package imports of scikit-learn, supported from 1.6 to 1.9.

A test pins each of these names and what is relied on, so that a release which changes one of them
fails there and nowhere else.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.base import BaseEstimator
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _fit_and_score,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.parallel import _get_threadpool_controller
from sklearn.utils.validation import _check_method_params, _num_samples

if TYPE_CHECKING:  # scikit-learn has no types, and its decorator would take those of `fit` away
    Method = TypeVar("Method", bound=Callable)

    def _fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]: ...
else:
    from sklearn.base import _fit_context

__all__ = [
    "BaseSearchCV",
    "FoldCallbacks",
    "Interval",
    "StrOptions",
    "_check_method_params",
    "_fit_and_score",
    "_fit_context",
    "_get_threadpool_controller",
    "_num_samples",
    "_warn_or_raise_about_fit_failures",
    "init_callback_context",
    "scorers_by_name",
]


def scorers_by_name(scorer: Any) -> dict[str, Any] | None:
    """Return the scorers of several metrics; None of a single one, or of one function for all."""
    return scorer._scorers if isinstance(scorer, _MultimetricScorer) else None


class _NoCallbackContext:
    """Stands for a callback context in a scikit-learn that has none (before 1.9)."""

    _callbacks = ()

    def subcontext(self, **kwargs: Any) -> _NoCallbackContext:
        return self

    def call_on_fit_task_begin(self, **kwargs: Any) -> _NoCallbackContext:
        return self

    def call_on_fit_task_end(self, **kwargs: Any) -> bool:
        return False

    def propagate_callback_context(self, sub_estimator: Any) -> AbstractContextManager[None]:
        return nullcontext()


def init_callback_context(search: BaseEstimator, max_subtasks: int) -> Any:
    """Return the root of the tree of tasks that the search's callbacks follow."""
    if hasattr(search, "_init_callback_context"):
        return search._init_callback_context(max_subtasks=max_subtasks)
    return _NoCallbackContext()


class FoldCallbacks:
    """The callbacks' context of one fold, which crosses to a worker without its siblings.

    A context holds the whole tree of tasks. Pickled as it is, with each of n tasks, it costs
    O(n^2), and fails when a task is added meanwhile.

    Parameters
    ----------
    context : CallbackContext
        scikit-learn's context of the fold.
    """

    def __init__(self, context: Any) -> None:
        self.context = context
        self._wishes: list[str] = []

    @classmethod
    def of_fold(
        cls, search_context: Any, estimator: BaseEstimator, task_id: int
    ) -> FoldCallbacks | None:
        """Add a fold to the search's tasks; None where neither has a callback to call."""
        if not (search_context._callbacks or getattr(estimator, "_skl_callbacks", None)):
            return None
        name = "candidate-split-evaluation"
        return cls(search_context.subcontext(task_name=name, task_id=task_id))

    def listened(self) -> Any:
        """Return the context, set up to hear which of its callbacks asks for a stop."""
        self.context._callbacks = [
            _Listened(callback, self.context, self._wishes) for callback in self.context._callbacks
        ]
        return self.context

    @property
    def stopped_by(self) -> str | None:
        """Name of the first callback that asked for a stop at the end of the fold."""
        return self._wishes[0] if self._wishes else None

    def pass_over(self, caller: BaseEstimator | None) -> None:
        """Tell the callbacks of a fold that is not fitted, since its results are known."""
        self.context.call_on_fit_task_begin(estimator=caller)
        self.context.call_on_fit_task_end(estimator=caller)

    def __reduce__(self) -> tuple:
        branch = node = copy.copy(self.context)
        while node.parent is not None:
            node.parent = copy.copy(node.parent)
            node.parent._children_map = {node.task_id: node}
            node = node.parent
        return FoldCallbacks, (branch,)


class _Listened:
    """Stands for a callback, and notes when it asks for a stop at the end of a fold.

    ``on_fit_task_end`` returns whether to stop the iterations that the task is one of (scikit-learn
    1.9), but ``_fit_and_score`` drops that, and so does a sub-estimator, which calls the hook in
    place of the fold where a callback is propagated to it.

    Parameters
    ----------
    callback : FitCallback
        The callback.
    context : CallbackContext
        That of the fold.
    wishes : list of str
        Takes the name of the callback's class.
    """

    def __init__(self, callback: Any, context: Any, wishes: list[str]) -> None:
        for name in ("setup", "teardown", "on_fit_task_begin", "max_propagation_depth"):
            if hasattr(callback, name):
                setattr(self, name, getattr(callback, name))
        self._callback, self._context, self._wishes = callback, context, wishes
        # The hook is called with what its signature names.
        self.on_fit_task_end = update_wrapper(partial(self._end), callback.on_fit_task_end)

    def _end(self, estimator: BaseEstimator, context: Any, **kwargs: Any) -> Any:
        stop = self._callback.on_fit_task_end(estimator, context, **kwargs)
        fold = self._context
        if stop and (context.parent, context.task_id) == (fold.parent, fold.task_id):
            self._wishes.append(type(self._callback).__name__)
        return stop
