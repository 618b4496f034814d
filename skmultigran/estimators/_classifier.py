"""The classifier."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if

from skmultigran._support import StrOptions, check_sample_weight, fit_context
from skmultigran.estimators._closed_form import takes_parts
from skmultigran.estimators._early_exits import EarlyExits
from skmultigran.estimators._label_columns import checked_classes
from skmultigran.estimators._restoring import restored_on_failure
from skmultigran.estimators._supervised import MultiGranularityPredictor
from skmultigran.estimators._targets import LabelTargets


class MultiGranularityClassifier(
    ClassifierMixin, EarlyExits, MultiGranularityPredictor
):
    """Image classifier using features of several scales and network levels.

    A backbone extracts feature maps at every scale of an image pyramid, from local
    detail to global layout; a fusion network combines them; a head pools the result and
    classifies.

    The shape of `y` determines what is learned. `(n,)`: one label per image.
    `(n, n_labels)` of zeros and ones: any number of labels per image, each with a
    sigmoid of its own. Any other `(n, n_columns)`: several targets per image, each one
    of the classes of its column.

    Parameters
    ----------
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
        prediction: "affine" (rotates by up to 10 degrees, zooms by up to a tenth,
        shifts by up to a fourteenth of the size), "shift" (by whole pixels), "flip"
        (left to right), "crop", "color", "erase" (hides a random rectangle in half of
        the images), "standard" (affine and flip), "strong" (crop, flip, color and
        erase), a callable such as a transform of `torchvision.transforms.v2`, or a list
        of these. "auto": nothing with `trainable="head"`; affine for images of up to 16
        pixels a side and for fine-tuning; shift and erase for other images with 20
        epochs or more; else nothing. Add "flip" as in `["auto", "flip"]` where mirrored
        images are equally valid.
    trainable : str, default="all"
        What is trained besides fusion and head: "all" of the backbone, only the "head"
        (the backbone is frozen), or "last:k", the last k parts of the backbone. Frozen
        parts get no gradients and keep their norm statistics, as do all norms of a
        pretrained backbone.
    training : str or recipe, default="standard"
        "standard": gradient descent with the optimizer, schedule and regularisation of
        `Training`. "pmg": `ProgressiveTraining`, one granularity after the other on
        shuffled patches, with the heads of `deep_supervision`, for classes that differ
        in details. "closed_form": `ClosedFormTraining`, which solves for the head of a
        frozen backbone without gradient descent; only with one label per image. Or one
        of these recipes.
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
        Fraction of the training images that `early_stopping=True` holds out,
        stratified where y has one label per image.
    n_iter_no_change : int, default=10
        Epochs without improvement after which training stops.
    tol : float, default=1e-4
        Minimum decrease of the validation loss that counts as an improvement.
    class_weight : dict, "balanced", list or None, default=None
        Weights of the classes, multiplied with the sample weights. With several columns
        of labels, the loss of each column is weighted separately: by the same dict, by
        "balanced", or by a list with one entry (dict, "balanced" or None) per column.
        Validation and further training use the weights of the first fit.
    deep_supervision : bool, default=False
        Whether each granularity gets a head of its own in addition to the fused one, so
        that the fitted model can predict early. Each head uses everything computed up
        to its granularity: the coarsest scale first, and within each scale the levels
        from shallow to deep, as the backbone computes them. The mean loss of these
        heads is added to that of the fused prediction [1]_ [2]_.
    exit_threshold : float or None, default=None
        Confidence in [0, 1] at which prediction stops early: at the first granularity
        whose prediction is at least as confident; nothing further is computed for that
        image. With several columns, all of them must be that confident. None: never
        stop early. As labels are smoothed in training, few predictions reach a
        confidence above 0.95; `tune_exit_threshold` finds a value. Requires
        `deep_supervision=True`, or `training="pmg"`.
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
        Last bits may differ. Can be changed after fit with `set_params`. Predictions
        with an `exit_threshold` are never compiled.
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
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        Sorted distinct labels. For columns of zeros and ones the numbers of the labels,
        from 0 to n_labels - 1; for several targets a list with the classes of each
        column.
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
        valid_loss and valid_score (the accuracy; with several columns all must be
        correct). With `training="closed_form"` a single entry, which also has
        shrinkage.
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
    stages_ : list of str
        With deep supervision, the granularities in the order in which they are computed
        and can predict, and "fused".
    exit_threshold_ : float or None
        Value chosen by `tune_exit_threshold`, until `exit_threshold` is set or fit is
        called again.
    n_features_in_ : int
        Values per image.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Samples with zero weight are left out, exactly as if they were absent. The products
    of class and sample weights are scaled once to mean one over the training set, so a
    constant factor has no effect.

    If fit fails or is interrupted, the estimator keeps its previous state.

    `HalvingGridSearchCV` with `resource="max_epochs"` requires `max_resources`.

    `cross_val_predict` of probabilities encodes the labels of each column as integers
    before it fits: columns of two words each then hold zeros and ones, and are learned
    as such.

    References
    ----------
    .. [1] C.-Y. Lee et al., "Deeply-Supervised Nets", AISTATS 2015, arXiv 1409.5185.
    .. [2] G. Huang et al., "Multi-Scale Dense Networks for Resource Efficient Image
       Classification", ICLR 2018, arXiv 1703.09844.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityClassifier
    >>> X, y = load_digits(return_X_y=True)  # rows of 64 values: images of 8 x 8
    >>> clf = MultiGranularityClassifier(fusion="attention", max_epochs=2)
    >>> clf.fit(X[:300], y[:300]).predict(X[300:]).shape
    (1497,)
    >>> clf.granularities_
    ['s1.00_l0', 's1.00_l1', 's1.00_l2']
    """

    _parameter_constraints = {
        **MultiGranularityPredictor._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), list, None],
        **EarlyExits._parameter_constraints,
    }

    def __init__(
        self,
        *,
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
        class_weight=None,
        deep_supervision=False,
        exit_threshold=None,
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
        self.class_weight = class_weight
        self.deep_supervision = deep_supervision
        self.exit_threshold = exit_threshold
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
        tags.classifier_tags.multi_label = True
        return tags

    @property
    def _targets(self):
        return LabelTargets(type(self).__name__, self.class_weight)

    def _keep_task(self, task):
        super()._keep_task(task)
        self.classes_ = task.classes

    @available_if(takes_parts)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one more epoch, on the given images only.

        `lr_`, `batch_size_`, `precision_`, `training`, the class weights and the
        statistics used to normalise the images are those of the first call, or of fit.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : array-like of shape (n,) or (n, n_columns)
            Labels.
        classes : array-like of shape (n_classes,) or list of those, default=None
            All labels that can occur; for several columns a list with those of each.
            Required at the first call, unless y has columns of zeros and ones.
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
            if self.__sklearn_is_fitted__():
                self._check_same_classes(classes)
                return self._partial_fit(X, y, sample_weight)
            y = self._targets.checked(y)
            classes = checked_classes(classes, y)
            return self._partial_fit(X, y, sample_weight, classes=classes)

    def _check_same_classes(self, classes):
        if classes is None:
            return
        several = isinstance(self.classes_, list)
        given, known = ([*c] if several else [c] for c in (classes, self.classes_))
        same = len(given) == len(known) and all(
            np.array_equal(np.unique(g), k) for g, k in zip(given, known, strict=True)
        )
        if not same:
            raise ValueError(
                f"classes={classes!r} differs from the last call to partial_fit, which "
                f"had {self.classes_!r}. Pass the same, or none."
            )

    def decision_function(self, X):
        """Return confidence scores for each image.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n,), (n, n_classes) or (n, n_labels), or a list
            For two classes the log-odds of `classes_[1]`, else one logit per class or
            per label. For several targets a list with one array per column.
        """
        outputs = self._outputs(X)
        return self._task.decisions(outputs)

    def predict_proba(self, X):
        """Return class probabilities for each image.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n, n_classes) or (n, n_labels), or a list
            In the order of `classes_`, where each row sums to one, or one independent
            probability per label. For several targets a list with one array per column.
        """
        outputs = self._outputs(X)
        return self._task.probabilities(outputs)

    def predict_log_proba(self, X):
        """Return logarithms of the class probabilities.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n, n_classes) or (n, n_labels), or a list
            Logarithms of what `predict_proba` returns.
        """
        outputs = self._outputs(X)
        return self._task.log_probabilities(outputs)

    def predict(self, X):
        """Return the most likely label or labels of each image.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of shape (n,) or (n, n_columns)
            Labels, of the same type as in y. In columns of zeros and ones, 1 where the
            probability of the label is above one half.
        """
        outputs = self._outputs(X)
        return self._task.decode(outputs)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy of the predictions.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : array-like of shape (n,) or (n, n_columns)
            Their labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images.

        Returns
        -------
        float
            Fraction of images whose label is predicted correctly; with several columns,
            of images for which all are.
        """
        predicted = self.predict(X)
        if predicted.ndim == 1:
            return float(accuracy_score(y, predicted, sample_weight=sample_weight))
        y = self._targets.checked(y)
        if y.shape != predicted.shape:
            raise ValueError(
                f"y has the shape {y.shape}, but {type(self).__name__} gave answers of "
                f"the shape {predicted.shape}. Pass the labels of all columns for each "
                "image of X."
            )
        weights = check_sample_weight(sample_weight, y, ensure_non_negative=True)
        return float(np.average((predicted == y).all(axis=1), weights=weights))
