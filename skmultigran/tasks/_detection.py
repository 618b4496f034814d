"""Objects in images: encode, loss, decode."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

# Of the places near an object's centre only those learn it that are less than so many
# strides away (Z. Tian et al., arXiv 2006.09214).
_CENTRAL = 1.5
_MOST_CANDIDATES = 2000
# What counts as found in the score that training shows.
_SCORED_FROM = 0.3
_FOUND = 0.5


class Places(NamedTuple):
    """What a `BoxHead` tells of places, apart.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
        Logits of the classes.
    sides : Tensor of shape (..., 4)
        Distances to left, top, right and bottom, in strides.
    central : Tensor of shape (..., 1)
        Logit of being central.
    centres : Tensor of shape (..., 2)
        x and y in pixels.
    strides, levels : Tensor of shape (..., 1)
        Stride and number of the level.
    ranges : Tensor of shape (..., 2)
        Least and largest distance of the farthest side of a place's objects.
    """

    logits: Tensor
    sides: Tensor
    central: Tensor
    centres: Tensor
    strides: Tensor
    levels: Tensor
    ranges: Tensor

    @classmethod
    def of(cls, outputs: Tensor) -> Places:
        """Return the parts of what a `BoxHead` tells.

        Parameters
        ----------
        outputs : Tensor of shape (..., n_classes + 11)
            Raw numbers.

        Returns
        -------
        Places
            The parts.
        """
        n_classes = outputs.shape[-1] - 11
        return cls(*outputs.split([n_classes, 4, 1, 2, 1, 1, 2], dim=-1))

    @property
    def boxes(self) -> Tensor:
        """The boxes that the places tell of."""
        low, high = (self.sides * self.strides).split([2, 2], dim=-1)
        return torch.cat([self.centres - low, self.centres + high], dim=-1)

    @property
    def scores(self) -> Tensor:
        """Scores in [0, 1] of every place and class."""
        return torch.sqrt(torch.sigmoid(self.logits) * torch.sigmoid(self.central))


class DetectionTask:
    """Boxes with labels of any type to numbers, and places back to boxes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.tasks import DetectionTask
    >>> task = DetectionTask(np.array(["cat", "dog"]))
    >>> task.encode([{"boxes": np.array([[0, 0, 5, 4]]), "labels": ["dog"]}])[0]
    array([[0., 0., 5., 4., 1.]])
    """

    def __init__(self, classes: np.ndarray) -> None:
        self.classes = classes

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def encode(self, y: Any) -> np.ndarray:
        """Return the objects of images as numbers.

        Parameters
        ----------
        y : sequence of dict
            For each image `boxes` of shape (m, 4) and `labels` of shape (m,).

        Returns
        -------
        ndarray of object of shape (n,)
            Arrays `(m, 5)`: boxes and class numbers.

        Raises
        ------
        ValueError
            If a label is none of `classes`.
        """
        encoded = np.empty(len(y), dtype=object)
        for row, objects in enumerate(y):
            labels = np.asarray(objects["labels"])
            codes = np.searchsorted(self.classes, labels) if len(labels) else labels
            codes = codes.astype(int).clip(max=len(self.classes) - 1)
            wrong = self.classes[codes] != labels
            if len(labels) and wrong.any():
                raise ValueError(
                    f"The image of row {row} has an object with the label "
                    f"{labels[wrong].tolist()[0]!r}, but the model was fitted on "
                    f"{self.classes.tolist()}."
                )
            boxes = np.asarray(objects["boxes"], dtype=float).reshape(-1, 4)
            encoded[row] = np.column_stack([boxes, codes])
        return encoded

    def loss(
        self, outputs: Tensor, objects: Tensor, label_smoothing: float = 0.0
    ) -> Tensor:
        """Return the loss of each image, as FCOS has it.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_places, n_classes + 11)
            What a `BoxHead` tells.
        objects : Tensor of shape (B, M, 5)
            Boxes and class numbers; negative ones are padding.
        label_smoothing : float, default=0.0
            Of no influence: focal losses take care of what is easy.

        Returns
        -------
        Tensor of shape (B,)
            The sum of focal loss of the classes, generalised IoU loss of the boxes and
            cross-entropy of being central, divided by how many places of an image of
            the batch learn an object on average. So each such place counts alike, and
            an image without objects no more than others.
        """
        from torchvision.ops import sigmoid_focal_loss

        # The places of all images are the same.
        places = Places.of(outputs)
        matched = matched_objects(Places.of(outputs[0]), objects)  # (B, n_places)
        learns = matched >= 0
        wanted = torch.zeros_like(places.logits)
        total = outputs.new_zeros(len(outputs))
        if learns.any():
            image, place = learns.nonzero(as_tuple=True)
            mine = objects[image, matched[image, place]]
            wanted[image, place, mine[:, 4].long()] = 1.0
            total = total.index_add(0, image, _box_losses(places, learns, mine[:, :4]))
        focal = sigmoid_focal_loss(places.logits, wanted, reduction="none")
        total = total + focal.sum(dim=(1, 2))
        return total / (learns.sum() / len(outputs)).clamp(min=1)

    def score(self, outputs: Tensor, objects: Tensor) -> Tensor:
        """Return the F1 score of each image.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_places, n_classes + 11)
            What a `BoxHead` tells.
        objects : Tensor of shape (B, M, 5)
            Boxes and class numbers; negative ones are padding.

        Returns
        -------
        Tensor of shape (B,)
            Of boxes with a score of 0.3 and more, found where an object of the class
            overlaps by half; 1 where there is nothing to find and nothing is found.
        """
        return torch.tensor([_f1(*both) for both in zip(outputs, objects, strict=True)])

    def decode(
        self,
        output: Tensor,
        size: tuple[int, int],
        *,
        score_threshold: float,
        nms_threshold: float,
        max_detections: int,
    ) -> dict[str, np.ndarray]:
        """Return the objects found in one image.

        Parameters
        ----------
        output : Tensor of shape (n_places, n_classes + 11)
            What a `BoxHead` tells.
        size : tuple of int
            `(height, width)` of the image.
        score_threshold : float
            Boxes of a lower score are left out.
        nms_threshold : float
            Of boxes of a class that overlap more, the best is kept.
        max_detections : int
            The most boxes.

        Returns
        -------
        dict of str to ndarray
            `boxes` of shape (m, 4), `labels`, `scores` and `levels`, each of shape
            (m,), by falling score.
        """
        boxes, codes, scores, levels = found_objects(
            output, size, score_threshold, nms_threshold, max_detections
        )
        return {
            "boxes": boxes.numpy(),
            "labels": self.classes[codes.numpy()],
            "scores": scores.numpy(),
            "levels": levels.numpy(),
        }

    @staticmethod
    def named_answers(outputs: Tensor) -> dict[str, Tensor]:
        """Return what the raw numbers say, as tensors by name.

        Parameters
        ----------
        outputs : Tensor of shape (B, n_places, n_classes + 11)
            What a `BoxHead` tells.

        Returns
        -------
        dict of str to Tensor
            "boxes" of shape (B, n_places, 4) and "scores" of shape (B, n_places,
            n_classes), of all places.
        """
        places = Places.of(outputs)
        return {"boxes": places.boxes, "scores": places.scores}


def _box_losses(places: Places, learns: Tensor, boxes: Tensor) -> Tensor:
    """Return the losses of boxes and of being central, of the places that learn."""
    from torchvision.ops import generalized_box_iou_loss

    centres = places.centres[learns]  # (n, 2)
    low, high = centres - boxes[:, :2], boxes[:, 2:] - centres
    ratios = torch.minimum(low, high) / torch.maximum(low, high)
    central = functional.binary_cross_entropy_with_logits(
        places.central[learns][:, 0], ratios.prod(dim=1).sqrt(), reduction="none"
    )
    return central + generalized_box_iou_loss(places.boxes[learns], boxes)


def matched_objects(places: Places, objects: Tensor) -> Tensor:
    """Return which object each place learns.

    A place learns an object if it is inside its box, near its centre, and the object
    is of the sizes of the place's level; of several objects the smallest.

    Parameters
    ----------
    places : Places
        The places of one image, `n_places` of them.
    objects : Tensor of shape (..., M, 5)
        Boxes and class numbers; negative ones are padding.

    Returns
    -------
    Tensor of int64 of shape (..., n_places)
        Numbers of objects; -1 where there is none.
    """
    if not objects.shape[-2]:
        shape = *objects.shape[:-2], len(places.centres)
        return torch.full(shape, -1, device=objects.device)
    boxes = objects[..., None, :, :4]  # (..., 1, M, 4)
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    where = places.centres[:, None]
    away = (where - centres).abs().amax(dim=-1)  # (..., n_places, M)
    sides = torch.cat([where - boxes[..., :2], boxes[..., 2:] - where], dim=-1)
    largest = sides.amax(dim=-1)
    fits = (away < _CENTRAL * places.strides) & (sides.amin(dim=-1) > 0)
    fits &= (largest >= places.ranges[:, :1]) & (largest < places.ranges[:, 1:])
    fits &= objects[..., None, :, 4] >= 0
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(dim=-1)
    smallest = areas.masked_fill(~fits, torch.inf).min(dim=-1)
    return smallest.indices.masked_fill(smallest.values.isinf(), -1)


def found_objects(
    output: Tensor,
    size: tuple[int, int],
    score_threshold: float,
    nms_threshold: float,
    max_detections: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return boxes, class numbers, scores and levels of what is found in an image.

    Parameters
    ----------
    output : Tensor of shape (n_places, n_classes + 11)
        What a `BoxHead` tells.
    size : tuple of int
        `(height, width)` of the image.
    score_threshold, nms_threshold : float
        Least score, and largest overlap of boxes of one class.
    max_detections : int
        The most boxes.

    Returns
    -------
    boxes : Tensor of shape (m, 4)
        By falling score, cut at the image's border.
    codes, scores, levels : Tensor of shape (m,)
        What belongs to them.
    """
    from torchvision.ops import batched_nms, clip_boxes_to_image, remove_small_boxes

    places = Places.of(output)
    scores = places.scores
    chosen = torch.nonzero(scores >= score_threshold)
    scores = scores[scores >= score_threshold]
    best = scores.argsort(descending=True, stable=True)[:_MOST_CANDIDATES]
    (where, codes), scores = chosen[best].T, scores[best]
    boxes = clip_boxes_to_image(places.boxes[where], size)
    large = remove_small_boxes(boxes, min_size=1e-3)
    boxes, codes, scores, where = (v[large] for v in (boxes, codes, scores, where))
    kept = batched_nms(boxes, scores, codes, nms_threshold)[:max_detections]
    levels = places.levels[where[kept], 0].long()
    return boxes[kept], codes[kept], scores[kept], levels


def _f1(output: Tensor, objects: Tensor) -> float:
    from torchvision.ops import box_iou

    objects = objects[objects[:, 4] >= 0]
    size = 2**30, 2**30
    boxes, codes, _, _ = found_objects(output, size, _SCORED_FROM, _FOUND, len(output))
    total = len(boxes) + len(objects)
    if not len(boxes) or not len(objects):
        return float(total == 0)
    overlaps = box_iou(boxes, objects[:, :4])
    overlaps *= codes[:, None] == objects[:, 4]
    free = torch.ones(len(objects), dtype=torch.bool)
    for row in overlaps:
        best = (row * free).argmax()
        if row[best] * free[best] >= _FOUND:
            free[best] = False
    return 2 * float((~free).sum()) / total
