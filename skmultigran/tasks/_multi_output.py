"""Several answers per image, each one label of its own classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from skmultigran.tasks._classification import ClassificationTask


class MultiOutputTask:
    """Columns of labels, each a classification of its own.

    Parameters
    ----------
    columns : sequence of ClassificationTask
        One per column of y.
    dtype : type
        Type of decoded labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.tasks import ClassificationTask, MultiOutputTask
    >>> kinds = ClassificationTask(np.array(["cat", "dog"]))
    >>> coats = ClassificationTask(np.array(["black", "brown", "white"]))
    >>> task = MultiOutputTask([kinds, coats], np.dtype("<U5"))
    >>> task.encode(np.array([["dog", "white"]]))
    array([[1, 2]])
    """

    def __init__(
        self, columns: Sequence[ClassificationTask], dtype: type | np.dtype
    ) -> None:
        self.columns = list(columns)
        self.dtype = np.dtype(dtype)

    @property
    def n_outputs(self) -> int:
        """Number of raw numbers per image: the logits of all columns."""
        return sum(column.n_outputs for column in self.columns)

    @property
    def classes(self) -> list[np.ndarray]:
        """The distinct labels of each column, sorted."""
        return [column.classes for column in self.columns]

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return the class numbers of each image.

        Parameters
        ----------
        y : ndarray of shape (n, n_columns)
            Labels.

        Returns
        -------
        ndarray of int64 of shape (n, n_columns)
            Positions in the classes of the column.

        Raises
        ------
        ValueError
            If y has another number of columns or labels that are not among the classes.
        """
        if y.ndim != 2 or y.shape[1] != len(self.columns):
            raise ValueError(
                f"y has the shape {y.shape}, but the model was fitted on "
                f"{len(self.columns)} columns of labels. Pass as many."
            )
        codes = []
        for number, column in enumerate(self.columns):
            try:
                codes.append(column.encode(y[:, number]))
            except ValueError as error:
                raise ValueError(f"Column {number} of y: {error}") from None
        return np.stack(codes, axis=1)

    def loss(
        self, logits: Tensor, codes: Tensor, label_smoothing: float = 0.0
    ) -> Tensor:
        """Return the cross-entropy of each image.

        Parameters
        ----------
        logits : Tensor of shape (B, n_outputs)
            Raw numbers.
        codes : Tensor of int64 of shape (B, n_columns)
            Class numbers.
        label_smoothing : float, default=0.0
            Probability that is spread evenly over all classes of a column.

        Returns
        -------
        Tensor of shape (B,)
            The losses, averaged over the columns.
        """
        losses = [
            column.loss(part, codes[:, number], label_smoothing)
            for number, (column, part) in enumerate(self._parts(logits))
        ]
        return torch.stack(losses).mean(dim=0)

    def score(self, logits: Tensor, codes: Tensor) -> Tensor:
        """Return for each image whether all its labels are right, as 0 or 1.

        Parameters
        ----------
        logits : Tensor of shape (B, n_outputs)
            Raw numbers.
        codes : Tensor of int64 of shape (B, n_columns)
            Class numbers.

        Returns
        -------
        Tensor of shape (B,)
            1 where the largest logit of every column is the right one.
        """
        right = [
            column.score(part, codes[:, number])
            for number, (column, part) in enumerate(self._parts(logits))
        ]
        return torch.stack(right).amin(dim=0)

    def decode(self, logits: Tensor) -> np.ndarray:
        """Return the most likely label of each column.

        Parameters
        ----------
        logits : Tensor of shape (n, n_outputs)
            Raw numbers.

        Returns
        -------
        ndarray of shape (n, n_columns)
            Labels.
        """
        labels = np.empty((len(logits), len(self.columns)), dtype=self.dtype)
        for number, (column, part) in enumerate(self._parts(logits)):
            labels[:, number] = column.decode(part)
        return labels

    def probabilities(self, logits: Tensor) -> list[np.ndarray]:
        """Return class probabilities.

        Parameters
        ----------
        logits : Tensor of shape (n, n_outputs)
            Raw numbers.

        Returns
        -------
        list of ndarray of float32 of shape (n, n_classes)
            One array per column.
        """
        return [column.probabilities(part) for column, part in self._parts(logits)]

    def named_answers(self, logits: Tensor) -> dict[str, Tensor]:
        """Return what the raw numbers say, as tensors by name.

        Parameters
        ----------
        logits : Tensor of shape (B, n_outputs)
            Raw numbers.

        Returns
        -------
        dict of str to Tensor
            "probabilities_0" of shape (B, n_classes) of the first column, and so on.
        """
        return {
            f"{name}_{number}": answer
            for number, (column, part) in enumerate(self._parts(logits))
            for name, answer in column.named_answers(part).items()
        }

    def confidences(self, logits: Tensor) -> Tensor:
        """Return how sure each image's answer is: the least sure of its columns.

        Parameters
        ----------
        logits : Tensor of shape (n, n_outputs)
            Raw numbers.

        Returns
        -------
        Tensor of shape (n,)
            Probabilities.
        """
        parts = [column.confidences(part) for column, part in self._parts(logits)]
        return torch.stack(parts).amin(dim=0)

    def log_probabilities(self, logits: Tensor) -> list[np.ndarray]:
        """Return logarithms of class probabilities.

        Parameters
        ----------
        logits : Tensor of shape (n, n_outputs)
            Raw numbers.

        Returns
        -------
        list of ndarray of float32 of shape (n, n_classes)
            One array per column.
        """
        return [column.log_probabilities(part) for column, part in self._parts(logits)]

    def decisions(self, logits: Tensor) -> list[np.ndarray]:
        """Return confidence scores.

        Parameters
        ----------
        logits : Tensor of shape (n, n_outputs)
            Raw numbers.

        Returns
        -------
        list of ndarray of float32 of shape (n,) or (n, n_classes)
            One array per column; see `ClassificationTask.decisions`.
        """
        return [column.decisions(part) for column, part in self._parts(logits)]

    def _parts(self, logits: Tensor) -> list[tuple[ClassificationTask, Tensor]]:
        """Return each column's task with its logits."""
        sizes = [column.n_outputs for column in self.columns]
        return list(zip(self.columns, logits.split(sizes, dim=1), strict=True))
