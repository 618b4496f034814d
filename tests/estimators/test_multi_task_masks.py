"""Masks beside other answers: learned, resized with their images, and back."""

import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skmultigran import ConvNetBackbone, MultiGranularityMultiTask
from skmultigran.metrics import make_task_scorer, mean_iou_score

TASKS = {"kind": "classification", "mask": "segmentation"}


def small(tasks=TASKS, **parameters):
    defaults = {
        "backbone": ConvNetBackbone(widths=(8, 16)),
        "fusion__channels": 8,
        "max_epochs": 1,
        "batch_size": 8,
        "lr": 0.02,
        "random_state": 0,
    }
    model = MultiGranularityMultiTask(tasks=tasks)
    return model.set_params(**(defaults | parameters))


@pytest.fixture(scope="module")
def squares():
    """Return 60 images with a square, dark or bright, its mask and its side."""
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 0.2, (60, 12, 16))
    masks = np.zeros(images.shape, dtype=int)
    kind, side = np.arange(60) % 2, generator.integers(3, 8, 60)
    for image, mask, bright, length in zip(images, masks, kind, side, strict=True):
        top, left = generator.integers(0, (12 - length, 16 - length))
        inside = slice(top, top + length), slice(left, left + length)
        image[inside] += 0.7 if bright else 0.4
        mask[inside] = 3
    return images, {"kind": kind, "mask": masks, "side": side.astype(float)}


def part(y, rows):
    return {name: column[rows] for name, column in y.items()}


def test_masks_and_labels_together(squares):
    images, y = squares
    model = small(max_epochs=10, augment="flip").fit(images[:40], part(y, slice(40)))
    rest = part(y, slice(40, None))
    scores = model.scores(images[40:], rest)
    assert scores["kind"] > 0.7
    assert scores["mask"] > 0.7
    predicted = model.predict(images[40:])
    assert predicted["mask"].dtype == y["mask"].dtype
    assert scores["mask"] == mean_iou_score(rest["mask"], predicted["mask"])
    probabilities = model.predict_proba(images[40:])["mask"]
    assert probabilities.shape == (20, 12, 16, 2)
    np.testing.assert_array_equal(
        model.classes_["mask"][probabilities.argmax(axis=-1)], predicted["mask"]
    )
    scorer = make_task_scorer("mask", "mean_iou")
    assert scorer(model, images[40:], rest) == scores["mask"]
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        loaded.predict(images[40:])["mask"], predicted["mask"]
    )


@pytest.mark.parametrize("resize", ["letterbox", "stretch", "crop"])
def test_masks_are_resized_with_their_images_and_back(squares, resize):
    images, y = squares
    model = small(image_size=20, resize=resize, max_epochs=10)
    predicted = model.fit(images, y).predict(images)["mask"]
    assert predicted.shape == images.shape
    # Cropping cuts columns off on both sides.
    seen = slice(3, 13) if resize == "crop" else slice(None)
    assert mean_iou_score(y["mask"][:, :, seen], predicted[:, :, seen]) > 0.7


def of_different_sizes(squares):
    images, y = squares
    some = [image[:, : 10 + i % 7] for i, image in enumerate(images)]
    masks = [mask[:, : 10 + i % 7] for i, mask in enumerate(y["mask"])]
    return some, {"kind": y["kind"], "mask": masks}


def test_images_of_different_sizes(squares):
    some, y = of_different_sizes(squares)
    table = pd.DataFrame(y)
    model = small(image_size=(12, 16)).fit(some, table)
    predicted = model.predict(some)
    assert [mask.shape for mask in predicted["mask"]] == [m.shape for m in y["mask"]]
    probabilities = model.predict_proba(some)["mask"]
    assert probabilities[0].shape == (12, 10, 2)
    assert 0 <= model.score(some, table) <= 1


def test_a_regression_beside_a_mask(squares):
    images, y = squares
    tasks = {**TASKS, "side": "regression"}
    model = small(tasks, max_epochs=12, share="backbone").fit(images, y)
    assert model.scores(images, y)["side"] > 0.3
    weights = small(tasks, fusion="gated").fit(images, y).granularity_weights(images)
    assert weights["mask"].shape == (60, 2)


@pytest.mark.parametrize("absent", [None, np.nan, pd.NA], ids=str)
def test_a_missing_mask_is_of_no_influence(squares, absent):
    images, y = squares
    masks = list(y["mask"])
    masks[::2] = [absent] * 30
    model = small(early_stopping=True, validation_fraction=0.2)
    some = model.fit(images, {"kind": y["kind"], "mask": masks})
    assert np.isfinite(some.history_[0]["valid_loss"])
    known = masks[1::2]
    scores = some.scores(images, {"kind": y["kind"], "mask": masks})
    predicted = some.predict(images)["mask"][1::2]
    assert scores["mask"] == mean_iou_score(known, predicted)


def test_masks_of_images_of_weight_zero_do_not_matter(squares):
    some, y = of_different_sizes(squares)
    weights = np.ones(60)
    weights[2] = 0
    y["mask"][2] = y["mask"][2][:5]
    more = {"X_val": some, "y_val": y, "sample_weight_val": weights}
    model = small(image_size=(12, 16)).fit(some, y, weights, **more)
    assert model.n_iter_ == 1
    masks = list(y["mask"])
    y["mask"][7] = masks[7][:5]
    with pytest.raises(ValueError, match="Task 'mask': the image of row 7 has 12 x 10"):
        model.fit(some, y, weights)
    with pytest.raises(ValueError, match="X_val.* Task 'mask': the image of row 7"):
        model.fit(some, {**y, "mask": masks}, weights, **more)


def test_masks_of_files_that_are_left_out_do_not_matter(squares, tmp_path):
    some, y = of_different_sizes(squares)
    paths = [tmp_path / f"{number}.png" for number in range(60)]
    for path, image in zip(paths, some, strict=True):
        Image.fromarray((255 * image).astype(np.uint8)).save(path)
    paths[2].write_bytes(paths[2].read_bytes()[:60])
    model = small(image_size=(12, 16), on_error="skip")
    with pytest.warns(UserWarning, match="leaves out 1 of 60 images"):
        model.fit(paths, y)
    assert model.predict(paths[:2])["mask"][1].shape == y["mask"][1].shape


def test_ignored_pixels(squares):
    images, y = squares
    masks = y["mask"].copy()
    masks[:, :4] = 255
    tasks = {**TASKS, "mask": {"type": "segmentation", "ignore_label": 255}}
    model = small(tasks).fit(images, {**y, "mask": masks})
    assert model.classes_["mask"].tolist() == [0, 3]
    predicted = model.predict(images)["mask"]
    assert model.scores(images, {**y, "mask": masks})["mask"] == mean_iou_score(
        masks, predicted, ignore_label=255
    )


def test_fixed_features_under_a_mask(squares):
    images, y = squares
    model = small(backbone="scattering", trainable="head", augment=None, max_epochs=8)
    assert model.fit(images, y).scores(images, y)["mask"] > 0.6


BAD = {
    "another size": (np.zeros((60, 12, 15), int), {}, "row 0 has 12 x 16.*12 x 15"),
    "floats": (np.zeros((60, 12, 16)), {}, "mask of row 0.*astype"),
    "a row after missing ones": (
        [None, np.nan, *np.zeros((5, 12, 16), int), np.zeros(3), *[None] * 52],
        {},
        r"mask of row 7: it has shape \(3,\)",
    ),
    "one class": (np.zeros((60, 12, 16), int), {}, "at least two classes"),
    "head": (None, {"dense_head": "pooled"}, "dense_head=.*Take DenseHead"),
}


@pytest.mark.parametrize(("masks", "parameters", "match"), BAD.values(), ids=BAD)
def test_bad_masks_name_the_task(squares, masks, parameters, match):
    images, y = squares
    answers = y if masks is None else {**y, "mask": masks}
    model = small(**parameters)
    pattern = match if masks is None else f"Task 'mask': .*{match}"
    with pytest.raises(ValueError, match=pattern):
        model.fit(images, answers)
    assert not hasattr(model, "net_")
