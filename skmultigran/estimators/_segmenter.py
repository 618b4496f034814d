"""The segmenter."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils import check_consistent_length

from skmultigran._support import StrOptions
from skmultigran.backbones import ConvNetBackbone
from skmultigran.estimators._dense import DenseMultiGranularity
from skmultigran.estimators._mask_targets import MaskTargets
from skmultigran.fusions import FPNFusion
from skmultigran.images import Masks
from skmultigran.metrics import mean_iou_score
from skmultigran.tasks import SEGMENTATION_LOSSES


class MultiGranularitySegmenter(DenseMultiGranularity):
    """Semantic segmenter using features of several scales and network levels.

    A backbone extracts feature maps at every scale of an image pyramid, from local
    detail to global layout; a fusion network combines them; a head sums all levels at
    the finest resolution and predicts a label for every pixel.

    Images keep their own size, and sizes may differ: training uses random crops of
    `crop_size`, prediction whole images, or overlapping tiles of large ones. To use
    more context in large images, add smaller `scales`.

    Parameters
    ----------
    backbone : str or recipe, default="auto"
        Network that extracts feature maps at several levels: "convnet", "scattering",
        "scale_space", "multicolumn", "torchvision", "timm", "efficientnet_lite0",
        "efficientnet_lite1", "efficientnet_lite2", another registered name, or a recipe
        such as `ConvNetBackbone`. "auto": `ConvNetBackbone` with five stages, strides
        of 2 to 32 and 16 to 256 channels.
    fusion : str or recipe, default="auto"
        Network that combines the feature maps: "concat", "sum", "weighted", "gated",
        "attention", "fpn", "pafpn", "bifpn", another registered name, or a recipe such
        as `BiFPNFusion`. "auto": `FPNFusion` with 32 channels, as most of the time is
        spent on the finest map. All fusions work; "attention" uses the layout of the
        whole crop or image, so its predictions depend on where an image is cut.
    head : str or recipe, default="dense"
        Network that makes the prediction: "dense" or a recipe `DenseHead`.
    scales : sequence of float, default=(1.0,)
        Image pyramid: the backbone processes the anti-aliased image at these factors of
        its size, and the levels of all scales are used. Use simple fractions such as
        0.5 or 2 / 3, as images are padded to a multiple of the strides of all levels.
    crop_size : int, tuple of int or "auto", default="auto"
        Size in pixels of the random crops used in training: the side of a square or
        `(height, width)`. Smaller images are padded, and padding is ignored in the
        loss. "auto": the common size of all images, at most 256 a side or, if sizes
        differ, a square of their median longer side, at most 224.
    tile_size : int, default=768
        Images of more than `tile_size ** 2` pixels are predicted in tiles of this side.
    tile_overlap : int, default=320
        Pixels shared by neighbouring tiles. Each tile predicts its own half of them,
        which is `tile_overlap / 2` or more pixels away from its border.
    loss : {"cross_entropy+dice", "cross_entropy", "dice"}, \
            default="cross_entropy+dice"
        Loss to minimise: the mean cross-entropy of the pixels, one minus the mean Dice
        overlap of the classes in a crop [1]_, or the sum of both.
    ignore_label : int or None, default=None
        Label of pixels to ignore, in training and in scores.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the cross-entropy of the pixels.
    image_shape : tuple of int or None, default=None
        `(height, width)` or `(height, width, channels)` of flattened rows. None: grey
        images, square if the length of a row is a square number, else of height 1.
    value_range : tuple of float or "auto", default="auto"
        Pixel values mapped to 0 and 1. "auto": the range of the type for booleans and
        8- and 16-bit integers; no change for floats within [0, 1]; the range seen in
        fit for other floats and wider integers. Later floats must use the units seen in
        fit; a warning is raised where they clearly do not.
    augment : str, transform, list of str and transforms, or None, default="auto"
        Random changes of the crops, and with them of their masks: "affine", "shift",
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
        Sorted distinct labels, without `ignore_label`.
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
        valid_loss and valid_score (the mean over the images of their mean IoU).
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
    Images are padded to multiples of the strides and tiles begin at such multiples, so
    a pixel that is further from the border of its tile than the receptive field reaches
    has the same probabilities in tiles as in the whole image. With the default network
    and overlap, probabilities differ by less than 0.001.

    To scikit-learn a segmenter is neither a classifier nor a regressor: folds are not
    stratified.

    References
    ----------
    .. [1] F. Milletari et al., "V-Net: Fully Convolutional Neural Networks for
       Volumetric Medical Image Segmentation", 3DV 2016, arXiv 1606.04797.

    Examples
    --------
    >>> import numpy as np
    >>> from skmultigran import MultiGranularitySegmenter
    >>> y, x = np.mgrid[:24, :32]
    >>> masks = np.stack([(x - i) ** 2 + (y - 12) ** 2 < 50 for i in range(6, 26)])
    >>> noise = np.random.default_rng(0).normal(scale=0.1, size=masks.shape)
    >>> images = masks * 0.5 + noise  # brighter discs
    >>> segmenter = MultiGranularitySegmenter(max_epochs=20, random_state=0)
    >>> segmenter.fit(images, masks).predict(images[:2]).shape
    (2, 24, 32)
    >>> segmenter.score(images, masks) > 0.8
    True
    """

    _parameter_constraints = {
        **DenseMultiGranularity._parameter_constraints,
        "loss": [StrOptions(set(SEGMENTATION_LOSSES))],
        "ignore_label": [Integral, None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    _answers = "pixels"
    _default_head = "dense"

    def __init__(
        self,
        *,
        backbone="auto",
        fusion="auto",
        head="dense",
        scales=(1.0,),
        crop_size="auto",
        tile_size=768,
        tile_overlap=320,
        loss="cross_entropy+dice",
        ignore_label=None,
        class_weight=None,
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
        self.loss = loss
        self.ignore_label = ignore_label
        self.class_weight = class_weight
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
        """Sorted distinct labels, without `ignore_label`."""
        if not hasattr(self, "_task_"):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return self._task_.classes

    @property
    def _targets(self):
        return MaskTargets(
            type(self).__name__, self.ignore_label, self.class_weight, self.loss
        )

    @staticmethod
    def _annotations(targets):
        return Masks(targets)

    @staticmethod
    def _auto_backbone():
        # Narrow where maps are large; deep enough to see 64 pixels whole.
        widths = (16, 32, 64, 128, 256)
        return ConvNetBackbone(widths=widths, stem_stride=2, zero_init_residual=False)

    @staticmethod
    def _auto_fusion():
        return FPNFusion(channels=32)

    def _samples(self, X, y, sample_weight, *, reset, learn):
        samples = super()._samples(X, y, sample_weight, reset=reset, learn=learn)
        self._one_size_ = samples.images.size  # None where sizes differ
        return samples

    def _check_annotations(self, samples):
        sizes = samples.images.sizes[samples.rows]
        self._check_sizes(samples.rows, sizes, samples.targets)

    def _check_sizes(self, rows, sizes, masks):
        for row, size, mask in zip(rows, sizes, masks, strict=True):
            if tuple(size) != mask.shape:
                raise ValueError(
                    f"{type(self).__name__}: the image of row {row} has "
                    f"{size[0]} x {size[1]} pixels, but its mask has "
                    f"{mask.shape[0]} x {mask.shape[1]}. Give every image a mask of "
                    "its own size."
                )

    # -------------------------------------------------------------- predict

    def predict(self, X):
        """Return the most likely label of each pixel.

        Parameters
        ----------
        X : array-like
            Images of any sizes, as in fit.

        Returns
        -------
        ndarray of shape (n, h, w) or ndarray of object of shape (n,)
            Masks of the original image sizes: one array if all images in fit had one
            size, and these have it too or are given as an array. Else an array of
            arrays `(h, w)`, so that `cross_val_predict` can join folds of several
            sizes.
        """
        return self._masks(X, self._read(X))

    def predict_proba(self, X):
        """Return class probabilities of each pixel.

        Parameters
        ----------
        X : array-like
            Images of any sizes, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n, h, w, n_classes) or ndarray of object (n,)
            In the order of `classes_`, summing to one for each pixel: one array, or an
            array of arrays `(h, w, n_classes)`, by the same rule as in `predict`.
        """
        shape = (len(self.classes_),)
        return self._assembled(
            X, self._read(X), self._task.probabilities, shape, np.float32
        )

    def _masks(self, X, source):
        return self._assembled(X, source, self._task.decode, (), self.classes_.dtype)

    def _assembled(self, X, source, decode, shape, dtype):
        """Return decoded outputs, put together from tiles."""
        sizes = [tuple(size) for size in source.sizes.tolist()]
        if self._are_one_array(X, set(sizes)):
            results = np.empty((len(sizes), *sizes[0], *shape), dtype)
        else:
            results = np.empty(len(sizes), dtype=object)
            for position, size in enumerate(sizes):
                results[position] = np.empty((*size, *shape), dtype)
        for position, tile, output in self._tile_outputs(source):
            rows, columns = tile.inner
            results[position][tile.core] = decode(output[..., rows, columns])[0]
        return results

    def _are_one_array(self, X, sizes):
        """Whether masks are one array; a list may be one fold of several sizes."""
        if self._one_size_ is None:
            return False
        return sizes == {self._one_size_} or getattr(X, "ndim", 1) > 2

    def score(self, X, y, sample_weight=None):
        """Return the mean intersection over union of the classes, over all pixels.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : array-like
            Their masks, as in fit.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images, used for all of their pixels.

        Returns
        -------
        float
            `skmultigran.metrics.mean_iou_score` of the predictions.

        Raises
        ------
        ValueError
            If a mask does not have the size of its image; the message names the row.
        """
        y = self._targets.checked(y)
        source = self._read(X)
        check_consistent_length(source, y)
        self._check_sizes(range(len(y)), source.sizes, y)
        return mean_iou_score(
            y,
            self._masks(X, source),
            ignore_label=self.ignore_label,
            sample_weight=sample_weight,
        )
