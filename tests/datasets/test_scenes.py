"""Digit scenes: boxes, labels, masks and sizes that agree with what is drawn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skmultigran.datasets import _scenes, make_digit_scenes


def ends_of(mask):
    """The box of what is not zero, pixel by pixel: left, top, right, bottom."""
    pixels = [(x, y) for y, row in enumerate(mask) for x, v in enumerate(row) if v]
    xs, ys = zip(*pixels, strict=True)
    return [min(xs), min(ys), max(xs) + 1, max(ys) + 1]


def shares(boxes):
    """Shared area of each pair of boxes, by the smaller one's area, in a loop."""
    found = []
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            width = min(a[2], b[2]) - max(a[0], b[0])
            height = min(a[3], b[3]) - max(a[1], b[1])
            area = min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
            found.append(max(width, 0) * max(height, 0) / area)
    return found


def test_shapes_and_types():
    scenes = make_digit_scenes(5, (40, 56), n_objects=(0, 3), random_state=0)
    assert scenes.images.shape == scenes.masks.shape == (5, 40, 56)
    assert scenes.images.dtype == scenes.masks.dtype == np.uint8
    assert len(scenes.y) == len(scenes.sizes) == 5
    for target, sizes in zip(scenes.y, scenes.sizes, strict=True):
        assert sorted(target) == ["boxes", "labels"]
        assert target["boxes"].shape == (len(sizes), 4)
        assert target["boxes"].dtype == np.float32
        assert target["labels"].shape == sizes.shape
        assert target["labels"].dtype == sizes.dtype == np.int64
    assert "digits" in scenes.DESCR


def test_a_box_is_the_smallest_around_its_digit(seed):
    scenes = make_digit_scenes(40, 64, n_objects=1, random_state=seed)
    for target, mask in zip(scenes.y, scenes.masks, strict=True):
        assert target["boxes"].tolist() == [ends_of(mask)]


def test_boxes_of_crowded_scenes_hold_what_is_seen(seed):
    scenes = make_digit_scenes(
        20, 80, n_objects=(2, 6), scales=(8, 40), random_state=seed
    )
    for target, mask in zip(scenes.y, scenes.masks, strict=True):
        rest = mask.copy()
        for box, label in zip(
            target["boxes"].astype(int), target["labels"], strict=True
        ):
            left, top, right, bottom = box
            inside = mask[top:bottom, left:right]
            assert set(np.unique(inside)) == {0, label + 1}
            offset = np.array([left, top, left, top])
            assert (ends_of(inside) + offset).tolist() == box.tolist()
            rest[top:bottom, left:right] = 0
        assert not rest.any()


def test_sizes_are_the_longer_sides_and_keep_to_the_scales(seed):
    scenes = make_digit_scenes(
        60, 72, n_objects=(1, 5), scales=(9, 33), random_state=seed
    )
    sizes = np.concatenate(scenes.sizes)
    boxes = np.concatenate([target["boxes"] for target in scenes.y])
    assert sizes.tolist() == (boxes[:, 2:] - boxes[:, :2]).max(axis=1).tolist()
    assert sizes.min() >= 9
    assert sizes.max() <= 33
    assert len(set(sizes.tolist())) > 10


@pytest.mark.parametrize("size", [8, 17, 64])
def test_one_size_is_kept_to_the_pixel(size):
    scenes = make_digit_scenes(20, 64, n_objects=1, scales=size, random_state=0)
    assert np.concatenate(scenes.sizes).tolist() == [size] * 20


def test_sizes_are_as_likely_in_each_octave():
    scenes = make_digit_scenes(400, 64, n_objects=1, random_state=0)
    octaves = np.log2(np.concatenate(scenes.sizes) / 8)
    counts, _ = np.histogram(octaves, [0, 1, 2, 3.01])
    assert counts.min() > 100


def test_small_scenes_have_small_digits():
    sizes = np.concatenate(make_digit_scenes(50, (30, 24), random_state=0).sizes)
    assert 8 <= sizes.min() < sizes.max() <= 24


@pytest.mark.parametrize("max_overlap", [0.0, 0.3, 0.9])
def test_digits_overlap_at_most_as_asked(max_overlap):
    scenes = make_digit_scenes(
        25, 48, n_objects=6, scales=(8, 40), max_overlap=max_overlap, random_state=0
    )
    found = [share for target in scenes.y for share in shares(target["boxes"])]
    assert max(found) <= max_overlap
    assert max(found) >= max_overlap * 0.8


def test_larger_digits_come_first_though_some_were_made_smaller():
    scenes = make_digit_scenes(
        30, 48, n_objects=7, scales=(8, 40), max_overlap=0.1, random_state=0
    )
    assert all((np.diff(sizes) <= 0).all() for sizes in scenes.sizes)


def test_smaller_digits_lie_on_top():
    scenes = make_digit_scenes(
        30, 48, n_objects=3, scales=(8, 40), max_overlap=0.9, random_state=0
    )
    for target, mask, sizes in zip(scenes.y, scenes.masks, scenes.sizes, strict=True):
        assert (np.diff(sizes) <= 0).all()
        left, top, right, bottom = target["boxes"][-1].astype(int)
        seen = mask[top:bottom, left:right] == target["labels"][-1] + 1
        for side in (seen[0], seen[-1], seen[:, 0], seen[:, -1]):
            assert side.any()


def test_number_of_digits_in_a_scene():
    def counts(n_objects):
        scenes = make_digit_scenes(60, 64, n_objects=n_objects, random_state=0)
        return {len(target["labels"]) for target in scenes.y}

    assert counts(2) == {2}
    assert counts((0, 3)) == {0, 1, 2, 3}


def test_empty_scenes_are_ground_only():
    scenes = make_digit_scenes(3, 32, n_objects=0, random_state=0)
    assert not scenes.masks.any()
    assert [target["boxes"].shape for target in scenes.y] == [(0, 4)] * 3
    assert scenes.images.std(axis=(1, 2)).min() > 1


def test_what_does_not_fit_is_left_out():
    scenes = make_digit_scenes(3, 16, n_objects=9, scales=16, random_state=0)
    assert all(1 <= len(target["labels"]) < 9 for target in scenes.y)


def test_same_seed_same_scenes_other_seed_others():
    def made(random_state):
        return make_digit_scenes(6, 40, n_objects=(0, 3), random_state=random_state)

    first, again, other = made(3), made(np.random.RandomState(3)), made(4)
    assert (first.images == again.images).all()
    assert (first.masks == again.masks).all()
    for a, b in zip(first.y, again.y, strict=True):
        assert a["boxes"].tolist() == b["boxes"].tolist()
        assert a["labels"].tolist() == b["labels"].tolist()
    assert (first.images != other.images).any(axis=(1, 2)).all()


def test_global_generators_are_left_alone():
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    make_digit_scenes(2, 16, random_state=0)
    assert np.random.random() == expected


def test_pieces_of_a_large_set_have_what_they_need(monkeypatch):
    monkeypatch.setattr(_scenes, "PIXELS_AT_ONCE", 2 * 24 * 24)
    scenes = make_digit_scenes(5, 24, n_objects=1, random_state=0)
    for target, image, mask in zip(scenes.y, scenes.images, scenes.masks, strict=True):
        assert image.std() > 1
        assert target["boxes"].tolist() == [ends_of(mask)]
        assert set(np.unique(mask)) == {0, target["labels"][0] + 1}


def test_digits_differ_from_the_ground_around_them():
    scenes = make_digit_scenes(60, 48, n_objects=1, scales=(16, 40), random_state=0)
    for target, image, mask in zip(
        scenes.y, scenes.images.astype(float), scenes.masks, strict=True
    ):
        left, top, right, bottom = target["boxes"][0].astype(int)
        box = np.s_[top:bottom, left:right]
        ink, ground = mask[box] > 0, mask[box] == 0
        if ground.any():
            difference = image[box][ink].mean() - image[box][ground].mean()
            assert abs(difference) > 20


def test_digits_are_the_real_ones():
    # A classifier of scikit-learn's own digits reads digits cut out of the scenes.
    scenes = make_digit_scenes(200, 32, n_objects=1, scales=24, random_state=0)
    cut = []
    for target, mask in zip(scenes.y, scenes.masks, strict=True):
        left, top, right, bottom = target["boxes"][0].astype(int)
        square = np.zeros((24, 24))
        start = (24 - (bottom - top)) // 2, (24 - (right - left)) // 2
        ink = mask[top:bottom, left:right] > 0
        square[start[0] :, start[1] :][: ink.shape[0], : ink.shape[1]] = ink
        cut.append(square.reshape(8, 3, 8, 3).mean(axis=(1, 3)).ravel())
    labels = [int(target["labels"][0]) for target in scenes.y]
    assert set(labels) == set(range(10))
    X, X_test, y, y_test = train_test_split(np.array(cut), labels, random_state=0)
    assert LogisticRegression(max_iter=1000).fit(X, y).score(X_test, y_test) > 0.8


def test_subsets_have_no_handwriting_in_common(monkeypatch):
    drawn = {"train": set(), "test": set(), "all": set()}
    for subset, seen in drawn.items():

        def recorded(rng, ground, mask, plan, seen=seen):
            seen.add(int(plan.digit))

        monkeypatch.setattr(_scenes, "_draw", recorded)
        make_digit_scenes(300, 16, subset=subset, random_state=0)
    assert not drawn["train"] & drawn["test"]
    assert max(drawn["train"]) < min(drawn["test"])
    assert max(drawn["all"]) > min(drawn["test"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "'n_samples' parameter of make_digit_scenes must be"),
        ({"size": 7}, "'size' parameter of make_digit_scenes must be"),
        ({"size": (64, 4)}, r"got size=\(64, 4\).*\(height, width\), each at least 8"),
        ({"size": (9, 9, 9)}, r"got size=\(9, 9, 9\)"),
        ({"n_objects": (3, 1)}, r"got n_objects=\(3, 1\).*lowest and the highest"),
        ({"n_objects": (1.5, 2)}, r"got n_objects=\(1.5, 2\)"),
        ({"n_objects": -1}, "'n_objects' parameter of make_digit_scenes must be"),
        ({"scales": (4, 16)}, r"got scales=\(4, 16\).*from 8 on"),
        ({"scales": (8, 16, 32)}, r"got scales=\(8, 16, 32\).*one integer or two"),
        ({"scales": (8, 64)}, "scenes of 32 x 32 pixels.*at most 32"),
        ({"max_overlap": 1.0}, "'max_overlap' parameter of make_digit_scenes must be"),
        ({"subset": "valid"}, "'subset' parameter of make_digit_scenes must be"),
        ({"random_state": "0"}, "'random_state' parameter of make_digit_scenes"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_digit_scenes(**{"n_samples": 2, "size": 32, **parameters})
