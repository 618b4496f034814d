"""The public checks of estimators of several tasks, all of them, counted."""

import numpy as np
import pytest

from skmultigran import ConvNetBackbone, MultiGranularityMultiTask
from skmultigran.estimator_checks import (
    check_multi_task_estimator,
    multi_task_estimator_checks,
)

IMAGE_TASKS = {
    "kind": {"type": "classification", "class_weight": "balanced"},
    "place": "regression",
    "tags": "multilabel",
}
SMALL = {
    "backbone": ConvNetBackbone(widths=(4, 6), stem_stride=1),
    "fusion": "sum",
    "max_epochs": 1,
    "batch_size": 8,
}
ESTIMATORS = {
    "about images": MultiGranularityMultiTask(tasks=IMAGE_TASKS, **SMALL),
    "about pixels too, fused apart": MultiGranularityMultiTask(
        tasks={"kind": "classification", "mask": "segmentation"},
        share="backbone",
        task_weight=None,
        **SMALL,
    ),
}
CHECKS = multi_task_estimator_checks()
N_CHECKS = 26


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_multi_task(estimator, check):
    check(estimator)


def test_the_number_of_checks():
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS) == N_CHECKS


class Broken(MultiGranularityMultiTask):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, sample_weight)


class AnswersInOneForm(Broken):
    def predict(self, X):
        answers = super().predict(X)
        return {name: np.asarray(answers[name]) for name in self.tasks}


class ReadsTheBatch(Broken):
    def predict(self, X):
        answers = super().predict(X)
        answers["place"][0] = len(X)
        return answers


class LearnsWhatIsNoTask(Broken):
    def fit(self, X, y, sample_weight=None):
        names = y.dtype.names if isinstance(y, np.ndarray) else list(y)
        self.random_state = len(names)
        return super().fit(X, y, sample_weight)


class ScoresWhatIsMissing(Broken):
    def score(self, X, y, sample_weight=None):
        return super().score(X, y) / len(X)


class NamesNoTask(Broken):
    def fit(self, X, y, sample_weight=None):
        try:
            return super().fit(X, y, sample_weight)
        except ValueError as error:
            raise ValueError("y is wrong") from error


BROKEN = {
    AnswersInOneForm: ("check_a_frame_equals_records", "data frame predict gives none"),
    ReadsTheBatch: ("check_batches_do_not_matter", "An image alone is predicted"),
    LearnsWhatIsNoTask: ("check_other_columns_do_not_matter", "a column of no task"),
    ScoresWhatIsMissing: ("check_missing_answers_are_not_scored", "change the score"),
    NamesNoTask: ("check_a_missing_task_is_named", "does not say 'kind'"),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_broken_promises_are_found(broken):
    name, message = BROKEN[broken]
    (check,) = (check for check in CHECKS if check.__name__ == name)
    parameters = ESTIMATORS["about images"].get_params(deep=False)
    with pytest.raises(AssertionError, match=message):
        check(broken(**parameters))


def test_all_at_once_stops_at_the_first():
    parameters = ESTIMATORS["about images"].get_params(deep=False)
    with pytest.raises(AssertionError, match="An image alone is predicted"):
        check_multi_task_estimator(ReadsTheBatch(**parameters))
