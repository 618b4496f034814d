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
    """Give several answers from one look: labels, numbers and masks together.

    One backbone, and one fusion if `share="fusion"`, serve all tasks; each has a head
    of its own. Images need not have every answer: what is missing adds nothing to the
    loss. y is a data frame or a structured array with one column per task, which
    searches and cross-validation can split, or a dict of columns, for fit and score
    only. Columns that are no task are left alone.

    Parameters
    ----------
    tasks : dict of str to (str or dict)
        Name of each task, which is that of its column in y, to its type, or to a dict
        of its type and options. "classification": one label per image; options
        `class_weight`. "multilabel": rows of zeros and ones, any number of labels per
        image; `class_weight` of 0 and 1. "regression": a number or a row of numbers;
        `loss`, `quantile` and `epsilon`, as in `MultiGranularityRegressor`.
        "segmentation": integer masks of the size of the images; `class_weight`,
        `ignore_label` and `loss`, as in `MultiGranularitySegmenter`. None and NaN say
        that an answer is missing, and so does the value of the option `missing`.
    task_weight : "uncertainty", dict of str to float, or None, default="uncertainty"
        How the tasks' losses are balanced: by the uncertainty of each, which is learned
        with everything else [1]_; by factors, one where a task is not named; None: all
        by one.
    share : {"fusion", "backbone"}, default="fusion"
        What the tasks have in common: all but their heads, or only the backbone, so
        that each task fuses what it needs by weights of its own.
    backbone : str or recipe, default="convnet"
        The multi-scale extractor: a registered name or a recipe such as
        `ConvNetBackbone`. Parameters of the recipe can be set as `backbone__widths`,
        also while `backbone` is a name.
    fusion : str or recipe, default="auto"
        The fusion network: a registered name or a recipe such as `AttentionFusion`.
        "auto": "fpn" where a task is about pixels, which need whole maps, else
        "concat".
    head : str or recipe, default="auto"
        The head of each task about whole images: "pooled" or `PooledHead`. "auto":
        "pooled"; where a pretrained backbone is frozen, roots of averages over whole
        maps with a dropout of 0.7, because its many columns overfit rare classes.
    dense_head : str or recipe, default="dense"
        The head of each task about pixels: "dense" or `DenseHead`.
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
        `MultiGranularityClassifier`; masks move with their images. "auto": as there,
        but affine where a task is about masks, and nothing where one is a regression,
        whose answer may not be that of a moved image.
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
        Fraction of the training images that `early_stopping=True` holds out,
        drawn at random.
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
    classes_ : dict of str to ndarray
        The distinct labels of each task that has some, sorted.
    task_weights_ : dict of str to float
        What each task's loss is multiplied by; with "uncertainty" as it was learned.
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
        valid_loss and valid_score (the mean of the tasks' scores).
    n_iter_ : int
        Epochs of the last fit.
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
    The loss of a task is its mean over the images whose answer is known, so that a task
    counts as much however many answers it lacks. Weights of images and of classes are
    scaled once to mean one over the training set.

    Masks are resized as their images are, by the nearest pixel, and predicted masks
    have the images' own sizes. With a task about pixels the maps of a frozen backbone
    are not kept in `memory`.

    For a search by one of the tasks, or a report of each, see
    `skmultigran.metrics.make_task_scorer`.

    If fit fails or is interrupted, the estimator is as it was before.

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
        """The distinct labels of each task that has some, sorted."""
        if not hasattr(self, "_task_"):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        tasks = self._task_.tasks.items()
        return {name: task.classes for name, task in tasks if hasattr(task, "classes")}

    @property
    def task_weights_(self):
        """What each task's loss is multiplied by."""
        check_is_fitted(self)
        uncertainties = self.network_.head.uncertainties
        return self._task.factors(uncertainties.log_variances.detach().cpu().numpy())

    def predict(self, X):
        """Return the answers of all tasks.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        DataFrame, structured array or dict of ndarray
            One column per task, in the form that y had in fit. In a data frame rows of
            numbers and masks are cells.
        """
        answers = self._predicted(X, "decode")
        return as_form(answers, self._answer_form_, X, type(self).__name__)

    def predict_proba(self, X):
        """Return the probabilities of each task that has classes.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        dict of str to ndarray of float32
            "classification": of shape (n, n_classes), in the order of `classes_`;
            "multilabel": (n, n_labels), each by itself; "segmentation": (n, h, w,
            n_classes), or an array of objects where sizes differ.
        """
        return self._predicted(X, "probabilities")

    def _predicted(self, X, method):
        check_is_fitted(self)
        images = read_images(self, X, reset=False)
        outputs = self._outputs_of(self._source(images))
        return self._in_image_sizes(getattr(self._task, method)(outputs), images.sizes)

    def scores(self, X, y, sample_weight=None):
        """Return the score of each task.

        As a function of the class it is a scorer of all tasks at the cost of one
        prediction: `cross_validate(model, X, y,
        scoring=MultiGranularityMultiTask.scores)`.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : DataFrame, structured array or dict
            Their answers. Images without an answer are left out of that task.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images.

        Returns
        -------
        dict of str to float
            "classification": the accuracy; "multilabel": the share of images with all
            labels right; "regression": R², of several numbers their mean;
            "segmentation": the mean intersection over union of the classes.

        Raises
        ------
        ValueError
            If a task is missing from y, or all of its answers are.
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
        """Return the mean of the tasks' scores.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        y : DataFrame, structured array or dict
            Their answers. Images without an answer are left out of that task.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images.

        Returns
        -------
        float
            The mean of `scores`.
        """
        return float(np.mean(list(self.scores(X, y, sample_weight).values())))

    def granularity_weights(self, X):
        """Return which granularities each task looks at.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        dict of str to ndarray of float32 of shape (n, n_granularities)
            For each task the shares of `granularities_` in what it fuses; rows sum to
            one. With `share="fusion"` all tasks have the same.

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
