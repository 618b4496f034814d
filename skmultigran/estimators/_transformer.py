"""The transformer: what a network sees, as columns for any other estimator."""

from __future__ import annotations

from itertools import chain
from numbers import Real

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES
from skmultigran._support import Interval, StrOptions, fit_context
from skmultigran.estimators._base import Samples, device_here
from skmultigran.estimators._columns import (
    check_given_names,
    columns_of,
    fused_names,
    granularity_features,
    granularity_names,
    granularity_slices,
    powered,
)
from skmultigran.estimators._frozen import frozen_rows
from skmultigran.estimators._progress import FitProgress
from skmultigran.estimators._reading import read_images
from skmultigran.estimators._restoring import forget_fit, restored_on_failure
from skmultigran.estimators._supervised import SupervisedMultiGranularity
from skmultigran.estimators._targets import LabelTargets, NumberTargets
from skmultigran.estimators._untrained import check_nothing_to_learn
from skmultigran.feature_cache import resolve_cache
from skmultigran.heads import PooledHead
from skmultigran.training import (
    RowSource,
    load_module_state,
    module_state,
    positive_rows,
    predict_outputs,
    seeded,
)


class MultiGranularityTransformer(TransformerMixin, SupervisedMultiGranularity):
    """Turn images into multi-scale feature columns.

    The maps of a backbone, at every scale of an image pyramid, are pooled into columns
    for any other estimator. Without a task nothing is trained: the default, the
    scattering transform, has fixed filters, so the columns of an image depend on that
    image alone.

    Parameters
    ----------
    task : {"classification", "regression"} or None, default=None
        Task that the network is trained for in fit, on y. None: it is not trained, and
        y is ignored. Trained columns depend on y: evaluate later steps on other images.
    output : {"granularities", "fused"}, default="granularities"
        Columns to return: the pooled maps of every granularity, or the pooled maps
        after the fusion, from which the head predicts.
    power : float, default=0.5
        Exponent in (0, 1] of the absolute values of the columns; signs are kept. Below
        1, small values are raised, which suits linear models and distances [1]_; 1
        leaves the columns unchanged.
    backbone : str or recipe, default="scattering"
        Network that extracts feature maps at several levels: "convnet", "scattering",
        "scale_space", "multicolumn", "torchvision", "timm", "efficientnet_lite0",
        "efficientnet_lite1", "efficientnet_lite2", another registered name, or a recipe
        such as `ConvNetBackbone`. Without a task only those with nothing to learn
        ("scattering", "scale_space") or pretrained weights.
    fusion : str or recipe, default="concat"
        Network that combines the feature maps: "concat", "sum", "weighted", "gated",
        "attention", "fpn", "pafpn", "bifpn", another registered name, or a recipe such
        as `AttentionFusion`. Without a task it must have nothing to learn, as "concat".
    head : str or recipe, default="auto"
        Head: "pooled" or a recipe `PooledHead`, whose `pooling` and `grid` define the
        columns. "auto": with a task "pooled"; without one averages, over whole maps of
        a pretrained backbone, else over a 7 x 7 grid, as linear models need positions.
    scales : sequence of float, default=(1.0,)
        Image pyramid: the backbone processes the anti-aliased image at these factors of
        its size, and the levels of all scales are used.
    image_shape : tuple of int or None, default=None
        `(height, width)` or `(height, width, channels)` of flattened rows. None: grey
        images, square if the length of a row is a square number, else of height 1.
    image_size : int, tuple of int or None, default=None
        Size in pixels to which images are resized: the side of a square or
        `(height, width)`. None: the common size of all images or, if sizes differ, a
        square of their median longer side, at most 224. Stored as `image_size_`.
    resize : {"letterbox", "stretch", "crop"}, default="letterbox"
        How images are brought to `image_size`: "letterbox" keeps the aspect ratio and
        adds a grey border, "stretch" does not keep the aspect ratio, "crop" keeps it
        and cuts off what does not fit.
    value_range : tuple of float or "auto", default="auto"
        Pixel values mapped to 0 and 1. "auto": the range of the type for booleans and
        8- and 16-bit integers; no change for floats within [0, 1]; the range seen in
        fit for other floats and wider integers. Later floats must use the units seen in
        fit; a warning is raised where they clearly do not.
    augment : str, callable, list of str and callables, or None, default="auto"
        Random changes of the training images: names, callables or a list of these, as
        in `MultiGranularityClassifier`. "auto": as there, but nothing for a regression.
    trainable : str, default="all"
        What is trained besides fusion and head: "all" of the backbone, only the "head"
        (the backbone is frozen), or "last:k", the last k parts of the backbone. Frozen
        parts get no gradients and keep their norm statistics, as do all norms of a
        pretrained backbone.
    training : str or recipe, default="standard"
        "standard", or a recipe `Training` of optimizer, schedule and regularisation.
    max_epochs : int or "auto", default="auto"
        Passes over the training images. "auto": enough for 3,000 steps, between 12 and
        80; for images of up to 16 pixels a side and for frozen backbones 900 steps,
        between 12 and 100; for fine-tuning a pretrained backbone 650 steps, between 3
        and 30. Stored as `max_epochs_`.
    batch_size : int or "auto", default="auto"
        Maximum number of images per training step. "auto": the power of two below a
        sixteenth of the number of training images, between 16 and 128, at most 32 where
        a pretrained backbone is trained.
    lr : float or "auto", default="auto"
        Largest learning rate; that of a pretrained backbone is a tenth of it
        (`Training.backbone_lr_scale`). "auto": 0.003 for AdamW, 0.1 for SGD.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when the validation loss no longer decreases, and to restore the
        best weights, as in `MultiGranularityClassifier`.
    validation_fraction : float, default=0.1
        Fraction of the training images that `early_stopping=True` holds out.
    n_iter_no_change : int, default=10
        Epochs without improvement after which training stops.
    tol : float, default=1e-4
        Minimum decrease of the validation loss that counts as an improvement.
    memory : str, path, joblib.Memory, FeatureCache or None, default=None
        Where features of a frozen backbone are cached, keyed by image: a folder, or a
        `FeatureCache` with size limits. Each image is then processed once across folds,
        shuffles, candidates of a search and processes. Nothing is cached without a
        frozen backbone, nor with fusions that combine neighbouring positions.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of training steps; predictions use float32. "auto": bfloat16 where
        the device supports it natively and batches are large enough to benefit.
    device : str, default="auto"
        Device of the network: "cpu", "cuda", "cuda:1", ... "auto": a GPU if available.
    compile : bool, default=False
        Whether `transform` runs through `torch.compile`: the first full batch takes up
        to a minute longer, later ones up to a fifth less time. Requires a C++ compiler.
        Last bits may differ. Can be changed after fit with `set_params`.
    random_state : int, RandomState instance or None, default=None
        Seed of the training. Without a task and with a fixed backbone nothing is
        random.
    verbose : int, default=0
        Whether to show a progress bar during training.
    n_jobs : int or None, default=None
        Threads that read and resize image files. None: one; -1: all processors.

    Attributes
    ----------
    granularities_ : list of str
        Names of scale and level, such as "s1.00_l2", from fine to coarse.
    granularity_slices_ : dict of str to slice
        Columns of each granularity, with `output="granularities"`.
    levels_ : list of Level
        Channels and strides of the granularities' maps.
    network_ : torch.nn.Module
        The network.
    net_, history_, n_iter_, best_epoch_, max_epochs_, batch_size_, lr_, precision_
        With a task, as in `MultiGranularityClassifier`.
    image_shape_ : tuple of int
        `(height, width, channels)` of the images in fit.
    image_size_ : tuple of int
        `(height, width)` to which images are resized.
    value_range_ : ValueRange
        Its `low` and `high` are the pixel values mapped to 0 and 1.
    device_ : str
        Device of the network.
    n_features_in_ : int
        Values per image.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Columns are float32. The columns of an image are the same, to the last byte,
    whichever other images are transformed with it. Scattering columns of images within
    `value_range` lie in [0, 1].

    A map with fewer pixels than the grid is used as it is, without repeating pixels. A
    large grid gives many columns for large images; `head__grid=(1, 2)` gives few.

    References
    ----------
    .. [1] F. Perronnin et al., "Improving the Fisher Kernel for Large-Scale Image
       Classification", ECCV 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmultigran import MultiGranularityTransformer
    >>> X, y = load_digits(return_X_y=True)  # rows of 64 values: images of 8 x 8
    >>> transformer = MultiGranularityTransformer()
    >>> model = make_pipeline(transformer, StandardScaler(), LogisticRegression())
    >>> print(f"{model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]):.2f}")
    0.99
    >>> transformer.granularity_slices_
    {'s1.00_l0': slice(0, 128, None), 's1.00_l1': slice(128, 420, None)}
    >>> transformer.get_feature_names_out()[130]
    's1.00_l1_avg2x2_000_r1c0'
    """

    _parameter_constraints = {
        **SupervisedMultiGranularity._parameter_constraints,
        "task": [StrOptions({"classification", "regression"}), None],
        "output": [StrOptions({"granularities", "fused"})],
        "power": [Interval(Real, 0, 1, closed="right")],
    }
    del _parameter_constraints["warm_start"]

    def __init__(
        self,
        *,
        task=None,
        output="granularities",
        power=0.5,
        backbone="scattering",
        fusion="concat",
        head="auto",
        scales=(1.0,),
        image_shape=None,
        image_size=None,
        resize="letterbox",
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
        compile=False,
        random_state=None,
        verbose=0,
        n_jobs=None,
    ):
        self.task = task
        self.output = output
        self.power = power
        self.backbone = backbone
        self.fusion = fusion
        self.head = head
        self.scales = scales
        self.image_shape = image_shape
        self.image_size = image_size
        self.resize = resize
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
        self.compile = compile
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_columns_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.task is not None
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def network_(self):
        """The network, a `torch.nn.Module` in evaluation mode."""
        check_is_fitted(self)
        return self.net_.module_ if hasattr(self, "net_") else self._fixed_network_

    @property
    def granularity_slices_(self):
        """The columns of each granularity, from fine to coarse."""
        check_is_fitted(self)
        if self._columns_[0] == "fused":
            raise AttributeError(
                "granularity_slices_ is there with output='granularities' only: fused "
                "columns belong to no granularity."
            )
        return granularity_slices(self.network_, self.image_size_)

    # ------------------------------------------------------------------ fit

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Determine shape and range of the images; with a task, train the network.

        Parameters
        ----------
        X : array-like
            Images: an array `(n, h, w)` or `(n, h, w, c)` of any real dtype, a memory
            map, a torch tensor, flattened rows `(n, h * w * c)`, or a column of images
            of any sizes: a list, series, object array or one-column data frame of
            arrays, Pillow images or file paths.
        y : array-like of shape (n,) or (n, n_outputs), default=None
            Labels, or one or several numbers per image. Ignored without a task.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images; images with zero weight are left out.
        X_val, y_val : array-like, default=None
            Validation data of a task. Training stops when the loss on them no longer
            decreases, and the best weights are restored.
        sample_weight_val : array-like, default=None
            Weights of the validation images.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        ValueError
            If the data are invalid, or if without a task parts of the network would
            have to learn; the transformer then keeps its previous state.
        """
        metadata = {
            "sample_weight": sample_weight,
            "X_val": X_val,
            "y_val": y_val,
            "sample_weight_val": sample_weight_val,
        }
        with restored_on_failure(self):
            forget_fit(self)
            resolve_cache(self.memory)
            self._columns_ = (self.output, float(self.power))
            if self.task is None:
                self._fit_fixed(X, y, metadata)
            else:
                self._fit_on_targets(X, y, reuse=False, **metadata)
        return self

    def _fit_fixed(self, X, y, metadata):
        """Build a network that is used as it is."""
        sample_weight = metadata["sample_weight"]
        given = [name for name in metadata if metadata[name] is not None]
        if set(given) - {"sample_weight"}:
            raise ValueError(
                f"{type(self).__name__} got {', '.join(given)}, but with task=None "
                "nothing is trained. Leave them out, or set task."
            )
        images = read_images(self, X, reset=True, sample_weight=sample_weight)
        rows, weights = positive_rows(sample_weight, images, type(self).__name__)
        self._start(Samples(images, rows, None, weights), n_outputs=None)
        self._fixed_network_ = self._build_fixed()
        check_nothing_to_learn(self, self._fixed_network_)
        progress = FitProgress(self, X, y, sample_weight=sample_weight)
        progress.close()
        progress.end()

    def _build_fixed(self, *, load_weights=True):
        with seeded(self._seed_):
            network = self.network_recipe_.build(load_weights=load_weights)
        return network.to(self.device_, memory_format=torch.channels_last).eval()

    def _is_frozen(self):
        return super()._is_frozen() or self.task is None

    def _learns_normalisation(self):
        # Without a task columns must not depend on the images of the fit.
        return self.task is not None and super()._learns_normalisation()

    def _resolved(self, name):
        value = super()._resolved(name)
        if name != "head" or not isinstance(value, str) or value != "auto":
            return value
        if self.task is not None:
            return "pooled"
        # Pretrained maps have many channels, each of which knows much by itself.
        backbone = self._resolved("backbone")
        known = isinstance(backbone, Recipe) or backbone in BACKBONES
        pretrained = known and self._recipe("backbone").pretrained
        return PooledHead(pooling=("avg",), grid=(1,) if pretrained else (7,))

    @property
    def _targets(self):
        numbers = self.task == "regression"
        return NumberTargets() if numbers else LabelTargets(type(self).__name__)

    # ------------------------------------------------------------ transform

    def transform(self, X):
        """Return the columns of each image.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n, n_columns)
            A data frame with `set_output(transform="pandas")`.
        """
        check_is_fitted(self)
        source = self._source(read_images(self, X, reset=False))
        fused = self._columns_[0] == "fused"
        rows = self._fused_rows(source) if fused else self._granularity_rows(source)
        return powered(rows, self._columns_[1]).numpy()

    def _named_answers(self, network, images):
        fused, power = self._columns_[0] == "fused", self._columns_[1]
        rows = columns_of(network, images, self.image_size_, fused=fused)
        return {"columns": powered(rows, power)}

    def _fused_rows(self, source):
        trained = hasattr(self, "net_")
        if self._trained_[1] if trained else not self.network_.fuse_maps:
            source = RowSource(self._pooled_rows(source))
        return predict_outputs(self._quick("features"), source, self.device_)

    def _granularity_rows(self, source):
        network, size = self.network_, self.image_size_
        frozen = not hasattr(self, "net_") or self._trained_[0] == "head"
        pool = network.head.pool
        names = granularity_names(network, size)
        widths = {name: len(columns) for name, columns in names.items()}
        return frozen_rows(
            lambda images: granularity_features(
                network, size, self._quick("extract")(images)
            ),
            widths,
            source,
            self.device_,
            cache=resolve_cache(self.memory) if frozen else None,
            namespaces=lambda: self._feature_keys(
                widths, clipped=[*pool.pooling, *pool.grid]
            ),
        )

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Checked against the columns seen in fit, otherwise unused.

        Returns
        -------
        ndarray of str
            Names such as "s1.00_l2_avg_017": scale, level, pooling and channel. For a
            grid of more than one cell also its size, row and column:
            "s1.00_l2_avg2x2_017_r0c1". Fused columns: "l0_fused_017", with the number
            of the fused map instead of scale and level.
        """
        check_is_fitted(self)
        check_given_names(self, input_features)
        if self._columns_[0] == "fused":
            return np.array(fused_names(self.network_), dtype=object)
        names = granularity_names(self.network_, self.image_size_)
        return np.array([*chain.from_iterable(names.values())], dtype=object)

    # --------------------------------------------------------------- pickle

    def __getstate__(self):
        state = super().__getstate__()
        if "_fixed_network_" in state:
            state["_fixed_network_"] = module_state(self._fixed_network_)
        return state

    def __setstate__(self, state):
        weights = state.get("_fixed_network_")
        kept = {key: state[key] for key in state if key != "_fixed_network_"}
        super().__setstate__(kept)
        if weights is not None:
            self.device_ = device_here(self.device_)
            self._fixed_network_ = self._build_fixed(load_weights=False)
            load_module_state(self._fixed_network_, weights)
