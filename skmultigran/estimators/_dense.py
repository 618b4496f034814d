"""Estimators that answer for parts of images: what they share."""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmultigran._support import Interval, StrOptions
from skmultigran.estimators._frozen_maps import MapSource, tile_maps, tile_outputs
from skmultigran.estimators._reading import read_images
from skmultigran.estimators._supervised import SupervisedMultiGranularity
from skmultigran.feature_cache import resolve_cache
from skmultigran.images import CropSource, JointAugmentation
from skmultigran.training import (
    CropBatches,
    DenseValidation,
    Tiling,
    auto_max_epochs,
    folded,
)

_LARGEST_AUTO_CROP = 256
_LARGEST_AUTO_BATCH_PIXELS = 2**19
_SMALLEST_AUTO_BATCH = 4


class DenseMultiGranularity(SupervisedMultiGranularity):
    """Base of the estimators whose answers lie in the image: masks and boxes.

    Images keep their own size: training sees random crops, predictions see images
    whole, or in tiles where they are large. A subclass says which kind of head it needs
    in `_answers`, how what belongs to images is read, as `_annotations`, whether it
    fits to them, in `_check_annotations`, and what "auto" is, in `_auto_backbone` and
    `_auto_fusion`.
    """

    _parameter_constraints = {
        **SupervisedMultiGranularity._parameter_constraints,
        "crop_size": [
            Interval(Integral, 1, None, closed="left"),
            "array-like",
            StrOptions({"auto"}),
        ],
        "tile_size": [Interval(Integral, 1, None, closed="left")],
        "tile_overlap": [Interval(Integral, 0, None, closed="left")],
    }
    del _parameter_constraints["image_size"]
    del _parameter_constraints["compile"]
    del _parameter_constraints["resize"]

    # Images of every size are welcome, as elsewhere where `image_size` is given.
    image_size = "native"
    _size_parameter = "crop_size"
    resize = "native"

    @property
    def crop_size_(self):
        """`(height, width)` of the training crops."""
        check_is_fitted(self)
        return self.image_size_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.one_d_labels = False
        return tags

    # ------------------------------------------------------------------ fit

    def _resolved(self, name):
        value = super()._resolved(name)
        automatic = {"backbone": self._auto_backbone, "fusion": self._auto_fusion}
        if name in automatic and isinstance(value, str) and value == "auto":
            return automatic[name]()
        return value

    def _samples(self, X, y, sample_weight, *, reset, learn):
        samples = super()._samples(X, y, sample_weight, reset=reset, learn=learn)
        self._check_annotations(samples)
        return samples

    def _validation_samples(self, X, y, sample_weight):
        samples = super()._validation_samples(X, y, sample_weight)
        self._check_annotations(samples)
        return samples

    def _image_size(self, found):
        if isinstance(self.crop_size, str):
            return tuple(min(_LARGEST_AUTO_CROP, side) for side in found)
        size = np.atleast_1d(self.crop_size).tolist()
        size = size * 2 if len(size) == 1 else size
        if len(size) != 2 or not all(isinstance(v, int) and v > 0 for v in size):
            raise ValueError(
                f"crop_size={self.crop_size!r} must be one positive integer, for a "
                "square, (height, width) or 'auto'."
            )
        return tuple(size)

    def _source(self, images, rows=None):
        return self._checked(
            CropSource(images, self.value_range_, self.image_size_, rows)
        )

    def _normalisation(self, source, weights):
        return super()._normalisation(_WholeImages(source), weights)

    def _is_frozen(self):
        super()._is_frozen()  # raises where there is nothing to keep
        return self.trainable == "head" and self._augment() is None

    def _resolve_auto(self, n):
        super()._resolve_auto(n)
        self._check_size_schedule()
        self._tiling()  # raises before training does, if tiles would be all overlap
        if self.batch_size == "auto":
            most = _LARGEST_AUTO_BATCH_PIXELS // math.prod(self.image_size_)
            self.batch_size_ = min(self.batch_size_, max(_SMALLEST_AUTO_BATCH, most))
        if self.max_epochs == "auto":
            tuning = self._recipe("backbone").pretrained and self.trainable != "head"
            self.max_epochs_ = auto_max_epochs(n, self.batch_size_, fine_tuning=tuning)

    def _check_size_schedule(self):
        if self._training_.size_schedule != "constant":
            raise ValueError(
                f"{type(self).__name__} got Training(size_schedule="
                f"{self._training_.size_schedule!r}), which makes images smaller, but "
                "not what is known of their pixels. Take size_schedule='constant'; "
                "crop_size sets how much of an image is seen at once."
            )

    def _batches(self, source, samples, generator):
        annotations = self._annotations(samples.targets)
        return CropBatches(
            source,
            annotations,
            samples.weights,
            batch_size=self.batch_size_,
            augmentation=JointAugmentation(
                self._augment(), self.image_size_, annotations
            ),
            generator=generator,
        )

    def _validation(self, samples):
        if samples is None:
            return None
        source = self._source(samples.images, samples.rows)
        source = self._seen(source) if self._trained_[1] else source.keep()
        return DenseValidation(
            lambda: self._tile_outputs(source),
            source.sizes,
            self._annotations(samples.targets),
            samples.weights,
            self._task.loss,
            self._task.score,
        )

    def _seen(self, source):
        """Return what the network is trained on: crops of images, or of their maps."""
        if not self._trained_[1]:
            return source
        return self._map_source(source, keep=True)

    def _map_source(self, source, *, keep):
        network = folded(self.net_.module_.eval())
        return MapSource(
            source,
            network,
            self.device_,
            cache=resolve_cache(self.memory),
            namespaces=lambda names: self._feature_keys(
                names, maps="whole", step=network.step
            ),
            keep=keep,
        )

    # -------------------------------------------------------------- predict

    def _read(self, X):
        """Return a source of the images in X, or of their maps.

        A frozen backbone looks at each image whole whether there is a `memory` or not,
        so that it changes no bit.
        """
        check_is_fitted(self)
        source = self._source(read_images(self, X, reset=False))
        if not self._trained_[1]:
            return source
        return self._map_source(source, keep=False)

    def _tile_outputs(self, source):
        """Yield position, tile and raw numbers of all images in a source."""
        network = folded(self.net_.module_)
        return tile_outputs(network, source, self.device_, self._tiling())

    def _tile_maps(self, source):
        """Yield the maps that the raw numbers of all images are made of."""
        network = folded(self.net_.module_)
        return tile_maps(network, source, self.device_, self._tiling())

    def _tiling(self):
        return Tiling(self.tile_size, self.tile_overlap)


class _WholeImages:
    """Images one by one and whole, to learn the statistics of their pixels from."""

    def __init__(self, source):
        self._source = source

    def chunks(self):
        return self._source.chunks()

    def gather(self, indices):
        return self._source.whole(int(indices[0]))
