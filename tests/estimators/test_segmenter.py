import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    LeaveOneOut,
    cross_val_predict,
    cross_val_score,
)
from sklearn.utils.validation import check_is_fitted

from skmultigran import (
    ConvNetBackbone,
    DenseHead,
    MultiGranularitySegmenter,
    Training,
)
from skmultigran._registry import FUSIONS

SMALL = ConvNetBackbone(widths=(6, 8), stem_stride=1)


def discs(n, size=(24, 20), seed=0, labels=(0, 1)):
    """Noisy images with one bright disc each, and where it is."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    centres = generator.uniform(4, np.array(size) - 4, (n, 2))
    inside = np.stack([(y - a) ** 2 + (x - b) ** 2 < 20 for a, b in centres])
    images = 0.5 * inside + generator.normal(scale=0.1, size=inside.shape)
    return images.astype(np.float32), np.asarray(labels)[inside.astype(int)]


@pytest.fixture
def make():
    def make(**parameters):
        defaults = {
            "backbone": SMALL,
            "head": DenseHead(channels=8),
            "fusion__channels": 8,
            "max_epochs": 6,
            "batch_size": 8,
            "lr": 0.02,
            "value_range": (-1, 2),
            "random_state": 0,
        }
        return MultiGranularitySegmenter().set_params(**(defaults | parameters))

    return make


@pytest.fixture(scope="module")
def fitted():
    X, Y = discs(40)
    segmenter = MultiGranularitySegmenter(
        backbone=SMALL, max_epochs=15, batch_size=8, lr=0.01, random_state=0
    )
    return segmenter.fit(X, Y)


def test_learns_where_things_are(fitted):
    X, Y = discs(20, seed=1)
    predicted = fitted.predict(X)
    both = (predicted & Y).sum() / (predicted | Y).sum()
    assert both > 0.85
    assert fitted.history_[-1]["train_loss"] < fitted.history_[0]["train_loss"]


@pytest.mark.parametrize("fusion", FUSIONS.names())
def test_every_fusion_learns(make, fusion):
    X, Y = discs(24)
    segmenter = make(fusion=fusion, fusion__channels=8, max_epochs=12).fit(X, Y)
    predicted = segmenter.predict(X)
    assert (predicted & Y).sum() / (predicted | Y).sum() > 0.6


def test_masks_have_the_size_of_the_images(fitted):
    images = [discs(1, size)[0][0] for size in [(24, 20), (9, 31), (24, 20), (50, 13)]]
    masks = fitted.predict(images)
    assert masks.dtype == object
    assert [m.shape for m in masks] == [i.shape for i in images]
    probabilities = fitted.predict_proba(images)
    assert [p.shape for p in probabilities] == [(*i.shape, 2) for i in images]
    for mask, p in zip(masks, probabilities, strict=True):
        np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-5)
        np.testing.assert_array_equal(p.argmax(axis=-1), mask)
    assert fitted.predict(images[:1]).shape == (1, 24, 20)
    assert fitted.predict(np.stack([images[1]] * 2)).shape == (2, 9, 31)


def test_an_image_has_the_same_answer_in_any_company(fitted):
    images = [discs(1, size, seed)[0][0] for seed, size in enumerate([(24, 20)] * 9)]
    others = [discs(1, (30, 16))[0][0], *images[:3]]
    together = fitted.predict_proba(images)
    np.testing.assert_array_equal(fitted.predict_proba([images[2]])[0], together[2])
    np.testing.assert_array_equal(fitted.predict_proba(others)[3], together[2])


@pytest.mark.parametrize(("tile", "overlap"), [(48, 32), (64, 32), (40, 24)])
def test_answers_do_not_depend_on_tiles(make, tile, overlap):
    X, Y = discs(24)
    segmenter = make(max_epochs=3).fit(X, Y)
    large = np.random.default_rng(0).normal(size=(1, 90, 121)).astype(np.float32)
    whole = segmenter.predict_proba(large)
    segmenter.set_params(tile_size=tile, tile_overlap=overlap)
    np.testing.assert_allclose(segmenter.predict_proba(large), whole, atol=1e-5)


def test_tiles_that_are_all_overlap_are_refused(make, fitted):
    message = "tile_overlap=320 must be smaller than tile_size=64"
    with pytest.raises(ValueError, match=message):
        make(tile_size=64).fit(*discs(4))
    with pytest.raises(ValueError, match=message):
        clone(fitted).fit(*discs(4)).set_params(tile_size=64).predict(discs(1)[0])


def test_default_tiles_differ_by_less_than_a_thousandth():
    X, Y = discs(24, (40, 40))
    segmenter = MultiGranularitySegmenter(max_epochs=4, random_state=0).fit(X, Y)
    large = np.tile(X[:4].reshape(2, 80, 40), (1, 5, 10))[:1]
    whole = segmenter.predict_proba(large)
    tiled = segmenter.set_params(tile_size=336).predict_proba(large)
    assert np.abs(tiled - whole).max() < 0.001


def test_images_of_different_sizes(make, tmp_path):
    parts = [discs(6, size) for size in [(24, 20), (16, 30), (9, 9)]]
    X = [image for images, _ in parts for image in images]
    Y = [mask for _, masks in parts for mask in masks]
    segmenter = make(crop_size=(16, 12)).fit(X, Y)
    assert segmenter.crop_size_ == (16, 12)
    column = np.empty(len(Y), dtype=object)
    column[:] = Y
    again = make(crop_size=(16, 12)).fit(X, column)
    for one, other in zip(segmenter.predict(X), again.predict(X), strict=True):
        np.testing.assert_array_equal(one, other)


def test_files_pictures_and_tensors(make, tmp_path):
    X, Y = discs(10)
    X = (X.clip(0, 1) * 255).astype(np.uint8)
    paths = [str(tmp_path / f"{i}.png") for i in range(len(X))]
    for path, image in zip(paths, X, strict=True):
        Image.fromarray(image).save(path)
    segmenter = make(value_range="auto").fit(X, Y)
    expected = segmenter.predict(X)
    for column in (paths, [Image.open(p) for p in paths], torch.from_numpy(X)):
        np.testing.assert_array_equal(segmenter.predict(column), expected)
    of_paths = make(value_range="auto").fit(paths, torch.from_numpy(Y))
    np.testing.assert_array_equal(of_paths.predict(paths), expected)


def test_labels_may_be_any_integers(make):
    X, Y = discs(16, labels=(-7, 1000))
    segmenter = make(max_epochs=3).fit(X, Y)
    np.testing.assert_array_equal(segmenter.classes_, [-7, 1000])
    assert set(np.unique(segmenter.predict(X))) <= {-7, 1000}
    assert segmenter.predict(X).dtype == Y.dtype


def test_booleans_come_back(fitted, make):
    X, Y = discs(16)
    predicted = make(max_epochs=2).fit(X, Y.astype(bool)).predict(X)
    assert predicted.dtype == bool


def test_ignored_pixels_do_not_count(make):
    X, Y = discs(16)
    wrong, ignored = Y.copy(), Y.copy()
    wrong[:, :6], ignored[:, :6] = 1 - Y[:, :6], 255
    first = make(max_epochs=2, ignore_label=255).fit(X, ignored)
    assert first.classes_.tolist() == [0, 1]
    other = ignored.copy()
    other[:, :6] = 77
    second = make(max_epochs=2, ignore_label=77).fit(X, other)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_class_weight_moves_the_answer(make):
    X, Y = discs(24)
    shares = [
        make(class_weight=w, loss="cross_entropy", max_epochs=3).fit(X, Y).predict(X)
        for w in ({1: 0.02}, None, "balanced", {1: 50.0})
    ]
    shares = [predicted.mean() for predicted in shares]
    assert shares[0] < shares[2]
    assert shares[1] < shares[3]


def test_zero_weight_is_absence(make):
    X, Y = discs(16)
    weights = np.r_[np.zeros(4), np.full(12, 3.0)]
    weighted = make(max_epochs=2).fit(X, Y, sample_weight=weights)
    absent = make(max_epochs=2).fit(X[4:], Y[4:])
    np.testing.assert_array_equal(weighted.predict(X), absent.predict(X))


def test_random_state_decides(make):
    X, Y = discs(16)
    one, two, other = (
        make(max_epochs=2, random_state=s, augment="strong").fit(X, Y).predict_proba(X)
        for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_early_stopping_keeps_the_best(make):
    X, Y = discs(24)
    X_val, Y_val = discs(8, seed=5)
    segmenter = make(max_epochs=30, n_iter_no_change=2, lr=0.05).fit(
        X, Y, X_val=X_val, y_val=Y_val
    )
    losses = [epoch["valid_loss"] for epoch in segmenter.history_]
    assert segmenter.best_epoch_ == np.argmin(losses) + 1
    assert 0 <= segmenter.history_[-1]["valid_score"] <= 1
    held_out = make(max_epochs=2, early_stopping=True).fit(X, Y)
    assert "valid_loss" in held_out.history_[0]


def test_warm_start_goes_on(make):
    X, Y = discs(24)
    segmenter = make(max_epochs=3, warm_start=True).fit(X, Y)
    first = segmenter.history_[0]["train_loss"]
    segmenter.fit(X, Y)
    assert segmenter.history_[0]["train_loss"] < first


def test_pickles_predict_the_same(fitted):
    X, _ = discs(5, (30, 22), seed=3)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_clone_and_search(make):
    X, Y = discs(12)
    segmenter = make(max_epochs=1)
    assert clone(segmenter).get_params()["fusion__channels"] == 8
    assert not is_classifier(segmenter)
    search = GridSearchCV(segmenter, {"fusion__channels": [4, 8]}, cv=2).fit(X, Y)
    assert search.predict(X).shape == Y.shape
    masks = list(Y)
    masks[0], images = masks[0][:10], list(X)
    images[0] = images[0][:10]
    scores = cross_val_score(segmenter, images, masks, cv=2)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_score_is_the_mean_iou(fitted):
    X, Y = discs(6, seed=2)
    predicted = fitted.predict(X)
    ious = [
        ((predicted == c) & (Y == c)).sum() / ((predicted == c) | (Y == c)).sum()
        for c in (0, 1)
    ]
    assert fitted.score(X, Y) == pytest.approx(np.mean(ious))
    assert fitted.score(list(X), list(Y)) == pytest.approx(np.mean(ious))


def test_rows_are_images(make):
    X, Y = discs(12)
    rows = X.reshape(12, -1)
    segmenter = make(max_epochs=1, image_shape=(24, 20)).fit(rows, Y)
    assert segmenter.n_features_in_ == 480
    assert segmenter.predict(rows).shape == Y.shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda Y: Y.astype(float), "row 0: it has shape .* Convert it with"),
        (lambda Y: np.eye(2)[Y], "two-dimensional array .* argmax"),
        (lambda Y: Y[..., None], r"shape \(24, 20, 1\).* last axis: mask\[:, :, 0\]"),
        (lambda Y: ["mask.png"] * 12, r"Read masks of files .*PIL\.Image\.open"),
        (lambda Y: [Path("mask.png")] * 12, r"Read masks of files"),
        (lambda Y: Y.reshape(12, -1), r"Pass one integer label per pixel, of shape"),
        (
            lambda Y: [*Y[:-1], Y[-1][:5]],
            r"row 11 has 24 x 20 .* mask has 5 x 20",
        ),
        (lambda Y: Y[:5], "inconsistent numbers of samples"),
        (lambda Y: Y * 0, "at least two classes, but got 1 class"),
        (lambda Y: None, "requires y to be passed"),
        (lambda Y: 3, "it must be integer masks"),
    ],
)
def test_bad_masks_are_refused_and_lose_nothing(make, change, message):
    X, Y = discs(12)
    segmenter = make(max_epochs=1).fit(X, Y)
    before = segmenter.predict(X)
    with pytest.raises(ValueError, match=message):
        segmenter.fit(X, change(Y))
    np.testing.assert_array_equal(segmenter.predict(X), before)
    check_is_fitted(segmenter)


def test_predictions_of_folds_are_masks(make):
    X, Y = discs(8)
    segmenter = make(max_epochs=1)
    found = cross_val_predict(segmenter, X, Y, cv=2)
    assert found.shape == Y.shape
    half = clone(segmenter).fit(X[4:], Y[4:])
    np.testing.assert_array_equal(found[:4], half.predict(X[:4]))


@pytest.mark.parametrize("cv", [2, LeaveOneOut()], ids=str)
@pytest.mark.parametrize("counts", [(2, 2), (1, 3)])
def test_predictions_of_folds_that_have_one_size_each(make, cv, counts):
    (X, Y), (others, more) = discs(counts[0], (20, 30)), discs(counts[1], (24, 24))
    X, Y = [*X, *others], [*Y, *more]
    found = cross_val_predict(make(max_epochs=1, crop_size=16), X, Y, cv=cv)
    assert [mask.shape for mask in found] == [mask.shape for mask in Y]


def test_of_images_of_one_size_masks_are_one_array_unless_sizes_differed_in_fit(make):
    X, Y = discs(8)
    large, more = discs(2, (40, 28))
    one = make(max_epochs=1).fit(X, Y)
    assert one.predict(list(X[:2])).shape == (2, 24, 20)
    assert one.predict(large).shape == (2, 40, 28)
    assert one.predict(list(large)).shape == (2,)
    assert one.predict_proba(list(large)).shape == (2,)
    several = make(max_epochs=1).fit([*X, *large], [*Y, *more])
    assert several.predict(X).shape == (8,)
    assert pickle.loads(pickle.dumps(several)).predict(X).shape == (8,)
    assert several.score(X, Y) == several.score(list(X), list(Y))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda Y: Y[:, :9], "image of row 0 has 24 x 20 pixels, but its mask has 9 x"),
        (lambda Y: Y[:2], "inconsistent numbers of samples"),
    ],
)
def test_score_refuses_masks_of_other_sizes(fitted, change, message):
    X, Y = discs(4)
    with pytest.raises(ValueError, match=message):
        fitted.score(X, change(Y))


def test_masks_of_ignored_pixels_alone_are_refused(make):
    X, Y = discs(4)
    with pytest.raises(ValueError, match=r"every pixel has the ignore_label=255\. Lab"):
        make(ignore_label=255).fit(X, np.full_like(Y, 255))


def test_other_heads_are_refused(make):
    with pytest.raises(ValueError, match=r"head='pooled' does not answer for pixels"):
        make(head="pooled").fit(*discs(12))


def test_crop_size_is_checked(make):
    with pytest.raises(ValueError, match=r"crop_size=\(3, 4, 5\) must be"):
        make(crop_size=(3, 4, 5)).fit(*discs(12))


def test_not_fitted():
    with pytest.raises(NotFittedError):
        MultiGranularitySegmenter().predict(discs(1)[0])
    assert not hasattr(MultiGranularitySegmenter(), "classes_")


def test_coarse_images_are_refused_where_pixels_have_answers():
    model = MultiGranularitySegmenter(
        training=Training(size_schedule="coarse_to_fine"), max_epochs=1
    )
    images, masks = np.zeros((2, 16, 16)), np.zeros((2, 16, 16), dtype=int)
    masks[:, :8] = 1
    with pytest.raises(ValueError, match="size_schedule='constant'"):
        model.fit(images, masks)
    assert not hasattr(model, "net_")
