"""Validation on images of any sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skmultigran.images import Boxes, Masks
from skmultigran.training._net import TrainingNet
from skmultigran.training._tiles import Tile


@dataclass(frozen=True)
class DenseValidation:
    """Images that are looked at after every epoch but never learned from.

    Parameters
    ----------
    outputs : callable
        Yields position, tile and output of all images, as `predict_tiles`.
    sizes : ndarray of int of shape (n, 2)
        Heights and widths of the images.
    annotations : Masks or Boxes
        What belongs to them.
    weights : ndarray of float32 of shape (n,)
        Weights of the images.
    losses, scores : callable
        `(outputs, annotations)` of one image or tile to its loss or score, `(1,)`.
    """

    outputs: Callable[[], Iterable[tuple[int, Tile, Tensor]]]
    sizes: np.ndarray
    annotations: Masks | Boxes
    weights: np.ndarray
    losses: Callable[[Tensor, Tensor], Tensor]
    scores: Callable[[Tensor, Tensor], Tensor]

    def evaluate(self, net: TrainingNet) -> dict[str, float]:
        """Return the weighted mean loss and score of the net.

        Parameters
        ----------
        net : TrainingNet
            The net.

        Returns
        -------
        dict
            `valid_loss` and `valid_score`.
        """
        net.module_.eval()
        found = torch.tensor(list(self._judged()), dtype=torch.float64)
        weights, losses, scores = found.T
        return {
            "valid_loss": float((losses * weights).sum() / weights.sum()),
            "valid_score": float((scores * weights).sum() / weights.sum()),
        }

    def _judged(self) -> Iterator[tuple[float, float, float]]:
        """Yield weight, loss and score of each image, or of each tile of a large one.

        Tiles share the weight of their image by the pixels that they answer for.
        """
        for position, tile, output in self.outputs():
            corner = np.array([tile.corner])
            batch = self.annotations.crops(np.array([position]), corner, tile.size)
            height, width = (part.stop - part.start for part in tile.core)
            share = height * width / self.sizes[position].prod()
            yield (
                float(self.weights[position] * share),
                float(self.losses(output, batch)),
                float(self.scores(output, batch)),
            )
