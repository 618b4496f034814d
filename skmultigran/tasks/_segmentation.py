"""One label per pixel: encode, loss, decode."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skmultigran._answers import check_class_weight

# Class numbers of pixels to ignore are negative.
_IGNORED = -1
# Keeps the overlap of what is empty defined.
_SMOOTH = 1.0

SEGMENTATION_LOSSES = ("cross_entropy+dice", "cross_entropy", "dice")


class SegmentationTask:
    """Masks of integer labels to class numbers and logits back to masks.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    ignore_label : int or None, default=None
        Label of pixels to ignore.
    class_weights : ndarray of shape (n_classes,) or None, default=None
        Weights of the pixels in the cross-entropy; None: one each.
    loss : {"cross_entropy+dice", "cross_entropy", "dice"}
        The loss to minimise.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.tasks import SegmentationTask
    >>> task = SegmentationTask(np.array([3, 7]), ignore_label=255)
    >>> task.encode_mask(np.array([[7, 3], [255, 7]]))
    array([[ 1,  0],
           [-1,  1]], dtype=int8)
    """

    def __init__(
        self,
        classes: np.ndarray,
        ignore_label: int | None = None,
        class_weights: np.ndarray | None = None,
        loss: str = "cross_entropy+dice",
    ) -> None:
        self.classes = classes
        self.ignore_label = ignore_label
        self.class_weights = class_weights
        self.loss_name = loss

    @property
    def n_outputs(self) -> int:
        """Number of raw numbers per pixel: one logit per class."""
        return len(self.classes)

    def encode(self, masks: np.ndarray) -> np.ndarray:
        """Return the class numbers of masks.

        Parameters
        ----------
        masks : ndarray of object of shape (n,)
            Masks of labels, each of shape (h, w).

        Returns
        -------
        ndarray of object of shape (n,)
            Masks of class numbers.

        Raises
        ------
        ValueError
            If a label is none of `classes`.
        """
        encoded = np.empty(len(masks), dtype=object)
        for row, mask in enumerate(masks):
            encoded[row] = self.encode_mask(mask, row)
        return encoded

    def encode_mask(self, mask: np.ndarray, row: int = 0) -> np.ndarray:
        """Return the class numbers of one mask.

        Parameters
        ----------
        mask : ndarray of shape (h, w)
            Labels.
        row : int, default=0
            Its row, for the message.

        Returns
        -------
        ndarray of int of shape (h, w)
            Class numbers; -1 where nothing counts.

        Raises
        ------
        ValueError
            If a label is none of `classes`.
        """
        numbers = np.searchsorted(self.classes, mask).clip(max=len(self.classes) - 1)
        wrong = self.classes[numbers] != mask
        if self.ignore_label is not None:
            ignored = mask == self.ignore_label
            numbers[ignored] = _IGNORED
            wrong &= ~ignored
        if wrong.any():
            raise ValueError(
                f"The mask of row {row} has the label {mask[wrong][0]}, but the model "
                f"was fitted on {self.classes.tolist()}. Fit on masks that have it, or "
                "give it as ignore_label."
            )
        return numbers.astype(np.min_scalar_type(-len(self.classes)))

    def loss(
        self, logits: Tensor, codes: Tensor, label_smoothing: float = 0.0
    ) -> Tensor:
        """Return the loss of each image.

        Parameters
        ----------
        logits : Tensor of shape (B, n_classes, h, w)
            Raw numbers.
        codes : Tensor of int64 of shape (B, h, w)
            Class numbers; negative: the pixel is ignored.
        label_smoothing : float, default=0.0
            Probability of each label that the cross-entropy spreads over all classes.

        Returns
        -------
        Tensor of shape (B,)
            Mean cross-entropy of the pixels, one minus the mean Dice overlap of the
            classes, or their sum. Zero where no pixel counts.
        """
        known = codes >= 0
        total = logits.new_zeros(len(logits))
        if "cross_entropy" in self.loss_name:
            total = total + self._cross_entropy(logits, codes, known, label_smoothing)
        if "dice" in self.loss_name:
            total = total + _dice_loss(logits, codes, known)
        return total

    def _cross_entropy(
        self, logits: Tensor, codes: Tensor, known: Tensor, label_smoothing: float
    ) -> Tensor:
        weights = logits.new_ones(self.n_outputs)
        if self.class_weights is not None:
            weights = torch.as_tensor(self.class_weights).to(logits)
        losses = functional.cross_entropy(
            logits,
            codes,
            weight=weights,
            ignore_index=_IGNORED,
            label_smoothing=label_smoothing,
            reduction="none",
        )
        return losses.sum(dim=(1, 2)) / known.sum(dim=(1, 2)).clamp(min=1)

    def score(self, logits: Tensor, codes: Tensor) -> Tensor:
        """Return the mean intersection over union of each image.

        Parameters
        ----------
        logits : Tensor of shape (B, n_classes, h, w)
            Raw numbers.
        codes : Tensor of int64 of shape (B, h, w)
            Class numbers.

        Returns
        -------
        Tensor of shape (B,)
            The mean over the classes that the image or its answer has; 1 where no
            pixel counts.
        """
        known = codes >= 0
        true = _one_hot(codes, self.n_outputs) * known[:, None]
        found = _one_hot(logits.argmax(dim=1), self.n_outputs) * known[:, None]
        both = (true * found).sum(dim=(2, 3))
        union = (true + found).sum(dim=(2, 3)) - both
        present = union > 0
        ratios = both / union.clamp(min=1)
        mean = (ratios * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)
        return torch.where(present.any(dim=1), mean, torch.ones_like(mean))

    def decode(self, logits: Tensor) -> np.ndarray:
        """Return the most likely label of each pixel.

        Parameters
        ----------
        logits : Tensor of shape (B, n_classes, h, w)
            Raw numbers.

        Returns
        -------
        ndarray of shape (B, h, w)
            Labels.
        """
        return self.classes[logits.argmax(dim=1).numpy()]

    @staticmethod
    def probabilities(logits: Tensor) -> np.ndarray:
        """Return class probabilities.

        Parameters
        ----------
        logits : Tensor of shape (B, n_classes, h, w)
            Raw numbers.

        Returns
        -------
        ndarray of float32 of shape (B, h, w, n_classes)
            Each pixel's sum to one.
        """
        return SegmentationTask.named_answers(logits)["probabilities"].numpy()

    @staticmethod
    def named_answers(logits: Tensor) -> dict[str, Tensor]:
        """Return what the raw numbers say, as tensors by name.

        Parameters
        ----------
        logits : Tensor of shape (B, n_classes, h, w)
            Raw numbers.

        Returns
        -------
        dict of str to Tensor
            "probabilities" of shape (B, h, w, n_classes).
        """
        return {"probabilities": torch.softmax(logits, dim=1).permute(0, 2, 3, 1)}


def _one_hot(codes: Tensor, n_classes: int) -> Tensor:
    """Return `(B, n_classes, h, w)`; what is negative is taken for the first class."""
    return functional.one_hot(codes.clamp(min=0), n_classes).permute(0, 3, 1, 2).float()


def _dice_loss(logits: Tensor, codes: Tensor, known: Tensor) -> Tensor:
    """Return one minus the mean Dice overlap of the classes that an image has.

    F. Milletari et al., "V-Net", 3DV 2016, arXiv 1606.04797.
    """
    n_classes = logits.shape[1]
    mask = known[:, None]
    found = torch.softmax(logits, dim=1) * mask
    codes = codes.clamp(min=0)
    # Sums over the pixels of each class, without a map per class for the truth.
    right = found.gather(1, codes[:, None])
    both = _sums_of_classes(right.flatten(1), codes.flatten(1), n_classes)
    true = _sums_of_classes(mask.to(found).flatten(1), codes.flatten(1), n_classes)
    sizes = found.sum(dim=(2, 3)) + true
    overlap = (2 * both + _SMOOTH) / (sizes + _SMOOTH)
    present = true > 0
    lost = ((1 - overlap) * present).sum(dim=1)
    return lost / present.sum(dim=1).clamp(min=1)


def _sums_of_classes(values: Tensor, codes: Tensor, n_classes: int) -> Tensor:
    """Return the sum of each class's values, `(B, n_classes)`, of `(B, n_pixels)`."""
    return values.new_zeros(len(values), n_classes).scatter_add(1, codes, values)


def pixel_weights(
    masks: np.ndarray, weights: np.ndarray, task: SegmentationTask, class_weight: Any
) -> np.ndarray | None:
    """Return the weights of the classes, of mean one over the pixels.

    Parameters
    ----------
    masks : ndarray of object of shape (n,)
        Encoded masks.
    weights : ndarray of shape (n,)
        Weights of the images.
    task : SegmentationTask
        The classes.
    class_weight : dict, "balanced" or None
        As everywhere in scikit-learn; pixels count by their image's weight.

    Returns
    -------
    ndarray of shape (n_classes,) or None
        One per class; None: all alike.

    Raises
    ------
    ValueError
        If a dictionary names a class that is not there, or if its weights are no finite
        numbers of zero or more, or leave no pixel.
    """
    if class_weight is None:
        return None
    check_class_weight(class_weight)
    counts = sum(
        weight * np.bincount(mask[mask >= 0], minlength=task.n_outputs)
        for mask, weight in zip(masks, weights, strict=True)
    )
    if isinstance(class_weight, str):
        return counts.sum() / (task.n_outputs * counts)
    unknown = [label for label in class_weight if label not in task.classes]
    if unknown:
        raise ValueError(
            f"class_weight names the classes {unknown}, but the masks have "
            f"{task.classes.tolist()}."
        )
    table = np.array([class_weight.get(label, 1.0) for label in task.classes.tolist()])
    mean = np.average(table, weights=counts)
    if not mean:
        raise ValueError(
            f"class_weight={class_weight!r} makes the weights of all pixels zero, so "
            "there is nothing to learn from. Give a class of the masks a weight above "
            "zero."
        )
    return table / mean
