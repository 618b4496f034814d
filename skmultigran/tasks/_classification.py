"""One label per image: encode, loss, decode."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


class ClassificationTask:
    """Labels of any type to class numbers and logits back to labels.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    class_weights : ndarray of shape (n_classes,) or None, default=None
        Weight of each class; None: one each.
    in_loss : bool, default=True
        Whether the loss multiplies them in. Otherwise the weights of the images do.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran.tasks import ClassificationTask
    >>> task = ClassificationTask(np.array(["cat", "dog"]))
    >>> task.encode(np.array(["dog", "cat"]))
    array([1, 0])
    """

    def __init__(
        self,
        classes: np.ndarray,
        class_weights: np.ndarray | None = None,
        *,
        in_loss: bool = True,
    ) -> None:
        self.classes = classes
        self.class_weights = class_weights
        self.in_loss = in_loss

    @property
    def n_outputs(self) -> int:
        """Number of raw numbers per image: one logit per class."""
        return len(self.classes)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return the class number of each label.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Labels.

        Returns
        -------
        ndarray of int64 of shape (n,)
            Positions in `classes`.

        Raises
        ------
        ValueError
            If y has more than one axis, or a label that is not among the classes.
        """
        if y.ndim != 1:
            raise ValueError(
                f"y has the shape {y.shape}, but the model was fitted on one label per "
                "image. Pass as many."
            )
        # Not by searchsorted: unknown objects need not compare with the classes.
        numbers = {label: number for number, label in enumerate(self.classes.tolist())}
        codes = np.array(
            [numbers.get(label, -1) for label in y.tolist()], dtype=np.int64
        )
        if (codes < 0).any():
            unknown = list(dict.fromkeys(y[codes < 0].tolist()))
            raise ValueError(
                f"y has the labels {unknown}, which are not among the classes "
                f"{self.classes.tolist()}. A model learns its classes once, from the "
                "first y or from the classes given to partial_fit. Have all there, or "
                "leave these images out."
            )
        return codes

    def loss(
        self, logits: Tensor, codes: Tensor, label_smoothing: float = 0.0
    ) -> Tensor:
        """Return the cross-entropy of each image.

        Parameters
        ----------
        logits : Tensor of shape (B, n_classes)
            Raw numbers.
        codes : Tensor of int64 of shape (B,)
            Class numbers.
        label_smoothing : float, default=0.0
            Probability that is spread evenly over all classes.

        Returns
        -------
        Tensor of shape (B,)
            The losses.
        """
        losses = functional.cross_entropy(
            logits, codes, reduction="none", label_smoothing=label_smoothing
        )
        if self.class_weights is None or not self.in_loss:
            return losses
        return losses * torch.as_tensor(self.class_weights).to(logits)[codes]

    def score(self, logits: Tensor, codes: Tensor) -> Tensor:
        """Return for each image whether its label is right, as 0 or 1.

        Parameters
        ----------
        logits : Tensor of shape (B, n_classes)
            Raw numbers.
        codes : Tensor of int64 of shape (B,)
            Class numbers.

        Returns
        -------
        Tensor of shape (B,)
            1 where the largest logit is the right one.
        """
        return (logits.argmax(dim=1) == codes).float()

    def decode(self, logits: Tensor) -> np.ndarray:
        """Return the most likely label of each image.

        Parameters
        ----------
        logits : Tensor of shape (n, n_classes)
            Raw numbers.

        Returns
        -------
        ndarray of shape (n,)
            Labels.
        """
        return self.classes[logits.argmax(dim=1).numpy()]

    def probabilities(self, logits: Tensor) -> np.ndarray:
        """Return class probabilities.

        Parameters
        ----------
        logits : Tensor of shape (n, n_classes)
            Raw numbers.

        Returns
        -------
        ndarray of float32 of shape (n, n_classes)
            Each row sums to one.
        """
        return ClassificationTask.named_answers(logits)["probabilities"].numpy()

    @staticmethod
    def named_answers(logits: Tensor) -> dict[str, Tensor]:
        """Return what the raw numbers say, as tensors by name.

        Parameters
        ----------
        logits : Tensor of shape (B, n_classes)
            Raw numbers.

        Returns
        -------
        dict of str to Tensor
            "probabilities" of shape (B, n_classes).
        """
        return {"probabilities": torch.softmax(logits, dim=1)}

    def confidences(self, logits: Tensor) -> Tensor:
        """Return how sure each image's answer is: the probability of its label.

        Parameters
        ----------
        logits : Tensor of shape (n, n_classes)
            Raw numbers.

        Returns
        -------
        Tensor of shape (n,)
            Probabilities.
        """
        return torch.softmax(logits, dim=1).amax(dim=1)

    def log_probabilities(self, logits: Tensor) -> np.ndarray:
        """Return logarithms of class probabilities.

        Parameters
        ----------
        logits : Tensor of shape (n, n_classes)
            Raw numbers.

        Returns
        -------
        ndarray of float32 of shape (n, n_classes)
            Finite also where the probability itself would be rounded to zero.
        """
        return torch.log_softmax(logits, dim=1).numpy()

    def decisions(self, logits: Tensor) -> np.ndarray:
        """Return confidence scores.

        Parameters
        ----------
        logits : Tensor of shape (n, n_classes)
            Raw numbers.

        Returns
        -------
        ndarray of float32 of shape (n,) or (n, n_classes)
            The log-odds of the second class if there are two, else the logits.
        """
        if self.n_outputs == 2:
            return (logits[:, 1] - logits[:, 0]).numpy()
        return logits.numpy()
