"""The regressor."""

from __future__ import annotations

from numbers import Real

from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from skmultigran._support import Interval, StrOptions, fit_context
from skmultigran.estimators._closed_form import takes_parts
from skmultigran.estimators._restoring import restored_on_failure
from skmultigran.estimators._supervised import MultiGranularityPredictor
from skmultigran.estimators._targets import NumberTargets
from skmultigran.tasks import LOSSES


class MultiGranularityRegressor(RegressorMixin, MultiGranularityPredictor):
    """Image regressor using features of several scales and network levels.

    A backbone extracts feature maps at every scale of an image pyramid, from local
    detail to global layout; a fusion network combines them; a head pools the result and
    predicts one or several numbers. Targets are standardised internally, so their units
    do not matter.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "quantile"}, \
            default="squared_error"
        Loss to minimise. "squared_error" predicts the mean; "absolute_error" predicts
        the median, which is robust to outliers; "huber" [1]_ is squared for errors
        below `epsilon` and linear above; "quantile" [2]_ predicts `quantile`.
    quantile : float, default=0.5
        Quantile in (0, 1) that is predicted with `loss="quantile"`, the same for all
        outputs. Two regressors, at 0.05 and 0.95, give an interval for nine targets in
        ten.
    epsilon : float, default=0.5
        Error above which `loss="huber"` is linear, in units of the spread of the
        targets.
    backbone : str or recipe, default="convnet"
        Network that extracts feature maps at several levels: "convnet", "scattering",
        "scale_space", "multicolumn", "torchvision", "timm", "efficientnet_lite0",
        "efficientnet_lite1", "efficientnet_lite2", another registered name, or a recipe
        such as `ConvNetBackbone`. Parameters of the recipe can be set as
        `backbone__widths`, also where `backbone` is a name.
    fusion : str or recipe, default="concat"
        Network that combines the feature maps: "concat", "sum", "weighted", "gated",
        "attention", "fpn", "pafpn", "bifpn", another registered name, or a recipe such
        as `AttentionFusion`.
    head : str or recipe, default="auto"
        Network that makes the prediction: "pooled" or a recipe `PooledHead`. "auto":
        `PooledHead()`; with `training="closed_form"` square roots of averages over a
        grid of 7 x 7 cells or, with a pretrained backbone, over whole maps and their
        quarters.
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
        Random changes of the training images, never of those for validation or
        prediction: names, callables such as transforms of `torchvision.transforms.v2`,
        or a list of these, as in `MultiGranularityClassifier`. "auto": nothing, since
        rotating, zooming or shifting an image often changes its target, such as a size
        or a position.
    trainable : str, default="all"
        What is trained besides fusion and head: "all" of the backbone, only the "head"
        (the backbone is frozen), or "last:k", the last k parts of the backbone. Frozen
        parts get no gradients and keep their norm statistics, as do all norms of a
        pretrained backbone.
    training : str or recipe, default="standard"
        "standard": gradient descent with the optimizer, schedule and regularisation of
        `Training`. "closed_form": `ClosedFormTraining`, which solves for the head of a
        frozen backbone without gradient descent; only with the squared error. Or one of
        these recipes.
    max_epochs : int or "auto", default="auto"
        Passes over the training images. "auto": enough for 3,000 steps, between 12 and
        80; for images of up to 16 pixels a side and for frozen backbones 900 steps,
        between 12 and 100; for fine-tuning a pretrained backbone 650 steps, between 3
        and 30. Stored as `max_epochs_`.
    batch_size : int or "auto", default="auto"
        Maximum number of images per step; the batches of an epoch have nearly the same
        size. "auto": the power of two below a sixteenth of the number of training
        images, between 16 and 128, at most 32 where a pretrained backbone is trained.
    lr : float or "auto", default="auto"
        Largest learning rate; that of a pretrained backbone is a tenth of it
        (`Training.backbone_lr_scale`). "auto": 0.003 for AdamW, 0.1 for SGD.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when the validation loss no longer decreases, and to restore the
        best weights. True without `X_val` holds out `validation_fraction` of the
        training images. "auto": only if `X_val` and `y_val` are passed to fit; images
        are never held out implicitly.
    validation_fraction : float, default=0.1
        Fraction of the training images that `early_stopping=True` holds out, drawn at
        random.
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
        Whether predictions run through `torch.compile`: the first full batch takes up
        to a minute longer, later ones up to a fifth less time. Requires a C++ compiler.
        Last bits may differ. Can be changed after fit with `set_params`.
    random_state : int, RandomState instance or None, default=None
        Seed of initialisation, shuffling, dropout and augmentation. The same int gives
        the same predictions; torch's global generators are left unchanged.
    warm_start : bool, default=False
        Whether fit continues with the weights of the previous fit. Parameters that
        define the network must then be unchanged.
    verbose : int, default=0
        Whether to show a progress bar.
    n_jobs : int or None, default=None
        Threads that read and resize image files. None: one; -1: all processors.
    on_error : {"raise", "skip"}, default="raise"
        What fit does with image files that cannot be read: raise an error that names
        row and path, or leave these rows out with a warning. "skip" decodes every file
        one extra time. Unreadable files in `X_val`, or in prediction, always raise.

    Attributes
    ----------
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
        valid_loss and valid_score (the negative loss), all for standardised targets.
        With `training="closed_form"` a single entry, which also has shrinkage.
    n_iter_ : int
        Epochs of the last fit, or of all calls to partial_fit.
    best_epoch_ : int
        Epoch whose weights are kept, counted from 1.
    image_shape_ : tuple of int
        `(height, width, channels)` of the training images.
    image_size_ : tuple of int
        `(height, width)` to which images are resized.
    max_epochs_, batch_size_, lr_, precision_, device_ : int, int, float, str, str
        Values used in place of "auto".
    value_range_ : ValueRange
        Its `low` and `high` are the pixel values mapped to 0 and 1.
    n_features_in_ : int
        Values per image.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Targets are `(n,)` or `(n, n_outputs)`, and predictions have the same number of
    axes. For "squared_error" each output is standardised by its weighted mean and
    standard deviation, for the other losses by its weighted median and interquartile
    range, so that outliers do not set the scale. The loss is the mean over the outputs.

    Samples with zero weight are left out, exactly as if they were absent. Sample
    weights are scaled once to mean one over the training set, so a constant factor has
    no effect.

    If fit fails or is interrupted, the estimator keeps its previous state.

    References
    ----------
    .. [1] P. J. Huber, "Robust Estimation of a Location Parameter", The Annals of
       Mathematical Statistics 35(1), 1964.
    .. [2] R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46(1), 1978.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityRegressor
    >>> images = load_digits().images[:300]
    >>> ink = images.sum(axis=(1, 2))  # how much of it there is,
    >>> right = images.sum(axis=1) @ np.arange(8) / ink  # and where
    >>> y = np.column_stack([ink, right])
    >>> reg = MultiGranularityRegressor(max_epochs=5, random_state=0)
    >>> reg.fit(images[:200], y[:200]).predict(images[200:]).shape
    (100, 2)
    """

    _parameter_constraints = {
        **MultiGranularityPredictor._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        loss="squared_error",
        quantile=0.5,
        epsilon=0.5,
        backbone="convnet",
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
        warm_start=False,
        verbose=0,
        n_jobs=None,
        on_error="raise",
    ):
        self.loss = loss
        self.quantile = quantile
        self.epsilon = epsilon
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
        self.warm_start = warm_start
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.on_error = on_error

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @property
    def _targets(self):
        return NumberTargets(
            loss=self.loss, quantile=self.quantile, epsilon=self.epsilon
        )

    @available_if(takes_parts)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one more epoch, on the given images only.

        `lr_`, `batch_size_`, `precision_`, `training` and the statistics used to
        normalise the images and standardise the targets are those of the first call, or
        of fit.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            If the data are invalid; the estimator then keeps its previous state.
        """
        with restored_on_failure(self):
            return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Return the predicted numbers of each image.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            In the units of y; float32 if y was float32, else float64. The network
            itself computes in float32.
        """
        outputs = self._outputs(X)
        return self._task.decode(outputs)
