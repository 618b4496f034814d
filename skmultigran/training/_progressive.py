"""Progressive multi-granularity training: one stage after the other in every step."""

from __future__ import annotations

from numbers import Integral
from typing import NamedTuple

from torch import Tensor

from skmultigran._network import MultiGranularityNetwork
from skmultigran._registry import TRAININGS
from skmultigran._support import Interval
from skmultigran.training._jigsaw import jigsaw
from skmultigran.training._recipe import Training

# Patches are at least so many strides of their stage wide: less is no pixel's view.
_SMALLEST_PATCH = 2


class ProgressiveStep(NamedTuple):
    """One of the steps that are taken for each batch.

    Parameters
    ----------
    stage : int
        Whose answer is learned.
    patches : int
        Patches along each side of the images, at most.
    stride : float
        Stride of the stage's maps.
    """

    stage: int
    patches: int
    stride: float

    def shown(self, images: Tensor) -> Tensor:
        """Return what the network is shown.

        Parameters
        ----------
        images : Tensor of shape (B, C, H, W)
            The images of a batch.

        Returns
        -------
        Tensor of shape (B, C, H, W)
            The same images, their patches shuffled.
        """
        rows, columns = (
            max(1, min(self.patches, int(side / (_SMALLEST_PATCH * self.stride))))
            for side in images.shape[-2:]
        )
        return jigsaw(images, rows, columns) if rows * columns > 1 else images


@TRAININGS.register("pmg")
class ProgressiveTraining(Training):
    """Progressive multi-granularity training with jigsaw patches (PMG) [1]_.

    Registered as "pmg".

    Each granularity has a head, as with `deep_supervision=True`, and for each batch the
    heads are trained one after the other, each with a step of its own: from shallow to
    deep, on images with shuffled patches, small patches first. So shallow granularities
    have to learn from small parts. The last step trains the fused prediction on whole
    images. Intended for classes that differ in details.

    For `MultiGranularityClassifier`. Each batch takes one step per granularity and one
    more: an epoch costs two to four times as much as one of `Training`.

    Parameters
    ----------
    max_patches : int, default=8
        Maximum number of patches along each side of the images. The deepest granularity
        uses 2, and each shallower one twice as many, up to this number: 8, 4, 2 with
        three granularities. Small images have fewer, so that each patch is at least two
        strides of its granularity wide.
    optimizer : {"adamw", "sgd"}, default="adamw"
        Optimizer, as in `Training`; the same holds for all parameters below.
    weight_decay : float or "auto", default="auto"
        Weight decay.
    label_smoothing : float, default=0.1
        Probability of each label that is spread evenly over all classes.
    schedule : {"one_cycle", "constant"}, default="one_cycle"
        Schedule of the learning rate, which is the same for all steps of a batch.
    warm_up : float, default=0.2
        Fraction of the batches in which the learning rate rises.
    backbone_lr_scale : float or "auto", default="auto"
        Factor of the learning rate of the backbone.
    freeze_epochs : int, default=0
        Number of epochs at the start in which the backbone is not trained.
    averaging : float or None, default=None
        Decay per batch of a moving average of the weights.
    mixup : float, default=0.0
        Strength of the mixing of images, before their patches are shuffled.
    size_schedule : {"constant", "coarse_to_fine"}, default="constant"
        Whether images are reduced in size at first.

    Notes
    -----
    The paper trains the last three stages of a network, each from its own map alone.
    Here each head uses everything computed up to its granularity, so that early
    predictions are trained at the same time (`staged_predict_proba`).

    References
    ----------
    .. [1] R. Du et al., "Fine-Grained Visual Classification via Progressive
       Multi-Granularity Training of Jigsaw Patches", ECCV 2020, arXiv 2003.03836.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MultiGranularityClassifier(training="pmg", max_epochs=4, random_state=0)
    >>> clf.fit(X[:200], y[:200]).stages_
    ['s1.00_l0', 's1.00_l1', 's1.00_l2', 'fused']
    """

    progressive = True

    _parameter_constraints = {
        **Training._parameter_constraints,
        "max_patches": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        max_patches: int = 8,
        optimizer: str = "adamw",
        weight_decay: float | str = "auto",
        label_smoothing: float = 0.1,
        schedule: str = "one_cycle",
        warm_up: float = 0.2,
        backbone_lr_scale: float | str = "auto",
        freeze_epochs: int = 0,
        averaging: float | None = None,
        mixup: float = 0.0,
        size_schedule: str = "constant",
    ) -> None:
        super().__init__(
            optimizer=optimizer,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            schedule=schedule,
            warm_up=warm_up,
            backbone_lr_scale=backbone_lr_scale,
            freeze_epochs=freeze_epochs,
            averaging=averaging,
            mixup=mixup,
            size_schedule=size_schedule,
        )
        self.max_patches = max_patches

    def steps(self, network: MultiGranularityNetwork) -> list[ProgressiveStep]:
        """Return the steps that are taken for each batch.

        Parameters
        ----------
        network : MultiGranularityNetwork
            The network, with early answers.

        Returns
        -------
        list of ProgressiveStep
            From the first stage to the fused answer.
        """
        order = network.pyramid.computing_order
        last = len(order)
        steps = [
            ProgressiveStep(
                stage,
                min(self.max_patches, 2 ** (last - stage)),
                network.pyramid.levels[position].stride,
            )
            for stage, position in enumerate(order)
        ]
        return [*steps, ProgressiveStep(last, 1, 1.0)]
