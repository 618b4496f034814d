import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError

from skmultigran import (
    ConvNetBackbone,
    EfficientNetLite0Backbone,
    FeatureCache,
    HypercolumnTransformer,
    ScatteringBackbone,
)

TWO_SCALES = ScatteringBackbone(n_scales=2)


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(3, 20, 16)).astype(np.float32)


@pytest.fixture
def transformer(images):
    return HypercolumnTransformer(backbone=TWO_SCALES).fit(images)


def test_rows_are_pixels_in_order(transformer, images):
    rows = transformer.transform(images)
    assert rows.dtype == np.float32
    assert len(rows) == 3 * 20 * 16
    # The first column is the pixel itself.
    np.testing.assert_allclose(rows[:, 0], images.reshape(-1), atol=1e-7)


def test_columns_are_the_maps_enlarged(transformer, images):
    rows = transformer.transform(images[:1]).reshape(20, 16, -1)
    maps = transformer.network_.extract(torch.from_numpy(images[:1, None]))
    for name, map_ in zip(transformer.granularities_, maps, strict=True):
        part = rows[..., transformer.granularity_slices_[name]]
        enlarged = torch.nn.functional.interpolate(
            map_, (20, 16), mode="bilinear", align_corners=False
        )
        np.testing.assert_allclose(part, enlarged[0].permute(1, 2, 0), atol=1e-5)


def test_names_and_slices_cover_the_columns(transformer, images):
    names = transformer.get_feature_names_out()
    assert len(set(names)) == len(names) == transformer.transform(images).shape[1]
    assert list(transformer.granularity_slices_) == [
        "image",
        *transformer.granularities_,
    ]
    for granularity, part in transformer.granularity_slices_.items():
        assert all(name.startswith(f"{granularity}_") for name in names[part])
    assert names[0] == "image_000"
    without = clone(transformer).set_params(image=False).fit(images)
    np.testing.assert_array_equal(without.get_feature_names_out(), names[1:])


@pytest.mark.parametrize(
    "form", [np.array, list, lambda a: pd.Series(list(a), [5, 9, 7])]
)
def test_pandas_output(transformer, images, form):
    rows = transformer.transform(images)
    framing = clone(transformer).set_output(transform="pandas")
    for frame in (framing.fit_transform(form(images)), framing.transform(form(images))):
        assert list(frame.columns) == list(transformer.get_feature_names_out())
        assert frame.index.equals(pd.RangeIndex(len(rows)))
        np.testing.assert_array_equal(frame.to_numpy(), rows)


def test_an_image_has_the_same_columns_in_any_company(transformer, images):
    together = transformer.transform(images).reshape(3, 320, -1)
    alone = transformer.transform(images[1:2])
    np.testing.assert_array_equal(together[1], alone)


def test_scribbles_label_everything():
    generator = np.random.default_rng(0)
    stripes = generator.uniform(0, 0.2, (2, 40, 40))
    stripes[:, :, ::4] += 0.7
    stripes[:, :20] = np.swapaxes(stripes, 1, 2)[:, :20]  # across above, down below
    scribbles = np.zeros((2, 40, 40), int)
    scribbles[0, 8:12, 5:35], scribbles[0, 28:32, 5:35] = 7, 9
    # Directions are what the default does not tell.
    transformer = HypercolumnTransformer(backbone="scattering").fit(stripes)
    columns, labels = transformer.labelled_pixels(stripes, scribbles)
    np.testing.assert_array_equal(
        np.unique(labels, return_counts=True), [[7, 9], [120] * 2]
    )
    forest = RandomForestClassifier(20, random_state=0).fit(columns, labels)
    masks = transformer.predict_masks(forest, stripes)
    assert (masks[1, 2:16] == 7).mean() > 0.85  # an image nobody has labelled
    assert (masks[1, 24:38] == 9).mean() > 0.85


def test_predicted_masks_are_the_rows_predicted(transformer, images):
    labels = (images > 0.5).astype(int)
    columns, values = transformer.labelled_pixels(images, labels, ignore_label=None)
    assert len(values) == images.size
    np.testing.assert_array_equal(columns, transformer.transform(images))
    forest = RandomForestClassifier(3, random_state=0).fit(columns, values)
    folded = transformer.to_masks(forest.predict(columns), images)
    np.testing.assert_array_equal(folded, transformer.predict_masks(forest, images))
    assert (folded == labels).mean() > 0.98
    proba = transformer.predict_masks(forest, images, method="predict_proba")
    assert proba.shape == (3, 20, 16, 2)


def test_images_of_different_sizes(transformer, images):
    several = [images[0], images[1, :7], images[2, :, :5]]
    rows = transformer.transform(several)
    masks = transformer.to_masks(rows[:, 0], several)
    for mask, image in zip(masks, several, strict=True):
        np.testing.assert_allclose(mask, image, atol=1e-7)


def test_at_most_so_many_pixels_of_an_image(transformer, images):
    labels = np.ones(images.shape, int)
    labels[1] = 0
    labels[2, :2, :2] = 2
    draws = [
        transformer.labelled_pixels(images, labels, max_per_image=30, random_state=s)
        for s in (0, 0, 1)
    ]
    assert [len(values) for _, values in draws] == [60] * 3
    np.testing.assert_array_equal(draws[0][0], draws[1][0])
    assert not np.array_equal(draws[0][0], draws[2][0])


def test_images_without_a_labelled_pixel_are_not_looked_at(
    transformer, images, monkeypatch
):
    labels = np.zeros(images.shape, int)
    labels[2, 4:6] = 1
    seen = []
    network = transformer.network_
    extract = network.extract
    monkeypatch.setattr(network, "extract", lambda x: seen.append(x) or extract(x))
    columns, values = transformer.labelled_pixels(images, labels)
    assert sum(batch.flatten(1).any(dim=1).sum() for batch in seen) == 1
    assert len(values) == 32
    rows = transformer.transform(images).reshape(*images.shape, -1)
    np.testing.assert_array_equal(columns, rows[2, 4:6].reshape(32, -1))


@pytest.mark.parametrize("memory", [False, True])
def test_tiles_change_little(memory, tmp_path):
    image = np.random.default_rng(0).uniform(size=(1, 70, 90))
    backbone = EfficientNetLite0Backbone(out_indices=(0, 1))
    cache = FeatureCache(tmp_path) if memory else None
    transformer = HypercolumnTransformer(backbone=backbone, memory=cache).fit(image)
    whole = transformer.transform(image)
    transformer.set_params(tile_size=64, tile_overlap=40)
    np.testing.assert_allclose(transformer.transform(image), whole, atol=1e-4)


def test_memory_keeps_maps(images, tmp_path, monkeypatch):
    cached = HypercolumnTransformer(backbone=TWO_SCALES, memory=FeatureCache(tmp_path))
    first = cached.fit(images).transform(images)
    plain = HypercolumnTransformer(backbone=TWO_SCALES).fit(images).transform(images)
    np.testing.assert_allclose(first, plain, atol=1e-6)
    again = clone(cached).fit(images)
    monkeypatch.setattr(type(again.network_), "extract", None)
    np.testing.assert_array_equal(again.transform(images), first)


def test_pickles_transform_the_same(transformer, images):
    again = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(
        again.transform(images), transformer.transform(images)
    )


def test_random_weights_are_refused(images):
    transformer = HypercolumnTransformer(backbone=ConvNetBackbone())
    message = r"in HypercolumnTransformer nothing is .* Set backbone='scattering'"
    with pytest.raises(ValueError, match=message):
        transformer.fit(images)
    assert not hasattr(transformer, "network_")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda Y: Y[:2], "inconsistent numbers of samples"),
        (lambda Y: Y[:, :4], "row 0 has 20 x 16 .* its mask has 4 x 16"),
        (lambda Y: Y * 0, "no pixel of Y has a label other than ignore_label=0"),
        (lambda Y: Y * 0.5, "Convert it with"),
    ],
)
def test_bad_labels_are_refused(transformer, images, change, message):
    with pytest.raises(ValueError, match=message):
        transformer.labelled_pixels(images, change(np.ones(images.shape, int)))


def test_value_range_is_auto_or_two_numbers(images):
    with pytest.raises(ValueError, match="'value_range' parameter .* 'foo' instead"):
        HypercolumnTransformer(value_range="foo").fit(images)


def test_tiles_that_are_all_overlap_are_refused(transformer, images):
    transformer.set_params(tile_size=64)
    with pytest.raises(ValueError, match="tile_overlap=128 must be smaller than tile"):
        transformer.transform(images)
    with pytest.raises(ValueError, match="tile_overlap=128 must be smaller than tile"):
        transformer.fit(images)


def test_values_must_fit(transformer, images):
    with pytest.raises(ValueError, match="got 5 values for 960 pixels"):
        transformer.to_masks(np.zeros(5), images)


def test_not_fitted(images):
    with pytest.raises(NotFittedError):
        HypercolumnTransformer().transform(images)
