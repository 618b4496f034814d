"""Bad input gets a clear error, and nothing is lost."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone

from skmultigran import AttentionFusion

X = np.random.default_rng(0).uniform(size=(20, 36))
IMAGES = X.reshape(20, 6, 6)
Y = np.arange(20) % 2

# scikit-learn itself raises TypeError for sparse data.
_ERRORS = (ValueError, TypeError)


def _with(row, value):
    bad = X.copy()
    bad[row, 5] = value
    return bad


BAD_FITS = {
    "NaN": (_with(3, np.nan), Y, {}, "contains NaN in row 3"),
    "infinity": (_with(7, -np.inf), Y, {}, "contains infinity in row 7"),
    "NaN in images": (_with(4, np.nan).reshape(20, 6, 6), Y, {}, "NaN in row 4"),
    "no rows": (X[:0], Y[:0], {}, r"0 sample\(s\)"),
    "no images": (IMAGES[:0], Y[:0], {}, r"0 sample\(s\)"),
    "y of another length": (X, Y[:-1], {}, "inconsistent numbers of samples"),
    "y missing": (X, None, {}, "requires y to be passed"),
    "NaN in y": (X, np.where(Y == 0, np.nan, 1.0), {}, "y contains NaN"),
    "labels of two types": (
        X,
        np.array(["a", None] * 10, dtype=object),
        {},
        r"types \['NoneType', 'str'\].*leave out images without",
    ),
    "columns of labels of two types": (
        X,
        np.array([["a", "b"], ["b", None]] * 10, dtype=object),
        {},
        r"types \['NoneType', 'str'\]",
    ),
    "lists of labels": (
        X,
        [["a", "b"], ["a"]] * 10,
        {},
        r"y has sequences of labels.*MultiLabelBinarizer\(\)",
    ),
    "sets of labels": (X, [{"a", "b"}, {"a"}] * 10, {}, "MultiLabelBinarizer"),
    "a series of lists of labels": (
        X,
        pd.Series([["a", "b"], ["a"]] * 10),
        {},
        "MultiLabelBinarizer",
    ),
    "continuous y": (X, np.linspace(0, 1, 20), {}, "Unknown label type"),
    "sparse": (sparse.csr_array(X), Y, {}, "[Ss]parse data was passed"),
    "complex": (X + 1j, Y, {}, "Complex data not supported"),
    "complex images": (IMAGES + 1j, Y, {}, "Complex data not supported"),
    "one class": (X, np.zeros(20), {}, "at least two classes.*only 1 class"),
    "images of five axes": (np.zeros((20, 2, 2, 2, 2)), Y, {}, r"\(n, h, w, c\)"),
    "different channels": (
        [np.zeros((6, 6))] * 19 + [np.zeros((5, 6, 2))],
        Y,
        {},
        r"2 channels \(row 19\) and of 1 \(row 0\)",
    ),
    "an image of no numbers": (
        [np.zeros((6, 6))] * 19 + [None],
        Y,
        {},
        "cannot read row 19: it is None, no path",
    ),
    "a missing file": (
        ["nowhere.png"] * 20,
        Y,
        {},
        "cannot read 'nowhere.png' in row 0: No such file",
    ),
    "words": (
        np.full((20, 3), "a"),
        Y,
        {},
        "not compatible with arrays of bytes/strings",
    ),
    "weights all zero": (X, Y, {"sample_weight": np.zeros(20)}, "All sample_weight"),
    "negative weight": (
        X,
        Y,
        {"sample_weight": np.r_[np.ones(19), -1]},
        "row 19 has -1.0",
    ),
    "weights of another length": (
        X,
        Y,
        {"sample_weight": np.ones(3)},
        r"sample_weight.shape == \(3,\)",
    ),
    "weights leave one class": (
        X,
        Y,
        {"sample_weight": Y.astype(float)},
        "only 1 class",
    ),
    "X_val alone": (X, Y, {"X_val": X}, "must be given together"),
    "weights of no validation": (X, Y, {"sample_weight_val": Y}, "needs X_val"),
    "validation of another size": (
        X,
        Y,
        {"X_val": X[:, :-1], "y_val": Y},
        "^X_val and y_val: .*35 features, but .* is expecting 36",
    ),
    "a path": ("cat.png", Y, {}, r"X is 'cat.png', a single one. Pass \[X\]"),
    "unknown validation labels": (
        X,
        Y,
        {"X_val": X, "y_val": Y + 1},
        r"^X_val and y_val: .*labels \[2\].*not among the classes \[0, 1\]",
    ),
}

BAD_PARAMETERS = {
    "image_shape too small": (
        {"image_shape": (6, 5)},
        r"30 values.*36 columns.*\(6, 6\)",
    ),
    "image_shape of words": ({"image_shape": ("a", "b")}, "positive integers"),
    "image_size of three": ({"image_size": (1, 2, 3)}, r"\(height, width\)"),
    "image_size zero": ({"image_size": 0}, "'image_size' parameter"),
    "scales negative": ({"scales": (1.0, -0.5)}, "positive, finite factors"),
    "scales NaN": ({"scales": (np.nan,)}, "positive, finite factors"),
    "scales infinite": ({"scales": (1.0, np.inf)}, "positive, finite factors"),
    "scales equal": ({"scales": (1.0, 1.001)}, "differ in the first two decimals"),
    "scales empty": ({"scales": ()}, "positive, finite factors"),
    "backbone unknown": ({"backbone": "convnett"}, "Did you mean 'convnet'"),
    "fusion unknown": ({"fusion": "atention"}, "Did you mean 'attention'"),
    "head unknown": ({"head": "poold"}, "Did you mean 'pooled'"),
    "training unknown": ({"training": "standart"}, "Did you mean 'standard'"),
    "fusion is a module": ({"fusion": torch.nn.Identity()}, "'fusion' parameter"),
    "fusion is a class": ({"fusion": AttentionFusion}, "'fusion' parameter"),
    "fusion cannot be built": (
        {"fusion": AttentionFusion(channels=30, heads=4)},
        "multiple of heads.*28 or 32",
    ),
    "augment unknown": ({"augment": "flop"}, "unknown step 'flop'"),
    "value_range reversed": ({"value_range": (1, 0)}, "low < high"),
    "device unknown": ({"device": "abacus"}, "device='abacus' cannot be used"),
    "early stopping off": (
        {"early_stopping": False},
        "early_stopping=False, but X_val",
    ),
    "max_epochs": ({"max_epochs": 0}, "'max_epochs' parameter"),
    "class_weight negative": ({"class_weight": {1: -1.0}}, "-1.0 for 1, but weights"),
    "class_weight NaN": ({"class_weight": {0: np.nan}}, "nan for 0, but weights"),
    "class_weight zero": (
        {"class_weight": {0: 0.0, 1: 0.0}},
        "class_weight=.* makes the weights of all images zero",
    ),
    "lr that diverges": ({"lr": 1e9, "max_epochs": 9}, r"diverged.*lr=1e\+09"),
}


def _snapshot(estimator):
    weights = {k: v.clone() for k, v in estimator.network_.state_dict().items()}
    return dict(vars(estimator)), weights


def _assert_unchanged(estimator, snapshot):
    attributes, weights = snapshot
    assert vars(estimator) == attributes
    for name, value in estimator.network_.state_dict().items():
        assert torch.equal(value, weights[name])


@pytest.mark.parametrize(
    ("X_bad", "y", "extra", "match"), BAD_FITS.values(), ids=BAD_FITS
)
def test_bad_data(small, X_bad, y, extra, match):
    fresh = small(max_epochs=1)
    before = dict(vars(fresh))
    with pytest.raises(_ERRORS, match=match):
        fresh.fit(X_bad, y, **extra)
    assert vars(fresh) == before

    fitted = small(max_epochs=1).fit(X, Y)
    snapshot = _snapshot(fitted)
    with pytest.raises(_ERRORS, match=match):
        fitted.fit(X_bad, y, **extra)
    _assert_unchanged(fitted, snapshot)


@pytest.mark.parametrize(
    ("parameters", "match"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS
)
def test_bad_parameters(small, parameters, match):
    fitted = small(max_epochs=1).fit(X, Y)
    fitted.set_params(**parameters)
    snapshot = _snapshot(fitted)
    with pytest.raises(ValueError, match=match):
        fitted.fit(X, Y, X_val=X, y_val=Y)
    _assert_unchanged(fitted, snapshot)
    # A clone takes the parameters and says the same.
    with pytest.raises(ValueError, match=match):
        clone(fitted).fit(X, Y, X_val=X, y_val=Y)


BAD_PREDICTS = {
    "NaN": (_with(3, np.nan), "contains NaN in row 3"),
    "sparse": (sparse.csr_array(X), "[Ss]parse data was passed"),
    "narrow rows": (X[:, :-1], "35 features, but .* is expecting 36"),
    "no rows": (X[:0], r"0 sample\(s\)"),
    "another size": (np.zeros((2, 6, 7)), "6 x 7 pixels.*fitted on images of 6 x 6"),
    "one image": (np.zeros((6, 6)), r"shape \(6, 6\), a single one. Pass X\[None\]"),
    "one path": (Path("a.png"), r"PosixPath\('a.png'\), a single one. Pass \[X\]"),
    "another channel count": (np.zeros((2, 6, 6, 2)), "2 channels.*images with 1"),
}


@pytest.mark.parametrize(("X_bad", "match"), BAD_PREDICTS.values(), ids=BAD_PREDICTS)
def test_bad_images_at_predict(small, X_bad, match):
    fitted = small(max_epochs=1).fit(IMAGES, Y)
    snapshot = _snapshot(fitted)
    with pytest.raises(_ERRORS, match=match):
        fitted.predict(X_bad)
    _assert_unchanged(fitted, snapshot)


BAD_PARTIAL_FITS = {
    "unknown labels": (
        X,
        Y + 5,
        {},
        r"labels \[5, 6\].*not among the classes \[0, 1\]",
    ),
    "other classes": (X, Y, {"classes": [0, 1, 2]}, "differs from the last call"),
    "NaN": (_with(0, np.nan), Y, {}, "NaN in row 0"),
    "narrow rows": (X[:, 1:], Y, {}, "35 features, but .* is expecting 36"),
    "negative weight": (X, Y, {"sample_weight": -np.ones(20)}, "Negative values"),
}


@pytest.mark.parametrize(
    ("X_bad", "y", "extra", "match"), BAD_PARTIAL_FITS.values(), ids=BAD_PARTIAL_FITS
)
def test_bad_partial_fit(small, X_bad, y, extra, match):
    fitted = small().partial_fit(X, Y, classes=[0, 1])
    snapshot = _snapshot(fitted)
    with pytest.raises(ValueError, match=match):
        fitted.partial_fit(X_bad, y, **extra)
    _assert_unchanged(fitted, snapshot)


@pytest.mark.parametrize(
    ("classes", "match"), [(None, "classes must be passed"), ([1], "only 1 class")]
)
def test_first_partial_fit_needs_all_classes(small, classes, match):
    fresh = small()
    before = dict(vars(fresh))
    with pytest.raises(ValueError, match=match):
        fresh.partial_fit(X, Y, classes=classes)
    assert vars(fresh) == before


def test_ctrl_c_is_an_interruption_and_nothing_is_lost(small, monkeypatch):
    fitted = small(max_epochs=2).fit(X, Y)
    snapshot = _snapshot(fitted)

    def interrupted(self, images, generator):
        raise KeyboardInterrupt

    monkeypatch.setattr("skmultigran.images.Augmentation.__call__", interrupted)
    for call in (
        fitted.fit,
        fitted.partial_fit,
        fitted.set_params(warm_start=True).fit,
    ):
        fitted.set_params(warm_start=False)
        with pytest.raises(KeyboardInterrupt):
            call(X, Y)
        _assert_unchanged(fitted, snapshot)


def test_one_image_in_colour_at_predict(small):
    fitted = small(max_epochs=1).fit(np.zeros((20, 6, 6, 3)), Y)
    with pytest.raises(ValueError, match=r"\(6, 6, 3\), a single one. Pass X\[None\]"):
        fitted.predict(np.zeros((6, 6, 3)))


def test_too_little_to_hold_out(small):
    y = np.arange(20) % 10
    match = r"cannot hold out validation_fraction=0.05 of 20 images.*pass X_val"
    with pytest.raises(ValueError, match=match):
        small(early_stopping=True, validation_fraction=0.05).fit(X, y)


def test_too_much_to_hold_out(small):
    match = r"parameters\. Change validation_fraction"
    with pytest.raises(ValueError, match=match):
        small(early_stopping=True, validation_fraction=0.999).fit(X, Y)


def test_unknown_classes_of_validation(small):
    match = r"X_val and y_val: y has the labels \[7\].*learns its classes once"
    with pytest.raises(ValueError, match=match):
        small().fit(X, Y, X_val=X, y_val=np.full(20, 7))
