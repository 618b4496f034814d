"""Masks, as people have them, checked."""

from __future__ import annotations

import numpy as np
import torch

from skmultigran.tasks import SegmentationTask, pixel_weights


class MaskTargets:
    """Targets that are one integer label per pixel.

    Parameters
    ----------
    owner : str
        Name of the estimator, for messages.
    ignore_label : int or None
        Label of pixels that count for nothing.
    class_weight : dict, "balanced" or None
        Weights of the classes.
    loss : str
        Name of the loss.
    """

    # They are moved with their images.
    stay_when_moved = True

    def __init__(self, owner, ignore_label, class_weight, loss):
        self.owner = owner
        self.ignore_label = ignore_label
        self.class_weight = class_weight
        self.loss = loss

    def checked(self, y):
        """Return `y` as a 1-D object array of masks.

        Parameters
        ----------
        y : array-like
            `(n, h, w)`, or a list or a 1-D object array of masks `(h, w)`.

        Returns
        -------
        ndarray of object of shape (n,)
            The masks, views where possible.

        Raises
        ------
        ValueError
            If a mask is not two-dimensional or its labels are no integers.
        """
        if isinstance(y, torch.Tensor):
            y = y.cpu().numpy()
        if hasattr(y, "to_numpy"):
            y = y.to_numpy()
        if isinstance(y, str) or not hasattr(y, "__getitem__"):
            raise ValueError(
                f"{self.owner} got Y={y!r}; it must be integer masks: an array "
                "(n, h, w), a list or a 1-D object array of arrays (h, w)."
            )
        masks = np.empty(len(y), dtype=object)
        for row, mask in enumerate(y):
            masks[row] = self.checked_mask(mask, row)
        return masks

    def checked_mask(self, mask, row):
        """Return one mask as an array.

        Parameters
        ----------
        mask : array-like of shape (h, w)
            Labels.
        row : int
            Its row, for the message.

        Returns
        -------
        ndarray of shape (h, w)
            The mask, a view where possible.

        Raises
        ------
        ValueError
            If it is not two-dimensional or its labels are no integers.
        """
        mask = mask.cpu().numpy() if isinstance(mask, torch.Tensor) else mask
        mask = np.asarray(mask)
        if mask.ndim == 2 and mask.dtype.kind in "biu" and mask.size:
            return mask
        got = f"shape {mask.shape} and type {mask.dtype}"
        raise ValueError(
            f"{self.owner} cannot use the mask of row {row}: it has {got}, but must be "
            f"a two-dimensional array of integers or booleans. {_way_to_mask(mask)}"
        )

    def learn_task(self, y, weights):
        """Return the task of learning `y`.

        Parameters
        ----------
        y : ndarray of object of shape (n,)
            Masks.
        weights : ndarray of shape (n,)
            Weights of the images.

        Returns
        -------
        SegmentationTask
            The task.

        Raises
        ------
        ValueError
            If there are less than two classes.
        """
        classes = np.unique(np.concatenate([np.unique(mask) for mask in y]))
        if self.ignore_label is not None:
            classes = classes[classes != self.ignore_label]
        if not len(classes):
            raise ValueError(
                f"{self.owner} needs masks of at least two classes, but every pixel "
                f"has the ignore_label={self.ignore_label!r}. Label some pixels of "
                "each class, or set ignore_label to what marks pixels without a label."
            )
        if len(classes) < 2:
            raise ValueError(
                f"{self.owner} needs masks of at least two classes, but got "
                f"{len(classes)} class: {classes.tolist()}."
            )
        task = SegmentationTask(classes, self.ignore_label, loss=self.loss)
        return self._with_class_weights(task, y, weights)

    def _with_class_weights(self, task, y, weights):
        if self.class_weight is not None:
            task.class_weights = pixel_weights(
                task.encode(y), weights, task, self.class_weight
            )
        return task

    def continued(self, task):
        """Return the task of further training, by the parameters as they are now.

        Parameters
        ----------
        task : SegmentationTask
            The task learned before.

        Returns
        -------
        SegmentationTask
            The same classes and weights, with the loss of now.
        """
        return SegmentationTask(
            task.classes, self.ignore_label, task.class_weights, self.loss
        )

    def balanced(self, weights, y, task):
        """Return the weights of images as they are: classes are those of pixels."""
        return weights

    def strata(self, targets):
        """Return None: a hold-out is drawn at random."""
        return None


def _way_to_mask(mask):
    """Return what makes a mask of something that was passed as one."""
    if mask.ndim == 0 and mask.dtype.kind in "UO":
        return "Read masks of files first: [np.asarray(PIL.Image.open(p)) for p in Y]."
    if mask.ndim == 2 and mask.dtype.kind == "f":
        return "Convert it with .astype(int)."
    if mask.ndim == 3 and mask.shape[2] == 1:
        return "Leave out the last axis: mask[:, :, 0]."
    if mask.ndim == 3:
        return (
            "Take argmax over the classes of a one-hot mask; give each colour of a "
            "mask of colours a number of its own."
        )
    return "Pass one integer label per pixel, of shape (h, w)."
