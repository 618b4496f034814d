"""Any number of labels per image: encode, loss, decode."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


class MultiLabelTask:
    """Indicators of labels to zeros and ones, and logits back to indicators.

    Parameters
    ----------
    n_labels : int
        Number of labels, which are the columns of y.
    class_weights : ndarray of shape (n_labels, 2) or None, default=None
        Weight of each label's absence and presence in the loss; None: one each.
    dtype : type, default=int64
        Type of decoded indicators.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmultigran.tasks import MultiLabelTask
    >>> task = MultiLabelTask(3)
    >>> task.decode(torch.tensor([[-1.0, 2.0, 0.5]]))
    array([[0, 1, 1]])
    """

    def __init__(
        self,
        n_labels: int,
        class_weights: np.ndarray | None = None,
        dtype: type | np.dtype = np.int64,
    ) -> None:
        self.n_labels = n_labels
        self.class_weights = class_weights
        self.dtype = np.dtype(dtype)

    @property
    def n_outputs(self) -> int:
        """Number of raw numbers per image: one logit per label."""
        return self.n_labels

    @property
    def classes(self) -> np.ndarray:
        """Numbers of the labels, as scikit-learn's MLPClassifier has them."""
        return np.arange(self.n_labels)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return indicators as floats.

        Parameters
        ----------
        y : ndarray of shape (n, n_labels)
            Zeros and ones; NaN where it is not known whether the image has the label.

        Returns
        -------
        ndarray of float32 of shape (n, n_labels)
            The same.

        Raises
        ------
        ValueError
            If y has another shape or other values.
        """
        if y.ndim != 2 or y.shape[1] != self.n_labels:
            raise ValueError(
                f"y has the shape {y.shape}, but the model was fitted on "
                f"{self.n_labels} labels. Pass an indicator of shape (n, "
                f"{self.n_labels})."
            )
        indicators = y.astype(np.float32)
        wrong = ~np.isin(indicators, (0, 1)) & ~np.isnan(indicators)
        if wrong.any():
            raise ValueError(
                f"y has the value {y[wrong][0]!r}, but an indicator of labels has "
                "zeros and ones only."
            )
        return indicators

    def loss(
        self, logits: Tensor, indicators: Tensor, label_smoothing: float = 0.0
    ) -> Tensor:
        """Return the binary cross-entropy of each image.

        Parameters
        ----------
        logits : Tensor of shape (B, n_labels)
            Raw numbers.
        indicators : Tensor of shape (B, n_labels)
            Zeros and ones; NaN where it is not known.
        label_smoothing : float, default=0.0
            Probability that is spread evenly over absence and presence.

        Returns
        -------
        Tensor of shape (B,)
            The losses, averaged over the labels that are known.
        """
        known = ~indicators.isnan()
        present = torch.where(known, indicators, 0)
        smoothed = present + label_smoothing * (0.5 - present)
        losses = functional.binary_cross_entropy_with_logits(
            logits, smoothed, reduction="none"
        )
        losses = losses * known * self._weights(present)
        return losses.sum(dim=1) / known.sum(dim=1).clamp(min=1)

    def _weights(self, present: Tensor) -> Tensor | float:
        if self.class_weights is None:
            return 1.0
        absence, presence = torch.as_tensor(self.class_weights).to(present).T
        return absence + (presence - absence) * present

    def score(self, logits: Tensor, indicators: Tensor) -> Tensor:
        """Return for each image whether all its labels are right, as 0 or 1.

        Parameters
        ----------
        logits : Tensor of shape (B, n_labels)
            Raw numbers.
        indicators : Tensor of shape (B, n_labels)
            Zeros and ones; NaN where it is not known.

        Returns
        -------
        Tensor of shape (B,)
            1 where every label that is known is right.
        """
        right = ((logits > 0) == (indicators > 0)) | indicators.isnan()
        return right.all(dim=1).float()

    def decode(self, logits: Tensor) -> np.ndarray:
        """Return the labels that are more likely there than not.

        Parameters
        ----------
        logits : Tensor of shape (n, n_labels)
            Raw numbers.

        Returns
        -------
        ndarray of shape (n, n_labels)
            Zeros and ones.
        """
        return (logits > 0).numpy().astype(self.dtype)

    @staticmethod
    def probabilities(logits: Tensor) -> np.ndarray:
        """Return the probability of each label.

        Parameters
        ----------
        logits : Tensor of shape (n, n_labels)
            Raw numbers.

        Returns
        -------
        ndarray of float32 of shape (n, n_labels)
            Each by itself: rows need not sum to one.
        """
        return MultiLabelTask.named_answers(logits)["probabilities"].numpy()

    @staticmethod
    def named_answers(logits: Tensor) -> dict[str, Tensor]:
        """Return what the raw numbers say, as tensors by name.

        Parameters
        ----------
        logits : Tensor of shape (B, n_labels)
            Raw numbers.

        Returns
        -------
        dict of str to Tensor
            "probabilities" of shape (B, n_labels).
        """
        return {"probabilities": torch.sigmoid(logits)}

    @staticmethod
    def confidences(logits: Tensor) -> Tensor:
        """Return how sure each image's answer is: the least sure of its labels.

        Parameters
        ----------
        logits : Tensor of shape (n, n_labels)
            Raw numbers.

        Returns
        -------
        Tensor of shape (n,)
            Probabilities that a label is there, or that it is not.
        """
        return torch.sigmoid(logits.abs()).amin(dim=1)

    @staticmethod
    def log_probabilities(logits: Tensor) -> np.ndarray:
        """Return logarithms of the probability of each label.

        Parameters
        ----------
        logits : Tensor of shape (n, n_labels)
            Raw numbers.

        Returns
        -------
        ndarray of float32 of shape (n, n_labels)
            The logarithms.
        """
        return functional.logsigmoid(logits).numpy()

    @staticmethod
    def decisions(logits: Tensor) -> np.ndarray:
        """Return confidence scores.

        Parameters
        ----------
        logits : Tensor of shape (n, n_labels)
            Raw numbers.

        Returns
        -------
        ndarray of float32 of shape (n, n_labels)
            The logits.
        """
        return logits.numpy()
