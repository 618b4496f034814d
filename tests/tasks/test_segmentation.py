import numpy as np
import pytest
import torch
from torch.nn import functional

from skmultigran.tasks import SegmentationTask, pixel_weights

CLASSES = np.array([-4, 2, 900])


def task(**parameters):
    return SegmentationTask(CLASSES, **parameters)


def objects(*masks):
    array = np.empty(len(masks), dtype=object)
    array[:] = masks
    return array


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 3, 5, 4, generator=generator)
    codes = torch.randint(-1, 3, (3, 5, 4), generator=generator)
    return logits, codes


def test_encode_and_decode_are_inverse():
    mask = np.array([[2, 900], [-4, 2]])
    codes = task().encode(objects(mask))[0]
    logits = functional.one_hot(torch.from_numpy(codes).long(), 3).permute(2, 0, 1)
    np.testing.assert_array_equal(task().decode(logits[None].float())[0], mask)


def test_ignored_pixels_are_negative():
    codes = task(ignore_label=255).encode_mask(np.array([[255, 2]]))
    np.testing.assert_array_equal(codes, [[-1, 1]])


def test_unknown_label_is_named():
    with pytest.raises(
        ValueError, match=r"row 1 has the label 7, but .*\[-4, 2, 900\]"
    ):
        task().encode(objects(np.array([[2]]), np.array([[2, 7]])))


def test_cross_entropy_is_the_mean_over_known_pixels(batch):
    logits, codes = batch
    losses = task(loss="cross_entropy").loss(logits, codes)
    for one, of_image, its_codes in zip(losses, logits, codes, strict=True):
        known = its_codes >= 0
        expected = functional.cross_entropy(of_image[:, known].T, its_codes[known])
        torch.testing.assert_close(one, expected)


def test_class_weights_multiply_pixels(batch):
    logits, codes = batch
    weighted = task(loss="cross_entropy", class_weights=np.array([0.0, 3.0, 0.0]))
    losses = weighted.loss(logits, codes)
    pixels = functional.cross_entropy(
        logits, codes, ignore_index=-1, reduction="none"
    ) * (codes == 1)
    expected = 3 * pixels.sum((1, 2)) / (codes >= 0).sum((1, 2))
    torch.testing.assert_close(losses, expected)


def test_dice_of_known_overlaps():
    codes = torch.tensor([[[0, 0, 0, 0], [1, 1, 1, 1]]])
    sure = 1e4 * functional.one_hot(codes, 2).permute(0, 3, 1, 2).float()
    dice = SegmentationTask(np.array([0, 1]), loss="dice")
    torch.testing.assert_close(dice.loss(sure, codes), torch.zeros(1))
    # All wrong: overlap 0 of sizes 4 and 4, smoothed by one pixel.
    torch.testing.assert_close(dice.loss(-sure, codes), torch.tensor([1 - 1 / 9]))


def test_default_loss_is_the_sum_of_both(batch):
    both = task().loss(*batch)
    parts = [task(loss=name).loss(*batch) for name in ("cross_entropy", "dice")]
    torch.testing.assert_close(both, parts[0] + parts[1])


@pytest.mark.parametrize("loss", ["cross_entropy", "dice", "cross_entropy+dice"])
def test_what_is_ignored_has_no_influence(batch, loss):
    logits, codes = batch
    changed = torch.where(
        (codes < 0)[:, None], 100 * torch.rand(3, 5, 4)[:, None], logits
    )
    torch.testing.assert_close(
        task(loss=loss).loss(logits, codes), task(loss=loss).loss(changed, codes)
    )
    nothing = torch.full_like(codes, -1)
    assert (task(loss=loss).loss(logits, nothing) == 0).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "dice", "cross_entropy+dice"])
def test_loss_falls_on_one_batch(batch, loss):
    logits, codes = batch[0].clone().requires_grad_(), batch[1]
    optimizer = torch.optim.Adam([logits], lr=0.2)
    first = task(loss=loss).loss(logits, codes).sum()
    for _ in range(40):
        optimizer.zero_grad()
        total = task(loss=loss).loss(logits, codes).sum()
        total.backward()
        optimizer.step()
    assert total < first / 2


def test_score_is_the_mean_iou_of_the_classes_there_are(batch):
    logits, codes = batch
    scores = task().score(logits, codes)
    for score, found, true in zip(scores, logits.argmax(1), codes, strict=True):
        found, true = found[true >= 0], true[true >= 0]
        ious = [
            ((found == c) & (true == c)).sum() / ((found == c) | (true == c)).sum()
            for c in range(3)
            if ((found == c) | (true == c)).any()
        ]
        torch.testing.assert_close(score, torch.stack(ious).mean())


def test_probabilities_are_last_and_sum_to_one(batch):
    probabilities = task().probabilities(batch[0])
    assert probabilities.shape == (3, 5, 4, 3)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-6)


def test_balanced_weights_make_classes_count_alike():
    masks = objects(np.array([[0, 0, 0, 1]]), np.array([[2, 0, -1, -1]]))
    weights = pixel_weights(masks, np.ones(2), task(), "balanced")
    np.testing.assert_allclose(weights * [4, 1, 1], 2)


def test_given_weights_have_the_mean_one_over_pixels():
    masks = objects(np.array([[0, 0, 0, 1]]), np.array([[2, 0, -1, -1]]))
    alike = pixel_weights(masks, np.ones(2), task(), {-4: 10, 2: 10, 900: 10})
    np.testing.assert_allclose(alike, 1)
    # Of 6 pixels one has the weight 7; where the first image counts twice, 2 of 10.
    once = pixel_weights(masks, np.ones(2), task(), {2: 7.0})
    np.testing.assert_allclose(once, [0.5, 3.5, 0.5])
    twice = pixel_weights(masks, np.array([2, 1]), task(), {2: 6.0})
    np.testing.assert_allclose(twice, [0.5, 3, 0.5])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({7: 5.0}, r"class_weight names the classes \[7\]"),
        ({-4: 0, 2: 0, 900: 0}, "makes the weights of all pixels zero"),
        ({2: -1}, "must be finite numbers of zero or more"),
    ],
)
def test_bad_class_weights_are_refused(class_weight, message):
    masks = objects(np.array([[0, 1, 2]]))
    with pytest.raises(ValueError, match=message):
        pixel_weights(masks, np.ones(1), task(), class_weight)
