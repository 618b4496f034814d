"""Every form that images come in gives the same model."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.datasets import load_digits


def _memmap(images, path):
    mapped = np.memmap(
        path / "images", dtype=images.dtype, mode="w+", shape=images.shape
    )
    mapped[:] = images
    mapped.flush()
    return np.memmap(path / "images", dtype=images.dtype, mode="r", shape=images.shape)


def _objects(images):
    array = np.empty(len(images), dtype=object)
    array[:] = list(images)
    return array


FORMS = {
    "(n, h, w)": lambda images, path: images,
    "(n, h, w, 1)": lambda images, path: images[..., None],
    "flat rows": lambda images, path: images.reshape(len(images), -1),
    "list of lists": lambda images, path: images.reshape(len(images), -1).tolist(),
    "list of images": lambda images, path: list(images),
    "object array": lambda images, path: _objects(images),
    "torch tensor": lambda images, path: torch.from_numpy(images.copy()),
    "list of tensors": lambda images, path: [torch.tensor(image) for image in images],
    "memory map": _memmap,
    "float32": lambda images, path: images.astype(np.float32),
    "int64": lambda images, path: images.astype(np.int64),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_the_same_images_agree(small, digits, tmp_path, form):
    X, y = digits
    images = X.reshape(-1, 8, 8)
    expected = small(max_epochs=2).fit(images, y).predict_proba(images)
    given = form(images, tmp_path)
    got = small(max_epochs=2).fit(given, y).predict_proba(given)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("form", ["(n, h, w)", "flat rows", "torch tensor"])
def test_dispatch_by_the_array_api_changes_nothing(
    small, digits, tmp_path, monkeypatch, form
):
    X, y = digits
    given = FORMS[form](X.reshape(-1, 8, 8), tmp_path)
    weights = np.arange(1.0, len(y) + 1)
    expected = small(max_epochs=2).fit(given, y, weights)
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with config_context(array_api_dispatch=True):
        classifier = small(max_epochs=2).fit(given, y, weights)
        score = classifier.score(given, y, weights)
    assert score == expected.score(given, y, weights)
    np.testing.assert_array_equal(
        classifier.predict_proba(given), expected.predict_proba(given)
    )


def test_input_stays_as_it_was(small, pair):
    images, y = pair
    copy = images.copy()
    small(max_epochs=1, augment="standard").fit(images, y).predict(images)
    np.testing.assert_array_equal(images, copy)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, bool, np.float16])
def test_dtypes_learn_and_keep_their_units(small, pair, dtype):
    images, y = pair
    if dtype is bool:
        given = images > 0.5
    elif np.issubdtype(dtype, np.integer):
        given = (images * 200).astype(dtype)
    else:
        given = images.astype(dtype)
    classifier = small(max_epochs=8).fit(given, y)
    assert classifier.score(given, y) == 1.0
    # The same numbers as floats mean the same.
    as_floats = classifier.predict_proba(given.astype(np.float64))
    np.testing.assert_allclose(
        as_floats, classifier.predict_proba(given), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(
    ("columns", "image_shape", "expected"),
    [
        (64, None, (8, 8, 1)),
        (784, None, (28, 28, 1)),
        (3072, (32, 32, 3), (32, 32, 3)),
        (12, None, (1, 12, 1)),
        (12, (3, 4), (3, 4, 1)),
        (12, [2, 2, 3], (2, 2, 3)),
    ],
)
def test_flat_rows(small, columns, image_shape, expected):
    X = np.random.default_rng(0).uniform(size=(12, columns))
    y = np.arange(12) % 2
    classifier = small(max_epochs=1, image_shape=image_shape).fit(X, y)
    assert classifier.image_shape_ == expected
    assert classifier.n_features_in_ == columns
    # The same images with axes of their own.
    np.testing.assert_array_equal(
        classifier.predict_proba(X), classifier.predict_proba(X.reshape(-1, *expected))
    )


def test_a_long_line_warns(small):
    X = np.random.default_rng(0).uniform(size=(8, 3072))
    with pytest.warns(UserWarning, match=r"one grey line.*\(32, 32, 3\)"):
        small(max_epochs=1).fit(X, np.arange(8) % 2)


def test_data_frame_columns_are_remembered(small, pair):
    images, y = pair
    names = [f"pixel{i}" for i in range(36)]
    frame = pd.DataFrame(images.reshape(60, 36), columns=names)
    classifier = small(max_epochs=1).fit(frame, y)
    assert classifier.feature_names_in_.tolist() == names
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame.rename(columns={"pixel0": "other"}))
    classifier.fit(images, y)
    assert not hasattr(classifier, "feature_names_in_")


@pytest.mark.parametrize("image_size", [12, (10, 14)])
@pytest.mark.parametrize("resize", ["letterbox", "stretch", "crop"])
def test_image_size_makes_every_size_welcome(small, pair, image_size, resize):
    images, y = pair
    classifier = small(image_size=image_size, resize=resize, max_epochs=12)
    classifier.fit(images, y)
    assert classifier.image_size_ == ((12, 12) if image_size == 12 else (10, 14))
    larger = images.repeat(2, axis=1).repeat(2, axis=2)
    assert classifier.score(larger, y) > 0.9


def test_channels_matter(small):
    digits = load_digits().images[:40] / 16
    y = np.arange(40) % 2
    colour = np.zeros((40, 8, 8, 3))
    colour[y == 0, ..., 0] = digits[y == 0]
    colour[y == 1, ..., 2] = digits[y == 1]
    assert small(max_epochs=10).fit(colour, y).score(colour, y) == 1.0


def test_value_range_is_used(small, pair):
    images, y = pair
    integers = (images * 255).astype(np.uint8)
    auto = small(max_epochs=2).fit(integers, y)
    explicit = small(max_epochs=2, value_range=(0, 255))
    explicit.fit(integers.astype(float), y)
    np.testing.assert_allclose(
        explicit.predict_proba(integers.astype(float)),
        auto.predict_proba(integers),
        rtol=1e-3,
    )
    seen = small(max_epochs=2).fit(integers.astype(float), y)
    assert seen.value_range_.low == integers.min()
    assert explicit.value_range_.low == 0


@pytest.mark.parametrize("in_fit", [np.uint8, np.float32])
def test_another_unit_after_fit_is_named(small, pair, in_fit):
    images, y = pair
    integers = (images * 255).astype(np.uint8)
    floats = np.float32(integers) / 255
    seen, later = integers, floats
    if in_fit is np.float32:
        seen, later = floats, np.float32(integers)
    model = small(max_epochs=1).fit(seen, y, X_val=seen[:20], y_val=y[:20])
    model.predict(seen)
    with pytest.warns(UserWarning, match="MultiGranularityClassifier got .* unit of f"):
        model.predict(later)
    # Validation images are measured by the range of their own fit.
    model.fit(later, y, X_val=later[:20], y_val=y[:20]).predict(later)
