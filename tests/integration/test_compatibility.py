"""The classifier inside scikit-learn's estimators, for each form of X.

`NEIGHBOURS` says what works and what scikit-learn refuses, the tests prove every cell,
and docs/compatibility.md shows it. To write the page's table anew, in the root folder:

    .venv/bin/python tests/integration/test_compatibility.py
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV, learning_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.semi_supervised import SelfTrainingClassifier

import skmultigran
from skmultigran import ConvNetBackbone, MultiGranularityClassifier

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
COMMAND = ".venv/bin/python tests/integration/test_compatibility.py"

# Not square: rows need `image_shape`, or they would be read as lines.
HEIGHT, WIDTH = 4, 6


def bright_halves(n_images, n_classes, seed):
    """Return images and labels: 0 none is bright, 1 the left half, 2 the right half."""
    random = np.random.default_rng(seed)
    y = np.arange(n_images) % n_classes
    images = random.uniform(0.0, 0.3, size=(n_images, HEIGHT, WIDTH, 1))
    images[y == 1, :, : WIDTH // 2] += 0.5
    images[y == 2, :, WIDTH // 2 :] += 0.5
    return images, y


class Form(NamedTuple):
    """A form of X, and what the classifier must be told about it."""

    of_images: object
    image_shape: tuple | None = None

    def split(self, n_classes=2):
        X, y = bright_halves(36, n_classes, seed=0)
        X_test, y_test = bright_halves(36, n_classes, seed=1)
        return self.of_images(X), y, self.of_images(X_test), y_test

    def classifier(self, **parameters):
        defaults = {
            "backbone": ConvNetBackbone(widths=(4,)),
            "max_epochs": 3,
            "batch_size": 16,
            "lr": 0.05,
            "augment": None,
            "random_state": 0,
            "image_shape": self.image_shape,
        }
        return MultiGranularityClassifier(**(defaults | parameters))

    def members(self):
        return [
            ("concat", self.classifier()),
            ("attention", self.classifier(fusion="attention")),
        ]


def _rows(images):
    return images.reshape(len(images), -1)


def _list(images):
    return [image[:, :, 0] for image in images]


def _objects(images):
    objects = np.empty(len(images), dtype=object)
    objects[:] = list(images)
    return objects


ROWS = "flat rows, `image_shape=`"
ARRAY = "array `(n, h, w, c)`"
LIST = "list of images"
OBJECTS = "object array of images"

FORMS = {
    ROWS: Form(_rows, image_shape=(HEIGHT, WIDTH)),
    ARRAY: Form(lambda images: images),
    LIST: Form(_list),
    OBJECTS: Form(_objects),
}


# Each of these fits in one form of X, asserts what its estimator promises, and returns
# the answers, which must not depend on the form.


def calibrated(form):
    X, y, X_test, y_test = form.split()
    model = CalibratedClassifierCV(form.classifier(), cv=2).fit(X, y)
    probabilities = model.predict_proba(X_test)
    assert len(model.calibrated_classifiers_) == 2
    assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    assert model.score(X_test, y_test) >= 0.9
    return probabilities


def stacking(form):
    X, y, X_test, y_test = form.split()
    model = StackingClassifier(form.members(), cv=2).fit(X, y)
    assert model.stack_method_ == ["predict_proba", "predict_proba"]
    assert model.final_estimator_.n_features_in_ == 2
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def stacking_with_pixels(form):
    X, y, X_test, y_test = form.split()
    members = [("network", form.classifier())]
    model = StackingClassifier(members, cv=2, passthrough=True).fit(X, y)
    assert model.final_estimator_.n_features_in_ == 1 + HEIGHT * WIDTH
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def stacking_beside_rows_only(form):
    X, y, X_test, y_test = form.split()
    members = [("network", form.classifier()), ("linear", LogisticRegression())]
    model = StackingClassifier(members, cv=2).fit(X, y)
    assert model.final_estimator_.n_features_in_ == 2
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def voting(form):
    X, y, X_test, y_test = form.split()
    model = VotingClassifier(form.members(), voting="soft").fit(X, y)
    votes = [member.predict_proba(X_test) for member in model.estimators_]
    assert_allclose(model.predict_proba(X_test), np.mean(votes, axis=0), rtol=1e-6)
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def voting_beside_rows_only(form):
    X, y, X_test, y_test = form.split()
    members = [("network", form.classifier()), ("linear", LogisticRegression())]
    model = VotingClassifier(members, voting="soft").fit(X, y)
    votes = [member.predict_proba(X_test) for member in model.estimators_]
    assert_allclose(model.predict_proba(X_test), np.mean(votes, axis=0), rtol=1e-6)
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def bagging(form):
    X, y, X_test, y_test = form.split()
    model = BaggingClassifier(form.classifier(), n_estimators=3, random_state=0)
    model.fit(X, y)
    votes = [member.predict_proba(X_test) for member in model.estimators_]
    assert not np.array_equal(votes[0], votes[1])
    assert_allclose(model.predict_proba(X_test), np.mean(votes, axis=0), rtol=1e-6)
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def boosting(form):
    X, y, X_test, y_test = form.split(n_classes=3)
    weak = form.classifier(max_epochs=1, lr=0.01)
    model = AdaBoostClassifier(weak, n_estimators=6, random_state=0).fit(X, y)
    assert model.score(X, y) > model.estimators_[0].score(X, y) + 0.1
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def one_versus_rest(form):
    X, y, X_test, y_test = form.split(n_classes=3)
    model = OneVsRestClassifier(form.classifier()).fit(X, y)
    assert len(model.estimators_) == 3
    scores = np.stack([m.predict_proba(X_test)[:, 1] for m in model.estimators_])
    assert_array_equal(model.predict(X_test), scores.argmax(axis=0))
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def permuted(form):
    X, y, X_test, y_test = form.split()
    model = form.classifier().fit(X, y)
    importances = permutation_importance(
        model, X_test, y_test, scoring="neg_log_loss", random_state=0
    ).importances_mean.reshape(HEIGHT, WIDTH)
    left, right = np.split(importances, 2, axis=1)
    assert left.sum() > 3 * abs(right.sum())
    return importances


def self_trained(form):
    X, y, X_test, y_test = form.split()
    hidden = np.arange(len(y)) >= 16
    labels = np.where(hidden, -1, y)
    model = SelfTrainingClassifier(form.classifier(), threshold=0.7).fit(X, labels)
    learned = hidden & (model.labeled_iter_ > 0)
    assert learned.sum() >= 10
    assert np.mean(model.transduction_[learned] == y[learned]) >= 0.9
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


def frozen(form):
    X, y, X_test, y_test = form.split()
    fitted = form.classifier().fit(X, y)
    before = fitted.predict_proba(X_test)
    model = CalibratedClassifierCV(FrozenEstimator(fitted), cv=2).fit(X_test, y_test)
    probabilities = model.predict_proba(X_test)
    assert FrozenEstimator(fitted).fit(X_test, 1 - y_test).score(X_test, y_test) >= 0.9
    assert_array_equal(fitted.predict_proba(X_test), before)
    assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    assert model.score(X_test, y_test) >= 0.9
    return probabilities


def learned_by_size(form):
    X, y, _, _ = form.split()
    sizes, train_scores, test_scores = learning_curve(
        form.classifier(), X, y, cv=2, train_sizes=[2, 18], scoring="neg_log_loss"
    )
    assert sizes.tolist() == [2, 18]
    few, all_images = test_scores.mean(axis=1)
    assert all_images > few
    return np.stack([train_scores, test_scores])


def tuned_threshold(form):
    X, y, X_test, y_test = form.split()
    model = TunedThresholdClassifierCV(form.classifier(), cv=2).fit(X, y)
    positive = model.predict_proba(X_test)[:, 1] >= model.best_threshold_
    assert 0.0 < model.best_threshold_ < 1.0
    assert_array_equal(model.predict(X_test), positive)
    assert model.score(X_test, y_test) >= 0.9
    return model.predict_proba(X_test)


class Neighbour(NamedTuple):
    """What fits inside it, and the message for each form of X that it refuses."""

    run: object
    refusals: dict


def rows_only(dimensions, objects):
    """Return the messages of an estimator that wants two axes."""
    too_many = rf"array with dim \d, while dim <= 2 is required{dimensions}"
    return {ARRAY: too_many, LIST: too_many, OBJECTS: objects}


ONE_AXIS = "Expected 2D array, got 1D array instead"
NO_NUMBERS = "setting an array element with a sequence"
MIXED_AXES = "must have same number of dimensions"

NEIGHBOURS = {
    "CalibratedClassifierCV": Neighbour(calibrated, {}),
    "StackingClassifier": Neighbour(stacking, {}),
    "StackingClassifier, `passthrough=True`": Neighbour(
        stacking_with_pixels, dict.fromkeys((ARRAY, LIST, OBJECTS), MIXED_AXES)
    ),
    "StackingClassifier, with a LogisticRegression": Neighbour(
        stacking_beside_rows_only, rows_only(" by LogisticRegression", NO_NUMBERS)
    ),
    'VotingClassifier, `voting="soft"`': Neighbour(voting, {}),
    "VotingClassifier, with a LogisticRegression": Neighbour(
        voting_beside_rows_only, rows_only(" by LogisticRegression", NO_NUMBERS)
    ),
    "BaggingClassifier": Neighbour(
        bagging, rows_only(" by BaggingClassifier", ONE_AXIS)
    ),
    "AdaBoostClassifier": Neighbour(boosting, {OBJECTS: ONE_AXIS}),
    "OneVsRestClassifier": Neighbour(one_versus_rest, {}),
    "permutation_importance": Neighbour(permuted, rows_only("", ONE_AXIS)),
    "SelfTrainingClassifier": Neighbour(
        self_trained, rows_only(" by SelfTrainingClassifier", NO_NUMBERS)
    ),
    "FrozenEstimator, in a CalibratedClassifierCV": Neighbour(frozen, {}),
    "learning_curve": Neighbour(learned_by_size, {}),
    "TunedThresholdClassifierCV": Neighbour(tuned_threshold, {}),
}

WORKS, REFUSED = [], []
for _name, (_, _refusals) in NEIGHBOURS.items():
    for _form in FORMS:
        (REFUSED if _form in _refusals else WORKS).append((_name, _form))


@cache
def answers_for_rows(name):
    return NEIGHBOURS[name].run(FORMS[ROWS])


@pytest.mark.parametrize(("name", "form"), WORKS)
def test_works_alike_in_every_form(name, form):
    answers = NEIGHBOURS[name].run(FORMS[form])
    assert_array_equal(answers, answers_for_rows(name))


@pytest.mark.parametrize(("name", "form"), REFUSED)
def test_scikit_learn_itself_refuses(name, form):
    neighbour = NEIGHBOURS[name]
    with pytest.raises(ValueError, match=neighbour.refusals[form]) as refusal:
        neighbour.run(FORMS[form])
    ours = Path(skmultigran.__file__).parent
    assert not any(ours in entry.path.parents for entry in refusal.traceback)


def test_bagging_of_columns_tears_images_and_the_message_says_so():
    X, y, _, _ = FORMS[ROWS].split()
    model = BaggingClassifier(FORMS[ROWS].classifier(), max_features=0.5)
    with pytest.raises(ValueError, match=r"image_shape=\(4, 6\) needs rows of 24"):
        model.fit(X, y)


def table():
    """Return the table of docs/compatibility.md."""
    lines = [["Inside", *FORMS], ["---"] * (1 + len(FORMS))]
    for name, neighbour in NEIGHBOURS.items():
        cells = [
            "no: use flat rows" if f in neighbour.refusals else "yes" for f in FORMS
        ]
        lines.append([_as_code(name), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _as_code(name):
    estimator, comma, details = name.partition(", ")
    return f"`{estimator}`{comma}{details}"


def with_table(page):
    """Return the text of the page with its one table written anew."""
    return re.sub(r"^\|.*\|$(\n\|.*\|$)*", lambda _: table(), page, flags=re.M)


def test_the_page_shows_what_these_tests_prove():
    page = PAGE.read_text(encoding="utf-8")
    assert table() in page, f"Write the table anew: {COMMAND}"


def test_the_examples_of_the_page_run():
    page = PAGE.read_text(encoding="utf-8")
    names = {}
    for example in re.findall(r"^```python\n(.*?)^```$", page, flags=re.S | re.M):
        exec(compile(example, PAGE.name, "exec"), names)
    assert names["bag"].score(names["rows"], names["y"]) >= 0.9
    assert names["importances"].shape == names["images"].shape[1:]

    table, price, model = names["table"][300:], names["price"][300:], names["model"]
    assert model.score(table, price) >= 0.8
    # Neither the image nor the rest of the table is left out.
    importances = permutation_importance(model, table, price, n_repeats=1)
    assert dict(zip(table, importances.importances_mean > 0.1, strict=True)) == {
        "image": True,
        "weight": True,
        "shop": True,
    }
    assert set(names["search"].best_params_) == {names["scales"]}


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
