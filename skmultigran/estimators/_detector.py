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
    """Find objects in images by a network that sees them at many granularities.

    A backbone turns the image, at every scale of an image pyramid, into maps from local
    detail to global layout; a fusion network joins them; a head tells, at each place of
    each level, whether an object is there, how large it is and what: small objects are
    found on fine levels, large ones on coarse levels. The head is FCOS [1]_, of
    torchvision's parts.

    Images keep their own size, and sizes may differ: training sees random crops of
    `crop_size`, predictions see images whole, or in overlapping tiles where they are
    large. To look at large images from further away, give smaller `scales`.

    Parameters
    ----------
    backbone : str or recipe, default="auto"
        The multi-scale extractor: a registered name or a recipe such as
        `ConvNetBackbone`. "auto": `ConvNetBackbone` of five stages, of which those
        with strides 4 to 32 are used.
    fusion : str or recipe, default="auto"
        The fusion network: a registered name or a recipe such as `BiFPNFusion`. "auto":
        `FPNFusion` of 64 channels. All
        fusions work; of those that give one map ("concat", "sum", "weighted", "gated")
        all objects are found on one level.
    head : str or recipe, default="boxes"
        The head: "boxes" or `BoxHead`, which has width, depth and sizes of objects.
    scales : sequence of float, default=(1.0,)
        Image pyramid: the backbone sees the anti-aliased image at these factors of its
        size, and every scale contributes its levels. Simple fractions such as 0.5 or
        2 / 3, as images are padded to a multiple of the strides of all levels.
    crop_size : int, tuple of int or "auto", default="auto"
        Size of the random crops that training sees: a square's side or
        `(height, width)`, in pixels. Smaller images are padded by their border.
        Objects of which less than 0.3 is within a crop are left out. "auto": the size
        that all images have, at most 256 a side; where sizes differ, a square of their
        median longer side, at most 224.
    tile_size : int, default=768
        Images of more than `tile_size ** 2` pixels are predicted in tiles of this side.
    tile_overlap : int, default=256
        Pixels that neighbouring tiles share. Each tile answers for the places of its
        own half; objects much larger than the overlap may be cut.
    score_threshold : float, default=0.05
        Boxes of a lower score are left out. Low values are best for `score`, which
        looks at all thresholds; for pictures take 0.3 or more.
    nms_threshold : float, default=0.6
        Where boxes of one class overlap by more (intersection over union), only the
        best is kept.
    max_detections : int, default=300
        The most boxes per image.
    image_shape : tuple of int or None, default=None
        `(height, width)` or `(height, width, channels)` of flattened rows. None: a row
        whose length is a perfect square is a square grey image, any other row is one
        grey line.
    value_range : tuple of float or "auto", default="auto"
        Pixel values that become 0 and 1. "auto": of the type for 8- and 16-bit
        integers and booleans; floats within [0, 1] as they are; other floats, and wider
        integers, by the range seen in fit. Floats that come later are in the unit of
        fit; a warning says where they evidently are not.
    augment : str, transform, list of str and transforms, or None, default="auto"
        Random changes of the crops, and with them of their boxes: "affine", "shift",
        "flip", "crop", "color", "erase", "standard" (affine and flip), "strong", as in
        `MultiGranularityClassifier`, and transforms of `torchvision.transforms.v2`.
        "auto": affine.
    trainable : str, default="all"
        What is trained besides fusion and head: "all" of the backbone, only the "head"
        (the backbone is frozen), or "last:k", the last k parts of the backbone.
    training : str or recipe, default="standard"
        The recipe `Training` of optimizer, schedule and regularisation.
    max_epochs : int or "auto", default="auto"
        Passes over the training images, one crop of each. "auto": as many as make 900
        steps, between 12 and 100; 650 steps, between 3 and 30, for pretrained
        backbones.
    batch_size : int or "auto", default="auto"
        Crops per step at most. "auto": the power of two below a sixteenth of the
        training images, between 16 and 128, but no more than make 500,000 pixels.
    lr : float or "auto", default="auto"
        Largest learning rate. "auto": 0.003 for AdamW, 0.1 for SGD.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when the validation loss no longer falls, and to restore the
        best weights. True without `X_val` holds out `validation_fraction` of the
        training images. "auto": exactly when `X_val` and `y_val` are given to fit.
    validation_fraction : float, default=0.1
        Fraction of the training images that `early_stopping=True` holds out.
    n_iter_no_change : int, default=10
        Epochs without an improvement after which training stops.
    tol : float, default=1e-4
        How much the validation loss must fall to count as an improvement.
    memory : str, path, joblib.Memory, FeatureCache or None, default=None
        Where the maps of a frozen backbone are kept, under the image's own key, so that
        folds, candidates of a search and other processes compute each image once. Used
        with `trainable="head"` and no augmentation.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What steps of training compute in; predictions are float32. "auto": bfloat16
        where the device has it natively and batches are large enough to gain from it.
    device : str, default="auto"
        Where the network lives: "cpu", "cuda", "cuda:1", ... "auto": a GPU if there is
        one.
    random_state : int, RandomState instance or None, default=None
        Seed of initialisation, shuffling, crops, dropout and augmentation.
    warm_start : bool, default=False
        Whether fit goes on from the weights of the previous fit. What the network is
        built of must then stay as it was.
    verbose : int, default=0
        Whether to show a progress bar.
    n_jobs : int or None, default=None
        Threads that read image files. None: one; -1: all processors.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    strides_ : list of float
        The stride in pixels of each level that objects are found on, fine to coarse;
        `levels` of a prediction count them.
    crop_size_ : tuple of int
        `(height, width)` of the crops that training saw.
    network_ : torch.nn.Module
        The fitted network.
    net_ : skorch.NeuralNet
        The net that trained it.
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
        Epoch that the weights are from, counted from 1.
    image_shape_ : tuple of int
        `(height, width, channels)`: of all training images, or of a typical one.
    max_epochs_, batch_size_, lr_, device_ : int, int, float, str
        What "auto" chose.
    n_features_in_ : int
        Values per image; 1 where sizes differ.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Boxes are left, top, right and bottom in pixels of the image, from its corner, as
    float32: the pixel in the corner has the box (0, 0, 1, 1).

    A detector is neither classifier nor regressor to scikit-learn: folds are not
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
        """The distinct labels, sorted."""
        if not hasattr(self, "_task_"):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return self._task_.classes

    @property
    def strides_(self):
        """The stride of each level that objects are found on, fine to coarse."""
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
        """Return the objects in images.

        Parameters
        ----------
        X : array-like
            Images of any sizes, as in fit.

        Returns
        -------
        list of dict of str to ndarray
            For each image, by falling score: `boxes`, float32 of shape (m, 4), left,
            top, right and bottom in the image's own pixels; `labels` of shape (m,), of
            the type that those in y had; `scores`, float32 in [0, 1] of shape (m,); and
            `levels`, int of shape (m,), which of `strides_` found each.
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
            Not supported, only here for scikit-learn: average precision ranks the boxes
            of all images together, and has no weights of images.

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
