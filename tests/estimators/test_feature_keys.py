"""Features that differ have different keys; equal ones are found again."""

import numpy as np
import pytest
import torch

import skmultigran
from skmultigran import FeatureCache, MultiGranularityTransformer
from skmultigran._levels import Level
from skmultigran.backbones import Backbone, BackboneRecipe, ConvNetBackbone
from skmultigran.estimators import _feature_keys
from skmultigran.estimators._feature_keys import feature_keys

X = np.random.default_rng(0).integers(0, 256, (6, 12, 12), dtype=np.uint8)


class Filter(Backbone):
    """One fixed filter, which no state dict knows of."""

    normalisation = ((0.0,), (1.0,))

    def __init__(self, in_channels, kernel):
        super().__init__()
        self.levels = (Level(in_channels, 1),)
        self.kernel = torch.as_tensor(np.asarray(kernel), dtype=torch.float32)

    def forward(self, images):
        return [images * self.kernel.std()]


class FilterBackbone(BackboneRecipe):
    """The recipe of a filter."""

    fixed = True
    _parameter_constraints = {"kernel": "no_validation"}

    def __init__(self, *, kernel=(1.0, 2.0)):
        self.kernel = kernel

    def build(self, in_channels, image_size):
        return Filter(in_channels, getattr(self.kernel, "values", self.kernel))


class Wrapped:
    """A kernel in an object of its own kind."""

    values = (1.0, 3.0)


class Learned(BackboneRecipe):
    """A small net with norms, as if it had been learned elsewhere."""

    pretrained = True

    def build(self, in_channels, image_size):
        net = ConvNetBackbone(widths=(4, 6)).build(in_channels, image_size)
        net.normalisation = ((0.5,), (0.5,))
        return net


def columns(backbone, memory=None, **params):
    model = MultiGranularityTransformer(
        backbone=backbone, memory=memory, random_state=0, **params
    )
    return model.fit_transform(X)


def test_long_parameters_that_print_alike_do_not_mix(tmp_path):
    kernel = np.linspace(0, 1, 5000)
    other = np.where(kernel > 0.9, kernel, kernel + 0.1 * (kernel > 0.5))
    assert repr(kernel) == repr(other)
    first = columns(FilterBackbone(kernel=kernel), tmp_path)
    second = columns(FilterBackbone(kernel=other), tmp_path)
    np.testing.assert_array_equal(second, columns(FilterBackbone(kernel=other)))
    assert (first != second).any()


def test_a_changed_method_is_noticed(tmp_path, monkeypatch):
    columns(FilterBackbone(), tmp_path)
    monkeypatch.setattr(
        Filter, "forward", lambda self, images: [images * self.kernel.mean()]
    )
    expected = columns(FilterBackbone())
    np.testing.assert_array_equal(columns(FilterBackbone(), tmp_path), expected)


def test_without_a_key_nothing_is_kept_and_that_is_said(tmp_path):
    backbone = FilterBackbone(kernel=Wrapped())
    with pytest.warns(UserWarning, match=r"memory is not used.*'backbone__kernel'"):
        rows = columns(backbone, tmp_path)
    np.testing.assert_array_equal(rows, columns(FilterBackbone(kernel=(1.0, 3.0))))
    assert FeatureCache(tmp_path).info().entries == 0


def test_a_granularity_is_found_in_another_pyramid(tmp_path):
    columns(Learned(), tmp_path, scales=(1.0,))
    before = FeatureCache(tmp_path).info()
    both = columns(Learned(), tmp_path, scales=(1.0, 0.5))
    # Two levels of six images at each scale.
    assert FeatureCache(tmp_path).info().entries == before.entries + 12
    np.testing.assert_array_equal(both, columns(Learned(), scales=(1.0, 0.5)))
    hits = FeatureCache(tmp_path).info().hits
    columns(Learned(), tmp_path, scales=(0.5,))
    assert FeatureCache(tmp_path).info().hits == hits + 12


@pytest.fixture
def keys():
    """Return a function that tells the keys of a network of two scales."""
    model = MultiGranularityTransformer(
        backbone=Learned(), scales=(1.0, 0.5), random_state=0
    ).fit(X)
    pyramid = model.network_.pyramid

    def compute(device="cpu", **parts):
        names = pyramid.granularities
        return feature_keys(names, model.network_recipe_, pyramid, device, **parts)

    compute.pyramid = pyramid
    return compute


def test_norm_statistics_of_every_scale_count(keys):
    before = keys()
    norm = next(
        module
        for module in keys.pyramid.backbones[1].modules()
        if isinstance(module, torch.nn.BatchNorm2d)
    )
    norm.running_mean += 1
    after = keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"s0.50_l0", "s0.50_l1"}


def test_each_granularity_has_its_key(keys):
    assert keys() == keys()
    assert len(set(keys().values())) == 4
    others = [keys(), keys("cuda"), keys(resize="crop"), keys(resize="stretch")]
    assert len({key for found in others for key in found.values()}) == 16


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (_feature_keys, "FEATURE_FORMAT", 2),
        (skmultigran, "__version__", "9.9"),
        (torch, "__version__", "9.9"),
    ],
    ids=["format", "skmultigran", "torch"],
)
def test_another_version_has_other_keys(keys, monkeypatch, owner, name, value):
    before = keys()
    monkeypatch.setattr(owner, name, value)
    assert not set(before.values()) & set(keys().values())
