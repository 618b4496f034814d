"""What granularities count for in models of images beside other columns."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmultigran import MultiGranularityTransformer, PooledHead
from skmultigran.inspection import (
    granularity_importance,
    granularity_maps,
    granularity_similarity,
    select_granularities,
)
from skmultigran.inspection._beside import columns_beside


@pytest.fixture(scope="module")
def table():
    """Bright or dark images in a column, a number that tells as much, and noise."""
    generator = np.random.default_rng(0)
    y = np.arange(60) % 2
    images = generator.uniform(0, 0.4, (60, 8, 8)) + 0.5 * y[:, None, None]
    frame = pd.DataFrame({"noise": generator.normal(size=60), "image": [*images]})
    return frame, y


def image_columns():
    return MultiGranularityTransformer(
        backbone="scale_space", head=PooledHead(grid=(1,))
    )


def model_of(*others, branch=None, **parameters):
    branches = [*others, ("image", branch or image_columns(), "image")]
    table = ColumnTransformer(branches, **parameters)
    return make_pipeline(table, LogisticRegression())


OTHERS = ("noise", StandardScaler(), ["noise"])


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_as_without_a_table(table, output):
    frame, y = table
    images = np.stack(frame["image"])
    alone = make_pipeline(image_columns(), LogisticRegression()).fit(images, y)
    model = model_of(("nothing", "drop", ["noise"]))
    model.set_output(transform=output).fit(frame, y)
    for how in ({"random_state": 0}, {"method": "mean"}, {"method": "only"}):
        expected = granularity_importance(alone, images, y, **how)
        found = granularity_importance(model, frame, y, **how)
        np.testing.assert_allclose(found.importances, expected.importances)
        assert found.baseline == expected.baseline
        assert found.granularities == expected.granularities


@pytest.mark.parametrize("sparse_threshold", [0.0, 1.0])
def test_other_columns_stay_as_they_are(table, sparse_threshold):
    frame, y = table
    to_sparse = ("same", FunctionTransformer(sparse.csr_array), ["noise"])
    frame = frame.assign(noise=y * 100.0)  # tells everything
    model = model_of(to_sparse, sparse_threshold=sparse_threshold)
    model.fit(frame, y)
    found = granularity_importance(model, frame, y, random_state=0)
    assert found.baseline == 1
    np.testing.assert_allclose(found.importances, 0)


def test_of_a_branch_with_steps_of_its_own(table):
    frame, y = table
    branch = make_pipeline(image_columns(), StandardScaler())
    model = model_of(OTHERS, branch=branch).fit(frame, y)
    found = granularity_importance(model, frame, y, method="only")
    assert found.baseline < 0.7 < found.importances_mean.max() + found.baseline


def test_maps_and_similarity(table):
    frame, y = table
    images = np.stack(frame["image"])
    alone = image_columns().fit(images)
    model = model_of(OTHERS).fit(frame, y)
    found = granularity_similarity(model, frame)
    expected = granularity_similarity(alone, images)
    np.testing.assert_allclose(found.similarity, expected.similarity)
    with pytest.raises(TypeError, match="MultiGranularityTransformer"):
        granularity_maps(model, frame)


def test_selection_wants_to_know_who_learns(table):
    frame, y = table
    model = model_of(OTHERS).fit(frame, y)
    with pytest.raises(ValueError, match="Pass model="):
        select_granularities(model, frame, y)
    found = select_granularities(model, frame, y, model=LogisticRegression(), cv=2)
    assert found.scores[-1] > 0.9


def test_two_columns_of_images_are_refused(table):
    frame, y = table
    frame = frame.assign(other=frame["image"])
    model = model_of(("other", image_columns(), "other")).fit(frame, y)
    with pytest.raises(TypeError, match="ColumnTransformer with one such column"):
        granularity_importance(model, frame, y)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, pd.DataFrame])
def test_columns_beside(kind):
    whole = np.arange(12.0).reshape(3, 4)
    table = kind(whole)
    found = columns_beside(table, slice(1, 3)).transform(np.zeros((3, 2)))
    assert type(found) is type(table)
    dense = found.toarray() if sparse.issparse(found) else np.asarray(found)
    assert np.array_equal(dense[:, 1:3], np.zeros((3, 2)))
    assert np.array_equal(dense[:, [0, 3]], whole[:, [0, 3]])
    kept = table.toarray() if sparse.issparse(table) else np.asarray(table)
    assert np.array_equal(kept, whole)
