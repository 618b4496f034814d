"""The estimator of several tasks."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES, FUSIONS, HEADS, TRAININGS
from skmultigran._support import StrOptions, check_sample_weight
from skmultigran.estimators._fusion_shares import fusion_shares
from skmultigran.estimators._reading import read_images
from skmultigran.estimators._task_network import TaskNetworkPredictor
from skmultigran.estimators._task_scores import task_score
from skmultigran.estimators._task_tables import as_form
from skmultigran.training import predict_outputs


class MultiGranularityMultiTask(TaskNetworkPredictor):
    """Predict labels, numbers and masks jointly with one shared network.

    All tasks use one backbone and, with `share="fusion"`, one fusion; each has a head
    of its own. Targets may be missing for some images: they add nothing to the loss. y
    is a data frame or a structured array with one column per task, which searches and
    cross-validation can split, or a dict of columns, for fit and score only. Other
    columns are ignored.

    Parameters
    ----------
    tasks : dict of str to (str or dict)
        Name of each task, which is that of its column in y, mapped to its type, or to a
        dict of its type and options. "classification": one label per image; option
        `class_weight`. "multilabel": rows of zeros and ones, any number of labels per
        image; `class_weight` of 0 and 1. "regression": a number or a row of numbers;
        `loss`, `quantile` and `epsilon`, as in `MultiGranularityRegressor`.
        "segmentation": integer masks of the size of the images; `class_weight`,
        `ignore_label` and `loss`, as in `MultiGranularitySegmenter`. None and NaN mark
        missing targets, and so does the value of the option `missing`.
    task_weight : "uncertainty", dict of str to float, or None, default="uncertainty"
        How the losses of the tasks are balanced: "uncertainty" learns a weight per task
        together with the network [1]_; a dict gives factors, one for tasks that it does
        not name; None weights all tasks equally.
    share : {"fusion", "backbone"}, default="fusion"
        What the tasks share: "fusion" shares everything except the heads, "backbone"
        only the backbone, so that each task has a fusion with weights of its own.
    backbone : str or recipe, default="convnet"
        Network that extracts feature maps at several levels: "convnet", "scattering",
        "scale_space", "multicolumn", "torchvision", "timm", "efficientnet_lite0",
        "efficientnet_lite1", "efficientnet_lite2", another registered name, or a recipe
        such as `ConvNetBackbone`. Parameters of the recipe can be set as
        `backbone__widths`, also where `backbone` is a name.
    fusion : str or recipe, default="auto"
        Network that combines the feature maps: "concat", "sum", "weighted", "gated",
        "attention", "fpn", "pafpn", "bifpn", another registered name, or a recipe such
        as `AttentionFusion`. "auto": "fpn" where a task is about pixels, which needs
        whole maps, else "concat".
    head : str or recipe, default="auto"
        Head of each task about whole images: "pooled" or a recipe `PooledHead`. "auto":
        "pooled"; with a frozen pretrained backbone square roots of averages over whole
        maps with a dropout of 0.7, because its many features overfit rare classes.
    dense_head : str or recipe, default="dense"
        Head of each task about pixels: "dense" or a recipe `DenseHead`.
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
        prediction: names, callables or a list of these, as in
        `MultiGranularityClassifier`. Masks change with their images; with masks,
        callables must be transforms of `torchvision.transforms.v2`. "auto": as in the
        classifier, but affine where a task is about masks, and nothing where one is a
        regression, whose target may change with the image.
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
        drawn at random.
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
    classes_ : dict of str to ndarray
        Sorted distinct labels of each task that has labels.
    task_weights_ : dict of str to float
        Factor of the loss of each task; learned with "uncertainty".
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
        valid_loss and valid_score (the mean of the tasks' scores).
    n_iter_ : int
        Epochs of the last fit.
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
    The loss of a task is its mean over the images whose target is known, so the weight
    of a task does not depend on how many targets are missing. Weights of images and of
    classes are scaled once to mean one over the training set.

    Masks are resized like their images, with nearest-pixel interpolation, and predicted
    masks have the original sizes of the images. With a task about pixels, the maps of a
    frozen backbone are not cached in `memory`.

    To search by the score of one task, or to report each, see
    `skmultigran.metrics.make_task_scorer`.

    If fit fails or is interrupted, the estimator keeps its previous state.

    References
    ----------
    .. [1] A. Kendall, Y. Gal and R. Cipolla, "Multi-Task Learning Using Uncertainty to
       Weigh Losses for Scene Geometry and Semantics", CVPR 2018, arXiv 1705.07115.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityMultiTask
    >>> digits = load_digits()
    >>> X, ink = digits.images[:300], digits.images[:300].mean(axis=(1, 2))
    >>> y = {"digit": digits.target[:300], "ink": np.where(ink > 5, ink, np.nan)}
    >>> tasks = {"digit": "classification", "ink": "regression"}
    >>> model = MultiGranularityMultiTask(tasks=tasks, max_epochs=8, random_state=0)
    >>> sorted(model.fit(X, y).predict(X))
    ['digit', 'ink']
    >>> sorted(model.scores(X, y))
    ['digit', 'ink']
    """

    _registries = {
        "backbone": BACKBONES,
        "fusion": FUSIONS,
        "head": HEADS,
        "dense_head": HEADS,
        "training": TRAININGS,
    }

    _parameter_constraints = {
        **TaskNetworkPredictor._parameter_constraints,
        "tasks": [dict],
        "task_weight": [StrOptions({"uncertainty"}), dict, None],
        "share": [StrOptions({"fusion", "backbone"})],
        "dense_head": [str, Recipe],
    }

    def __init__(
        self,
        *,
        tasks,
        task_weight="uncertainty",
        share="fusion",
        backbone="convnet",
        fusion="auto",
        head="auto",
        dense_head="dense",
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
        self.tasks = tasks
        self.task_weight = task_weight
        self.share = share
        self.backbone = backbone
        self.fusion = fusion
        self.head = head
        self.dense_head = dense_head
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

    @property
    def classes_(self):
        """Sorted distinct labels of each task that has labels."""
        if not hasattr(self, "_task_"):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        tasks = self._task_.tasks.items()
        return {name: task.classes for name, task in tasks if hasattr(task, "classes")}

    @property
    def task_weights_(self):
        """Factor of the loss of each task."""
        check_is_fitted(self)
        uncertainties = self.network_.head.uncertainties
        return self._task.factors(uncertainties.log_variances.detach().cpu().numpy())

    def predict(self, X):
        """Return the predictions of all tasks.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        DataFrame, structured array or dict of ndarray
            One column per task, of the same kind as y in fit. In a data frame, rows of
            numbers and masks are stored as cells.
        """
        answers = self._predicted(X, "decode")
        return as_form(answers, self._answer_form_, X, type(self).__name__)

    def predict_proba(self, X):
        """Return class probabilities of each task that has classes.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        dict of str to ndarray of float32
            "classification": of shape (n, n_classes), in the order of `classes_`;
            "multilabel": (n, n_labels), independent of each other; "segmentation": (n,
            h, w, n_classes), or an array of objects where sizes differ.
        """
        return self._predicted(X, "probabilities")

    def _predicted(self, X, method):
        check_is_fitted(self)
        images = read_images(self, X, reset=False)
        outputs = self._outputs_of(self._source(images))
        return self._in_image_sizes(getattr(self._task, method)(outputs), images.sizes)

    def scores(self, X, y, sample_weight=None):
        """Return the score of each task.

        Passed as a function, it scores all tasks at the cost of one prediction:
        `cross_validate(model, X, y, scoring=MultiGranularityMultiTask.scores)`.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : DataFrame, structured array or dict
            Their targets. Images without a target are left out of that task.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images.

        Returns
        -------
        dict of str to float
            "classification": accuracy; "multilabel": fraction of images with all labels
            correct; "regression": R², averaged over several numbers; "segmentation":
            mean intersection over union of the classes.

        Raises
        ------
        ValueError
            If a task is missing from y, or all of its targets are.
        """
        answers = self._predicted(X, "decode")
        y = self._targets.checked(y)
        check_consistent_length(next(iter(answers.values())), y)
        weights = None
        if sample_weight is not None:
            weights = check_sample_weight(sample_weight, y, dtype=np.float64)
        scores = {}
        for name, answer in answers.items():
            self._targets.check_some_known(name, y)
            known = y.known[name]
            scores[name] = task_score(
                self._task.tasks[name],
                y.given(name),
                answer[known],
                None if weights is None else weights[known],
            )
        return scores

    def score(self, X, y, sample_weight=None):
        """Return the mean of the scores of all tasks.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : DataFrame, structured array or dict
            Their targets. Images without a target are left out of that task.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images.

        Returns
        -------
        float
            The mean of `scores`.
        """
        return float(np.mean(list(self.scores(X, y, sample_weight).values())))

    def granularity_weights(self, X):
        """Return the weight of each granularity in the fusion of each task.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        dict of str to ndarray of float32 of shape (n, n_granularities)
            For each task, the weights of `granularities_` in its fused maps; rows sum
            to one. With `share="fusion"` they are the same for all tasks.

        Raises
        ------
        ValueError
            If the fusion has no weights.
        """
        check_is_fitted(self)
        source = self._source(read_images(self, X, reset=False))
        shares = fusion_shares(self.network_, len(self._task.tasks), self.fusion)
        rows = predict_outputs(shares, source, self.device_).numpy()
        parts = np.split(rows, len(self._task.tasks), axis=1)
        return dict(zip(self._task.tasks, parts, strict=True))
