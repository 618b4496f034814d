"""Several answers from one look: forms of y, what is missing, the balance, searches."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from skmultigran import (
    ConvNetBackbone,
    FeatureCache,
    MultiGranularityClassifier,
    MultiGranularityMultiTask,
    MultiGranularityRegressor,
    PooledHead,
)
from skmultigran.metrics import make_task_scorer

TASKS = {
    "digit": "classification",
    "even": {"type": "classification", "class_weight": "balanced"},
    "ink": "regression",
    "place": {"type": "regression", "loss": "huber"},
    "tags": "multilabel",
}
N = 200


def small(tasks=TASKS, **parameters):
    defaults = {
        "backbone": ConvNetBackbone(widths=(8, 16)),
        "max_epochs": 3,
        "batch_size": 32,
        "lr": 0.02,
        "random_state": 0,
    }
    return MultiGranularityMultiTask(tasks=tasks, **(defaults | parameters))


@pytest.fixture(scope="module")
def images():
    return load_digits().images[:N]


@pytest.fixture(scope="module")
def columns(images):
    """Return the answers of 200 digits, column by column."""
    digit = load_digits().target[:N]
    ink = images.sum(axis=(1, 2))
    right, down = (images.sum(axis=a) @ np.arange(8) / ink for a in (1, 2))
    return {
        "digit": digit,
        "even": np.where(digit % 2 == 0, "yes", "no"),
        "ink": ink,
        "place": np.column_stack([right, down]),
        "tags": np.column_stack([digit > 4, digit % 3 == 0]).astype(int),
    }


def frame(columns):
    cells = {n: c if c.ndim == 1 else list(c) for n, c in columns.items()}
    return pd.DataFrame(cells)


def records(columns):
    kinds = [(name, c.dtype, c.shape[1:]) for name, c in columns.items()]
    table = np.empty(N, dtype=kinds)
    for name, column in columns.items():
        table[name] = column
    return table


def part(y, rows):
    if isinstance(y, dict):
        return {name: column[rows] for name, column in y.items()}
    return y.iloc[rows] if hasattr(y, "iloc") else y[rows]


FORMS = {"frame": frame, "records": records, "columns": dict}


@pytest.fixture(scope="module")
def fitted(images, columns):
    model = small(max_epochs=20, batch_size=16)
    return model.fit(images[:150], part(columns, slice(150)))


def test_it_learns_every_task(fitted, images, columns):
    rest = part(columns, slice(150, None))
    scores = fitted.scores(images[150:], rest)
    assert list(scores) == list(TASKS)
    least = {"digit": 0.8, "even": 0.8, "ink": 0.6, "place": 0.6, "tags": 0.7}
    assert all(scores[name] > least[name] for name in TASKS), scores
    assert fitted.score(images[150:], rest) == np.mean(list(scores.values()))
    predicted = fitted.predict(images[150:])
    assert scores["digit"] == accuracy_score(rest["digit"], predicted["digit"])
    assert scores["place"] == pytest.approx(r2_score(rest["place"], predicted["place"]))
    right = (rest["tags"] == predicted["tags"]).all(axis=1)
    assert scores["tags"] == right.mean()


def test_probabilities_and_classes(fitted, images):
    probabilities = fitted.predict_proba(images)
    predicted = fitted.predict(images)
    assert list(probabilities) == list(fitted.classes_) == ["digit", "even", "tags"]
    for name in ("digit", "even"):
        most_likely = probabilities[name].argmax(axis=1)
        np.testing.assert_array_equal(
            fitted.classes_[name][most_likely], predicted[name]
        )
        np.testing.assert_allclose(probabilities[name].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities["tags"] > 0.5, predicted["tags"])


@pytest.mark.parametrize("form", FORMS)
def test_answers_have_the_form_of_y(images, columns, form):
    y = FORMS[form](columns)
    model = small(max_epochs=1).fit(images, y)
    predicted = model.predict(images[:7])
    expected = small(max_epochs=1).fit(images, columns).predict(images[:7])
    if form == "frame":
        assert isinstance(predicted, pd.DataFrame)
        assert predicted["place"][0].shape == (2,)
    elif form == "records":
        assert predicted.dtype.names == tuple(TASKS)
        assert predicted["digit"].dtype == columns["digit"].dtype
    else:
        assert isinstance(predicted, dict)
    for name in TASKS:
        got = np.stack(list(predicted[name]))
        np.testing.assert_array_equal(got, expected[name])
    assert model.scores(images, y) == model.scores(images, columns)


def test_the_index_of_the_images_is_kept(images, columns):
    rows = pd.DataFrame(images.reshape(N, -1), index=np.arange(N) + 1000)
    model = small(max_epochs=1).fit(rows, frame(columns).set_index(rows.index))
    assert model.predict(rows[3:5]).index.tolist() == [1003, 1004]


def test_columns_that_are_no_task_are_left_alone(images, columns):
    y = frame(columns).assign(remark="x")
    tasks = {"digit": "classification"}
    expected = small(tasks, max_epochs=1).fit(images, y[["digit"]]).predict(images)
    got = small(tasks, max_epochs=1).fit(images, y).predict(images)
    pd.testing.assert_frame_equal(got, expected)


@pytest.mark.parametrize("absent", [None, np.nan, pd.NA, "?"], ids=str)
def test_missing_answers_are_as_good_as_any(images, columns, absent):
    """What stands where an answer is missing is of no influence."""
    gone = np.arange(N) % 3 == 0
    tasks = {
        "digit": "classification",
        "even": {"type": "classification", "missing": "?"},
    }
    model = small(tasks)
    y = pd.DataFrame({name: columns[name] for name in tasks}).astype(object)
    y.loc[gone, "even"] = absent
    got = model.fit(images, y).predict_proba(images)
    y.loc[gone, "even"] = None
    expected = model.fit(images, y).predict_proba(images)
    for name in tasks:
        np.testing.assert_array_equal(got[name], expected[name])
    assert model.classes_["even"].tolist() == ["no", "yes"]
    known = y["even"].notna().to_numpy()
    right = (model.predict(images)["even"] == y["even"])[known]
    assert model.scores(images, y)["even"] == right.mean()


def test_missing_answers_of_lists(images, columns):
    y = {name: columns[name].tolist() for name in ("even", "digit")}
    y["even"][::3] = [np.nan] * 67
    y["digit"][1::3] = [pd.NA] * 67
    model = small(dict.fromkeys(y, "classification"), max_epochs=1).fit(images, y)
    assert model.classes_["even"].tolist() == ["no", "yes"]
    assert model.classes_["digit"].tolist() == list(range(10))
    right = model.predict(images)["even"] == columns["even"]
    known = np.arange(N) % 3 > 0
    assert model.scores(images, y)["even"] == right[known].mean()


def test_partly_known_rows_of_numbers_and_labels(images, columns):
    place, tags = columns["place"].copy(), columns["tags"].astype(float)
    place[::2, 0] = place[::3] = np.nan
    tags[1::2, 1] = np.nan
    y = {"place": place, "tags": tags}
    tasks = {name: TASKS[name] for name in y}
    model = small(tasks, max_epochs=20).fit(images, y)
    whole = {name: columns[name] for name in y}
    assert all(score > 0.5 for score in model.scores(images, whole).values())


def test_half_of_the_answers_beats_half_of_the_images():
    """Images that lack one answer still teach what they share with it."""
    digits = load_digits()
    images, digit = digits.images[:200], digits.target[:200]
    rest, test = digits.images[200:700], digits.target[200:700]
    half = np.arange(200) < 100
    y = {"digit": digit, "pair": np.where(half, digit // 2, np.nan)}
    tasks = dict.fromkeys(y, "classification")
    partly = small(tasks, max_epochs=20).fit(images, y)
    alone = small(tasks, max_epochs=20).fit(images[half], part(y, half))
    truth = {"digit": test, "pair": test // 2}
    more, less = (model.scores(rest, truth) for model in (partly, alone))
    assert more["pair"] > less["pair"]
    assert more["digit"] > less["digit"]


def test_weight_zero_equals_absence_bit_for_bit(images, columns):
    weights = np.random.default_rng(0).uniform(0.5, 2, size=N)
    weights[::3] = 0
    present = weights > 0
    expected = small().fit(images[present], part(columns, present), weights[present])
    got = small().fit(images, columns, weights)
    for name, answer in got.predict(images).items():
        np.testing.assert_array_equal(answer, expected.predict(images)[name])
    factor = small().fit(images, columns, 4 * weights).predict(images)
    np.testing.assert_array_equal(factor["ink"], got.predict(images)["ink"])
    weighted = got.scores(images, columns, sample_weight=weights)
    counted = got.scores(images[present], part(columns, present), weights[present])
    assert weighted == pytest.approx(counted)


def test_one_task_equals_the_estimator_of_that_task(images, columns):
    """Alone and unbalanced a task is the classifier or the regressor, up to seeds."""
    shared = {**small().get_params(deep=False), "augment": None, "max_epochs": 2}
    own = ("tasks", "task_weight", "share", "head", "dense_head", "fusion")
    shared = {name: value for name, value in shared.items() if name not in own}
    for name, alone in {
        "digit": MultiGranularityClassifier(**shared),
        "ink": MultiGranularityRegressor(**shared),
    }.items():
        model = MultiGranularityMultiTask(
            tasks={name: TASKS[name]}, task_weight=None, **shared
        )
        y = columns[name]
        expected = alone.fit(images, y).predict(images)
        got = model.fit(images, {name: y}).predict(images)[name]
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_balance_of_the_tasks(images, columns):
    y = {"digit": columns["digit"], "ink": columns["ink"]}
    tasks = {name: TASKS[name] for name in y}
    ignored = small(tasks, task_weight={"ink": 0.0}, max_epochs=8).fit(images, y)
    assert ignored.task_weights_ == {"digit": 1.0, "ink": 0.0}
    scores = ignored.scores(images, y)
    assert scores["digit"] > 0.7
    assert scores["ink"] < 0.3
    assert small(tasks, task_weight=None).fit(images, y).task_weights_ == {
        "digit": 1.0,
        "ink": 1.0,
    }
    learned = small(tasks, max_epochs=15).fit(images, y)
    # What is certain counts more than at the start, where factors are 1 and a half.
    assert learned.task_weights_["ink"] > 0.6


def test_which_task_looks_where(images, columns):
    y = {"digit": columns["digit"], "ink": columns["ink"]}
    tasks = {name: TASKS[name] for name in y}
    own = small(tasks, fusion="gated", share="backbone", max_epochs=2).fit(images, y)
    looks = own.granularity_weights(images)
    assert list(looks) == list(tasks)
    for shares in looks.values():
        assert shares.shape == (N, len(own.granularities_))
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert not np.allclose(looks["digit"], looks["ink"], atol=1e-3)
    shared = small(tasks, fusion="gated", max_epochs=1).fit(images, y)
    looks = shared.granularity_weights(images)
    np.testing.assert_array_equal(looks["digit"], looks["ink"])
    with pytest.raises(ValueError, match="fusion='auto', which.*'weighted'"):
        small(tasks, max_epochs=1).fit(images, y).granularity_weights(images)


@pytest.mark.parametrize(
    ("fusion", "share"),
    [("concat", "fusion"), ("attention", "backbone"), ("fpn", "backbone")],
)
def test_carried_in_a_pickle(images, columns, fusion, share):
    model = small(fusion=fusion, share=share, max_epochs=1).fit(images, columns)
    loaded = pickle.loads(pickle.dumps(model))
    for name, answer in model.predict(images).items():
        np.testing.assert_array_equal(loaded.predict(images)[name], answer)
    assert loaded.task_weights_ == model.task_weights_
    with pytest.raises(NotFittedError):
        clone(model).predict(images)


def test_the_same_seed_gives_the_same_answers(images, columns):
    first, second = (small().fit(images, columns).predict(images) for _ in range(2))
    np.testing.assert_array_equal(first["ink"], second["ink"])
    other = small(random_state=1).fit(images, columns).predict(images)
    assert not np.allclose(first["ink"], other["ink"])


def test_early_stopping_watches_all_tasks(images, columns):
    model = small(max_epochs=40, n_iter_no_change=2, lr=0.05)
    rest = part(columns, slice(150, None))
    model.fit(images[:150], part(columns, slice(150)), X_val=images[150:], y_val=rest)
    losses = [epoch["valid_loss"] for epoch in model.history_]
    assert model.n_iter_ == len(losses) < 40
    assert model.best_epoch_ == 1 + int(np.argmin(losses))
    held = small(max_epochs=2, early_stopping=True).fit(images, frame(columns))
    assert "valid_score" in held.history_[0]


def test_answers_that_training_lacks_weigh_no_more_in_validation(images, columns):
    few = {"digit": np.where(np.arange(150) < 15, columns["digit"][:150], np.nan)}
    rest = part({"digit": columns["digit"]}, slice(150, None))
    model = small({"digit": "classification"}, task_weight=None, n_iter_no_change=9)
    model.set_params(lr=1e-5).fit(images[:150], few, X_val=images[150:], y_val=rest)
    last = model.history_[model.best_epoch_ - 1]
    # Nothing is learned yet of ten digits.
    assert last["valid_loss"] == pytest.approx(np.log(10), rel=0.3)
    assert last["valid_score"] == pytest.approx(model.score(images[150:], rest))


def test_a_warm_start_counts_the_answers_that_it_gets(images, columns):
    every = {"digit": columns["digit"]}
    few = {"digit": np.where(np.arange(N) < 20, every["digit"], np.nan)}
    model = small({"digit": "classification"}, lr=1e-5, warm_start=True)
    losses = [
        model.set_params(task_weight=None).fit(images, y).history_[0]["train_loss"]
        for y in (few, every)
    ]
    np.testing.assert_allclose(losses, np.log(10), rtol=0.3)


def test_warm_start_goes_on(images, columns):
    model = small(warm_start=True).fit(images, columns)
    first = model.history_
    assert model.fit(images, columns).history_[0]["train_loss"] < first[0]["train_loss"]
    y = {**columns, "even": np.where(columns["digit"] > 2, "yes", "maybe")}
    with pytest.raises(ValueError, match=r"Task 'even': .*labels \['maybe'\]"):
        model.fit(images, y)


def test_tags_say_that_y_has_several_answers():
    tags = get_tags(small()).target_tags
    assert tags.required
    assert tags.multi_output
    assert not tags.single_output


@pytest.mark.parametrize("dtype", ["Int64", "boolean"])
def test_missing_answers_leave_whole_numbers_whole(images, dtype):
    y = pd.DataFrame({"kind": pd.Series(np.arange(len(images)) % 2, dtype=dtype)})
    kind = np.asarray(y["kind"]).dtype.kind
    y.loc[3, "kind"] = pd.NA
    model = small({"kind": "classification"}, max_epochs=1).fit(images, y)
    assert model.classes_["kind"].tolist() == [0, 1]
    assert model.classes_["kind"].dtype.kind == kind
    assert np.asarray(model.predict(images)["kind"]).dtype.kind == kind


def test_a_warm_start_refuses_other_tasks(images, columns):
    model = small(max_epochs=1, warm_start=True).fit(images, columns)
    before = model.predict(images[:2])
    model.set_params(tasks={**TASKS, "digit": "regression"})
    with pytest.raises(ValueError, match=r"for the tasks .*Set warm_start=False"):
        model.fit(images, columns)
    model.set_params(tasks={"digit": TASKS["digit"]})
    with pytest.raises(ValueError, match="set the tasks as they were"):
        model.fit(images, columns)
    after = model.set_params(tasks=TASKS).predict(images[:2])
    np.testing.assert_array_equal(after["digit"], before["digit"])


def test_inside_a_pipeline_a_search_and_cross_validation(images, columns):
    y = frame(columns)
    pipeline = make_pipeline(FunctionTransformer(np.sqrt), small(max_epochs=2))
    prefix = "multigranularitymultitask__"
    grid = {prefix + "share": ["fusion", "backbone"], prefix + "fusion": ["gated"]}
    scoring = {
        "digit": make_task_scorer("digit", "accuracy"),
        "ink": make_task_scorer("ink", "neg_mean_absolute_error"),
    }
    rows = images.reshape(N, -1)
    search = GridSearchCV(pipeline, grid, scoring=scoring, refit="digit", cv=2)
    search.fit(rows, y)
    assert search.predict(rows).shape == (N, len(TASKS))
    assert (search.cv_results_["mean_test_ink"] < 0).all()
    result = cross_validate(
        small(max_epochs=2),
        rows,
        records(columns),
        scoring=MultiGranularityMultiTask.scores,
        cv=2,
    )
    assert {f"test_{name}" for name in TASKS} < set(result)
    assert cross_validate(small(max_epochs=1), rows, y, cv=2)["test_score"].shape == (
        2,
    )


@pytest.mark.parametrize("share", ["fusion", "backbone"])
def test_a_frozen_backbone_looks_once(images, columns, tmp_path, share):
    model = small(backbone="scattering", trainable="head", augment=None, share=share)
    expected = model.fit(images, columns).predict(images)
    kept = clone(model).set_params(memory=tmp_path).fit(images, columns)
    np.testing.assert_array_equal(kept.predict(images)["ink"], expected["ink"])
    assert FeatureCache(tmp_path).info().entries > 0


def test_auto_augmentation_depends_on_the_tasks(images, columns):
    labels = {"digit": "classification"}
    numbers = {"ink": "regression"}
    for tasks, moved in ((labels, True), (numbers, False)):
        auto, none = (
            small(tasks, augment=augment, max_epochs=1)
            .fit(images, columns)
            .history_[0]["train_loss"]
            for augment in ("auto", None)
        )
        assert (auto != none) == moved


def test_auto_head_depends_on_what_is_frozen():
    model = small(backbone="efficientnet_lite0")
    assert model.get_params()["head__grid"] == (1, 2)
    frozen = model.set_params(trainable="head")
    assert frozen.get_params()["head__pooling"] == ("avg",)
    assert frozen.get_params()["head__dropout"] == 0.7
    assert frozen.get_params()["head__power"] == 0.5
    assert frozen.set_params(head__dropout=0.1).head.grid == (1,)
    assert small(backbone="scattering", trainable="head").get_params()[
        "head__grid"
    ] == (1, 2)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "task_weight",
            None,
            "of task_weight='uncertainty', but task_weight=None asks",
        ),
        (
            "task_weight",
            {"ink": 2.0},
            r"='uncertainty', but task_weight=\{'ink': 2.0\}",
        ),
        ("share", "backbone", "of share='fusion', but share='backbone' asks"),
        ("head", PooledHead(dropout=0.5), r"but head=PooledHead\(dropout=0.5\) asks"),
    ],
)
def test_a_warm_start_names_the_parameter_that_it_refuses(
    images, columns, name, value, message
):
    model = small(max_epochs=1, warm_start=True).fit(images, columns)
    model.set_params(**{name: value})
    with pytest.raises(ValueError, match=rf"{message}.*or set {name} as it was"):
        model.fit(images, columns)


def test_a_warm_start_weighs_tasks_as_they_are_weighed_now(images, columns):
    model = small(max_epochs=1, warm_start=True, task_weight=None)
    model.fit(images, columns).set_params(task_weight={"ink": 0.0})
    model.fit(images, columns)
    assert model.task_weights_["ink"] == 0
    assert model.set_params(task_weight=None).fit(images, columns).task_weights_[
        "ink"
    ] == pytest.approx(1)
