"""Bad input of several tasks: the message has the task's name, and nothing is lost."""

import numpy as np
import pandas as pd
import pytest

from skmultigran import ConvNetBackbone, DenseHead, MultiGranularityMultiTask

X = np.random.default_rng(0).uniform(size=(20, 36))
Y = {"kind": np.arange(20) % 2, "size": np.arange(20) / 10, "tags": np.eye(20, 3)}
TASKS = {"kind": "classification", "size": "regression", "tags": "multilabel"}


def small(**parameters):
    defaults = {
        "tasks": TASKS,
        "backbone": ConvNetBackbone(widths=(4, 8)),
        "max_epochs": 1,
        "random_state": 0,
    }
    return MultiGranularityMultiTask(**(defaults | parameters))


def y_with(**columns):
    return {**Y, **columns}


class FrameOfAnotherLibrary:
    def to_pandas(self):
        return pd.DataFrame(Y)


BAD_ANSWERS = {
    "an array": (Y["kind"], "one column per task.*It got ndarray"),
    "another library's frame": (
        FrameOfAnotherLibrary(),
        r"It got FrameOf.* is one of \w+: pass y\.to_pandas\(\)",
    ),
    "none": (None, "requires y to be passed"),
    "a task missing": ({"kind": Y["kind"]}, r"'size' is missing from y.*\['kind'\]"),
    "a task missing from a frame": (
        pd.DataFrame({"size": Y["size"]}),
        r"Task 'kind' is missing from y, which has the columns \['size'\]",
    ),
    "all answers missing": (
        y_with(kind=[None] * 20),
        "Task 'kind': all answers are missing",
    ),
    "all numbers missing": (
        y_with(size=np.full(20, np.nan)),
        "Task 'size': all answers are missing",
    ),
    "one class": (y_with(kind=[1, None] * 10), "Task 'kind': .*only 1 class: .1."),
    "continuous labels": (y_with(kind=Y["size"]), "Task 'kind': Unknown label type"),
    "labels of several types": (
        y_with(kind=["a", 1] * 10),
        r"Task 'kind': y has labels of the types \['int', 'str'\], which cannot be",
    ),
    "labels of several types in a frame": (
        pd.DataFrame({**Y, "kind": [1, "a"] * 10, "tags": list(Y["tags"])}),
        r"Task 'kind': .*\['int', 'str'\], which cannot be sorted together",
    ),
    "several labels": (y_with(kind=Y["tags"]), "Task 'kind': .*'multilabel'"),
    "words for numbers": (y_with(size=["a"] * 20), "Task 'size': could not convert"),
    "infinite": (
        y_with(size=np.where(np.arange(20) == 3, np.inf, 0)),
        "Task 'size': row 3 is infinite",
    ),
    "one column of labels": (y_with(tags=Y["kind"]), "Task 'tags': .*rows of zeros"),
    "no zeros and ones": (y_with(tags=Y["tags"] + 1), "Task 'tags': .*zeros and ones"),
    "rows of different lengths": (
        y_with(tags=[np.ones(2)] * 19 + [np.ones(3)]),
        "Task 'tags': .*different shapes",
    ),
    "lists of labels": (
        y_with(tags=[["a", "b"], ["a"]] * 10),
        "Task 'tags': .*MultiLabelBinarizer",
    ),
    "as many labels each": (
        y_with(tags=[["a", "b"], ["a", "c"]] * 10),
        "Task 'tags': .*MultiLabelBinarizer",
    ),
    "sets of labels": (
        y_with(tags=[{"a", "b"}, {"a"}] * 10),
        "Task 'tags': .*MultiLabelBinarizer",
    ),
    "lists of labels for one": (
        y_with(kind=[["a", "b"], ["a"]] * 10),
        "Task 'kind': .*use the type 'multilabel'",
    ),
    "columns of different lengths": (
        y_with(size=Y["size"][:-1]),
        "different lengths: .*'size': 19",
    ),
    "another length": (
        {name: column[:-1] for name, column in Y.items()},
        r"inconsistent numbers of samples: \[20, 19\]",
    ),
}


def check_fails(model, y, match):
    fitted = small().fit(X, Y)
    fitted.set_params(**model.get_params(deep=False))
    before = dict(vars(fitted))
    for estimator in (model, fitted):
        with pytest.raises(ValueError, match=match):
            estimator.fit(X, y)
    assert not hasattr(model, "net_")
    assert vars(fitted) == before


@pytest.mark.parametrize(("y", "match"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_bad_answers(y, match):
    check_fails(small(), y, match)


BAD_PARAMETERS = {
    "no dict": ({"tasks": ["kind"]}, "'tasks' parameter"),
    "no task": ({"tasks": {}}, "at least one task"),
    "unknown type": (
        {"tasks": {"kind": "classifier"}},
        "Task 'kind': .*Did you mean 'classification'",
    ),
    "no type": ({"tasks": {"kind": {"missing": 3}}}, "Task 'kind': .*a type"),
    "unknown option": (
        {"tasks": {"size": {"type": "regression", "class_weight": None}}},
        r"Task 'size': unknown options \['class_weight'\] of a regression",
    ),
    "value of an option": (
        {"tasks": {"size": {"type": "regression", "loss": "l1"}}},
        "'loss' parameter of MultiGranularityMultiTask's task 'size'",
    ),
    "class weights of other classes": (
        {"tasks": {"kind": {"type": "classification", "class_weight": {7: 2}}}},
        r"Task 'kind': it got a class_weight for \[7\]",
    ),
    "weight of no task": ({"task_weight": {"kin": 1}}, r"task_weight names \['kin'\]"),
    "negative weight": ({"task_weight": {"kind": -1}}, "not negative"),
    "share": ({"share": "head"}, "'share' parameter"),
    "head": ({"head": DenseHead()}, "does not answer for image.*head=.pooled."),
}


@pytest.mark.parametrize(
    ("parameters", "match"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS
)
def test_bad_parameters(parameters, match):
    check_fails(small(**parameters), Y, match)


def test_labels_and_columns_that_fit_has_not_seen():
    model = small().fit(X, Y)
    with pytest.raises(ValueError, match=r"Task 'kind': .*\[9\]"):
        model.fit(X, Y, X_val=X, y_val=y_with(kind=np.full(20, 9)))
    nothing = {name: [None] * 20 for name in ("kind", "size")}
    with pytest.raises(ValueError, match="No task has an answer for any of 20 images"):
        model.fit(X, Y, X_val=X, y_val={**nothing, "tags": np.full((20, 3), np.nan)})
    with pytest.raises(ValueError, match="Task 'size' is missing"):
        model.score(X, {"kind": Y["kind"], "tags": Y["tags"]})
    with pytest.raises(ValueError, match="Task 'tags': all answers are missing"):
        model.scores(X, y_with(tags=np.full((20, 3), np.nan)))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.scores(X[:7], Y)
