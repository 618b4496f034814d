import numpy as np
import pytest

from skmultigran import FeatureCache, MultiGranularitySegmenter, ScatteringBackbone
from skmultigran.estimators._frozen_maps import MapSource


def bars(n, size, seed=0):
    generator = np.random.default_rng(seed)
    masks = np.zeros((n, *size), dtype=int)
    for mask in masks:
        top = generator.integers(0, size[0] - 6)
        mask[top : top + 6] = 1
    noise = generator.uniform(0, 0.3, masks.shape)
    return np.clip(masks * 0.6 + noise, 0, 1).astype(np.float32), masks


def segmenter(**parameters):
    defaults = {
        "backbone": ScatteringBackbone(),
        "trainable": "head",
        "fusion": "fpn",
        "crop_size": 16,
        "max_epochs": 3,
        "batch_size": 8,
        "random_state": 0,
    }
    return MultiGranularitySegmenter(**(defaults | parameters))


@pytest.fixture
def data():
    X, Y = bars(10, (33, 26))
    small, small_masks = bars(4, (12, 40), seed=1)
    return [*X, *small], [*Y, *small_masks]


@pytest.fixture
def seen(monkeypatch):
    """How many images the backbone has looked at."""
    counts = []
    flat_maps = MapSource._flat_maps

    def counted(self, images):
        counts.append(1)
        return flat_maps(self, images)

    monkeypatch.setattr(MapSource, "_flat_maps", counted)
    return counts


def test_each_image_is_looked_at_once(data, seen, tmp_path):
    cache = FeatureCache(tmp_path)
    first = segmenter(memory=cache).fit(*data)
    assert sum(seen) == len(data[0])
    predicted = first.predict(data[0])
    second = segmenter(memory=cache, fusion="concat").fit(*data)
    second.predict(data[0])
    assert sum(seen) == len(data[0])
    assert [mask.shape for mask in predicted] == [mask.shape for mask in data[1]]


def test_memory_changes_no_bit(data, tmp_path):
    X, Y = data
    kept = [segmenter(memory=FeatureCache(tmp_path)).fit(X, Y) for _ in range(2)]
    plain = segmenter().fit(X, Y)
    for estimator in kept:
        for one, other in zip(
            estimator.predict_proba(X), plain.predict_proba(X), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_what_fit_has_kept_is_what_predict_would_compute(data, tmp_path):
    X, Y = data
    learned = segmenter(memory=tmp_path / "fit").fit(X, Y)
    expected = learned.predict_proba(X)
    found = learned.set_params(memory=tmp_path / "predict").predict_proba(X)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_predictions_keep_no_maps_of_their_own(data, tmp_path, monkeypatch):
    sources = []
    estimator = segmenter(memory=tmp_path).fit(*data)
    monkeypatch.setattr(
        estimator, "_tile_outputs", lambda source: sources.append(source) or []
    )
    estimator.predict(data[0])
    (source,) = sources
    source.maps(0)
    assert not source._kept


def test_frozen_answers_are_those_of_the_network(data):
    X, Y = data
    frozen = segmenter().fit(X, Y)
    expected = frozen.predict_proba(X[:2])
    frozen._trained_ = ("head", False)  # looked at as if it had been trained
    for one, other in zip(frozen.predict_proba(X[:2]), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_early_stopping_with_memory(data, tmp_path):
    estimator = segmenter(memory=FeatureCache(tmp_path), early_stopping=True)
    assert "valid_loss" in estimator.fit(*data).history_[0]


def test_large_images_are_tiled(data):
    X, Y = data
    frozen = segmenter().fit(X, Y)
    large = np.tile(X[0], (3, 3))[None]
    whole = frozen.predict_proba(large)[0]
    tiled = frozen.set_params(tile_size=64, tile_overlap=32).predict_proba(large)[0]
    # Wavelets of the coarsest scale reach far.
    np.testing.assert_allclose(tiled, whole, atol=0.03)


def test_pyramids_of_other_scales_do_not_meet_in_memory(data, tmp_path):
    for scales in ((1.0,), (1.0, 0.5), (1.0, 0.75)):
        plain = segmenter(scales=scales).fit(*data).predict_proba(data[0])
        kept = segmenter(scales=scales, memory=tmp_path).fit(*data)
        for a, b in zip(plain, kept.predict_proba(data[0]), strict=True):
            np.testing.assert_array_equal(a, b)
