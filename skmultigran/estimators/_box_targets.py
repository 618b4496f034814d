"""Boxes and labels of objects, as people have them, checked."""

from __future__ import annotations

import numpy as np
import torch

from skmultigran._answers import known_answers
from skmultigran.tasks import DetectionTask

# Boxes that were made of shares of an image may end so many pixels beyond it.
_ROUNDING = 1e-3


class BoxTargets:
    """Targets that are a dictionary of boxes and labels per image.

    Parameters
    ----------
    owner : str
        Name of the estimator, for messages.
    """

    # They are moved with their images.
    stay_when_moved = True

    def __init__(self, owner):
        self.owner = owner

    def checked(self, y):
        """Return `y` as a 1-D object array of dictionaries of arrays.

        Parameters
        ----------
        y : sequence of dict
            For each image `boxes`, of shape (m, 4), and `labels`, of shape (m,).

        Returns
        -------
        ndarray of object of shape (n,)
            Dictionaries of the same; other entries are left out.

        Raises
        ------
        ValueError
            If something is no such dictionary, or a box is not finite or has no area.
        """
        if hasattr(y, "columns"):
            raise ValueError(
                f"{self.owner} got y as a data frame, but needs one dictionary of "
                "'boxes' and 'labels' per image. Of columns of these names "
                "y.to_dict('records') makes them. Of a table with one row per object "
                "take the rows of one image after the other."
            )
        y = y.to_numpy() if hasattr(y, "to_numpy") else y
        if isinstance(y, (str, dict)) or not hasattr(y, "__getitem__"):
            raise ValueError(
                f"{self.owner} got y={type(y).__name__}; it must be a list with one "
                "dictionary of 'boxes' and 'labels' per image."
            )
        checked = np.empty(len(y), dtype=object)
        for row, objects in enumerate(y):
            checked[row] = self._checked_objects(objects, row)
        return checked

    def _checked_objects(self, objects, row):
        if not (isinstance(objects, dict) and {"boxes", "labels"} <= objects.keys()):
            got = sorted(objects) if isinstance(objects, dict) else repr(objects)[:60]
            raise ValueError(
                f"{self.owner}: y of row {row} is {got}, but must be a dictionary with "
                "'boxes' and 'labels'. For an image without objects both are empty."
            )
        self._check_format(objects["boxes"], row)
        boxes, labels = (self._array(objects, n, row) for n in ("boxes", "labels"))
        boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
        if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "biuf":
            raise ValueError(
                f"{self.owner}: the boxes of row {row} have shape {boxes.shape} and "
                f"type {boxes.dtype}, but must be numbers of shape (m, 4): left, top, "
                "right and bottom in pixels."
            )
        if labels.shape != (len(boxes),):
            raise ValueError(
                f"{self.owner}: row {row} has {len(boxes)} boxes, but labels of shape "
                f"{labels.shape}. Give one label per box."
            )
        boxes = boxes.astype(float)
        self._check_areas(boxes, row)
        return {"boxes": boxes, "labels": labels}

    def _array(self, objects, name, row):
        values = objects[name]
        if isinstance(values, torch.Tensor):
            return values.detach().cpu().numpy()
        try:
            return np.asarray(values)
        except ValueError as error:
            raise ValueError(
                f"{self.owner}: the {name} of row {row} are no array, as their parts "
                "have different lengths. Give four numbers for each box, of shape (m, "
                "4), and one label, of shape (m,)."
            ) from error

    def _check_format(self, boxes, row):
        # Boxes of torchvision know what their numbers are.
        kind = getattr(boxes, "format", None) if isinstance(boxes, torch.Tensor) else ()
        name = getattr(kind, "name", "XYXY")
        if name != "XYXY":
            raise ValueError(
                f"{self.owner}: the boxes of row {row} have the format {name}, but "
                "must be left, top, right and bottom. Convert them by torchvision."
                "transforms.v2.functional.convert_bounding_box_format(boxes, "
                "new_format='XYXY')."
            )

    def _check_areas(self, boxes, row):
        right = (boxes[:, :2] < boxes[:, 2:]).all(axis=1) & np.isfinite(boxes).all(1)
        if not right.all():
            number = int(np.argmin(right))
            raise ValueError(
                f"{self.owner}: box {number} of row {row} is {boxes[number].tolist()}, "
                "but must be finite with left < right and top < bottom. For boxes of "
                "left, top, width and height add the first two to the others."
            )

    def check_inside(self, boxes, size, row):
        """Raise if a box lies outside of its image.

        Parameters
        ----------
        boxes : ndarray of shape (m, 4)
            The boxes.
        size : tuple of int
            `(height, width)` of the image.
        row : int
            Its row.

        Raises
        ------
        ValueError
            If a box reaches beyond the image; the message names it.
        """
        height, width = (int(side) for side in size)
        ends = np.array([width, height, width, height])
        inside = (boxes >= -_ROUNDING) & (boxes <= ends + _ROUNDING)
        if not inside.all():
            number = int(np.argmin(inside.all(axis=1)))
            raise ValueError(
                f"{self.owner}: box {number} of row {row} is {boxes[number].tolist()}, "
                f"but its image has {height} x {width} pixels. Boxes are left, top, "
                "right and bottom; cut them at the image's border."
            )

    def learn_task(self, y, weights):
        """Return the task of learning `y`.

        Parameters
        ----------
        y : ndarray of object of shape (n,)
            Checked dictionaries.
        weights : ndarray of shape (n,)
            Weights of the images.

        Returns
        -------
        DetectionTask
            The task.

        Raises
        ------
        ValueError
            If no image has an object, or labels are missing or of several types.
        """
        labels = [objects["labels"] for objects in y if len(objects["labels"])]
        if not labels:
            raise ValueError(
                f"{self.owner} needs at least one image with an object, but got "
                f"{len(y)} without."
            )
        self._check_labels(np.concatenate([each.astype(object) for each in labels]))
        return DetectionTask(np.unique(np.concatenate(labels)))

    def _check_labels(self, labels):
        try:
            np.unique(labels)
            wrong = not known_answers(labels, None).all()
        except TypeError:
            wrong = True
        if wrong:
            types = sorted({type(label).__name__ for label in labels.tolist()})
            raise ValueError(
                f"{self.owner} got boxes with labels of the types {types}, which are "
                "missing or cannot be sorted together. Give every box a label, and "
                "make all labels of one type."
            )

    def continued(self, task):
        """Return the task of further training: the same."""
        return task

    def balanced(self, weights, y, task):
        """Return the weights of images as they are."""
        return weights

    def strata(self, targets):
        """Return None: a hold-out is drawn at random."""
        return None
