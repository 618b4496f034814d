"""y, as people have it: labels of classes, or numbers."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils import check_array, column_or_1d

from skmultigran.estimators._label_columns import (
    check_class_weight_names,
    check_labels,
    checked_columns,
    class_weight_table,
    labels_of_each,
    learn_columns,
)
from skmultigran.tasks import ClassificationTask, RegressionTask


class LabelTargets:
    """Targets that are labels: one per image, or several columns of them.

    Parameters
    ----------
    owner : str
        Name of the estimator, for the messages.
    class_weight : list, dict, "balanced" or None, default=None
        Weights of the classes; a list has one entry per column of labels.
    """

    # Whether an image that is a little turned, zoomed or moved keeps its answer.
    stay_when_moved = True

    def __init__(self, owner, class_weight=None):
        self.owner = owner
        self.class_weight = class_weight

    def checked(self, y):
        """Return `y` as an array of labels.

        Parameters
        ----------
        y : array-like of shape (n,) or (n, n_columns)
            Labels as the user gave them.

        Returns
        -------
        ndarray of shape (n,) or (n, n_columns)
            The labels.

        Raises
        ------
        ValueError
            If labels are missing, continuous, or sequences of labels.
        """
        y = y if hasattr(y, "toarray") else labels_of_each(y)
        if y.ndim == 2 and y.shape[1] > 1:
            return checked_columns(y)
        y = column_or_1d(y, warn=True)
        check_labels(y)
        return y

    def learn_task(self, y, weights, classes=None):
        """Return the task with the classes in `y`.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_columns)
            Labels of the training images.
        weights : ndarray of shape (n,)
            Their weights.
        classes : array-like of shape (n_classes,), list of those, or None, default=None
            All labels that will ever come, or those of each column; None: those of `y`.

        Returns
        -------
        ClassificationTask, MultiLabelTask or MultiOutputTask
            The task.

        Raises
        ------
        ValueError
            If there are less than two classes.
        """
        if y.ndim == 2:
            return learn_columns(y, weights, self.class_weight, self.owner, classes)
        classes = np.unique(y if classes is None else classes)
        if len(classes) < 2:
            raise ValueError(
                f"{self.owner} needs at least two classes, but y has only 1 class: "
                f"{classes.tolist()}."
            )
        return ClassificationTask(
            classes, self._class_weights(y, weights, classes), in_loss=False
        )

    def _class_weights(self, y, weights, classes):
        """Return the weight of each class, or None where all are one."""
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, list):
            raise ValueError(
                f"{self.owner} got a list as class_weight, which is for several "
                "columns of labels, but y has one label per image. Give a dict."
            )
        check_class_weight_names(self.class_weight, classes.tolist(), self.owner)
        return class_weight_table(y, weights, classes, self.class_weight)

    def continued(self, task):
        """Return the task of further training, by the parameters as they are now.

        Parameters
        ----------
        task : task
            The task learned before.

        Returns
        -------
        task
            The same.
        """
        return task

    def balanced(self, weights, y, task):
        """Return the sample weights times the class weights.

        Parameters
        ----------
        weights : ndarray of shape (n,)
            Sample weights.
        y : ndarray of shape (n,) or (n, n_columns)
            Labels.
        task : task
            The task, with the weights of the classes. Where it has several columns,
            they are in the task's loss.

        Returns
        -------
        ndarray of shape (n,)
            The products.
        """
        if y.ndim == 2 or task.class_weights is None:
            return weights
        return weights * task.class_weights[task.encode(y)]

    def strata(self, codes):
        """Return what a hold-out must have in equal shares.

        Parameters
        ----------
        codes : ndarray of shape (n,) or (n, n_columns)
            Class numbers.

        Returns
        -------
        ndarray of shape (n,) or None
            The class numbers; None for several columns, whose combinations may be as
            many as the images.
        """
        return codes if codes.ndim == 1 else None


class NumberTargets:
    """Targets that are one or several numbers per image; `LabelTargets` for numbers.

    Parameters
    ----------
    **loss : dict
        What `RegressionTask.learn` takes besides targets and weights.
    """

    # Where an object is, how large and how it is turned are what numbers often say.
    stay_when_moved = False

    def __init__(self, **loss):
        self.loss = loss

    def checked(self, y):
        """Return `y` as finite floats, `(n,)` or `(n, n_outputs)`."""
        y = y.detach() if isinstance(y, torch.Tensor) else y
        return check_array(
            y, dtype=[np.float64, np.float32], ensure_2d=False, input_name="y"
        )

    def learn_task(self, y, weights):
        """Return the `RegressionTask` with the centre and the spread of `y`."""
        return RegressionTask.learn(y, weights, **self.loss)

    def continued(self, task):
        """Return the task with the loss of now, on the scale of before."""
        return RegressionTask(task.center, task.spread, dtype=task.dtype, **self.loss)

    def balanced(self, weights, y, task):
        """Return the weights as they are."""
        return weights

    def strata(self, targets):
        """Return None: a hold-out is drawn at random."""
        return None
