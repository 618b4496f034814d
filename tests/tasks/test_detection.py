import math

import numpy as np
import pytest
import torch

from skmultigran.tasks import DetectionTask
from skmultigran.tasks._detection import Places, matched_objects

TASK = DetectionTask(np.array(["cat", "dog"]))
DECODING = {"score_threshold": 0.3, "nms_threshold": 0.5, "max_detections": 10}


def places_of(side=64, strides=(4, 8)):
    """Silent places on two levels, as a head would give them."""
    parts = []
    for level, stride in enumerate(strides):
        centres = torch.arange(stride / 2, side, stride)
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        facts = [stride, level, level * 16, math.inf if level else 16]
        facts = torch.tensor(facts, dtype=torch.float32).expand(x.numel(), 4)
        numbers = torch.full((x.numel(), 7), -9.0)
        numbers[:, 2:6] = 0.5
        places = torch.stack([x.flatten(), y.flatten()], dim=1)
        parts.append(torch.cat([numbers, places, facts], dim=1))
    return torch.cat(parts)


def tell(output, boxes, codes):
    """Let the places that learn objects tell of them."""
    places = Places.of(output)
    matched = matched_objects(places, as_objects(boxes))
    told = output.clone()
    for place in torch.nonzero(matched >= 0)[:, 0]:
        box, stride = boxes[matched[place]], places.strides[place]
        low = places.centres[place] - box[:2]
        high = box[2:] - places.centres[place]
        told[place, 2:6] = torch.cat([low, high]) / stride
        told[place, codes[matched[place]]] = 9
        sides = torch.stack([low, high])
        central = (sides.amin(0) / sides.amax(0)).prod().sqrt()
        told[place, 6] = torch.logit(central, eps=1e-4)
    return told


def as_objects(boxes):
    return torch.cat([boxes, torch.zeros(len(boxes), 1)], dim=1)


BOXES = torch.tensor([[10.0, 12, 22, 30], [30, 20, 62, 60], [4, 40, 12, 50]])
CODES = [0, 1, 1]
OBJECTS = torch.cat([BOXES, torch.tensor([[0.0], [1], [1]])], dim=1)


def test_encode_numbers_labels_of_any_type():
    y = [
        {"boxes": np.array([[0, 1, 2, 3]]), "labels": np.array(["dog"])},
        {"boxes": [], "labels": []},
    ]
    first, empty = TASK.encode(y)
    np.testing.assert_array_equal(first, [[0, 1, 2, 3, 1]])
    assert empty.shape == (0, 5)
    with pytest.raises(ValueError, match="row 0 has an object with the label 'cow'"):
        TASK.encode([{"boxes": [[0, 0, 1, 1]], "labels": ["cow"]}])


def test_decode_finds_what_is_told():
    found = TASK.decode(tell(places_of(), BOXES, CODES), (64, 64), **DECODING)
    order = np.argsort(found["boxes"][:, 0])
    np.testing.assert_allclose(found["boxes"][order], BOXES[[2, 0, 1]], atol=1e-4)
    assert found["labels"][order].tolist() == ["dog", "cat", "dog"]
    # The farthest side of the large one is 20 pixels from its centre.
    assert found["levels"][order].tolist() == [0, 0, 1]
    assert (np.diff(found["scores"]) <= 0).all()


def test_boxes_are_cut_at_the_border_and_counted():
    told = tell(places_of(), BOXES, CODES)
    found = TASK.decode(told, (55, 40), **DECODING | {"max_detections": 1})
    assert len(found["boxes"]) == 1
    every = TASK.decode(told, (55, 40), **DECODING)["boxes"]
    assert every[:, 2].max() <= 40
    assert every[:, 3].max() <= 55


def test_nothing_told_is_nothing_found():
    found = TASK.decode(places_of(), (64, 64), **DECODING)
    assert found["boxes"].shape == (0, 4)
    assert found["labels"].shape == found["scores"].shape == (0,)


def test_each_object_is_learned_near_its_centre_on_its_level():
    places = Places.of(places_of())
    matched = matched_objects(places, OBJECTS)
    for number, box in enumerate(BOXES):
        mine = matched == number
        assert mine.any()
        centre = (box[:2] + box[2:]) / 2
        away = (places.centres[mine] - centre).abs()
        assert (away < 1.5 * places.strides[mine]).all()
        assert (places.centres[mine] > box[:2]).all()
        assert (places.centres[mine] < box[2:]).all()


def test_of_two_objects_the_smaller_is_learned():
    boxes = torch.tensor([[8.0, 8, 24, 24], [12, 12, 20, 20]])
    matched = matched_objects(Places.of(places_of()), as_objects(boxes))
    at = Places.of(places_of()).centres == torch.tensor([14.0, 14.0])
    assert matched[at.all(dim=1)].tolist() == [1]


def test_loss_is_small_where_all_is_told_and_falls():
    silent = places_of()
    told = tell(silent, BOXES, CODES)
    batch = torch.stack([silent, told])
    losses = TASK.loss(batch, OBJECTS.expand(2, 3, 5))
    assert losses[1] < losses[0] / 5
    assert losses.isfinite().all()
    learned = silent[:, :7].clone().requires_grad_()
    optimizer = torch.optim.Adam([learned], lr=0.3)
    for _ in range(30):
        optimizer.zero_grad()
        outputs = torch.cat([learned, silent[:, 7:]], dim=1)[None]
        loss = TASK.loss(outputs, OBJECTS[None]).sum()
        loss.backward()
        optimizer.step()
    assert loss < losses[0] / 2


def test_padding_and_other_images_are_of_no_influence():
    batch = torch.stack([places_of(), tell(places_of(), BOXES, CODES)])
    padded = torch.cat([OBJECTS, torch.tensor([[0.0, 0, 5, 5, -1]])])
    one = TASK.loss(batch[:1], padded[None])
    torch.testing.assert_close(one, TASK.loss(batch, OBJECTS.expand(2, 3, 5))[:1])
    empty = TASK.loss(batch, torch.zeros(2, 0, 5))
    assert empty.isfinite().all()
    assert empty[0] < empty[1]


def test_score_is_f1():
    told = tell(places_of(), BOXES, CODES)[None]
    assert TASK.score(told, OBJECTS[None]) == 1
    assert TASK.score(told, OBJECTS[None, :2]) == pytest.approx(2 * 2 / (3 + 2))
    wrong = OBJECTS.clone()
    wrong[0, 4] = 1
    assert TASK.score(told, wrong[None]) == pytest.approx(2 * 2 / (3 + 3))
    nothing = torch.zeros(1, 0, 5)
    assert TASK.score(told, nothing) == 0
    assert TASK.score(places_of()[None], nothing) == 1


def test_each_place_that_learns_counts_alike_in_a_batch():
    both = torch.stack([OBJECTS, torch.cat([OBJECTS[:1], -torch.ones(2, 5)])])
    batch = places_of().expand(2, -1, -1)
    losses = TASK.loss(batch, both)
    alone = torch.cat([TASK.loss(batch[:1], objects[None]) for objects in both])
    matched = matched_objects(Places.of(batch[0]), both)
    counts = (matched >= 0).sum(dim=1)
    torch.testing.assert_close(losses, alone * counts / counts.float().mean())
