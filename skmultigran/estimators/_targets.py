"""y, as people have it: labels of classes, or numbers."""

from __future__ import annotations

import numpy as np
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skmultigran.tasks import ClassificationTask, RegressionTask
from skmultigran.training import class_balanced


class LabelTargets:
    """Targets that are one label per image.

    Parameters
    ----------
    owner : str
        Name of the estimator, for the messages.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes.
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
        y : array-like of shape (n,)
            Labels as the user gave them.

        Returns
        -------
        ndarray of shape (n,)
            The labels.
        """
        y = column_or_1d(y, warn=True)
        if y.dtype.kind == "f":
            assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        return y

    def learn_task(self, y, weights):
        """Return the task with the classes in `y`.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Labels of the training images.
        weights : ndarray of shape (n,)
            Their weights.

        Returns
        -------
        ClassificationTask
            The task.

        Raises
        ------
        ValueError
            If there are less than two classes.
        """
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(
                f"{self.owner} needs at least two classes, but y has only 1 class: "
                f"{classes.tolist()}."
            )
        return ClassificationTask(classes)

    def continued(self, task):
        """Return the task of further training, by the parameters as they are now.

        Parameters
        ----------
        task : ClassificationTask
            The task learned before.

        Returns
        -------
        ClassificationTask
            The same.
        """
        return task

    def balanced(self, weights, y, task):
        """Return the sample weights times the class weights.

        Parameters
        ----------
        weights : ndarray of shape (n,)
            Sample weights.
        y : ndarray of shape (n,)
            Labels.
        task : ClassificationTask
            The task, with the classes.

        Returns
        -------
        ndarray of shape (n,)
            The products.
        """
        return class_balanced(weights, y, task.classes, self.class_weight)

    def strata(self, codes):
        """Return what a hold-out must have in equal shares.

        Parameters
        ----------
        codes : ndarray of shape (n,)
            Class numbers.

        Returns
        -------
        ndarray of shape (n,)
            The class numbers.
        """
        return codes


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
