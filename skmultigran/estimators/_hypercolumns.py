"""The transformer of pixels: what a network sees of each, as columns."""

from __future__ import annotations

from itertools import accumulate, pairwise
from numbers import Integral
from os import PathLike

import numpy as np
import torch
from sklearn.base import TransformerMixin, clone
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skmultigran._network import NetworkRecipe
from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES
from skmultigran._support import (
    HasMethods,
    Interval,
    StrOptions,
    check_feature_names_in,
    fit_context,
    wrap_output,
)
from skmultigran.estimators._base import device_here
from skmultigran.estimators._design import NetworkDesign, checked_scales
from skmultigran.estimators._feature_keys import feature_keys
from skmultigran.estimators._frozen_maps import MapSource, tile_outputs
from skmultigran.estimators._mask_targets import MaskTargets
from skmultigran.estimators._pixels import chosen_pixels, stacked_masks
from skmultigran.estimators._reading import read_images
from skmultigran.estimators._restoring import forget_fit, restored_on_failure
from skmultigran.estimators._unfused import UnfusedMaps
from skmultigran.estimators._untrained import check_nothing_to_learn
from skmultigran.feature_cache import FeatureCache, resolve_cache
from skmultigran.heads import HypercolumnHead
from skmultigran.images import CropSource, ValueRange
from skmultigran.training import (
    Tiling,
    load_module_state,
    module_state,
    resolve_device,
    seeded,
)


class HypercolumnTransformer(TransformerMixin, NetworkDesign):
    """Turn every pixel of images into multi-scale feature columns.

    The maps of a backbone, at every scale of an image pyramid, are enlarged to the size
    of the image and concatenated: one row of columns per pixel, a hypercolumn [1]_, for
    any other estimator. Nothing is trained. A forest fitted on the rows of a few
    scribbled pixels can label all others, as in ilastik [2]_.

    Parameters
    ----------
    backbone : str or recipe, default="scale_space"
        Feature extractor: "scale_space" (brightness, edges and curvature at scales of 1
        to 16 pixels), "scattering", "efficientnet_lite0", or another name or recipe
        with nothing to learn or pretrained weights, such as
        `EfficientNetLite0Backbone(out_indices=(0, 1, 2))`.
    scales : sequence of float, default=(1.0,)
        Image pyramid: the backbone processes the anti-aliased image at these factors of
        its size, and the levels of all scales are used. Use simple fractions such as
        0.5 or 2 / 3, as images are padded to a multiple of the strides of all levels.
    image : bool, default=True
        Whether the values of the pixel itself, in [0, 1], are the first columns.
    image_shape : tuple of int or None, default=None
        `(height, width)` or `(height, width, channels)` of flattened rows. None: grey
        images, square if the length of a row is a square number, else of height 1.
    value_range : tuple of float or "auto", default="auto"
        Pixel values mapped to 0 and 1. "auto": the range of the type for booleans and
        8- and 16-bit integers; no change for floats within [0, 1]; the range seen in
        fit for other floats and wider integers. Later floats must use the units seen in
        fit; a warning is raised where they clearly do not.
    tile_size : int, default=384
        Images of more than `tile_size ** 2` pixels are processed in tiles of this side.
    tile_overlap : int, default=128
        Pixels shared by neighbouring tiles; each predicts its own half.
    memory : str, path, joblib.Memory, FeatureCache or None, default=None
        Where maps are cached, keyed by image, so that each image is processed once.
        Large images, which are processed in tiles, are not cached.
    device : str, default="auto"
        Device of the network: "cpu", "cuda", "cuda:1", ... "auto": a GPU if available.
    n_jobs : int or None, default=None
        Threads that read image files. None: one; -1: all processors.

    Attributes
    ----------
    granularities_ : list of str
        Names of scale and level, such as "s1.00_l2", from fine to coarse.
    granularity_slices_ : dict of str to slice
        Columns of each granularity and, with `image`, those of the "image".
    levels_ : list of Level
        Channels and strides of the granularities' maps.
    network_ : torch.nn.Module
        The network.
    image_shape_ : tuple of int
        `(height, width, channels)` of all images in fit, or of a typical one.
    value_range_ : ValueRange
        Its `low` and `high` are the pixel values mapped to 0 and 1.
    device_ : str
        Device of the network.
    n_features_in_ : int
        Values per image; 1 where sizes differ.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame.

    Notes
    -----
    Rows are pixels, not images: a `Pipeline`, which expects one row per sample, cannot
    contain this transformer. `labelled_pixels` returns the training data of a
    classifier, `predict_masks` its predictions for every pixel.

    References
    ----------
    .. [1] B. Hariharan et al., "Hypercolumns for Object Segmentation and Fine-grained
       Localization", CVPR 2015, arXiv 1411.5752.
    .. [2] S. Berg et al., "ilastik: interactive machine learning for (bio)image
       analysis", Nature Methods 16, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skmultigran import HypercolumnTransformer
    >>> image = np.random.default_rng(0).uniform(0, 0.5, (1, 32, 48))
    >>> image[:, :, 24:] += 0.4
    >>> scribbles = np.zeros((1, 32, 48), dtype=int)  # 0: nobody has labelled it
    >>> scribbles[0, 12:20, 4:12], scribbles[0, 12:20, 36:44] = 1, 2
    >>> transformer = HypercolumnTransformer().fit(image)
    >>> columns, labels = transformer.labelled_pixels(image, scribbles)
    >>> forest = RandomForestClassifier(random_state=0).fit(columns, labels)
    >>> mask = transformer.predict_masks(forest, image)[0]
    >>> mask[:, 2].tolist() == [1] * 32, mask[:, 45].tolist() == [2] * 32
    (True, True)
    >>> transformer.transform(image).shape == (32 * 48, columns.shape[1])
    True
    """

    _registries = {"backbone": BACKBONES}
    _parameter_constraints = {
        "backbone": [str, Recipe],
        "scales": ["array-like"],
        "image": ["boolean"],
        "image_shape": ["array-like", None],
        "value_range": ["array-like", StrOptions({"auto"})],
        "tile_size": [Interval(Integral, 1, None, closed="left")],
        "tile_overlap": [Interval(Integral, 0, None, closed="left")],
        "memory": [str, PathLike, HasMethods("cache"), FeatureCache, None],
        "device": [str],
        "n_jobs": [Integral, None],
    }

    # Images of every size are welcome, as elsewhere where `image_size` is given.
    image_size = "native"

    def __init__(
        self,
        *,
        backbone="scale_space",
        scales=(1.0,),
        image=True,
        image_shape=None,
        value_range="auto",
        tile_size=384,
        tile_overlap=128,
        memory=None,
        device="auto",
        n_jobs=None,
    ):
        self.backbone = backbone
        self.scales = scales
        self.image = image
        self.image_shape = image_shape
        self.value_range = value_range
        self.tile_size = tile_size
        self.tile_overlap = tile_overlap
        self.memory = memory
        self.device = device
        self.n_jobs = n_jobs

    def __sklearn_is_fitted__(self):
        return hasattr(self, "network_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def granularities_(self):
        """Names of the granularities, such as "s1.00_l2", from fine to coarse."""
        check_is_fitted(self)
        return list(self.network_.pyramid.granularities)

    @property
    def levels_(self):
        """Channels and strides of the granularities' maps, from fine to coarse."""
        check_is_fitted(self)
        return list(self.network_.pyramid.levels)

    @property
    def granularity_slices_(self):
        """Columns of each granularity, fine to coarse, after those of the image."""
        widths = self._widths()
        edges = pairwise(accumulate(widths.values(), initial=0))
        return {name: slice(*ends) for name, ends in zip(widths, edges, strict=True)}

    def _widths(self):
        levels = zip(self.granularities_, self.levels_, strict=True)
        widths = {name: level.channels for name, level in levels}
        return ({"image": self.image_shape_[2]} if self.image else {}) | widths

    def _diagram_parts(self):
        return ("backbone",)

    # ------------------------------------------------------------------ fit

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Determine channels and range of the images; nothing is learned.

        Parameters
        ----------
        X : array-like
            Images of any sizes: an array `(n, h, w)` or `(n, h, w, c)` of any real
            dtype, a memory map, a torch tensor, flattened rows `(n, h * w * c)`, or a
            column of images: a list, series, object array or one-column data frame of
            arrays, Pillow images or file paths.
        y : None
            Ignored.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        ValueError
            If the images are invalid, or if the backbone would have to learn; the
            transformer then keeps its previous state.
        """
        with restored_on_failure(self):
            forget_fit(self)
            resolve_cache(self.memory)
            self._tiling()  # raises if tiles would be all overlap
            images = read_images(self, X, reset=True)
            self.device_ = resolve_device(self.device)
            self.image_size_ = self.image_shape_[:2]
            self.value_range_ = ValueRange.learn(images, self.value_range)
            self._learn_high(images)
            self._check_value_range()
            self.network_recipe_ = NetworkRecipe(
                backbone=clone(self._recipe("backbone")),
                fusion=UnfusedMaps(),
                head=HypercolumnHead(),
                scales=checked_scales(self.scales),
                in_channels=self.image_shape_[2],
                image_size=self.image_size_,
                n_outputs=None,
                normalisation=self._normalisation(None, None),
            )
            self.network_ = self._build()
            check_nothing_to_learn(self, self.network_)
        return self

    def _learns_normalisation(self):
        return False

    def _build(self, *, load_weights=True):
        with seeded(0):
            network = self.network_recipe_.build(load_weights=load_weights)
        return network.to(self.device_, memory_format=torch.channels_last).eval()

    # ------------------------------------------------------------ transform

    def transform(self, X):
        """Return the columns of every pixel.

        Parameters
        ----------
        X : array-like
            Images, as in fit.

        Returns
        -------
        ndarray of float32 of shape (n_pixels, n_columns)
            Image by image, and within an image row by row. A data frame with
            `set_output(transform="pandas")`.
        """
        source = self._read(X)
        pixels = source.sizes.prod(axis=1)
        rows = np.empty((pixels.sum(), sum(self._widths().values())), np.float32)
        ends = [0, *np.cumsum(pixels)]
        for position, core, columns in self._pieces(source):
            start, stop = ends[position : position + 2]
            image = rows[start:stop].reshape(*source.sizes[position], -1)
            image[core] = columns
        # Without X, as scikit-learn would give the pixels the index of the images.
        return wrap_output("transform", rows, None, self)

    def labelled_pixels(
        self, X, Y, *, ignore_label=0, max_per_image=None, random_state=None
    ):
        """Return columns and labels of the labelled pixels.

        Parameters
        ----------
        X : array-like
            Images, as in fit.
        Y : array-like
            Their integer masks or scribbles: `(n, h, w)`, or a list or 1-D object array
            of arrays `(h, w)`.
        ignore_label : int or None, default=0
            Label of unlabelled pixels; None: all pixels are labelled.
        max_per_image : int or None, default=None
            Maximum number of pixels per image, drawn at random; None: all.
        random_state : int, RandomState instance or None, default=None
            Seed of the random draw.

        Returns
        -------
        columns : ndarray of float32 of shape (n_labelled, n_columns)
            Columns of the labelled pixels.
        labels : ndarray of shape (n_labelled,)
            Their labels.

        Raises
        ------
        ValueError
            If a mask does not have the size of its image, or no pixel has a label.
        """
        source = self._read(X)
        masks = MaskTargets(type(self).__name__, ignore_label, None, "").checked(Y)
        check_consistent_length(source, masks)
        chosen = chosen_pixels(
            source.sizes, masks, ignore_label, max_per_image, random_state
        )
        labelled = [row for row, pixels in enumerate(chosen) if pixels.any()]
        parts = {row: [] for row in labelled}
        for position, core, columns in self._pieces(source.part(np.array(labelled))):
            row = labelled[position]
            inside = chosen[row][core]
            parts[row].append((columns[inside], masks[row][core][inside]))
        found = [piece for part in parts.values() for piece in part]
        columns, labels = (np.concatenate(part) for part in zip(*found, strict=True))
        return columns, labels

    def predict_masks(self, estimator, X, *, method="predict"):
        """Return predictions of a fitted estimator for every pixel, as masks.

        Images are processed in tiles, so not all columns are in memory at once.

        Parameters
        ----------
        estimator : estimator
            Estimator fitted on rows of `labelled_pixels` or `transform`.
        X : array-like
            Images, as in fit.
        method : str, default="predict"
            Method of the estimator to call, such as "predict_proba".

        Returns
        -------
        ndarray of shape (n, h, w, ...) or ndarray of object of shape (n,)
            One array if all images have the same size, else an array of arrays.
        """
        source = self._read(X)
        answer = getattr(estimator, method)
        results = [None] * len(source)
        for position, core, columns in self._pieces(source):
            values = answer(columns.reshape(-1, columns.shape[-1]))
            values = values.reshape(*columns.shape[:2], *values.shape[1:])
            if results[position] is None:
                shape = (*source.sizes[position], *values.shape[2:])
                results[position] = np.empty(shape, values.dtype)
            results[position][core] = values
        return stacked_masks(results)

    def to_masks(self, values, X):
        """Return values of all pixels, one per row of `transform`, as masks.

        Parameters
        ----------
        values : array-like of shape (n_pixels, ...)
            Values such as the predictions of a classifier.
        X : array-like
            The images that were transformed.

        Returns
        -------
        ndarray of shape (n, h, w, ...) or ndarray of object of shape (n,)
            One array if all images have the same size, else an array of arrays.

        Raises
        ------
        ValueError
            If the number of values is not that of the pixels.
        """
        values = np.asarray(values)
        sizes = self._read(X).sizes
        pixels = sizes.prod(axis=1)
        if len(values) != pixels.sum():
            raise ValueError(
                f"{type(self).__name__} got {len(values)} values for {pixels.sum()} "
                "pixels. Pass one value per row of transform, of the same images."
            )
        parts = np.split(values, np.cumsum(pixels)[:-1])
        return stacked_masks(
            [
                part.reshape(*size, *values.shape[1:])
                for part, size in zip(parts, sizes.tolist(), strict=True)
            ]
        )

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Checked against the columns seen in fit, otherwise unused.

        Returns
        -------
        ndarray of str
            Names such as "s1.00_l2_017" (scale, level, channel) and "image_000".
        """
        widths = self._widths()
        check_feature_names_in(self, input_features, generate_names=False)
        names = [
            f"{name}_{channel:0{max(3, len(str(width - 1)))}d}"
            for name, width in widths.items()
            for channel in range(width)
        ]
        return np.array(names, dtype=object)

    def _read(self, X):
        check_is_fitted(self)
        images = read_images(self, X, reset=False)
        # Crops of one pixel: images are never padded to a crop.
        return self._checked(CropSource(images, self.value_range_, (1, 1)))

    def _pieces(self, source):
        """Yield position, core and columns `(h, w, n_columns)` of all tiles."""
        cache, seen = resolve_cache(self.memory), source
        if cache is not None:
            seen = MapSource(
                source,
                self.network_,
                self.device_,
                cache=cache,
                namespaces=self._feature_keys,
                keep=False,
            )
        for position, tile, output in tile_outputs(
            self.network_, seen, self.device_, self._tiling()
        ):
            rows, columns = tile.inner
            parts = [output[0, :, rows, columns]]
            if self.image:
                corner = np.array([[part.start for part in tile.core]])
                size = tuple(part.stop - part.start for part in tile.core)
                parts.insert(0, source.crops(np.array([position]), corner, size)[0])
            yield position, tile.core, torch.cat(parts).permute(1, 2, 0).numpy()

    def _tiling(self):
        return Tiling(self.tile_size, self.tile_overlap)

    def _feature_keys(self, names):
        value_range = self.value_range_
        return feature_keys(
            names,
            self.network_recipe_,
            self.network_.pyramid,
            self.device_,
            value_range=[value_range.low, value_range.high, value_range.by_dtype],
            maps="hypercolumns",
            step=self.network_.step,
        )

    # --------------------------------------------------------------- pickle

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "network_" in state:
            state["network_"] = module_state(self.network_)
        return state

    def __setstate__(self, state):
        weights = state.get("network_")
        super().__setstate__({key: state[key] for key in state if key != "network_"})
        if weights is not None:
            self.device_ = device_here(self.device_)
            self.network_ = self._build(load_weights=False)
            load_module_state(self.network_, weights)
