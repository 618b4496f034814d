"""The transformer: columns, their names, and its independence of y."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from torch.nn import functional

from skmultigran import (
    AttentionFusion,
    ConcatFusion,
    ConvNetBackbone,
    MultiGranularityTransformer,
    PooledHead,
)

POOL = {"avg": functional.adaptive_avg_pool2d, "max": functional.adaptive_max_pool2d}


@pytest.fixture
def trained():
    """Return a factory of transformers that train in well under a second."""

    def make(**parameters):
        defaults = {
            "task": "classification",
            "backbone": ConvNetBackbone(widths=(8, 16)),
            "max_epochs": 4,
            "batch_size": 16,
            "lr": 0.02,
            "augment": None,
            "random_state": 0,
        }
        return MultiGranularityTransformer(**(defaults | parameters))

    return make


def _unit_images(transformer, X):
    """Return flat rows as `(n, 1, 8, 8)` with values in [0, 1], as the network sees."""
    return torch.tensor(X / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)


# ---------------------------------------------------------------- columns and names


@pytest.mark.parametrize("pooling", [("avg",), ("max", "avg")])
@pytest.mark.parametrize("grid", [(1,), (1, 2), (3,)])
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_columns_are_the_pooled_maps(digits, pooling, grid, power):
    X, _ = digits
    transformer = MultiGranularityTransformer(
        head=PooledHead(pooling=pooling, grid=grid), scales=(1.0, 0.5), power=power
    )
    columns = transformer.fit_transform(X)
    with torch.inference_mode():
        maps = transformer.network_.extract(_unit_images(transformer, X))
    slices = transformer.granularity_slices_
    assert list(slices) == transformer.granularities_
    for granularity, map_ in zip(transformer.granularities_, maps, strict=True):
        sides = sorted({min(side, map_.shape[-1]) for side in grid})
        by_hand = [
            POOL[name](map_, side).flatten(1) for side in sides for name in pooling
        ]
        np.testing.assert_allclose(
            columns[:, slices[granularity]],
            torch.cat(by_hand, dim=1).numpy() ** power,
            rtol=1e-4,
            atol=1e-4,
        )


def test_slices_cover_the_columns_in_order(digits):
    transformer = MultiGranularityTransformer(scales=(1.0, 0.5)).fit(digits[0])
    slices = list(transformer.granularity_slices_.values())
    assert slices[0].start == 0
    assert [s.stop for s in slices[:-1]] == [s.start for s in slices[1:]]
    assert slices[-1].stop == transformer.transform(digits[0]).shape[1]


@pytest.mark.parametrize("output", ["granularities", "fused"])
@pytest.mark.parametrize("grid", [(1,), (2, 1), (7,)])
def test_names_are_unique_and_one_per_column(digits, output, grid):
    transformer = MultiGranularityTransformer(output=output, scales=(1.0, 0.5))
    transformer.set_params(head__grid=grid, head__pooling=("avg", "max"))
    columns = transformer.fit_transform(digits[0])
    names = transformer.get_feature_names_out()
    assert len(set(names)) == len(names) == columns.shape[1]


def test_names_say_where_a_column_is_from(digits):
    transformer = MultiGranularityTransformer(head=PooledHead(grid=(1, 2)))
    X = digits[0]
    frame = pd.DataFrame(
        transformer.fit_transform(X), columns=transformer.get_feature_names_out()
    )
    with torch.inference_mode():
        fine, coarse = transformer.network_.extract(_unit_images(transformer, X))
    expected = {
        "s1.00_l0_avg_003": fine[:, 3].mean((1, 2)),
        "s1.00_l1_max_070": coarse[:, 70].amax((1, 2)),
        "s1.00_l0_avg2x2_005_r0c1": fine[:, 5, :2, 2:].mean((1, 2)),
        "s1.00_l1_max2x2_017_r1c0": coarse[:, 17, 1, 0],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(frame[name], values.sqrt(), rtol=1e-4, atol=1e-4)
    slices = transformer.granularity_slices_
    for granularity, columns in slices.items():
        assert frame.columns[columns].str.startswith(f"{granularity}_").all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 3)])
def test_a_grid_is_never_finer_than_the_map(shape):
    images = np.random.default_rng(0).uniform(size=(9, *shape))
    transformer = MultiGranularityTransformer().fit(images)
    slices = transformer.granularity_slices_.values()
    for level, columns in zip(transformer.levels_, slices, strict=True):
        cells = np.prod([min(7, side) for side in level.map_size(shape)])
        assert columns.stop - columns.start == level.channels * cells


def test_fused_columns_are_what_the_head_takes(digits):
    X = digits[0]
    transformer = MultiGranularityTransformer(
        output="fused", power=1.0, head=PooledHead(grid=(1, 2))
    )
    columns = transformer.fit_transform(X)
    separate = clone(transformer).set_params(output="granularities").fit_transform(X)
    # Concatenation neither adds nor loses anything; it orders grid by grid.
    np.testing.assert_allclose(np.sort(columns), np.sort(separate), atol=1e-6)
    assert transformer.get_feature_names_out()[17] == "l0_fused_017"
    assert transformer.get_feature_names_out()[-1] == "l0_fused2x2_161_r1c1"
    with pytest.raises(AttributeError, match="output='granularities' only"):
        transformer.granularity_slices_  # noqa: B018


def test_fused_columns_of_a_trained_network_give_its_answer(trained, digits):
    X, y = digits
    transformer = trained(output="fused", power=1.0, fusion="attention").fit(X, y)
    head = transformer.network_.head
    features = torch.from_numpy(transformer.transform(X))
    with torch.inference_mode():
        answer = transformer.network_(_unit_images(transformer, X))
        by_hand = head.linear(head.norm(features) * head.scale)
        np.testing.assert_allclose(by_hand, answer, rtol=1e-3, atol=1e-3)


def test_input_names_are_checked(pair):
    frame = pd.DataFrame(pair[0].reshape(60, 36)).add_prefix("pixel")
    transformer = MultiGranularityTransformer().fit(frame)
    expected = transformer.get_feature_names_out()
    np.testing.assert_array_equal(
        transformer.get_feature_names_out(frame.columns), expected
    )
    with pytest.raises(ValueError, match="not equal to feature_names_in_"):
        transformer.get_feature_names_out(frame.columns[::-1])


def test_pandas_output_keeps_index_and_type(pair):
    frame = pd.DataFrame(pair[0].reshape(60, 36)).add_prefix("pixel")
    frame.index += 100
    transformer = MultiGranularityTransformer().set_output(transform="pandas")
    columns = transformer.fit_transform(frame)
    assert columns.index.equals(frame.index)
    assert list(columns) == list(transformer.get_feature_names_out())
    assert set(columns.dtypes) == {np.dtype(np.float32)}


# --------------------------------------------------------------------- without a task


def test_y_is_ignored_and_nothing_is_learned(digits):
    X, y = digits
    expected = MultiGranularityTransformer().fit_transform(X)
    for target in (y, y[::-1], np.full(3, np.nan), "nonsense"):
        transformer = MultiGranularityTransformer(random_state=3)
        np.testing.assert_array_equal(transformer.fit(X, target).transform(X), expected)
    assert not list(transformer.network_.parameters())
    assert not hasattr(transformer, "net_")


def test_callbacks_hear_of_a_fit_without_epochs(digits, capsys):
    heard = []

    class Listener:
        def setup(self, estimator, context):
            heard.append("setup")

        def on_fit_task_begin(self, estimator, context, **data):
            heard.append(context.max_subtasks)

        def on_fit_task_end(self, estimator, context, **data):
            heard.append("end")

        def teardown(self, estimator, context):
            heard.append("teardown")

    transformer = MultiGranularityTransformer(verbose=1).set_callbacks(Listener())
    transformer.fit(digits[0])
    assert heard == ["setup", 0, "end", "teardown"]
    assert capsys.readouterr().err == ""


def test_transform_changes_nothing(digits):
    X = digits[0]
    transformer = MultiGranularityTransformer().fit(X)
    before = dict(vars(transformer))
    state = {k: v.clone() for k, v in transformer.network_.state_dict().items()}
    transformer.transform(X[:7])
    assert vars(transformer) == before
    assert {
        k: torch.equal(v, state[k])
        for k, v in transformer.network_.state_dict().items()
    } == dict.fromkeys(state, True)


def test_columns_depend_on_the_image_alone(digits):
    X = digits[0] / 16
    expected = MultiGranularityTransformer().fit(X).transform(X)
    other_fit = MultiGranularityTransformer().fit(X[50:60] / 2)
    np.testing.assert_array_equal(other_fit.transform(X), expected)


@pytest.mark.parametrize("output", ["granularities", "fused"])
@pytest.mark.parametrize("task", [None, "classification"])
def test_same_bytes_alone_and_in_company(trained, digits, output, task):
    X, y = digits
    transformer = trained(task=task, output=output, max_epochs=1)
    if task is None:
        transformer.set_params(backbone="scattering")
    transformer.fit(X, y)
    together = transformer.transform(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(transformer.transform(X[order]), together[order])
    alone = np.vstack([transformer.transform(X[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(alone, together[:5])


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_values_lie_between_zero_and_one(power):
    X = np.random.default_rng(0).uniform(-30, 50, size=(40, 12, 12))
    columns = MultiGranularityTransformer(power=power).fit_transform(X)
    assert columns.dtype == np.float32
    assert 0 <= columns.min() < columns.max() <= 1


def test_the_range_of_floats_is_learned(digits):
    X = digits[0]
    unit = MultiGranularityTransformer().fit_transform(X / X.max())
    seen = MultiGranularityTransformer().fit(X)
    np.testing.assert_allclose(seen.transform(X), unit, atol=1e-4)
    given = MultiGranularityTransformer(value_range=(0, 2 * X.max()), power=1.0)
    np.testing.assert_allclose(given.fit_transform(X), unit**2 / 2, atol=1e-4)


def test_rows_without_weight_are_absent(digits):
    X = digits[0].copy()
    X[:5] *= 10
    weights = np.r_[np.zeros(5), np.ones(195)]
    weighted = MultiGranularityTransformer().fit(X, sample_weight=weights)
    left_out = MultiGranularityTransformer().fit(X[5:])
    np.testing.assert_array_equal(weighted.transform(X), left_out.transform(X))


class LearnedElsewhere(ConvNetBackbone):
    """A backbone of one's own whose module has a normalisation, as learned ones do."""

    def build(self, in_channels, image_size):
        """Return the module."""
        module = super().build(in_channels, image_size)
        module.normalisation = ((0.5,), (0.25,))
        return module


def test_a_backbone_with_weights_from_elsewhere_is_taken_as_it_is(digits):
    X, y = digits
    transformer = MultiGranularityTransformer(
        backbone=LearnedElsewhere(widths=(4,)), random_state=0
    ).fit(X, y)
    state = {k: v.clone() for k, v in transformer.network_.state_dict().items()}
    loaded = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(loaded.transform(X), transformer.transform(X))
    assert transformer.network_.mean.item() == 0.5
    assert all(
        torch.equal(v, state[k]) for k, v in loaded.network_.state_dict().items()
    )


# ------------------------------------------------------------------------ with a task


def test_training_for_classification_makes_better_columns(trained):
    X, y = load_digits(return_X_y=True)
    X, y, X_test, y_test = X[:300], y[:300], X[300:1000], y[300:1000]

    def accuracy(transformer):
        model = LogisticRegression(max_iter=1000).fit(transformer.transform(X), y)
        return model.score(transformer.transform(X_test), y_test)

    untrained = trained(max_epochs=1, lr=1e-9).fit(X, y)
    assert accuracy(trained(max_epochs=15).fit(X, y)) > accuracy(untrained) + 0.02


@pytest.mark.parametrize("several", [False, True])
def test_training_for_regression(trained, several):
    """Columns learn where a spot is, in units far from one."""
    generator = np.random.default_rng(0)
    places = generator.integers(0, 8, size=(300, 2))
    images = generator.uniform(0, 0.2, size=(300, 8, 8))
    images[np.arange(300), places[:, 0], places[:, 1]] = 1
    y = 1000.0 + 50 * (places if several else places[:, 0])
    transformer = trained(
        task="regression", output="fused", power=1.0, max_epochs=15
    ).fit(images[:200], y[:200])
    assert transformer.history_[-1]["train_loss"] < 0.5
    ridge = Ridge().fit(transformer.transform(images[:200]), y[:200])
    assert ridge.score(transformer.transform(images[200:]), y[200:]) > 0.6
    outputs = transformer.network_.head.linear.out_features
    assert outputs == (2 if several else 1)


def test_training_is_that_of_the_classifier(small, trained, digits):
    X, y = digits
    weights = np.linspace(0, 2, 150)
    data = {"sample_weight": weights, "X_val": X[150:], "y_val": y[150:]}
    classifier = small(augment=None).fit(X[:150], y[:150], **data)
    transformer = trained().fit(X[:150], y[:150], **data)
    ours, theirs = transformer.network_.state_dict(), classifier.network_.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert transformer.best_epoch_ == classifier.best_epoch_


def test_constant_targets(trained, digits):
    X = digits[0]
    transformer = trained(task="regression", max_epochs=1).fit(X, np.full(200, 7.1))
    assert np.isfinite(transformer.transform(X)).all()


def test_a_fit_without_a_task_forgets_the_training(trained, digits):
    X, y = digits
    transformer = trained(max_epochs=1).fit(X, y)
    transformer.set_params(task=None, backbone="scattering").fit(X)
    fresh = MultiGranularityTransformer().fit(X)
    assert not {"net_", "history_", "n_iter_", "_task_"} & set(vars(transformer))
    np.testing.assert_array_equal(transformer.transform(X), fresh.transform(X))


# --------------------------------------------------------- parameters, pickle, errors


def test_auto_head_shows_its_parameters():
    transformer = MultiGranularityTransformer()
    assert transformer.get_params()["head__grid"] == (7,)
    transformer.set_params(task="classification")
    assert transformer.get_params()["head__grid"] == (1, 2)
    transformer.set_params(task=None, head__grid=(3,))
    assert transformer.head.pooling == ("avg",)
    assert transformer.head.grid == (3,)


@pytest.mark.parametrize("task", [None, "classification", "regression"])
def test_round_trip(trained, digits, task):
    X, y = digits
    transformer = trained(task=task, max_epochs=1)
    if task is None:
        transformer.set_params(backbone="scattering")
    transformer.fit(X, y)
    expected = transformer.transform(X)
    # What is set after fit does not reach into the fitted network.
    transformer.set_params(output="fused", power=1.0, head__grid=(1,))
    loaded = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(loaded.transform(X), expected)
    np.testing.assert_array_equal(
        loaded.get_feature_names_out(), transformer.get_feature_names_out()
    )
    assert len(loaded.get_feature_names_out()) == expected.shape[1]
    with pytest.raises(NotFittedError):
        clone(loaded).transform(X)


BAD = {
    "convnet": (
        {"backbone": "convnet"},
        {},
        "random weights are of no use.*task='classification'.*backbone='scattering'",
    ),
    "attention": ({"fusion": "attention"}, {}, "'attention' has weights.*'concat'"),
    "projection": (
        {"fusion": ConcatFusion(channels=8)},
        {},
        "channels=8.* has weights.*without channels",
    ),
    "X_val": ({}, {"X_val": [[0.0] * 64]}, "got X_val, but with task=None"),
    "NaN": ({}, {"X": np.full((3, 64), np.nan)}, "NaN in row 0"),
    "unknown task": ({"task": "sorting"}, {}, "'task' parameter"),
    "unknown output": ({"output": "all"}, {}, "'output' parameter"),
    "power": ({"power": 0.0}, {}, "'power' parameter"),
    "unknown head": ({"head": "poold"}, {}, "Did you mean 'pooled'"),
    "no y": ({"task": "classification"}, {"y": None}, "requires y to be passed"),
    "one class": (
        {"task": "classification"},
        {"y": np.zeros(200)},
        "MultiGranularityTransformer needs at least two classes",
    ),
    "NaN in y": (
        {"task": "regression"},
        {"y": np.full(200, np.nan)},
        "Input y contains NaN",
    ),
    "validation of another shape": (
        {"task": "regression"},
        {"X_val": np.zeros((3, 64)), "y_val": np.zeros((3, 2))},
        r"y has the shape \(3, 2\)",
    ),
}


@pytest.mark.parametrize(("parameters", "data", "match"), BAD.values(), ids=BAD)
def test_errors_leave_the_transformer_as_it_was(digits, parameters, data, match):
    X, y = digits
    transformer = MultiGranularityTransformer().fit(X)
    transformer.set_params(**parameters)
    before = dict(vars(transformer))
    with pytest.raises(ValueError, match=match):
        transformer.fit(**({"X": X, "y": y} | data))
    assert vars(transformer) == before


def test_fusion_with_a_task_may_learn(trained, digits):
    X, y = digits
    transformer = trained(fusion=AttentionFusion(channels=8, heads=2), max_epochs=1)
    assert transformer.fit(X, y).transform(X).shape[0] == 200
