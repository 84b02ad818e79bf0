"""Errors that one part raises and another handles, and the one that reaches the user."""

from __future__ import annotations


class SpaceExhaustedError(RuntimeError):
    """No setting is left to ask: of a finite space, or of the budgets of its subspaces."""


class TaskLostError(RuntimeError):
    """A call that no worker finished: each died of it, or it took longer than ``fit_timeout``."""


class NoWorkerLeftError(RuntimeError):
    """Each worker hangs and none can be freed, or there is no way to them any more."""


class NoWorkerYetError(Exception):
    """A call cannot be handed over before a worker joins the cluster."""


class TimeIsUp(Exception):
    """No call has ended in the time that one would wait."""
