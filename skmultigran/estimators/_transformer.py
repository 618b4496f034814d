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
    """Describe images by what a network sees at many granularities.

    The maps of a backbone, at every scale of an image pyramid, are pooled to columns
    for any other estimator. Without a task nothing is trained: the default, the
    scattering transform, has fixed filters, so the columns of an image depend on that
    image alone.

    Parameters
    ----------
    task : {"classification", "regression"} or None, default=None
        What the network is trained for in fit, on y. None: it is not trained, and y is
        ignored. Trained columns have seen y: judge what follows on other images.
    output : {"granularities", "fused"}, default="granularities"
        The columns: the pooled maps of every granularity, or what the head of the
        network makes its answer of, after the fusion.
    power : float, default=0.5
        Exponent in (0, 1] of the columns' absolute values; their signs stay. Below 1 it
        raises small values, which makes columns easier for linear models and distances
        [1]_; 1 leaves them as they are.
    backbone : str or recipe, default="scattering"
        The multi-scale extractor: a registered name or a recipe. Without a task it must
        have nothing to learn, or weights that were learned elsewhere.
    fusion : str or recipe, default="concat"
        The fusion network: a registered name or a recipe such as `AttentionFusion`.
        Without a task it must have nothing to learn, as "concat".
    head : str or recipe, default="auto"
        The head: "pooled" or `PooledHead`; its `pooling` and `grid` are those of the
        columns. "auto": with a task "pooled", as in the classifier; without one
        averages, of a pretrained backbone over the whole map, else on a 7 x 7 grid,
        since linear models need to know what is where.
    scales : sequence of float, default=(1.0,)
        Image pyramid: the backbone also sees the anti-aliased image at these factors of
        its size, and every scale contributes its levels.
    image_shape : tuple of int or None, default=None
        `(height, width)` or `(height, width, channels)` of flattened rows. None: a row
        whose length is a perfect square is a square grey image, any other row is one
        grey line.
    image_size : int, tuple of int or None, default=None
        What the network sees: a square's side or `(height, width)`, in pixels. None:
        the size that all images have; where sizes differ a square of their median
        longer side, at most 224, kept as `image_size_`.
    resize : {"letterbox", "stretch", "crop"}, default="letterbox"
        How images become `image_size`: whole on a grey border with the aspect kept,
        whole with the aspect lost, or cut.
    value_range : tuple of float or "auto", default="auto"
        Pixel values that become 0 and 1. "auto": of the type for 8- and 16-bit
        integers and booleans; floats within [0, 1] as they are; other floats, and wider
        integers, by the range seen in fit. Floats that come later are in the unit of
        fit; a warning says where they evidently are not.
    augment : str, list of str or None, default="auto"
        Random changes of the training images, as in `MultiGranularityClassifier`.
    trainable : str, default="all"
        What is trained besides fusion and head: "all" of the backbone, only the "head"
        (the backbone is frozen), or "last:k", the last k parts of the backbone. What is
        frozen gets no gradients and keeps its norm statistics; so do all norms of a
        pretrained backbone.
    training : str or recipe, default="standard"
        The recipe `Training` of optimizer, schedule and regularisation.
    max_epochs : int or "auto", default="auto"
        Passes over the training images. "auto": as many as make 3,000 steps, between
        12 and 80; for images of up to 16 pixels a side and for frozen backbones 900
        steps, between 12 and 100; to fine-tune a pretrained backbone 650 steps, between
        3 and 30. The value is kept as `max_epochs_`.
    batch_size : int or "auto", default="auto"
        Images per step of training at most. "auto": the power of two below a sixteenth
        of the training images, between 16 and 128.
    lr : float or "auto", default="auto"
        Largest learning rate. "auto": 0.003 for AdamW, 0.1 for SGD.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when the validation loss no longer falls, and to restore the
        best weights, as in `MultiGranularityClassifier`.
    validation_fraction : float, default=0.1
        Fraction of the training images that `early_stopping=True` holds out.
    n_iter_no_change : int, default=10
        Epochs without an improvement after which training stops.
    tol : float, default=1e-4
        How much the validation loss must fall to count as an improvement.
    memory : str, path, joblib.Memory, FeatureCache or None, default=None
        Where what a frozen backbone sees is kept, under the image's own key: a folder,
        or `FeatureCache` with caps. Folds, shuffles, candidates of a search and other
        processes then compute each image once. Without a frozen backbone, and with
        fusions that look at neighbouring positions, nothing is kept.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What steps of training compute in; predictions are float32. "auto": bfloat16
        where the device has it natively and batches are large enough to gain from it.
    device : str, default="auto"
        Where the network lives: "cpu", "cuda", "cuda:1", ... "auto": a GPU if there is
        one.
    compile : bool, default=False
        Whether `transform` runs through `torch.compile`: the first whole batch takes
        up to a minute longer, others up to a fifth less. It needs a C++ compiler. The
        last bits of the results may differ. Read anew each time, so that a fitted
        estimator can be given it by `set_params`.
    random_state : int, RandomState instance or None, default=None
        Seed of the training. Without a task and with a fixed backbone nothing is
        random.
    verbose : int, default=0
        Whether to show a progress bar of the training.
    n_jobs : int or None, default=None
        Threads that read and resize image files. None: one; -1: all processors.

    Attributes
    ----------
    granularities_ : list of str
        Names of scale and level, such as "s1.00_l2", from fine to coarse.
    granularity_slices_ : dict of str to slice
        The columns of each granularity, with `output="granularities"`.
    levels_ : list of Level
        Channels and strides of the granularities' maps.
    network_ : torch.nn.Module
        The network.
    net_, history_, n_iter_, best_epoch_, max_epochs_, batch_size_, lr_
        With a task, as in `MultiGranularityClassifier`.
    image_shape_ : tuple of int
        `(height, width, channels)` of the images in fit.
    image_size_ : tuple of int
        `(height, width)` that the network sees.
    device_ : str
        Where the network lives.
    n_features_in_ : int
        Values per image.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Columns are float32. An image has the same columns, to the last byte, in whatever
    company it is transformed. Scattering columns of images within `value_range` lie in
    [0, 1].

    Where a map has fewer pixels than the grid it is taken as it is, and pixels are not
    repeated. A large grid of large images makes many columns; `head__grid=(1, 2)` makes
    few.

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
        """Look at the images' shape and range; with a task, train the network.

        Parameters
        ----------
        X : array-like
            Images: an array `(n, h, w)` or `(n, h, w, c)` of any real dtype, a memory
            map, a torch tensor, flattened rows `(n, h * w * c)`, or a column of images
            of any sizes: a list, series, object array or data frame with one column of
            arrays, pictures of Pillow or paths of files.
        y : array-like of shape (n,) or (n, n_outputs), default=None
            Labels, or one or several numbers per image. Ignored without a task.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images; zero equals absence.
        X_val, y_val : array-like, default=None
            Validation data of a task. Training stops when the loss on them no longer
            falls, and the best weights are restored.
        sample_weight_val : array-like, default=None
            Weights of the validation images.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        ValueError
            If something is wrong with the data, or if there is no task and parts of the
            network would have to learn; the transformer is then as it was.
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
        """Return the columns of images.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n, n_columns)
            With `set_output(transform="pandas")` a data frame.
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
            Checked against the columns seen in fit, but of no influence.

        Returns
        -------
        ndarray of str
            Names such as "s1.00_l2_avg_017": scale, level, pooling and channel. On a
            grid with more than one cell also its size, row and column:
            "s1.00_l2_avg2x2_017_r0c1". Fused columns: "l0_fused_017" with the number of
            the fused map in place of scale and level.
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
