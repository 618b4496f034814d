"""Columns of images in estimators: the same model in every form, and bad files."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from skmultigran import MultiGranularityTransformer

Image = pytest.importorskip("PIL.Image")

N = 24
GENERATOR = np.random.default_rng(0)
Y = np.arange(N) % 2
# The left or the right half is bright.
IMAGES = GENERATOR.integers(0, 80, (N, 8, 8, 3), dtype=np.uint8)
IMAGES[Y == 0, :, :4] += 150
IMAGES[Y == 1, :, 4:] += 150
ANY_SIZE = [image[: 6 + row % 3, : 8 - row % 2] for row, image in enumerate(IMAGES)]


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def saved(images, folder):
    folder.mkdir(exist_ok=True)
    paths = [str(folder / f"{row:02d}.png") for row in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    return paths


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return saved(IMAGES, tmp_path_factory.mktemp("equal"))


@pytest.fixture(scope="module")
def mixed_paths(tmp_path_factory):
    return saved(ANY_SIZE, tmp_path_factory.mktemp("mixed"))


FORMS = {
    "list": lambda images, paths: list(images),
    "object array": lambda images, paths: objects(list(images)),
    "series of arrays": lambda images, paths: pd.Series(list(images)),
    "pictures": lambda images, paths: [Image.fromarray(image) for image in images],
    "paths": lambda images, paths: paths,
    "Paths": lambda images, paths: [Path(path) for path in paths],
    "array of str": lambda images, paths: np.array(paths),
    "column of str": lambda images, paths: np.array(paths)[:, None],
    "series": lambda images, paths: pd.Series(paths),
    "frame": lambda images, paths: pd.DataFrame({"path": paths}),
    "object frame": lambda images, paths: pd.DataFrame({"path": paths}, dtype=object),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_model(small, paths, form):
    expected = small(max_epochs=1).fit(IMAGES, Y).predict_proba(IMAGES)
    X = form(IMAGES, paths)
    fitted = small(max_epochs=1).fit(X, Y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)
    assert fitted.image_shape_ == (8, 8, 3)
    assert fitted.image_size_ == (8, 8)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_different_sizes_gives_the_same_model(small, mixed_paths, form):
    expected = small(max_epochs=1, image_size=8).fit(ANY_SIZE, Y)
    X = form(ANY_SIZE, mixed_paths)
    fitted = small(max_epochs=1, image_size=8).fit(X, Y)
    np.testing.assert_array_equal(
        fitted.predict_proba(X), expected.predict_proba(ANY_SIZE)
    )
    assert fitted.image_size_ == (8, 8)
    assert fitted.n_features_in_ == 1


def test_size_is_chosen_where_images_have_several(small, mixed_paths):
    fitted = small(max_epochs=1).fit(mixed_paths, Y)
    # The median of the longer sides.
    assert fitted.image_size_ == (8, 8)
    assert fitted.image_shape_ == (8, 8, 3)
    assert fitted.predict(IMAGES[:, :5]).shape == (N,)


def test_shapes_and_names_of_each_form(small, paths):
    for X, n_features in [
        (IMAGES, 192),
        (list(IMAGES), 192),
        (paths, 1),
        (pd.Series(paths), 1),
        ([Image.fromarray(image) for image in IMAGES], 1),
    ]:
        fitted = small(max_epochs=1).fit(X, Y)
        assert fitted.n_features_in_ == n_features
        assert not hasattr(fitted, "feature_names_in_")
    fitted.fit(pd.DataFrame({"path": paths}), Y)
    assert fitted.n_features_in_ == 1
    assert fitted.feature_names_in_.tolist() == ["path"]
    with pytest.raises(ValueError, match="feature names should match.*\n.*\n- other"):
        fitted.predict(pd.DataFrame({"other": paths}))
    fitted.fit(paths, Y)
    assert not hasattr(fitted, "feature_names_in_")


def test_rows_are_no_images_for_a_model_of_files(small, paths):
    fitted = small(max_epochs=1).fit(paths, Y)
    for rows in (IMAGES.reshape(N, -1), np.zeros((3, 1))):
        with pytest.raises(ValueError, match="flattened rows, but .* of any size"):
            fitted.predict(rows)


def test_channels_follow_those_of_fit(small, tmp_path, paths):
    grey = IMAGES[:, :, :, 0]
    grey_paths = saved(grey, tmp_path / "grey")
    of_grey = small(max_epochs=1).fit(grey_paths, Y)
    assert of_grey.image_shape_ == (8, 8, 1)
    seen = np.asarray(IMAGES @ np.float32([0.299, 0.587, 0.114])).round()
    np.testing.assert_array_equal(
        of_grey.predict_proba(paths), of_grey.predict_proba(seen.astype(np.uint8))
    )
    of_colour = small(max_epochs=1).fit(paths, Y)
    np.testing.assert_array_equal(
        of_colour.predict_proba(grey_paths),
        of_colour.predict_proba(grey[..., None].repeat(3, axis=3)),
    )
    both = small(max_epochs=1).fit(paths[:12] + grey_paths[12:], Y)
    assert both.image_shape_ == (8, 8, 3)


@pytest.mark.parametrize("form", [list, np.asarray], ids=["list", "array"])
def test_images_of_one_shape_get_the_channels_of_fit(small, form):
    of_grey = small(max_epochs=1).fit(IMAGES[:, :, :, 0], Y)
    colours = np.repeat(IMAGES[:, :, :, :1], 3, axis=3)
    expected = of_grey.predict_proba(IMAGES[:, :, :, 0])
    np.testing.assert_array_equal(of_grey.predict_proba(form(colours)), expected)
    of_colour = small(max_epochs=1).fit(colours, Y)
    np.testing.assert_array_equal(
        of_colour.predict_proba(form(IMAGES[:, :, :, 0])),
        of_colour.predict_proba(colours),
    )
    with pytest.raises(ValueError, match="2 channels.*Convert the images to 1"):
        of_grey.predict(form(colours[..., :2]))


def test_threads_give_the_same_bytes(small, mixed_paths):
    one = small(max_epochs=1).fit(mixed_paths, Y)
    two = small(max_epochs=1, n_jobs=2).fit(mixed_paths, Y)
    np.testing.assert_array_equal(
        one.predict_proba(mixed_paths), two.predict_proba(mixed_paths)
    )


def test_prediction_reads_each_file_once(small, paths, monkeypatch):
    from skmultigran.images import _listed

    fitted = small(max_epochs=1).fit(paths, Y)
    original, read = _listed.read_file, []
    monkeypatch.setattr(
        _listed, "read_file", lambda path: read.append(path) or original(path)
    )
    fitted.predict(paths)
    assert read == paths
    read.clear()
    fitted.fit(paths, Y)
    assert read == paths


def test_pickle_and_clone(small, paths):
    fitted = small(max_epochs=1).fit(paths, Y)
    again = pickle.loads(pickle.dumps(fitted))
    expected = fitted.predict_proba(paths)
    np.testing.assert_array_equal(again.predict_proba(paths), expected)
    refitted = clone(fitted).fit(paths, Y)
    np.testing.assert_array_equal(refitted.predict_proba(paths), expected)


# ------------------------------------------------------------------ bad files


@pytest.fixture
def broken(tmp_path):
    """Return paths of which row 3 is missing and row 10 is damaged inside."""
    made = saved(IMAGES, tmp_path / "broken")
    Path(made[3]).unlink()
    content = bytearray(Path(made[10]).read_bytes())
    content[content.index(b"IDAT") + 60] ^= 0xFF
    Path(made[10]).write_bytes(content)
    return made


GOOD = np.delete(np.arange(N), [3, 10])


def test_a_bad_file_is_named_and_nothing_is_lost(small, paths, broken):
    fitted = small(max_epochs=1).fit(paths, Y)
    before = dict(vars(fitted))
    expected = fitted.predict_proba(paths)
    for call in (lambda X: fitted.fit(X, Y), fitted.predict):
        with pytest.raises(ValueError, match=r"03\.png' in row 3: No such file.*Rep"):
            call(broken)
        hidden = broken[:3] + paths[3:4] + broken[4:]
        with pytest.raises(ValueError, match=r"10\.png' in row 10: Pillow cannot dec"):
            call(hidden)
        assert vars(fitted) == before
    np.testing.assert_array_equal(fitted.predict_proba(paths), expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_skipping_equals_fitting_the_good_rows(small, broken, weighted):
    weights = GENERATOR.uniform(1, 3, size=N) if weighted else None
    skipping = small(max_epochs=2, on_error="skip", class_weight="balanced")
    with pytest.warns(UserWarning, match=r"leaves out 2 of 24.*03\.png.*10\.png") as w:
        skipping.fit(broken, Y, sample_weight=weights)
    assert len(w) == 1
    good = small(max_epochs=2, class_weight="balanced").fit(
        [broken[row] for row in GOOD],
        Y[GOOD],
        sample_weight=weights[GOOD] if weighted else None,
    )
    X = [broken[row] for row in GOOD]
    np.testing.assert_array_equal(skipping.predict_proba(X), good.predict_proba(X))


ABSENT = {
    "large": np.zeros((300, 500, 3), np.uint8),
    "grey": np.zeros((8, 8), np.uint8),
    "16 bits": np.zeros((8, 8, 3), np.uint16),
    "five channels": np.zeros((8, 8, 5), np.uint8),
    "missing": "no such file",
}


@pytest.mark.parametrize("absent", ABSENT.values(), ids=ABSENT)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_weight_zero_equals_absence_whatever_the_image(
    small, mixed_paths, absent, on_error
):
    weights = np.ones(N)
    weights[:6] = 0
    expected = small(max_epochs=1).fit(mixed_paths[6:], Y[6:])
    model = small(max_epochs=1, on_error=on_error)
    model.fit([absent] * 6 + mixed_paths[6:], Y, sample_weight=weights)
    assert model.image_shape_ == expected.image_shape_
    assert model.value_range_ == expected.value_range_
    np.testing.assert_array_equal(
        model.predict_proba(mixed_paths), expected.predict_proba(mixed_paths)
    )


def test_weight_zero_equals_absence_without_a_task_and_in_validation(
    small, mixed_paths
):
    X, weights = ["no such file", *mixed_paths[1:]], np.ones(N)
    weights[0] = 0
    columns = MultiGranularityTransformer().fit(X, sample_weight=weights)
    assert columns.image_shape_ == (8, 8, 3)
    small(max_epochs=1).fit(mixed_paths, Y, X_val=X, y_val=Y, sample_weight_val=weights)
    X[5] = "no such file either"
    with pytest.raises(ValueError, match="'no such file either' in row 5"):
        columns.fit(X, sample_weight=weights)


def test_skipping_in_partial_fit(small, broken):
    skipping = small(on_error="skip")
    with pytest.warns(UserWarning, match="leaves out 2 of 24"):
        skipping.partial_fit(broken, Y, classes=[0, 1])
    X = [broken[row] for row in GOOD]
    good = small().partial_fit(X, Y[GOOD], classes=[0, 1])
    np.testing.assert_array_equal(skipping.predict_proba(X), good.predict_proba(X))


def test_skipping_says_nothing_where_all_is_well(small, paths):
    skipping = small(max_epochs=1, on_error="skip").fit(paths, Y)
    strict = small(max_epochs=1).fit(paths, Y)
    np.testing.assert_array_equal(
        skipping.predict_proba(paths), strict.predict_proba(paths)
    )


def test_skipping_names_five_of_many(small, paths):
    X = [*paths[:12], *(f"none{row}.png" for row in range(12, N))]
    with pytest.warns(UserWarning, match=r"leaves out 12 of 24.*none16\.png.*\.\.\.$"):
        small(max_epochs=1, on_error="skip").fit(X, Y)


def test_skipping_everything_is_an_error(small, paths):
    skipping = small(max_epochs=1, on_error="skip")
    before = dict(vars(skipping))
    with pytest.raises(ValueError, match="cannot read a single one of 24 images"):
        skipping.fit(["none.png"] * N, Y)
    X = [paths[0], *["none.png"] * (N - 1)]
    weights = np.r_[0.0, np.ones(N - 1)]
    with pytest.raises(ValueError, match="cannot read a single one of 23 images"):
        skipping.fit(X, Y, sample_weight=weights)
    assert vars(skipping) == before


def test_predictions_and_validation_never_skip(small, paths, broken):
    skipping = small(max_epochs=1, on_error="skip").fit(paths, Y)
    for call in (
        skipping.predict,
        skipping.predict_proba,
        lambda X: skipping.score(X, Y),
        lambda X: skipping.fit(paths, Y, X_val=X, y_val=Y),
    ):
        with pytest.raises(ValueError, match=r"03\.png' in row 3: No such file"):
            call(broken)


@pytest.mark.filterwarnings("ignore:.*leaves out")
def test_cross_validation_fails_where_a_bad_file_is_scored(small, broken):
    # The fold that trains on the bad rows has a score, those that predict them raise.
    skipping = small(max_epochs=1, on_error="skip")
    folds = [(np.arange(12), np.arange(12, N)), (np.arange(12, N), np.arange(12))]
    scores = cross_val_score(skipping, broken, Y, cv=folds[:1])
    assert np.isfinite(scores).all()
    with pytest.raises(ValueError, match=r"03\.png' in row 3: No such file"):
        cross_val_score(skipping, broken, Y, cv=folds, error_score="raise")


def test_skipping_takes_pictures_and_arrays_too(small):
    X = [*ANY_SIZE]
    X[5] = np.full((4, 4, 3), np.nan)
    X[6] = None
    with pytest.warns(UserWarning, match="row 5: it has NaN.*row 6: it is None"):
        small(max_epochs=1, on_error="skip").fit(X, Y)


# ---------------------------------------------------------- inside scikit-learn


@pytest.mark.parametrize("form", ["paths", "Paths", "array of str", "series", "frame"])
def test_grid_search(small, paths, form):
    X = FORMS[form](IMAGES, paths)
    search = GridSearchCV(small(max_epochs=1), {"lr": [0.01, 0.02]}, cv=2)
    search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X).shape == (N,)


@pytest.mark.parametrize("column", ["path", ["path"]], ids=["series", "frame"])
def test_a_column_beside_numbers(paths, column):
    frame = pd.DataFrame({"age": np.arange(N), "path": paths})
    columns = ColumnTransformer(
        [
            ("images", MultiGranularityTransformer(), column),
            ("age", "passthrough", ["age"]),
        ]
    )
    expected = MultiGranularityTransformer().fit(paths).transform(paths)
    found = columns.fit_transform(frame)
    np.testing.assert_array_equal(found[:, :-1], expected)
    model = make_pipeline(columns, LogisticRegression(max_iter=1000))
    search = GridSearchCV(
        model, {"columntransformer__images__power": [0.5, 1.0]}, cv=2
    ).fit(frame, Y)
    assert search.best_score_ == 1.0


def test_frames_with_more_columns_are_refused(small, paths):
    frame = pd.DataFrame({"age": np.arange(N), "path": paths})
    fresh = small(max_epochs=1)
    with pytest.raises(ValueError, match=r"of which 'path' holds.*X\[\['path'\]\]"):
        fresh.fit(frame, Y)
    assert not hasattr(fresh, "n_features_in_")
