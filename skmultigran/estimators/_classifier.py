"""The classifier."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from skmultigran._support import StrOptions, check_sample_weight, fit_context
from skmultigran.estimators._early_exits import EarlyExits
from skmultigran.estimators._label_columns import checked_classes
from skmultigran.estimators._restoring import restored_on_failure
from skmultigran.estimators._supervised import MultiGranularityPredictor
from skmultigran.estimators._targets import LabelTargets


class MultiGranularityClassifier(
    ClassifierMixin, EarlyExits, MultiGranularityPredictor
):
    """Label images by a network that sees them at many granularities.

    A backbone turns the image, at every scale of an image pyramid, into maps from local
    detail to global layout; a fusion network joins them; a head pools and classifies.

    `y` says what is learned. `(n,)`: one label per image. `(n, n_labels)` of zeros and
    ones: any number of labels per image, each by a sigmoid of its own. Any other
    `(n, n_columns)`: several answers per image, each one label of its column's classes.

    Parameters
    ----------
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
        Random changes of the training images, never of validation or prediction: any of
        "affine" (turned by up to 10 degrees, zoomed by up to a tenth, moved by up to a
        fourteenth of the size), "shift" (moved by whole pixels), "flip" (left to
        right), "crop", "color", "erase" (a rectangle of half of the images hidden),
        "standard" (affine and flip), "strong". "auto": affine for images of up to 16
        pixels a side and to fine-tune; shift and erase for others that are seen 20
        times or more; else nothing. `["auto", "flip"]` says that mirrored images are as
        good.
    trainable : str, default="all"
        What is trained besides fusion and head: "all" of the backbone, only the "head"
        (the backbone is frozen), or "last:k", the last k parts of the backbone. What is
        frozen gets no gradients and keeps its norm statistics; so do all norms of a
        pretrained backbone.
    training : str or recipe, default="standard"
        The recipe `Training` of optimizer, schedule and regularisation; "pmg" or
        `ProgressiveTraining` trains one granularity after the other on shuffled
        patches, with the heads of `deep_supervision`, for classes that differ in
        details.
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
        Fraction of the training images that `early_stopping=True` holds out,
        stratified where y has one label per image.
    n_iter_no_change : int, default=10
        Epochs without an improvement after which training stops.
    tol : float, default=1e-4
        How much the validation loss must fall to count as an improvement.
    class_weight : dict, "balanced", list or None, default=None
        Weights of the classes, multiplied into the sample weights. With several columns
        of labels, each column's loss is weighted by itself: by the same dict, by
        "balanced", or by a list with one entry (dict, "balanced" or None) per column.
        Validation and further training keep the weights of the first fit.
    deep_supervision : bool, default=False
        Whether each granularity gets a head of its own beside the fused one, so that
        the fitted model can answer early. A head sees all that was computed up to its
        granularity: the coarsest scale first, and of each scale one level after the
        other, from shallow to deep, as the backbone computes them. Their mean loss is
        added to that of the fused answer [1]_ [2]_.
    exit_threshold : float or None, default=None
        Probability from which an answer is sure, in [0, 1]: predictions then stop, for
        each image, at the first granularity whose answer is, and compute nothing more
        of it. With several columns every one must be that sure. None: all is always
        computed. As labels are smoothed in training, few answers are surer than 0.95;
        `tune_exit_threshold` finds a value. It needs `deep_supervision=True`.
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
        estimator can be given it by `set_params`. Predictions with an
        `exit_threshold` are never compiled.
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
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        The distinct labels, sorted. For zeros and ones the numbers of the labels, from
        0 to n_labels - 1; for several answers a list with the classes of each column.
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
        valid_loss and valid_score (the accuracy: of all labels of an image together).
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
    stages_ : list of str
        With deep supervision the granularities in the order in which they are computed
        and can answer, and "fused".
    exit_threshold_ : float or None
        What `tune_exit_threshold` has chosen, until `exit_threshold` is set or the next
        fit.
    n_features_in_ : int
        Values per image.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Samples of weight zero are left out, exactly as if they were absent. The products of
    class and sample weights are scaled once to mean one over the training set, so that
    a constant factor changes nothing.

    If fit fails or is interrupted, the estimator is as it was before.

    `HalvingGridSearchCV` over `resource="max_epochs"` needs `max_resources` given.

    `cross_val_predict` of probabilities numbers the labels of each column before it
    fits: columns of two words each are zeros and ones then, and are learned as such.

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

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one more epoch, on these images only.

        `lr_`, `batch_size_`, `precision_`, `training`, the class weights and the
        statistics that normalise the images stay those of the first call, or of fit.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : array-like of shape (n,) or (n, n_columns)
            Labels.
        classes : array-like of shape (n_classes,) or list of those, default=None
            All labels that will ever come, for several columns as a list with those of
            each. Needed at the first call, unless y has columns of zeros and ones.
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
        """Return confidence scores.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n,), (n, n_classes) or (n, n_labels), or a list
            For two classes the log-odds of `classes_[1]`, else one logit per class or
            per label. For several answers a list with those of each column.
        """
        outputs = self._outputs(X)
        return self._task.decisions(outputs)

    def predict_proba(self, X):
        """Return class probabilities.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n, n_classes) or (n, n_labels), or a list
            In the order of `classes_`, where each row sums to one, or of the labels,
            each by itself. For several answers a list with those of each column.
        """
        outputs = self._outputs(X)
        return self._task.probabilities(outputs)

    def predict_log_proba(self, X):
        """Return logarithms of class probabilities.

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
            Labels, of the type that y had. In columns of zeros and ones 1 where the
            label's probability is above one half.
        """
        outputs = self._outputs(X)
        return self._task.decode(outputs)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy.

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
            Share of the images with the right label; with several columns, with the
            right labels in all of them.
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
