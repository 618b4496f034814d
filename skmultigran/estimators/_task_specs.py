"""What `tasks=` says of each task: its options, how it is read and learned."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np

from skmultigran._answers import answer_column, known_answers
from skmultigran._support import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)
from skmultigran.estimators._answer_columns import (
    label_array,
    number_array,
)
from skmultigran.estimators._label_columns import (
    check_class_weight_names,
    check_labels,
    class_weight_table,
)
from skmultigran.estimators._mask_targets import MaskTargets
from skmultigran.tasks import (
    LOSSES,
    SEGMENTATION_LOSSES,
    ClassificationTask,
    MultiLabelTask,
    RegressionTask,
)

_CLASS_WEIGHT = [dict, StrOptions({"balanced"}), None]


class ClassificationSpec:
    """One label per image.

    Parameters
    ----------
    owner : str
        Name of the task, for messages.
    missing : object, default=None
        What stands for no answer besides None and NaN.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes.
    """

    constraints = {"missing": "no_validation", "class_weight": _CLASS_WEIGHT}
    stay_when_moved = True

    def __init__(self, owner, missing=None, class_weight=None):
        self.owner = owner
        self.missing = missing
        self.class_weight = class_weight

    def read(self, column):
        """Return a column of answers as an array, and where they are known.

        Parameters
        ----------
        column : array-like of length n
            Answers as the user gave them.

        Returns
        -------
        values : ndarray of length n
            The answers.
        known : ndarray of bool of shape (n,)
            Which rows have one.

        Raises
        ------
        ValueError
            If they do not fit the type of the task.
        """
        values = answer_column(column)
        known = known_answers(values, self.missing)
        labels = label_array(values, known)
        if known.any():
            check_labels(labels[known])
        return labels, known

    def learn(self, values, weights):
        """Return the task of learning known answers.

        Parameters
        ----------
        values : ndarray of length n
            Answers.
        weights : ndarray of shape (n,)
            Weights of their images.

        Returns
        -------
        task
            The task.

        Raises
        ------
        ValueError
            If there is nothing to tell apart.
        """
        classes = np.unique(values)
        if len(classes) < 2:
            raise ValueError(
                f"it needs at least two classes, but the answers have only 1 class: "
                f"{classes.tolist()}."
            )
        if self.class_weight is None:
            return ClassificationTask(classes)
        check_class_weight_names(self.class_weight, classes.tolist(), self.owner)
        table = class_weight_table(values, weights, classes, self.class_weight)
        return ClassificationTask(classes, table)


class RegressionSpec:
    """One or several numbers per image; see `ClassificationSpec`.

    Parameters
    ----------
    owner : str
        Name of the task, for messages.
    missing : object, default=None
        What stands for no number besides None and NaN.
    **loss : dict
        `loss`, `quantile` and `epsilon`, as in `MultiGranularityRegressor`.
    """

    constraints = {
        "missing": "no_validation",
        "loss": [StrOptions(set(LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
    }
    stay_when_moved = False

    def __init__(self, owner, missing=None, **loss):
        self.owner = owner
        self.missing = missing
        self.loss = loss

    def read(self, column):
        """Return numbers, NaN where they are not known."""
        values = answer_column(column)
        known = known_answers(values, self.missing)
        return number_array(values, self.missing, known), known

    def learn(self, values, weights):
        """Return the task, each number standardised by the rows that have it."""
        present = ~np.isnan(values)
        if present.all():
            return RegressionTask.learn(values, weights, **self.loss)
        if not present.any(axis=0).all():
            raise ValueError(
                f"no answer has number {np.argmin(present.any(axis=0))} of its row."
            )
        columns = [
            RegressionTask.learn(column[has], weights[has], **self.loss)
            for column, has in zip(values.T, present.T, strict=True)
        ]
        return RegressionTask(
            np.array([column.center for column in columns]),
            np.array([column.spread for column in columns]),
            dtype=columns[0].dtype,
            **self.loss,
        )


class MultiLabelSpec:
    """Any number of labels per image; see `ClassificationSpec`.

    Parameters
    ----------
    owner : str
        Name of the task, for messages.
    missing : object, default=None
        What stands for a label that is not known, besides None and NaN.
    class_weight : dict, "balanced" or None, default=None
        Weights of absence, 0, and presence, 1, of each label.
    """

    constraints = {"missing": "no_validation", "class_weight": _CLASS_WEIGHT}
    stay_when_moved = True

    def __init__(self, owner, missing=None, class_weight=None):
        self.owner = owner
        self.missing = missing
        self.class_weight = class_weight

    def read(self, column):
        """Return zeros and ones, NaN where they are not known."""
        values = answer_column(column)
        known = known_answers(values, self.missing)
        try:
            numbers = number_array(values, self.missing, known)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "its answers must be rows of zeros and ones, one per label, such as "
                "sklearn.preprocessing.MultiLabelBinarizer makes of lists of labels, "
                f"but {error}"
            ) from error
        if numbers.ndim != 2:
            raise ValueError(
                "its answers must be rows of zeros and ones, one per label, but have "
                f"the shape {numbers.shape}."
            )
        return numbers, known

    def learn(self, values, weights):
        """Return the task, each label weighted by the rows that have it."""
        table = None
        if self.class_weight is not None:
            check_class_weight_names(self.class_weight, [0, 1], self.owner)
            table = np.array([self._table(column, weights) for column in values.T])
        return MultiLabelTask(values.shape[1], table)

    def _table(self, column, weights):
        known = ~np.isnan(column)
        labels, weights = column[known].astype(int), weights[known]
        if not len(labels):
            return np.ones(2)
        return class_weight_table(labels, weights, np.array([0, 1]), self.class_weight)


class SegmentationSpec:
    """One label per pixel; see `ClassificationSpec`.

    Parameters
    ----------
    owner : str
        Name of the task, for messages.
    missing : None
        Masks that are not known are None or NaN.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes' pixels.
    ignore_label : int or None, default=None
        Label of pixels that count for nothing.
    loss : str, default="cross_entropy+dice"
        As in `MultiGranularitySegmenter`.
    """

    constraints = {
        "missing": [None],
        "class_weight": _CLASS_WEIGHT,
        "ignore_label": [Integral, None],
        "loss": [StrOptions(set(SEGMENTATION_LOSSES))],
    }
    stay_when_moved = True

    def __init__(
        self,
        owner,
        missing=None,
        class_weight=None,
        ignore_label=None,
        loss="cross_entropy+dice",
    ):
        self.ignore_label = ignore_label
        self.targets = MaskTargets(owner, ignore_label, class_weight, loss)

    def read(self, column):
        """Return masks, as an array of objects."""
        values = answer_column(column)
        known = known_answers(values, None)
        masks = np.empty(len(values), dtype=object)
        for row in np.flatnonzero(known):
            masks[row] = self.targets.checked_mask(values[row], row)
        return masks, known

    def learn(self, values, weights):
        """Return the task with the classes in the masks."""
        return self.targets.learn_task(values, weights)


SPECS = {
    "classification": ClassificationSpec,
    "multilabel": MultiLabelSpec,
    "regression": RegressionSpec,
    "segmentation": SegmentationSpec,
}


def task_specs(tasks, owner):
    """Return the specification of each task.

    Parameters
    ----------
    tasks : dict of str to (str or dict)
        Names of tasks to their type, or to their type and options.
    owner : str
        Name of the estimator, for messages.

    Returns
    -------
    dict of str to spec
        As many.

    Raises
    ------
    ValueError
        If there is no task, a type or option is unknown, or an option's value wrong.
    """
    if not isinstance(tasks, Mapping) or not tasks:
        raise ValueError(
            f"{owner} got tasks={tasks!r}. It must be a dict of at least one task, "
            "such as {'kind': 'classification', 'size': 'regression'}."
        )
    return {name: _spec(name, task, owner) for name, task in tasks.items()}


def _spec(name, task, owner):
    options = {"type": task} if isinstance(task, str) else task
    if not isinstance(options, Mapping) or "type" not in options:
        raise ValueError(
            f"Task {name!r}: {task!r} must be a type or a dict with a type, such as "
            "dict(type='classification', class_weight='balanced')."
        )
    options = dict(options)
    kind = options.pop("type")
    if kind not in SPECS:
        near = difflib.get_close_matches(str(kind), SPECS, n=1, cutoff=0)
        raise ValueError(
            f"Task {name!r}: the type {kind!r} is unknown. Did you mean {near[0]!r}? "
            f"Known: {sorted(SPECS)}."
        )
    spec = SPECS[kind]
    unknown = sorted(set(options) - set(spec.constraints))
    if unknown:
        raise ValueError(
            f"Task {name!r}: unknown options {unknown} of a {kind}. Known: "
            f"{sorted(spec.constraints)}."
        )
    constraints = {key: spec.constraints[key] for key in options}
    validate_parameter_constraints(constraints, options, f"{owner}'s task {name!r}")
    return spec("it", **options)  # messages begin with the name of the task
