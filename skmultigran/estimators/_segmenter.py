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
    """Label every pixel of images by a network that sees them at many granularities.

    A backbone turns the image, at every scale of an image pyramid, into maps from local
    detail to global layout; a fusion network joins them; a head adds all levels at the
    finest one and answers for every pixel.

    Images keep their own size, and sizes may differ: training sees random crops of
    `crop_size`, predictions see images whole, or in overlapping tiles where they are
    large. To look at large images from further away, give smaller `scales`.

    Parameters
    ----------
    backbone : str or recipe, default="auto"
        The multi-scale extractor: a registered name or a recipe such as
        `ConvNetBackbone`. "auto": `ConvNetBackbone` of five stages with strides 2 to
        32 and 16 to 256 channels.
    fusion : str or recipe, default="auto"
        The fusion network: a registered name or a recipe such as `BiFPNFusion`. "auto":
        `FPNFusion` of 32 channels, as most of the time goes into the finest map. All
        fusions work; "attention" reads the layout of the whole crop or image, so that
        its answers depend on where an image is cut.
    head : str or recipe, default="dense"
        The head: "dense" or `DenseHead`.
    scales : sequence of float, default=(1.0,)
        Image pyramid: the backbone sees the anti-aliased image at these factors of its
        size, and every scale contributes its levels. Simple fractions such as 0.5 or
        2 / 3, as images are padded to a multiple of the strides of all levels.
    crop_size : int, tuple of int or "auto", default="auto"
        Size of the random crops that training sees: a square's side or
        `(height, width)`, in pixels. Smaller images are padded, and nothing is learned
        from padding. "auto": the size that all images have, at most 256 a side; where
        sizes differ, a square of their median longer side, at most 224.
    tile_size : int, default=768
        Images of more than `tile_size ** 2` pixels are predicted in tiles of this side.
    tile_overlap : int, default=320
        Pixels that neighbouring tiles share. Each tile answers for its own half, which
        is then `tile_overlap / 2` pixels away from its border.
    loss : {"cross_entropy+dice", "cross_entropy", "dice"}, \
            default="cross_entropy+dice"
        The loss to minimise: the mean cross-entropy of the pixels, one minus the mean
        Dice overlap of the classes that a crop has [1]_, or the sum of both.
    ignore_label : int or None, default=None
        Label of pixels to ignore, in training and in scores.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes' pixels in the cross-entropy.
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
        Random changes of the crops, and with them of their masks: "affine", "shift",
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
        The distinct labels, sorted, without `ignore_label`.
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
        valid_loss and valid_score (the mean over the images of their mean IoU).
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
    Images are padded to whole strides and tiles begin at whole strides, so a pixel that
    is further from its tile's border than the network can see has the same
    probabilities in tiles as in the whole image. With the default network and overlap,
    probabilities differ by less than 0.001.

    A segmenter is neither classifier nor regressor to scikit-learn: folds are not
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
        """The distinct labels, sorted, without `ignore_label`."""
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
            Masks of the images' own sizes: one array if the images of fit had one size,
            and these have it too or come as an array. Else an array of arrays `(h, w)`,
            so that `cross_val_predict` can join folds of several sizes.
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
            In the order of `classes_`, each pixel's sum to one: one array, or an array
            of arrays `(h, w, n_classes)`, by the rule of `predict`.
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
            Weights of the images: each pixel counts by that of its image.

        Returns
        -------
        float
            `skmultigran.metrics.mean_iou_score` of the predictions.

        Raises
        ------
        ValueError
            If a mask has not the size of its image; the message names the row.
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
