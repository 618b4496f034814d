"""Several tasks: masks of what is missing, the balance of losses, each task's share."""

import math
import tracemalloc

import numpy as np
import pytest
import torch

from skmultigran.tasks import (
    Answers,
    ClassificationTask,
    MultiLabelTask,
    RegressionTask,
    SegmentationTask,
    SeveralTasks,
)

TASKS = {
    "pet": ClassificationTask(np.array(["cat", "dog"])),
    "size": RegressionTask(np.array(3.0), np.array(2.0)),
    "marks": MultiLabelTask(2),
    "mask": SegmentationTask(np.array([0, 5]), ignore_label=9),
}
SHARES = {"pet": 0.5, "size": 1.0, "marks": 0.5, "mask": 0.5}
SIZE = (2, 3)
# Raw numbers per image: two, one, two, and two for each of six pixels.
N_NUMBERS = 2 + 1 + 2 + 12


def masks(*values):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@pytest.fixture
def answers():
    known = {
        "pet": [True, False],
        "size": [True, True],
        "marks": [False, True],
        "mask": [False, True],
    }
    return Answers(
        {
            "pet": np.array(["dog", "cat"]),
            "size": np.array([7.0, 1.0]),
            "marks": np.array([[np.nan, np.nan], [1.0, np.nan]]),
            "mask": masks(None, np.array([[0, 5, 9], [5, 5, 0]])),
        },
        {name: np.array(rows) for name, rows in known.items()},
    )


def several(weights, **more):
    task = SeveralTasks(TASKS, weights, SIZE, **more)
    task.shares = SHARES
    return task


def outputs(seed=0, n_uncertainties=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((2, N_NUMBERS + n_uncertainties), generator=generator)


def by_hand(raw):
    """Return each task's loss on the one image, or the images, that it knows."""
    pet, size, marks, mask = raw[:, :2], raw[:, 2:3], raw[:, 3:5], raw[:, 5:17]
    codes = torch.tensor([[[0, 1, -1], [1, 1, 0]]])
    return {
        "pet": TASKS["pet"].loss(pet[:1], torch.tensor([1])).sum() / 0.5,
        "size": ((size - torch.tensor([[2.0], [-1.0]])) ** 2).sum(),
        "marks": -torch.nn.functional.logsigmoid(marks[1, 0]) / 0.5,
        "mask": TASKS["mask"].loss(mask[1:].reshape(1, 2, 2, 3), codes).sum() / 0.5,
    }


def test_encoded_answers(answers):
    task = several(None)
    encoded = task.encode(answers)
    assert list(task.widths.values()) == [1, 1, 2, 6]
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(
        encoded,
        [
            [1, 2, np.nan, np.nan, *[np.nan] * 6],
            [np.nan, -1, 1, np.nan, 0, 1, -1, 1, 1, 0],
        ],
    )


def test_masks_are_held_once():
    count, side = 200, 64
    columns = {"mask": masks(*[np.zeros((side, side), int)] * count)}
    task = SeveralTasks({"mask": TASKS["mask"]}, None, (side, side))
    y = Answers(columns, {"mask": np.ones(count, dtype=bool)})
    tracemalloc.start()
    try:
        encoded = task.encode(y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert encoded.shape == (count, side * side)
    assert peak < 1.2 * encoded.nbytes


def test_the_loss_is_the_sum_of_those_of_known_answers(answers):
    raw = outputs()
    task = several(None)
    loss = task.loss(raw, torch.from_numpy(task.encode(answers)))
    torch.testing.assert_close(loss.sum(), sum(by_hand(raw).values()))


def test_given_factors(answers):
    raw, factors = outputs(), {"pet": 2.0, "size": 0.0, "marks": 1.0, "mask": 0.5}
    task = several(factors)
    loss = task.loss(raw, torch.from_numpy(task.encode(answers)))
    expected = sum(factors[name] * part for name, part in by_hand(raw).items())
    torch.testing.assert_close(loss.sum(), expected)
    assert task.factors(np.zeros(0)) == factors


def test_uncertainty_is_that_of_the_paper(answers):
    raw = outputs(n_uncertainties=4)
    raw[:, -4:] = log_variances = torch.tensor([0.5, -1.0, 0.0, 2.0])
    task = several("uncertainty")
    loss = task.loss(raw, torch.from_numpy(task.encode(answers)))
    halves = [1.0, 0.5, 1.0, 1.0]
    # Of the two images one or both have an answer; shares make all count alike.
    expected = sum(
        half * part * math.exp(-s) + 2 * s / 2
        for half, part, s in zip(
            halves, by_hand(raw).values(), log_variances.tolist(), strict=True
        )
    )
    torch.testing.assert_close(loss.sum(), expected)
    factors = task.factors(log_variances.numpy())
    assert factors["size"] == pytest.approx(0.5 * math.e)
    assert factors["mask"] == pytest.approx(math.exp(-2))


def test_a_constant_loss_has_its_own_size_as_best_variance(answers):
    """The minimum over s of half L / s + log(s) / 2 is at s = L, for regression."""
    task = SeveralTasks({"size": TASKS["size"]}, "uncertainty", SIZE)
    raw = torch.tensor([[3.0, 0.0]], requires_grad=True)
    targets = torch.tensor([[1.0]])
    best = torch.tensor([[3.0, math.log(4.0)]], requires_grad=True)
    for numbers in (raw, best):
        task.loss(numbers, targets).sum().backward()
    assert raw.grad[0, 1] < 0
    assert best.grad[0, 1] == pytest.approx(0, abs=1e-6)


def test_what_is_missing_gets_no_gradient(answers):
    task = several("uncertainty")
    raw = outputs(n_uncertainties=4).requires_grad_()
    task.loss(raw, torch.from_numpy(task.encode(answers)), 0.1).sum().backward()
    assert torch.isfinite(raw.grad).all()
    learned = raw.grad != 0
    assert learned[0].tolist() == [True] * 3 + [False] * 14 + [True] * 2 + [False] * 2
    # Of two marks one is not known; one pixel is ignored.
    assert learned[1, :5].tolist() == [False, False, True, True, False]
    assert learned[1, 5:17].reshape(2, 6).all(dim=0).tolist() == [1, 1, 0, 1, 1, 1]


def test_scores_average_over_known_answers(answers):
    task = several(None)
    encoded = torch.from_numpy(task.encode(answers))
    raw = torch.zeros((2, N_NUMBERS))
    raw[0, 1] = 1.0  # a dog
    raw[:, 2] = encoded[:, 1]
    raw[1, 3] = 1.0
    raw[1, 5:11] = 1 - encoded[1, 4:]
    raw[1, 11:] = encoded[1, 4:]
    # Of accuracy, squared error, labels and overlap all are the best.
    assert task.score(raw, encoded).mean() == pytest.approx(3 / 4)
    decoded = task.decode(raw)
    assert decoded["pet"].tolist() == ["dog", "cat"]
    np.testing.assert_allclose(decoded["size"], [7, 1])
    assert decoded["marks"].tolist() == [[0, 0], [1, 0]]
    assert decoded["mask"][1].tolist() == [[0, 5, 0], [5, 5, 0]]
    probabilities = task.probabilities(raw)
    assert list(probabilities) == ["pet", "marks", "mask"]
    assert probabilities["mask"].shape == (2, 2, 3, 2)


def test_shares_are_those_of_the_images_by_weight(answers):
    task = SeveralTasks(TASKS, None, SIZE)
    encoded = task.encode(answers)
    shared = task.sharing(encoded, np.array([1.5, 0.5], dtype=np.float32))
    assert shared.shares == {"pet": 0.75, "size": 1.0, "marks": 0.25, "mask": 0.25}
    assert shared.factors(np.zeros(0)) == task.factors(np.zeros(0))
    assert task.sharing(encoded, np.ones(2)).shares == SHARES
    assert task.shares == dict.fromkeys(TASKS, 1.0)


def test_a_task_without_answers_does_not_count(answers):
    answers.known["pet"][:] = False
    task = SeveralTasks(TASKS, "uncertainty", SIZE)
    encoded = task.encode(answers)
    shared = task.sharing(encoded, np.ones(2))
    assert "pet" not in shared.shares
    raw = outputs(n_uncertainties=4).requires_grad_()
    raw.data[:, 2] = torch.from_numpy(encoded[:, 1])
    shared.loss(raw, torch.from_numpy(encoded)).sum().backward()
    assert not raw.grad[:, :2].any()
    assert torch.isfinite(raw.grad).all()
    del shared.shares["marks"], shared.shares["mask"]
    # The error of the only task that is left is zero.
    assert shared.score(raw, torch.from_numpy(encoded)).tolist() == [0, 0]


def test_images_without_any_answer_are_refused(answers):
    for rows in answers.known.values():
        rows[:] = False
    task = SeveralTasks(TASKS, None, SIZE)
    with pytest.raises(ValueError, match="No task has an answer for any of 2 images"):
        task.sharing(task.encode(answers), np.ones(2))


def test_masks_of_other_sizes_are_fitted(answers):
    answers.columns["mask"][1] = np.full((1, 3), 5)
    encoded = several(None, resize="letterbox").encode(answers)
    assert encoded[1, 4:].tolist() == [1, 1, 1, -1, -1, -1]
    encoded = several(None, resize="stretch").encode(answers)
    assert encoded[1, 4:].tolist() == [1] * 6


def test_answers_that_do_not_fit_are_named(answers):
    answers.columns["pet"][0] = "cow"
    with pytest.raises(ValueError, match=r"Task 'pet': .*labels \['cow'\]"):
        several(None).encode(answers)
    answers.columns["pet"][0] = "cat"
    answers.columns["mask"][1][0, 0] = 7
    with pytest.raises(ValueError, match="Task 'mask': The mask of row 1 has .* 7"):
        several(None).encode(answers)


def test_rows_of_answers(answers):
    part = answers[np.array([1])]
    assert len(part) == 1
    assert part.given("size").tolist() == [1.0]
    assert part.given("pet").tolist() == []
