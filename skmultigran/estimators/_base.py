"""What all estimators share: parameters, reading images, building and training."""

from __future__ import annotations

import copy
import math
from numbers import Integral, Real
from os import PathLike
from typing import NamedTuple

import numpy as np
import torch
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES, FUSIONS, HEADS, TRAININGS
from skmultigran._support import HasMethods, Interval, StrOptions
from skmultigran.estimators._closed_form import check_frozen, check_solvable
from skmultigran.estimators._design import NetworkDesign
from skmultigran.estimators._feature_keys import feature_keys
from skmultigran.estimators._frozen import frozen_rows
from skmultigran.estimators._network_state import (
    fresh_net,
    load_net_state,
    net_state,
)
from skmultigran.estimators._progress import FitProgress
from skmultigran.estimators._reading import read_images
from skmultigran.feature_cache import FeatureCache, resolve_cache
from skmultigran.images import (
    RESIZES,
    Augmentation,
    Images,
)
from skmultigran.training import (
    PRECISIONS,
    EarlyStopping,
    RowSource,
    Training,
    TrainingBatches,
    Validation,
    auto_augment,
    auto_batch_size,
    auto_lr,
    auto_max_epochs,
    backbone_frozen_for,
    batch_bounds,
    compiled,
    computed_rows,
    estimate_norm_statistics,
    folded,
    predict_outputs,
    resolve_device,
    resolve_precision,
    seeded,
    solve_head,
    train,
)

# Pooled maps of so many images are in memory at a time when a frozen network predicts.
_IMAGES_SEEN_TOGETHER = 2048

_POSITIVE = Interval(Integral, 1, None, closed="left")


class Samples(NamedTuple):
    """Images with encoded answers and weights, as training needs them."""

    images: Images
    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


class BaseMultiGranularity(CallbackSupportMixin, NetworkDesign):
    """Base of the estimators around one multi-granularity network.

    A subclass has the constructor, gives the task as `_task`, and turns its y into
    `Samples`.
    """

    # Not a parameter of those whose images keep their own size.
    compile = False

    _registries = {
        "backbone": BACKBONES,
        "fusion": FUSIONS,
        "head": HEADS,
        "training": TRAININGS,
    }

    _parameter_constraints = {
        "backbone": [str, Recipe],
        "fusion": [str, Recipe],
        "head": [str, Recipe],
        "scales": ["array-like"],
        "image_shape": ["array-like", None],
        "image_size": [_POSITIVE, "array-like", None],
        "resize": [StrOptions(set(RESIZES))],
        "value_range": ["array-like", StrOptions({"auto"})],
        "augment": [str, list, tuple, callable, None],
        "trainable": [str],
        "training": [str, Training],
        "max_epochs": [_POSITIVE, StrOptions({"auto"})],
        "batch_size": [_POSITIVE, StrOptions({"auto"})],
        "lr": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [_POSITIVE],
        "tol": [Interval(Real, 0, None, closed="left")],
        "memory": [str, PathLike, HasMethods("cache"), FeatureCache, None],
        "precision": [StrOptions(set(PRECISIONS))],
        "device": [str],
        "compile": ["boolean"],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "n_jobs": [Integral, None],
    }

    @property
    def network_(self):
        """The fitted network, a `torch.nn.Module` in evaluation mode."""
        check_is_fitted(self)
        return self.net_.module_

    @property
    def granularities_(self):
        """Names of the granularities, such as "s1.00_l2", from fine to coarse."""
        return list(self.network_.pyramid.granularities)

    @property
    def levels_(self):
        """Channels and strides of the granularities' maps, from fine to coarse."""
        return list(self.network_.pyramid.levels)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_clone__(self):
        # clone takes whatever has `get_params` for an estimator; some transforms of
        # torchvision have one of another kind, so `augment` is copied apart.
        bare = object.__new__(type(self))
        vars(bare).update(vars(self), augment=None)
        cloned = super(BaseMultiGranularity, bare).__sklearn_clone__()
        cloned.augment = copy.deepcopy(self.augment)
        return cloned

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    # ------------------------------------------------------------------ fit

    def _train(
        self, X, y, source, samples, validation_samples, *, reuse, sample_weight
    ):
        """Train a fresh network, or a copy of the one there is, and keep it."""
        self._resolve_auto(len(source))
        self._trained_ = (self.trainable, self._is_frozen())
        resolve_cache(self.memory)  # raises here, not after hours of training
        begun = self._epochs_done_ if reuse else 0
        with seeded(self._seed_ + begun) as generator:
            steps = len(batch_bounds(len(source), self.batch_size_))
            net = self._net(
                total_steps=steps * self.max_epochs_, load_weights=not reuse
            )
            if reuse:
                load_net_state(net, net_state(self.net_), optimizer=False)
            self.net_ = net
            if self._training_.closed_form:
                progress = self._progress(X, y, sample_weight)
                return self._solve(source, samples, validation_samples, progress)
            source = self._seen(source)
            batches = self._batches(source, samples, generator)
            validation = self._validation(validation_samples)
            stopping = validation and EarlyStopping(self.n_iter_no_change, self.tol)
            freeze_backbone = backbone_frozen_for(
                net.module_, self._training_.freeze_epochs
            )
            progress = self._progress(X, y, sample_weight)
            try:
                self.history_ = train(
                    net,
                    batches,
                    max_epochs=self.max_epochs_,
                    validation=validation,
                    early_stopping=stopping,
                    begin_epoch=lambda number: (
                        freeze_backbone(begun + number),
                        progress.begin_epoch(number),
                    ),
                    end_epoch=progress.end_epoch,
                )
            finally:
                progress.close()
            freeze_backbone(self._training_.freeze_epochs + 1)
        if stopping is None:
            # With early stopping the weights stay exactly as they were validated.
            estimate_norm_statistics(
                net.module_, source, batch_size=self.batch_size_, device=self.device_
            )
        # The moments belong to a schedule that has ended, and double a pickle's size.
        net.optimizer_.state.clear()
        self.n_iter_ = len(self.history_)
        self._epochs_done_ = begun + self.n_iter_
        self.best_epoch_ = (stopping and stopping.best_epoch) or self.n_iter_
        progress.end()

    def _solve(self, source, samples, validation_samples, progress):
        """Learn the head in closed form, which counts as one epoch."""
        check_solvable(self)
        try:
            progress.begin_epoch(1)
            epoch = solve_head(
                self.net_.module_,
                self._seen(source),
                torch.from_numpy(samples.targets),
                torch.from_numpy(samples.weights),
                self._task,
                self._training_.shrinkages,
            )
            validation = self._validation(validation_samples)
            if validation is not None:
                epoch |= validation.evaluate(self.net_)
            self.history_ = [epoch]
            progress.end_epoch(epoch)
        finally:
            progress.close()
        self.n_iter_ = self._epochs_done_ = self.best_epoch_ = 1
        progress.end()

    def _progress(self, X, y, sample_weight):
        return FitProgress(
            self,
            X,
            y,
            sample_weight=sample_weight,
            max_epochs=self.max_epochs_,
            fitted_attributes=lambda: _copied_attributes(self),
        )

    def _resolve_auto(self, n):
        """Set the values that "auto" stands for."""
        self._training_ = clone(self._recipe("training"))
        self._training_.check_parameters()
        if self._training_.closed_form:
            check_frozen(self)
        tuning = self._is_fine_tuned()
        self.batch_size_ = (
            auto_batch_size(n, fine_tuning=tuning)
            if self.batch_size == "auto"
            else self.batch_size
        )
        self.max_epochs_ = (
            auto_max_epochs(
                n,
                self.batch_size_,
                image_size=() if self._is_frozen() else self.image_size_,
                fine_tuning=tuning,
            )
            if self.max_epochs == "auto"
            else self.max_epochs
        )
        if self._training_.closed_form:
            self.max_epochs_ = 1
        self.lr_ = auto_lr(self._training_.optimizer) if self.lr == "auto" else self.lr
        # Rows of a frozen backbone are no images: there is little to compute.
        pixels = 0 if self._is_frozen() else math.prod(self.image_size_)
        self.precision_ = resolve_precision(
            self.precision, self.device_, pixels=pixels * self.batch_size_
        )

    def _validation(self, samples):
        if samples is None:
            return None
        source = self._source(samples.images, samples.rows)
        return Validation(
            self._seen(source) if self._trained_[1] else source.keep(),
            samples.targets,
            samples.weights,
            self._task.loss,
            self._task.score,
        )

    def _batches(self, source, samples, generator):
        return TrainingBatches(
            source,
            samples.targets,
            samples.weights,
            batch_size=self.batch_size_,
            augmentation=Augmentation(
                self._augment(),
                self.image_size_,
                automatic=auto_augment(
                    self.image_size_,
                    self.max_epochs_,
                    fine_tuning=self._is_fine_tuned(),
                ),
            ),
            generator=generator,
        )

    def _is_fine_tuned(self):
        return self._recipe("backbone").pretrained and self.trainable != "head"

    def _augment(self):
        """Return `augment`; "auto" is nothing where the backbone is frozen."""
        automatic = isinstance(self.augment, str) and self.augment == "auto"
        return None if automatic and self.trainable == "head" else self.augment

    def _net(self, *, total_steps, load_weights=True):
        return fresh_net(
            self.network_recipe_,
            self._task,
            self._training_,
            lr=self.lr_,
            total_steps=total_steps,
            device=self.device_,
            trainable=self._trained_[0],
            precision=self.precision_,
            load_weights=load_weights,
        )

    def _seen(self, source):
        """Return what the network is trained on: images, or rows of pooled maps."""
        if not self._trained_[1]:
            return source
        n_columns = sum(self.network_.pooled_widths().values())

        def compute(positions):
            return self._pooled_rows(source.part(positions))

        return RowSource(computed_rows(compute, len(source), n_columns))

    def _pooled_rows(self, source):
        network = self.network_.eval()
        pool, widths = network.head.pool, network.pooled_widths()
        return frozen_rows(
            lambda images: self._quick("pooled")(images),
            widths,
            source,
            self.device_,
            cache=resolve_cache(self.memory),
            namespaces=lambda: self._feature_keys(
                widths, pooled=[*pool.pooling, *pool.grid]
            ),
        )

    def _feature_keys(self, names, **parts):
        """Return the key of each granularity's features."""
        value_range = self.value_range_
        if self.compile:
            parts["compiled"] = True
        return feature_keys(
            names,
            self.network_recipe_,
            self.network_.pyramid,
            self.device_,
            resize=self._seen_as_["resize"],
            value_range=[value_range.low, value_range.high, value_range.by_dtype],
            **parts,
        )

    def _continue(self, source, samples):
        """Train a copy of the network, or a fresh one, for one epoch."""
        fresh = not hasattr(self, "net_")
        if fresh:
            self._resolve_auto(len(source))
            self.n_iter_, self._epochs_done_, self.history_ = 0, 0, []
        same = not fresh and self.trainable == self._trained_[0]
        self._trained_ = (self.trainable, self._is_frozen())
        begun = self._epochs_done_
        with seeded(self._seed_ + begun) as generator:
            net = self._net(total_steps=0, load_weights=fresh)
            if not fresh:
                # An optimizer of other weights begins anew.
                load_net_state(net, net_state(self.net_), optimizer=same)
            self.net_ = net
            batches = self._batches(self._seen(source), samples, generator)
            freeze_backbone = backbone_frozen_for(
                net.module_, self._training_.freeze_epochs
            )
            freeze_backbone(begun + 1)
            epochs = train(net, batches, max_epochs=1)
            freeze_backbone(self._training_.freeze_epochs + 1)
        self.n_iter_ += 1
        self._epochs_done_ += 1
        self.best_epoch_ = self.n_iter_
        self.history_ = [
            *self.history_,
            *({**epoch, "epoch": self.n_iter_} for epoch in epochs),
        ]

    # -------------------------------------------------------------- predict

    def _outputs(self, X):
        """Return the raw numbers `(n, n_outputs)` of the images in X."""
        check_is_fitted(self)
        return self._outputs_of(self._source(read_images(self, X, reset=False)))

    def _outputs_of(self, source):
        return self._answers_of(self._quick(), source)

    def _quick(self, method="forward"):
        """Return a method of the network, as fast as it gets."""
        if self.compile:
            return compiled(self.network_, method)
        return getattr(folded(self.network_), method)

    def _answers_of(self, function, source):
        """Return what a function of images, or of rows of pooled maps, gives."""
        if not self._trained_[1]:
            return predict_outputs(function, source, self.device_)
        outputs = [
            predict_outputs(function, self._seen(source.part(positions)), self.device_)
            for positions in np.array_split(
                np.arange(len(source)), -(-len(source) // _IMAGES_SEEN_TOGETHER)
            )
        ]
        return torch.cat(outputs)

    def _named_answers(self, network, images):
        """Return what a network says of images with values in [0, 1], by name."""
        return self._task.named_answers(network(images))

    # --------------------------------------------------------------- pickle

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "net_" in state:
            state["net_"] = net_state(state["net_"])
        return state

    def __setstate__(self, state):
        learned = state.get("net_")
        super().__setstate__({key: state[key] for key in state if key != "net_"})
        if learned is not None:
            self.device_ = device_here(self.device_)
            with seeded(self._seed_):
                net = self._net(total_steps=0, load_weights=False)
            self.net_ = load_net_state(net, learned, optimizer=True)


def device_here(device):
    """Return the device a network was fitted on, or the best one on this machine."""
    try:
        return resolve_device(device)
    except ValueError:
        return resolve_device("auto")


def _copied_attributes(estimator):
    """Return the fitted attributes, with a network that training will not change."""
    attributes = {
        name: value for name, value in vars(estimator).items() if name[-1] == "_"
    }
    # Initialisation must not draw the numbers that the training goes on with.
    with seeded(estimator._seed_):
        net = estimator._net(total_steps=0, load_weights=False)
    attributes["net_"] = load_net_state(net, net_state(estimator.net_), optimizer=False)
    return attributes
