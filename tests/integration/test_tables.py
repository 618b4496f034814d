"""Images in one column of a table, and numbers and words in the others."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_files
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmultigran import (
    ConvNetBackbone,
    MultiGranularityClassifier,
    MultiGranularityTransformer,
    PooledHead,
)

N_IMAGES = 24


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Red and blue photographs of several sizes, and what is known besides."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(0)
    paths = []
    for number in range(N_IMAGES):
        pixels = random.integers(0, 80, (16 + number % 3, 20, 3), dtype=np.uint8)
        pixels[:, :, 2 * (number % 2)] += 120
        paths.append(str(folder / f"{number}.jpg"))
        Image.fromarray(pixels).save(paths[-1])
    return pd.DataFrame(
        {
            "age": random.uniform(20, 60, N_IMAGES),
            "path": paths,
            "town": random.choice(["Bern", "Rome"], N_IMAGES),
        },
        index=[f"row {number}" for number in range(N_IMAGES)],
    )


# The label needs the photograph and the town.
def labels(table):
    red = np.arange(len(table)) % 2 == 0
    return np.where(red, "red", "blue") + np.char.add(" ", table["town"].to_numpy("U"))


def columns(**parameters):
    image = MultiGranularityTransformer(
        backbone="scale_space", head=PooledHead(grid=(1,)), image_size=8, **parameters
    )
    return ColumnTransformer(
        [
            ("image", image, "path"),
            ("numbers", StandardScaler(), ["age"]),
            ("words", OneHotEncoder(sparse_output=False), ["town"]),
        ]
    )


def test_all_columns_are_used(table):
    y = labels(table)
    model = make_pipeline(columns(), LogisticRegression(max_iter=1000)).fit(table, y)
    assert model.score(table, y) == 1


@pytest.mark.parametrize("dtype", ["str", object, "string", "category"])
@pytest.mark.parametrize("column", ["path", ["path"]], ids=["name", "list"])
def test_paths_of_any_type_give_the_same(table, dtype, column):
    asked = columns()
    asked.set_params(transformers=[("image", asked.transformers[0][1], column)])
    found = clone(asked).fit_transform(table.astype({"path": dtype}))
    np.testing.assert_array_equal(found, asked.fit_transform(table))


def test_frames_keep_their_index_and_name_all_columns(table):
    transformer = columns().set_output(transform="pandas").fit(table)
    found = transformer.transform(table[::-1])
    assert found.index.equals(table.index[::-1])
    assert found.columns[0].startswith("image__s1.00_l0_avg")
    assert list(found.columns[-3:]) == [
        "numbers__age",
        "words__town_Bern",
        "words__town_Rome",
    ]
    np.testing.assert_array_equal(
        transformer.get_feature_names_out(), found.columns.to_numpy()
    )


def test_a_search_that_remembers_features_finds_the_same(table, tmp_path):
    y = table["town"]
    grid = {"columntransformer__image__power": [0.5, 1.0]}
    model = make_pipeline(columns(), LogisticRegression(max_iter=1000))
    plain = GridSearchCV(model, grid, cv=2, error_score="raise").fit(table, y)
    model.set_params(columntransformer__image__memory=str(tmp_path))
    kept = GridSearchCV(model, grid, cv=2, error_score="raise").fit(table, y)
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(kept.cv_results_[name], plain.cv_results_[name])
    assert any(tmp_path.iterdir())


def test_what_needs_numbers_goes_behind_the_columns(table):
    y = labels(table)
    linear = LogisticRegression(max_iter=1000)
    bag = BaggingClassifier(linear, n_estimators=3, random_state=0)
    assert make_pipeline(columns(), bag).fit(table, y).score(table, y) > 0.7


def test_a_trained_network_goes_beside_a_model_of_the_other_columns(table):
    network = MultiGranularityClassifier(
        backbone=ConvNetBackbone(widths=(4,)),
        image_size=8,
        max_epochs=4,
        lr=0.05,
        random_state=0,
    )
    image = ColumnTransformer([("image", "passthrough", ["path"])])
    others = columns().set_params(image="drop")
    members = [
        ("network", make_pipeline(image, network)),
        ("rest", make_pipeline(others, LogisticRegression())),
    ]
    stack = StackingClassifier(members, LogisticRegression(C=100.0), cv=2)
    y = labels(table)
    assert stack.fit(table, y).score(table, y) == 1


def test_a_folder_per_class_is_read_as_scikit_learn_lists_it(table, tmp_path):
    for number, path in enumerate(table["path"]):
        folder = tmp_path / ["red", "blue"][number % 2]
        folder.mkdir(exist_ok=True)
        Image.open(path).save(folder / f"{number}.png")
    files = load_files(tmp_path, load_content=False)
    network = MultiGranularityClassifier(
        backbone=ConvNetBackbone(widths=(4,)),
        image_size=8,
        max_epochs=8,
        lr=0.05,
        random_state=0,
    )
    network.fit(files.filenames, files.target)
    assert network.score(files.filenames, files.target) > 0.9
    with pytest.raises(ValueError, match="entries of type bytes.*Pass paths"):
        network.fit(load_files(tmp_path).data, files.target)


def test_a_network_refuses_the_whole_table(table):
    with pytest.raises(ValueError, match=r"of which 'path' holds images or paths"):
        MultiGranularityClassifier().fit(table, labels(table))


@pytest.mark.parametrize("column", ["image", ["image"]], ids=["name", "list"])
def test_images_of_one_size_are_one_column_of_a_frame(column):
    frame = pd.DataFrame({"image": [*np.random.default_rng(0).random((6, 8, 8))]})
    image = MultiGranularityTransformer(backbone="scale_space")
    table = ColumnTransformer([("image", image, column)])
    found = table.set_output(transform="pandas").fit_transform(frame)
    expected = image.fit(frame["image"]).get_feature_names_out(["image"])
    assert list(found.columns) == [f"image__{name}" for name in expected]
    with pytest.raises(ValueError, match="should have length"):
        image.get_feature_names_out(["image", "other"])
