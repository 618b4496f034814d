"""The detector."""

from __future__ import annotations

from numbers import Integral, Real

import torch

from skmultigran._support import Interval
from skmultigran.backbones import ConvNetBackbone
from skmultigran.estimators._box_targets import BoxTargets
from skmultigran.estimators._dense import DenseMultiGranularity
from skmultigran.fusions import FPNFusion
from skmultigran.images import Boxes
from skmultigran.metrics import mean_average_precision_score


class MultiGranularityDetector(DenseMultiGranularity):
    """Object detector using features of several scales and network levels.

    A backbone extracts feature maps at every scale of an image pyramid, from local
    detail to global layout; a fusion network combines them; a head predicts, at each
    position of each level, the class and extent of an object centred there, if any:
    small objects are found on fine levels, large ones on coarse levels. The head is
    FCOS [1]_, built from torchvision's parts.

    Images keep their own size, and sizes may differ: training uses random crops of
    `crop_size`, prediction whole images, or overlapping tiles of large ones. To use
    more context in large images, add smaller `scales`.

    Parameters
    ----------
    backbone : str or recipe, default="auto"
        Network that extracts feature maps at several levels: "convnet", "scattering",
        "scale_space", "multicolumn", "torchvision", "timm", "efficientnet_lite0",
        "efficientnet_lite1", "efficientnet_lite2", another registered name, or a recipe
        such as `ConvNetBackbone`. "auto": `ConvNetBackbone` with five stages, of which
        those with strides of 4 to 32 are used.
    fusion : str or recipe, default="auto"
        Network that combines the feature maps: "concat", "sum", "weighted", "gated",
        "attention", "fpn", "pafpn", "bifpn", another registered name, or a recipe such
        as `BiFPNFusion`. "auto": `FPNFusion` with 64 channels. All fusions work; with
        those that return one map ("concat", "sum", "weighted", "gated"), all objects
        are found on one level.
    head : str or recipe, default="boxes"
        Network that makes the prediction: "boxes" or a recipe `BoxHead`, which sets
        width, depth and object sizes.
    scales : sequence of float, default=(1.0,)
        Image pyramid: the backbone processes the anti-aliased image at these factors of
        its size, and the levels of all scales are used. Use simple fractions such as
        0.5 or 2 / 3, as images are padded to a multiple of the strides of all levels.
    crop_size : int, tuple of int or "auto", default="auto"
        Size in pixels of the random crops used in training: the side of a square or
        `(height, width)`. Smaller images are padded by repeating their border. Objects
        with less than 0.3 of their area within a crop are left out. "auto": the common
        size of all images, at most 256 a side or, if sizes differ, a square of their
        median longer side, at most 224.
    tile_size : int, default=768
        Images of more than `tile_size ** 2` pixels are predicted in tiles of this side.
    tile_overlap : int, default=256
        Pixels shared by neighbouring tiles. Each tile predicts its own half of them;
        objects much larger than the overlap may be cut.
    score_threshold : float, default=0.05
        Minimum score of predicted boxes. Low values are best for `score`, which
        evaluates all thresholds; for display use 0.3 or more.
    nms_threshold : float, default=0.6
        Where boxes of one class overlap by more than this (intersection over union),
        only the one with the highest score is kept.
    max_detections : int, default=300
        Maximum number of boxes per image.
    image_shape : tuple of int or None, default=None
        `(height, width)` or `(height, width, channels)` of flattened rows. None: grey
        images, square if the length of a row is a square number, else of height 1.
    value_range : tuple of float or "auto", default="auto"
        Pixel values mapped to 0 and 1. "auto": the range of the type for booleans and
        8- and 16-bit integers; no change for floats within [0, 1]; the range seen in
        fit for other floats and wider integers. Later floats must use the units seen in
        fit; a warning is raised where they clearly do not.
    augment : str, transform, list of str and transforms, or None, default="auto"
        Random changes of the crops, and with them of their boxes: "affine", "shift",
        "flip", "crop", "color", "erase", "standard" (affine and flip), "strong", as in
        `MultiGranularityClassifier`, transforms of `torchvision.transforms.v2`, or a
        list of these. "auto": affine; nothing with `trainable="head"`.
    trainable : str, default="all"
        What is trained besides fusion and head: "all" of the backbone, only the "head"
        (the backbone is frozen), or "last:k", the last k parts of the backbone.
    training : str or recipe, default="standard"
        "standard", or a recipe `Training` of optimizer, schedule and regularisation.
    max_epochs : int or "auto", default="auto"
        Passes over the training images, one crop of each. "auto": enough for 900 steps,
        between 12 and 100; for fine-tuning a pretrained backbone 650 steps, between 3
        and 30.
    batch_size : int or "auto", default="auto"
        Maximum number of crops per step. "auto": the power of two below a sixteenth of
        the number of training images, between 16 and 128, at most 32 where a pretrained
        backbone is trained, and at most 500,000 pixels.
    lr : float or "auto", default="auto"
        Largest learning rate; that of a pretrained backbone is a tenth of it
        (`Training.backbone_lr_scale`). "auto": 0.003 for AdamW, 0.1 for SGD.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when the validation loss no longer decreases, and to restore the
        best weights. True without `X_val` holds out `validation_fraction` of the
        training images. "auto": only if `X_val` and `y_val` are passed to fit.
    validation_fraction : float, default=0.1
        Fraction of the training images that `early_stopping=True` holds out.
    n_iter_no_change : int, default=10
        Epochs without improvement after which training stops.
    tol : float, default=1e-4
        Minimum decrease of the validation loss that counts as an improvement.
    memory : str, path, joblib.Memory, FeatureCache or None, default=None
        Where maps of a frozen backbone are cached, keyed by image, so that each image
        is processed once across folds, candidates of a search and processes. Used with
        `trainable="head"` and no augmentation.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of training steps; predictions use float32. "auto": bfloat16 where
        the device supports it natively and batches are large enough to benefit.
    device : str, default="auto"
        Device of the network: "cpu", "cuda", "cuda:1", ... "auto": a GPU if available.
    random_state : int, RandomState instance or None, default=None
        Seed of initialisation, shuffling, crops, dropout and augmentation.
    warm_start : bool, default=False
        Whether fit continues with the weights of the previous fit. Parameters that
        define the network must then be unchanged.
    verbose : int, default=0
        Whether to show a progress bar.
    n_jobs : int or None, default=None
        Threads that read image files. None: one; -1: all processors.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted distinct labels.
    strides_ : list of float
        Stride in pixels of each level on which objects are found, from fine to coarse;
        `levels` of a prediction are positions in this list.
    crop_size_ : tuple of int
        `(height, width)` of the training crops.
    network_ : torch.nn.Module
        The fitted network.
    net_ : skorch.NeuralNet
        The skorch net that trained it.
    granularities_ : list of str
        Names of scale and level, such as "s1.00_l2", from fine to coarse.
    levels_ : list of Level
        Channels and strides of the granularities' maps.
    history_ : list of dict
        One entry per epoch: epoch, train_loss, lr, seconds and, with validation,
        valid_loss and valid_score (the mean over the images of the F1 score of boxes
        with a score of 0.3 and more).
    n_iter_ : int
        Epochs of the last fit.
    best_epoch_ : int
        Epoch whose weights are kept, counted from 1.
    image_shape_ : tuple of int
        `(height, width, channels)` of all training images, or of a typical one.
    max_epochs_, batch_size_, lr_, precision_, device_ : int, int, float, str, str
        Values used in place of "auto".
    value_range_ : ValueRange
        Its `low` and `high` are the pixel values mapped to 0 and 1.
    n_features_in_ : int
        Values per image; 1 where sizes differ.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Boxes are left, top, right and bottom in pixels from the top left corner of the
    image, as float32: the pixel in that corner has the box (0, 0, 1, 1).

    To scikit-learn a detector is neither a classifier nor a regressor: folds are not
    stratified.

    References
    ----------
    .. [1] Z. Tian et al., "FCOS: A Simple and Strong Anchor-Free Object Detector",
       TPAMI 2020, arXiv 2006.09214.

    Examples
    --------
    >>> from skmultigran import MultiGranularityDetector
    >>> from skmultigran.datasets import make_digit_scenes
    >>> scenes = make_digit_scenes(20, size=48, random_state=0)
    >>> detector = MultiGranularityDetector(max_epochs=2, random_state=0)
    >>> found = detector.fit(scenes.images, scenes.y).predict(scenes.images[:3])
    >>> len(found), sorted(found[0])
    (3, ['boxes', 'labels', 'levels', 'scores'])
    >>> detector.strides_
    [4.0, 8.0, 16.0, 32.0]
    """

    _parameter_constraints = {
        **DenseMultiGranularity._parameter_constraints,
        "score_threshold": [Interval(Real, 0, 1, closed="both")],
        "nms_threshold": [Interval(Real, 0, 1, closed="both")],
        "max_detections": [Interval(Integral, 1, None, closed="left")],
    }
    _answers = "boxes"
    _default_head = "boxes"

    def __init__(
        self,
        *,
        backbone="auto",
        fusion="auto",
        head="boxes",
        scales=(1.0,),
        crop_size="auto",
        tile_size=768,
        tile_overlap=256,
        score_threshold=0.05,
        nms_threshold=0.6,
        max_detections=300,
        image_shape=None,
        value_range="auto",
        augment="auto",
        trainable="all",
        training="standard",
        max_epochs="auto",
        batch_size="auto",
        lr="auto",
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        memory=None,
        precision="auto",
        device="auto",
        random_state=None,
        warm_start=False,
        verbose=0,
        n_jobs=None,
    ):
        self.backbone = backbone
        self.fusion = fusion
        self.head = head
        self.scales = scales
        self.crop_size = crop_size
        self.tile_size = tile_size
        self.tile_overlap = tile_overlap
        self.score_threshold = score_threshold
        self.nms_threshold = nms_threshold
        self.max_detections = max_detections
        self.image_shape = image_shape
        self.value_range = value_range
        self.augment = augment
        self.trainable = trainable
        self.training = training
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.memory = memory
        self.precision = precision
        self.device = device
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.n_jobs = n_jobs

    @property
    def classes_(self):
        """Sorted distinct labels."""
        if not hasattr(self, "_task_"):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return self._task_.classes

    @property
    def strides_(self):
        """Stride of each level on which objects are found, from fine to coarse."""
        return [level.stride for level in self.network_.head.levels]

    @property
    def _targets(self):
        return BoxTargets(type(self).__name__)

    def _annotations(self, targets):
        return Boxes(targets, self.image_size_)

    @staticmethod
    def _auto_backbone():
        widths = (16, 32, 64, 128, 128)
        return ConvNetBackbone(widths=widths, stem_stride=2, out_indices=(1, 2, 3, 4))

    @staticmethod
    def _auto_fusion():
        return FPNFusion(channels=64)

    def _check_annotations(self, samples):
        sizes = samples.images.sizes[samples.rows]
        for row, size, objects in zip(
            samples.rows, sizes, samples.targets, strict=True
        ):
            self._targets.check_inside(objects[:, :4], size, row)

    # -------------------------------------------------------------- predict

    def predict(self, X):
        """Return the objects found in each image.

        Parameters
        ----------
        X : array-like
            Images of any sizes, as in fit.

        Returns
        -------
        list of dict of str to ndarray
            For each image, sorted by decreasing score: `boxes`, float32 of shape (m,
            4), left, top, right and bottom in pixels of the original image; `labels` of
            shape (m,), of the same type as in y; `scores`, float32 in [0, 1] of shape
            (m,); and `levels`, int of shape (m,), the position in `strides_` of the
            level on which each was found.
        """
        source = self._read(X)
        places = [[] for _ in range(len(source))]
        for position, tile, output in self._tile_outputs(source):
            places[position].append(_places_of_core(output[0], tile))
        return [
            self._task.decode(
                torch.cat(parts),
                tuple(int(side) for side in size),
                score_threshold=self.score_threshold,
                nms_threshold=self.nms_threshold,
                max_detections=self.max_detections,
            )
            for parts, size in zip(places, source.sizes, strict=True)
        ]

    def score(self, X, y, sample_weight=None):
        """Return the mean average precision over overlaps from 0.5 to 0.95.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : list of dict
            Their boxes and labels, as in fit.
        sample_weight : None
            Not supported, present for API consistency: average precision ranks the
            boxes of all images together and has no weights of images.

        Returns
        -------
        float
            `skmultigran.metrics.mean_average_precision_score` of the predictions.

        Raises
        ------
        ValueError
            If `sample_weight` is given.
        """
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__}.score got sample_weight, but average precision "
                "ranks the boxes of all images together and has no weights of images. "
                "Leave sample_weight away, and score images of different weight apart."
            )
        y = self._targets.checked(y)
        return mean_average_precision_score(list(y), self.predict(X))


def _places_of_core(output, tile):
    """Return the places that a tile answers for, in pixels of the image."""
    # x and y are six numbers from the end.
    x, y = output[:, -6] + tile.corner[1], output[:, -5] + tile.corner[0]
    rows, columns = tile.core
    inside = (y >= rows.start) & (y < rows.stop)
    inside &= (x >= columns.start) & (x < columns.stop)
    moved = output.clone()
    moved[:, -6], moved[:, -5] = x, y
    return moved[inside]
