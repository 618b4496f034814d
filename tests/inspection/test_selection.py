import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmultigran import (
    ConvNetBackbone,
    MultiGranularityClassifier,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    MultiGranularitySegmenter,
    MultiGranularityTransformer,
    PooledHead,
)
from skmultigran.inspection import select_granularities

FINE, COARSE = "s1.00_l0", "s1.00_l1"


def columns(separate, **parameters):
    head = PooledHead(pooling=("avg",), grid=(2,))
    return MultiGranularityTransformer(
        backbone=separate, head=head, value_range=(0, 1), **parameters
    )


@pytest.mark.parametrize(
    ("answer", "wanted"), [("texture", [FINE]), ("layout", [COARSE])]
)
def test_one_granularity_is_enough_where_one_knows_all(
    textured, separate, answer, wanted
):
    X, rough, lit = textured
    y = rough if answer == "texture" else lit
    found = select_granularities(columns(separate).fit(X), X, y)
    assert found.granularities == found.order == wanted
    assert found.scores == pytest.approx([1.0])
    assert found.full_score == pytest.approx(1.0)
    assert found.scales == (1.0,)
    assert found.out_indices is None  # this backbone cannot leave out a level


def test_both_where_the_answer_needs_both(textured, separate):
    X, rough, lit = textured
    found = select_granularities(columns(separate).fit(X), X, 2 * rough + lit)
    assert found.granularities == [FINE, COARSE]
    assert found.scores[1] == pytest.approx(1.0)
    assert found.scores[0] < 0.8
    assert_array_equal(found.columns, np.arange(8))


def test_numbers_and_a_count(textured, separate):
    X, _, lit = textured
    y = lit + X.mean(axis=(1, 2))
    transformer = columns(separate).fit(X)
    found = select_granularities(transformer, X, y, n_granularities=2)
    assert found.order[0] == COARSE
    assert len(found.order) == 2
    assert found.scores[0] > 0.95  # R2
    assert found.cv_scores.shape == (2, 5)


def test_of_a_pipeline_the_steps_behind_on_the_same_folds(digits):
    X, y = digits
    model = make_pipeline(
        MultiGranularityTransformer(value_range=(0, 16)),
        StandardScaler(),
        LogisticRegression(),
    ).fit(X, y)
    cv = StratifiedKFold(3)
    found = select_granularities(model, X, y, cv=cv, tol=0)
    table = model[0].transform(X)
    for name, score in zip(found.order[:1], found.scores, strict=False):
        part = table[:, model[0].granularity_slices_[name]]
        expected = cross_val_score(clone(model[1:]), part, y, cv=cv)
        assert score == pytest.approx(expected.mean())
    expected = cross_val_score(clone(model[1:]), table, y, cv=cv).mean()
    assert found.full_score == pytest.approx(expected)


def test_processes_get_columns_and_not_the_estimator(textured, separate):
    X, rough, _ = textured
    transformer = columns(separate).fit(X)
    alone = select_granularities(transformer, X, rough, cv=2)
    transformer.lock_ = threading.Lock()  # nothing that holds it can be sent
    together = select_granularities(transformer, X, rough, cv=2, n_jobs=2)
    assert together.order == alone.order
    assert_array_equal(together.cv_scores, alone.cv_scores)


@pytest.fixture(scope="module")
def wide(digits):
    """Return a classifier of two scales and three of four levels."""
    return MultiGranularityClassifier(
        backbone=ConvNetBackbone(widths=(4, 8, 8, 8), out_indices=(-1, 0, 2)),
        scales=(1.0, 0.5),
        max_epochs=2,
        batch_size=32,
        random_state=0,
    ).fit(*digits)


def test_what_is_returned_makes_a_smaller_estimator(wide, digits, network_calls):
    X, y = digits
    wide.predict(X)  # folds the network, which tries it
    network_calls.clear()
    wide.predict(X)
    once = len(network_calls)
    network_calls.clear()
    found = select_granularities(wide, X, y, n_granularities=2)
    assert len(network_calls) == once
    assert set(found.out_indices) < {0, 2, 3}
    smaller = clone(wide).set_params(
        scales=found.scales, backbone__out_indices=found.out_indices
    )
    smaller.fit(X, y)
    assert len(smaller.granularities_) == len(found.scales) * len(found.out_indices)
    strides = dict(zip(wide.granularities_, wide.levels_, strict=True))
    assert {strides[name] for name in found.granularities} <= set(smaller.levels_)


@pytest.mark.parametrize("fusion", ["fpn", "attention"])
def test_any_fusion_and_regressors(digits, fusion):
    X, y = digits
    model = MultiGranularityRegressor(
        backbone=ConvNetBackbone(widths=(4, 8)), fusion=fusion, max_epochs=1
    ).fit(X, y)
    found = select_granularities(model, X, y, n_granularities=1)
    assert len(found.granularities) == 1


def test_a_task_of_several(digits):
    X, y = digits
    model = MultiGranularityMultiTask(
        tasks={"digit": "classification"},
        backbone=ConvNetBackbone(widths=(4, 8)),
        max_epochs=1,
    ).fit(X, {"digit": y})
    found = select_granularities(model, X, y, model=RidgeClassifier(), cv=2)
    assert found.scores[-1] > 0.5
    with pytest.raises(ValueError, match=r"chooses for one answer.*y\['digit'\]"):
        select_granularities(model, X, {"digit": y}, cv=2)


def test_refuses_more_than_there_are_and_models_of_pixels(digits, separate):
    X, y = digits
    transformer = MultiGranularityTransformer(value_range=(0, 16)).fit(X)
    with pytest.raises(ValueError, match="n_granularities=5, but there are 2: s1.00"):
        select_granularities(transformer, X, y, n_granularities=5)
    images = X[:4].reshape(4, 8, 8)
    masks = (images > 8).astype(int)
    model = MultiGranularitySegmenter(max_epochs=1).fit(images, masks)
    with pytest.raises(TypeError, match="takes models of whole images only"):
        select_granularities(model, images, y[:4])
