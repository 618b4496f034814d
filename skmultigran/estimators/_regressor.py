"""The regressor."""

from __future__ import annotations

from numbers import Real

from sklearn.base import RegressorMixin

from skmultigran._support import Interval, StrOptions, fit_context
from skmultigran.estimators._restoring import restored_on_failure
from skmultigran.estimators._supervised import MultiGranularityPredictor
from skmultigran.estimators._targets import NumberTargets
from skmultigran.tasks import LOSSES


class MultiGranularityRegressor(RegressorMixin, MultiGranularityPredictor):
    """Predict numbers from images by a network that sees them at many granularities.

    A backbone turns the image, at every scale of an image pyramid, into maps from local
    detail to global layout; a fusion network joins them; a head pools and predicts one
    or several numbers. Targets are standardised inside, so their units are of no
    matter.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "quantile"}, \
            default="squared_error"
        What is minimised. "squared_error" aims at the mean, "absolute_error" at the
        median, which outliers do not move; "huber" [1]_ is squared for errors below
        `epsilon` and absolute above; "quantile" [2]_ aims at `quantile`.
    quantile : float, default=0.5
        Quantile in (0, 1) that `loss="quantile"` predicts, the same of each output. Two
        regressors, at 0.05 and 0.95, give an interval for nine targets in ten.
    epsilon : float, default=0.5
        Error from which on `loss="huber"` grows linearly, in units of the spread of the
        targets.
    backbone : str or recipe, default="convnet"
        The multi-scale extractor: a registered name or a recipe such as
        `ConvNetBackbone`. Parameters of the recipe can be set as `backbone__widths`,
        also while `backbone` is a name.
    fusion : str or recipe, default="concat"
        The fusion network: a registered name or a recipe such as `AttentionFusion`.
    head : str or recipe, default="auto"
        The head: "pooled" or `PooledHead`. "auto": `PooledHead()`; with
        `training="closed_form"` its features' square roots for a pretrained backbone,
        and those of averages on a grid of 7 x 7 for others.
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
        Random changes of the training images, never of validation or prediction, as in
        `MultiGranularityClassifier`. "auto": none, since an image that is turned,
        zoomed or moved often has another answer, such as a size or a position.
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
        Images per step at most; the batches of an epoch have nearly the same size.
        "auto": the power of two below a sixteenth of the training
        images, between 16 and 128.
    lr : float or "auto", default="auto"
        Largest learning rate. "auto": 0.003 for AdamW, 0.1 for SGD.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when the validation loss no longer falls, and to restore the
        best weights. True without `X_val` holds out `validation_fraction` of the
        training images. "auto": exactly when `X_val` and `y_val` are given to fit;
        nothing is ever held out behind your back.
    validation_fraction : float, default=0.1
        Fraction of the training images that `early_stopping=True` holds out, drawn at
        random.
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
        Whether predictions run through `torch.compile`: the first whole batch takes
        up to a minute longer, others up to a fifth less. It needs a C++ compiler. The
        last bits of the results may differ. Read anew each time, so that a fitted
        estimator can be given it by `set_params`.
    random_state : int, RandomState instance or None, default=None
        Seed of initialisation, shuffling, dropout and augmentation. The same int gives
        the same predictions; torch's global generators are left as they were.
    warm_start : bool, default=False
        Whether fit goes on from the weights of the previous fit. What the network is
        built of must then stay as it was.
    verbose : int, default=0
        Whether to show a progress bar.
    n_jobs : int or None, default=None
        Threads that read and resize image files. None: one; -1: all processors.
    on_error : {"raise", "skip"}, default="raise"
        What fit does with files that cannot be read: raise an error that names row and
        path, or leave the rows out with a warning. "skip" decodes every file once more
        than "raise". Predictions always raise.

    Attributes
    ----------
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
        valid_loss and valid_score (the negative loss), all of standardised targets.
    n_iter_ : int
        Epochs of the last fit, or of all calls to partial_fit.
    best_epoch_ : int
        Epoch that the weights are from, counted from 1.
    image_shape_ : tuple of int
        `(height, width, channels)` of the training images.
    image_size_ : tuple of int
        `(height, width)` that the network sees.
    max_epochs_, batch_size_, lr_, device_ : int, int, float, str
        What "auto" chose.
    n_features_in_ : int
        Values per image.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Targets are `(n,)` or `(n, n_outputs)`, and predictions have the same number of
    axes. For "squared_error" each output is standardised by its weighted mean and
    standard deviation, for the other losses by its weighted median and the distance of
    its quartiles, so that outliers do not set the scale. The loss is the mean over the
    outputs.

    Samples of weight zero are left out, exactly as if they were absent. Sample weights
    are scaled once to mean one over the training set, so that a constant factor changes
    nothing.

    If fit fails or is interrupted, the estimator is as it was before.

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

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one more epoch, on these images only.

        `lr_`, `batch_size_`, `precision_`, `training` and the statistics that normalise
        the images and standardise the targets stay those of the first call, or of fit.

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
            If something is wrong with the data; the estimator is then as it was.
        """
        with restored_on_failure(self):
            return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Return the numbers of each image.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            In the units of y: float32 if y was, else float64. The network computes in
            float32.
        """
        outputs = self._outputs(X)
        return self._task.decode(outputs)
