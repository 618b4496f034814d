"""Scorers of one task of several, for scikit-learn's searches and cross-validation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import get_scorer as sklearn_scorer
from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags

from skmultigran._answers import answer_column, known_answers
from skmultigran.metrics._scorers import SCORERS, get_scorer, owner_of


def make_task_scorer(task, scoring):
    """Make a scorer of one task of `MultiGranularityMultiTask`.

    With one scorer per task, `cross_validate` reports every task, and a search can
    `refit` by one of them. Images with a missing target are left out.

    Parameters
    ----------
    task : str
        Name of the task.
    scoring : str or callable
        A name accepted by `get_scorer` of scikit-learn or of `skmultigran.metrics`, or
        a scorer, called as `scorer(estimator, X, y)`.

    Returns
    -------
    callable
        A scorer of the multi-task estimator, called as `scorer(estimator, X, y)`; it
        takes `sample_weight` if `scoring` does.

    Raises
    ------
    ValueError
        If `scoring` is unknown; when called, if y or the estimator has no such task, or
        all targets are missing.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import cross_validate
    >>> from skmultigran import MultiGranularityMultiTask
    >>> from skmultigran.metrics import make_task_scorer
    >>> import pandas as pd
    >>> digits = load_digits()
    >>> y = pd.DataFrame({"digit": digits.target, "round": digits.target % 2 == 0})
    >>> tasks = dict.fromkeys(y, "classification")
    >>> model = MultiGranularityMultiTask(tasks=tasks, max_epochs=1)
    >>> scoring = {
    ...     "digit": make_task_scorer("digit", "accuracy"),
    ...     "round": make_task_scorer("round", "roc_auc"),
    ... }
    >>> result = cross_validate(
    ...     model, digits.images[:200], y[:200], scoring=scoring, cv=2
    ... )
    >>> [name for name in result if name.startswith("test_")]
    ['test_digit', 'test_round']
    """
    if isinstance(scoring, str):
        scorer = get_scorer(scoring) if scoring in SCORERS else sklearn_scorer(scoring)
    elif callable(scoring):
        scorer = scoring
    else:
        raise ValueError(
            f"make_task_scorer got scoring={scoring!r} for the task {task!r}. It must "
            "be the name of a scorer, or a callable(estimator, X, y)."
        )
    return _TaskScorer(task, scoring, scorer)


class _TaskScorer:
    def __init__(self, task, scoring, scorer):
        self.task = task
        self.scoring = scoring
        self.scorer = scorer

    def __repr__(self):
        return f"make_task_scorer({self.task!r}, {self.scoring!r})"

    def __call__(self, estimator, X, y, sample_weight=None):
        """Return the score of the task."""
        answers = answer_column(self._column(y, "y"))
        known = known_answers(answers, self.option(estimator, "missing"))
        if not known.any():
            raise ValueError(f"Task {self.task!r}: all answers are missing from y.")
        rows = np.flatnonzero(known)
        weights = {}
        if sample_weight is not None:
            weights["sample_weight"] = np.asarray(sample_weight)[rows]
        y_true = answer_column(list(answers[rows]))
        one_task = _OneTask(self, estimator, X, n_labels=_n_labels(y_true))
        return self.scorer(one_task, rows, y_true, **weights)

    def option(self, estimator, name):
        """Return an option of the task, asked of the estimator within."""
        tasks = getattr(owner_of("tasks", estimator), "tasks", {})
        options = tasks.get(self.task)
        return options.get(name) if isinstance(options, Mapping) else None

    def _column(self, table, name):
        """Return one task's column of a table of answers."""
        names = getattr(table, "columns", None)
        if names is None:
            names = getattr(getattr(table, "dtype", None), "names", None)
        if isinstance(table, Mapping):
            names = list(table)
        if names is None or self.task not in list(names):
            raise ValueError(
                f"Task {self.task!r} is missing from {name}, which has the columns "
                f"{None if names is None else list(names)}."
            )
        return table[self.task]


class _OneTask:
    """The estimator of several tasks as one of a single task; X are row numbers."""

    def __init__(self, scorer, estimator, X, n_labels):
        self.scorer = scorer
        self.estimator = estimator
        self.X = X
        self.n_labels = n_labels

    def __sklearn_tags__(self):
        labels = self.classes_ is not None
        return Tags(
            estimator_type="classifier" if labels else "regressor",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if labels else None,
            regressor_tags=None if labels else RegressorTags(),
        )

    def __sklearn_is_fitted__(self):
        return True

    @property
    def ignore_label(self):
        """The label of pixels that count for nothing, or None."""
        return self.scorer.option(self.estimator, "ignore_label")

    @property
    def classes_(self):
        """The labels of the task, or None if it has none."""
        classes = self.estimator.classes_.get(self.scorer.task)
        if self.n_labels and classes is not None:
            # Of two labels their numbers would be taken for two classes.
            return [np.array([0, 1])] * self.n_labels
        return classes

    def predict(self, rows):
        answers = self.scorer._column(self.estimator.predict(self.X), "predict")
        return answer_column(list(answer_column(answers)[rows]))

    def predict_proba(self, rows):
        return self.scorer._column(
            self.estimator.predict_proba(self.X), "predict_proba"
        )[rows]


def _n_labels(y_true):
    """Return the number of labels of an indicator, 0 if it is none."""
    return y_true.shape[1] if y_true.ndim == 2 else 0
