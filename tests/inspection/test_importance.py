import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmultigran import (
    ConvNetBackbone,
    MultiGranularityClassifier,
    MultiGranularityRegressor,
    MultiGranularityTransformer,
    PooledHead,
    ScatteringBackbone,
)
from skmultigran.inspection import granularity_importance

HANDMADE = {
    "trainable": "head",
    "max_epochs": 60,
    "batch_size": 16,
    "lr": 0.05,
    "random_state": 0,
    "value_range": (0, 1),
}
FINE, COARSE = 0, 1


@pytest.mark.parametrize(("answer", "needed"), [(1, FINE), (2, COARSE)])
@pytest.mark.parametrize("method", ["permute", "mean", "only"])
def test_only_the_granularity_that_knows_matters(
    textured, separate, answer, needed, method
):
    X, y = textured[0], textured[answer]
    model = MultiGranularityClassifier(backbone=separate, **HANDMADE).fit(X, y)
    assert model.score(X, y) == 1
    result = granularity_importance(model, X, y, method=method, random_state=0)
    assert result.granularities == ["s1.00_l0", "s1.00_l1"]
    other = 1 - needed
    assert result.importances_mean[needed] > 0.3
    # The other granularity knows nothing, and the net could only have learned noise.
    assert abs(result.importances_mean[other]) < 0.1


def test_hand_set_weights_give_exact_importances(textured, separate):
    X, y, _ = textured
    head = PooledHead(pooling=("avg",), grid=(1,))
    model = MultiGranularityClassifier(backbone=separate, head=head, **HANDMADE)
    model.fit(X, y)
    model.network_.head.linear.weight.data[:, 1] = 0  # blind to the coarse one
    result = granularity_importance(model, X, y, n_repeats=3, random_state=0)
    assert_array_equal(result.importances[1], 0)
    order = np.random.RandomState(0).permutation(len(X))
    expected = model.score(X, y) - accuracy_score(y, model.predict(X[order]))
    assert result.importances[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("wanted", ["texture", "layout"])
def test_scattering_finds_texture_fine_and_large_stripes_coarse(wanted):
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 60)
    period = 3 if wanted == "texture" else 16
    phase = generator.uniform(0, period, size=(60, 1, 1))
    along = np.where(y[:, None, None] == 0, *np.indices((32, 32))[:, None])
    X = 0.5 + 0.2 * np.sin(2 * np.pi * (along + phase) / period)
    X += generator.normal(0, 0.05, X.shape)
    model = make_pipeline(
        MultiGranularityTransformer(
            backbone=ScatteringBackbone(n_scales=3, max_order=1),
            head=PooledHead(pooling=("avg",), grid=(1,)),
            value_range=(0, 1),
        ),
        StandardScaler(),
        LinearDiscriminantAnalysis(),
    ).fit(X, y)
    result = granularity_importance(model, X, y, method="only")
    fine, _, coarse = result.importances_mean
    assert (fine > coarse + 0.2) if wanted == "texture" else (coarse > fine + 0.2)


def test_a_texture_that_vanishes_in_a_small_image_is_of_the_large_scale():
    generator = np.random.default_rng(0)
    y = np.arange(60) % 2
    checks = np.indices((16, 16)).sum(axis=0) % 2 - 0.5
    X = generator.uniform(0.3, 0.7, (60, 1, 1)) + 0.4 * y[:, None, None] * checks
    model = MultiGranularityClassifier(
        backbone=ConvNetBackbone(widths=(8,)),
        scales=(1.0, 0.25),
        max_epochs=10,
        batch_size=16,
        augment=None,
        random_state=0,
    ).fit(X, y)
    assert model.score(X, y) == 1
    result = granularity_importance(model, X, y, random_state=0)
    assert result.granularities == ["s1.00_l0", "s0.25_l0"]
    assert result.importances_mean[0] > 0.3
    assert abs(result.importances_mean[1]) < 0.05


@pytest.mark.parametrize("fusion", ["concat", "attention", "fpn"])
def test_the_backbone_runs_once_and_the_baseline_is_the_score(
    fitted, digits, network_calls, fusion
):
    model = fitted(fusion)
    baseline = model.score(*digits)  # also folds the network, which tries it
    network_calls.clear()
    model.predict(digits[0])
    once = len(network_calls)
    network_calls.clear()
    result = granularity_importance(model, *digits, random_state=0)
    assert len(network_calls) == once
    assert result.baseline == pytest.approx(baseline)
    assert result.importances.shape == (2, 5)
    assert_allclose(result.importances_mean, result.importances.mean(axis=1))
    assert_allclose(result.importances_std, result.importances.std(axis=1))


def test_the_estimator_stays_as_it_was(fitted, digits):
    model = fitted("concat")
    state = set(vars(model))
    before = model.predict_proba(digits[0])
    granularity_importance(model, *digits, n_repeats=1, random_state=0)
    assert set(vars(model)) == state
    assert_array_equal(model.predict_proba(digits[0]), before)


def test_the_same_seed_gives_the_same_in_any_number_of_threads(fitted, digits):
    results = [
        granularity_importance(fitted("concat"), *digits, random_state=3, n_jobs=n)
        for n in (None, 2)
    ]
    assert_array_equal(results[0].importances, results[1].importances)


def test_several_scores_give_a_result_each(fitted, digits):
    scoring = ["accuracy", "neg_log_loss"]
    results = granularity_importance(
        fitted("concat"), *digits, scoring=scoring, random_state=0
    )
    assert list(results) == scoring
    alone = granularity_importance(
        fitted("concat"), *digits, scoring="neg_log_loss", random_state=0
    )
    assert_allclose(results["neg_log_loss"].importances, alone.importances)


def test_weights_of_images_reach_the_score(fitted, digits):
    X, y = digits
    weights = np.r_[np.ones(50), np.zeros(150)]
    weighted = granularity_importance(
        fitted("concat"), X, y, method="mean", sample_weight=weights
    )
    assert weighted.baseline == fitted("concat").score(X[:50], y[:50])


def test_of_a_regressor_the_loss_of_r2(textured, separate):
    X, _, lit = textured
    y = lit + 3.0 * X.mean(axis=(1, 2))
    model = MultiGranularityRegressor(backbone=separate, **HANDMADE).fit(X, y)
    result = granularity_importance(model, X, y, random_state=0)
    assert result.baseline == pytest.approx(model.score(X, y))
    assert result.importances_mean[COARSE] > 0.5
    assert abs(result.importances_mean[FINE]) < 0.1


def _columns(**parameters):
    return MultiGranularityTransformer(value_range=(0, 16), **parameters)


def test_of_a_pipeline_the_same_as_by_hand(digits):
    X, y = digits
    model = make_pipeline(_columns(), StandardScaler(), LogisticRegression())
    model.fit(X, y)
    result = granularity_importance(model, X, y, n_repeats=2, random_state=0)
    generator = np.random.RandomState(0)
    orders = [generator.permutation(len(X)) for _ in range(2)]
    columns = model[0].transform(X)
    for i, part in enumerate(model[0].granularity_slices_.values()):
        for j, order in enumerate(orders):
            changed = columns.copy()
            changed[:, part] = columns[order, part]
            expected = model.score(X, y) - model[1:].score(changed, y)
            assert result.importances[i, j] == pytest.approx(expected)


def test_pipelines_within_pipelines_frames_and_regressors(digits):
    X, y = digits
    features = make_pipeline(_columns(), PCA(20))
    model = make_pipeline(features, Ridge()).set_output(transform="pandas")
    model.fit(X, y)  # behind the transformer everything has names of columns
    result = granularity_importance(model, X, y, random_state=0)
    assert result.baseline == pytest.approx(model.score(X, y))
    assert (result.importances_mean > 0.1).all()


def test_a_predictor_at_the_end_of_a_pipeline(fitted, digits):
    model = make_pipeline(FunctionTransformer(), fitted("concat"))
    inside = granularity_importance(fitted("concat"), *digits, random_state=0)
    result = granularity_importance(model, *digits, random_state=0)
    assert_array_equal(result.importances, inside.importances)


class _Unlike(BaseEstimator):
    def fit(self, X, y):
        return self


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (_Unlike(), "_Unlike, which has no granularities"),
        (make_pipeline(StandardScaler(), Ridge()), "Pipeline, which has no gran"),
        (GridSearchCV(Ridge(), {"alpha": [1.0]}), "Ridge, which has no gran"),
        (_columns(), "that answers nothing. Pass a Pipeline"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_refuses_what_has_no_granularities_or_no_answer(digits, model, message):
    X, y = digits
    with pytest.raises(TypeError, match=message):
        granularity_importance(model.fit(X, y), X, y)


def test_refuses_fused_columns(digits):
    model = make_pipeline(_columns(output="fused"), Ridge()).fit(*digits)
    with pytest.raises(AttributeError, match="output='granularities' only"):
        granularity_importance(model, *digits)


def test_refuses_an_unknown_method(fitted, digits):
    with pytest.raises(ValueError, match="'method' parameter"):
        granularity_importance(fitted("concat"), *digits, method="drop")
