"""What is chosen once for a network: size, range, normalisation, seed, recipes."""

from __future__ import annotations

import math
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils import check_random_state

from skmultigran._network import NetworkRecipe, Normalisation
from skmultigran._recipe import same_values
from skmultigran._version import __version__
from skmultigran.estimators._diagram import network_diagram
from skmultigran.estimators._nested import NestedRecipes
from skmultigran.images import (
    ImageSource,
    ValueRange,
    channel_statistics,
    typical_high,
    warn_of_other_unit,
    warn_of_thin_range,
)
from skmultigran.training import check_trainable, resolve_device


class NetworkDesign(NestedRecipes):
    """Base of the estimators that design a network before they build it."""

    # What the head must answer for; the recipe of a head says it.
    _answers = "image"
    _default_head = "pooled"
    # The parameter that says how large the images are that the network sees.
    _size_parameter = "image_size"
    # A parameter of the estimators that can answer early, and so be trained stage by
    # stage.
    deep_supervision = False
    _trains_in_stages = False

    def __getstate__(self):
        return {**super().__getstate__(), "_skmultigran_version": __version__}

    def __setstate__(self, state):
        written = state.get("_skmultigran_version", __version__)
        if written != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=__version__,
                    original_sklearn_version=written,
                ),
                stacklevel=2,
            )
        super().__setstate__(
            {name: state[name] for name in state if name != "_skmultigran_version"}
        )

    def _sk_visual_block_(self):
        """Return what scikit-learn's HTML picture draws within the estimator."""
        return network_diagram(self)

    def _diagram_parts(self):
        """Return the parameters whose recipes are shown, in the way of the data."""
        return "backbone", "fusion", "head"

    def _start(self, samples, n_outputs):
        """Choose all that is chosen once, before the first step of a new network.

        Returns
        -------
        ImageSource
            The training images, kept in memory if they fit.
        """
        self._check_head()
        self._check_progressive()
        self.device_ = resolve_device(self.device)
        self.image_size_ = self._image_size(self.image_shape_[:2])
        self.value_range_ = ValueRange.learn(
            samples.images, self.value_range, samples.rows
        )
        self._learn_high(samples.images, samples.rows)
        self._check_value_range()
        self._seen_as_ = {"resize": self.resize, "value_range": self.value_range}
        source = self._source(samples.images, samples.rows)
        if not self._is_frozen():
            source.keep()
        self._seed_ = check_random_state(self.random_state).randint(2**31 - 1)
        self.network_recipe_ = NetworkRecipe(
            **self._parts(),
            scales=checked_scales(self.scales),
            in_channels=self.image_shape_[2],
            image_size=self.image_size_,
            n_outputs=n_outputs,
            normalisation=self._normalisation(source, samples.weights),
            deep_supervision=self.deep_supervision or self._is_progressive(),
        )
        return source

    def _parts(self):
        """Return the recipes that the network is built of.

        Clones: set_params after fit must not reach into the fitted network.
        """
        names = ("backbone", "fusion", "head")
        return {name: clone(self._recipe(name)) for name in names}

    def _check_same_network(self, caller):
        """Refuse to go on with a network that is not the one now asked for."""
        known = self.network_recipe_
        asked = {
            **self._parts(),
            "scales": checked_scales(self.scales),
            self._size_parameter: self._image_size(known.image_size),
            "deep_supervision": self.deep_supervision or known.deep_supervision,
        }
        for name, value in asked.items():
            size = name == self._size_parameter
            before = known.image_size if size else getattr(known, name)
            self._check_same(caller, name, before, value)
        for name, before in self._seen_as_.items():
            self._check_same(caller, name, before, getattr(self, name))

    def _check_same(self, caller, name, before, value):
        """Refuse a parameter that asks for another network."""
        if not same_values(value, before):
            raise ValueError(
                f"{caller} goes on with the network that {type(self).__name__} "
                f"has, of {name}={before!r}, but {name}={value!r} asks for another "
                f"one. Set warm_start=False and call fit, or set {name} as it was."
            )

    def _check_head(self):
        if getattr(self._recipe("head"), "answers", "image") != self._answers:
            raise ValueError(
                f"head={self.head!r} does not answer for {self._answers}, which "
                f"{type(self).__name__} needs. Take head={self._default_head!r} or a "
                "recipe of your own that does."
            )

    def _is_progressive(self):
        return self._recipe("training").progressive

    def _check_progressive(self):
        """Refuse to train stage by stage what has no stages to train."""
        if not self._is_progressive():
            return
        start = f"training={self.training!r} trains one granularity after the other"
        if not self._trains_in_stages:
            raise ValueError(
                f"{start}, on images of shuffled patches, which "
                f"{type(self).__name__} cannot learn from. Take "
                "MultiGranularityClassifier, or training='standard'."
            )
        if self.trainable == "head" or self._recipe("backbone").fixed:
            raise ValueError(
                f"{start}, but with backbone={self.backbone!r} and "
                f"trainable={self.trainable!r} no granularity has anything to learn. "
                "Set trainable='all' with a backbone that learns, or "
                "training='standard'."
            )

    def _check_value_range(self):
        backbone = self._recipe("backbone")
        auto = isinstance(self.value_range, str)
        if backbone.pretrained and auto and not self.value_range_.by_dtype:
            raise ValueError(
                f"The images are floats from {self.value_range_.low:g} to "
                f"{self.value_range_.high:g}, and {type(backbone).__name__} has "
                "weights that were learned from images of a fixed range. Say which "
                "values are black and white, such as value_range=(0, 255)."
            )

    def _is_frozen(self):
        """Whether an image's pooled maps are all that is ever needed of it."""
        check_trainable(self.trainable)
        backbone = self._recipe("backbone")
        if self.trainable != "head":
            return False
        learned = backbone.pretrained or backbone.fixed or hasattr(self, "net_")
        if not learned:
            raise ValueError(
                f"trainable='head', but backbone={self.backbone!r} has random weights, "
                "of which nothing can be made. Give it weights, take a pretrained one "
                "such as 'efficientnet_lite0', or set trainable='all'."
            )
        return self._augment() is None and not self._recipe("fusion").spatial

    def _image_size(self, found):
        if self.image_size is None:
            return found
        size = np.atleast_1d(self.image_size).tolist()
        size = size * 2 if len(size) == 1 else size
        if len(size) != 2 or not all(isinstance(v, int) and v > 0 for v in size):
            raise ValueError(
                f"image_size={self.image_size!r} must be one positive integer, for a "
                "square, or (height, width)."
            )
        return tuple(size)

    def _normalisation(self, source, weights):
        """Return mean and deviation: the backbone's own, none at all, or learned."""
        channels = self.image_shape_[2]
        fixed = self._recipe("backbone").normalisation(channels, self.image_size_)
        if fixed is None and not self._learns_normalisation():
            fixed = (0.0,), (1.0,)
        if fixed is not None:
            return Normalisation(
                *(np.broadcast_to(f, channels).tolist() for f in fixed)
            )
        mean, std = channel_statistics(
            (source.gather(part).permute(0, 2, 3, 1).numpy(), weights[part])
            for part in source.chunks()
        )
        return Normalisation(mean.tolist(), std.tolist())

    def _learns_normalisation(self):
        """Whether mean and deviation of the training images are used.

        Weights that come from elsewhere, and fixed filters, see every image as it is:
        what they say of it must not depend on the other images of a fold.
        """
        backbone = self._recipe("backbone")
        return not (backbone.pretrained or backbone.fixed)

    def _source(self, images, rows=None):
        return self._checked(
            ImageSource(
                images,
                self.value_range_,
                self.image_size_,
                self._seen_as_["resize"],
                rows,
            )
        )

    def _learn_high(self, images, rows=None):
        """Remember by what another unit is found later; nothing if the user says it."""
        self._typical_high_ = None
        if not isinstance(self.value_range, str):
            return
        self._typical_high_ = typical_high(images, self.value_range_, rows)
        if not self._learns_normalisation():
            warn_of_thin_range(images, self.value_range_, type(self).__name__, rows)

    def _checked(self, source):
        """Return a source of images, after a warning if their unit is another one."""
        warn_of_other_unit(source, self._typical_high_, type(self).__name__)
        return source


def checked_scales(scales):
    """Return the scales as a tuple of floats.

    Parameters
    ----------
    scales : sequence of float
        Factors of the image's size.

    Returns
    -------
    tuple of float
        The factors.

    Raises
    ------
    ValueError
        If one is no positive, finite number, or two have one name.
    """
    values = tuple(float(scale) for scale in scales)
    names = {f"{value:.2f}" for value in values}
    positive = all(0 < value < math.inf for value in values)
    if not values or not positive or len(names) < len(values):
        raise ValueError(
            f"scales={scales!r} must be positive, finite factors of the image's size "
            "that differ in the first two decimals, such as (1.0, 0.5)."
        )
    return values
