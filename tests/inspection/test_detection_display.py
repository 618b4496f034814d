import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline

from skmultigran import ImageDenoiser, MultiGranularityDetector
from skmultigran.datasets import make_digit_scenes
from skmultigran.inspection import DetectionDisplay

FOUND = [
    {
        "boxes": np.array([[2, 3, 10, 12], [1, 1, 6, 6], [8, 8, 15, 15]], float),
        "labels": np.array(["cat", "dog", "cat"]),
        "scores": np.array([0.9, 0.5, 0.1]),
        "levels": np.array([1, 0, 0]),
    },
    {"boxes": np.zeros((0, 4)), "labels": [], "scores": [], "levels": []},
]
TRUE = [{"boxes": [[2, 2, 10, 12]], "labels": ["cat"]}, {"boxes": [], "labels": []}]
IMAGES = np.zeros((2, 16, 16), np.uint8)


def corners(rectangle):
    (left, top), width, height = (
        rectangle.get_xy(),
        rectangle.get_width(),
        rectangle.get_height(),
    )
    return [left, top, left + width, top + height]


def test_boxes_texts_and_levels(pyplot):
    display = DetectionDisplay.from_predictions(IMAGES, TRUE, FOUND, strides=[4, 8])
    assert [len(boxes) for boxes in display.boxes_] == [2, 0]
    # The best is drawn last, on top; below the threshold nothing is drawn.
    assert_allclose([corners(b) for b in display.boxes_[0]], FOUND[0]["boxes"][[1, 0]])
    texts = [text.get_text() for text in display.texts_[0]]
    assert texts == ["dog 0.50", "cat 0.90"]
    assert_allclose(corners(display.true_boxes_[0][0]), [2, 2, 10, 12])
    handles = display.legend_.get_lines()
    names = [text.get_text() for text in display.legend_.get_texts()]
    assert names == ["stride 4", "stride 8", "true"]
    colours = [box.get_edgecolor()[:3] for box in display.boxes_[0]]
    assert colours == [to_rgb(handle.get_color()) for handle in handles[:2]]


def test_a_threshold_names_and_neither_scores_nor_levels(pyplot):
    everything = DetectionDisplay.from_predictions(
        IMAGES, None, FOUND, score_threshold=0.0
    )
    assert len(everything.boxes_[0]) == 3
    plain = [{"boxes": [[1, 1, 4, 4]], "labels": [1]}] * 2
    display = DetectionDisplay.from_predictions(
        IMAGES, None, plain, class_names=["background", "cell"]
    )
    assert [text.get_text() for text in display.texts_[0]] == ["cell"]
    assert display.legend_ is None


def test_edges_of_pixels_are_whole_numbers(pyplot):
    display = DetectionDisplay.from_predictions(IMAGES, None, FOUND)
    axes = display.axes_[0, 0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 16), (16, 0))
    assert list(axes.get_images()[0].get_extent()) == [0, 16, 16, 0]


def test_three_beside_each_other(pyplot):
    display = DetectionDisplay.from_predictions(
        np.repeat(IMAGES, 2, axis=0), None, FOUND * 2
    )
    assert display.axes_.shape == (2, 3)
    assert not display.axes_[1, 2].axison


def test_from_an_estimator(pyplot):
    scenes = make_digit_scenes(6, size=32, random_state=0)
    model = MultiGranularityDetector(max_epochs=1, score_threshold=0.0, random_state=0)
    model.fit(scenes.images, scenes.y)
    display = DetectionDisplay.from_estimator(
        model, scenes.images[:2], scenes.y[:2], score_threshold=0.0
    )
    found = model.predict(scenes.images[:2])
    assert [len(b) for b in display.boxes_] == [len(f["boxes"]) for f in found]
    levels = {level for each in found for level in each["levels"].tolist()}
    names = [text.get_text() for text in display.legend_.get_texts()]
    wanted = [f"stride {model.strides_[level]:g}" for level in sorted(levels)]
    assert names == [*wanted, "true"]


def test_from_a_pipeline_with_the_strides_of_its_last_step(pyplot):
    scenes = make_digit_scenes(6, size=32, random_state=0)
    model = make_pipeline(
        ImageDenoiser(),
        MultiGranularityDetector(max_epochs=1, score_threshold=0.0, random_state=0),
    ).fit(scenes.images, scenes.y)
    display = DetectionDisplay.from_estimator(
        model, scenes.images[:1], score_threshold=0.0
    )
    names = {text.get_text() for text in display.legend_.get_texts()}
    assert names <= {f"stride {stride:g}" for stride in model[-1].strides_}


def test_levels_of_boxes_that_are_not_drawn_are_not_named(pyplot):
    display = DetectionDisplay.from_predictions(
        IMAGES, None, FOUND, score_threshold=0.6
    )
    assert [text.get_text() for text in display.legend_.get_texts()] == ["level 1"]


def test_labels_of_true_boxes_stand_below_them(pyplot):
    display = DetectionDisplay.from_predictions(
        np.zeros((2, 32, 32)), TRUE, FOUND, class_names={"cat": "a cat"}
    )
    (text,), none = display.true_texts_
    assert text.get_text() == "a cat"
    assert (text.get_position(), text.get_va()) == ((2, 12), "top")
    assert none == []
    at_the_border = [{"boxes": [[2, 2, 10, 16]], "labels": [3]}] * 2
    display = DetectionDisplay.from_predictions(IMAGES, at_the_border, FOUND)
    assert display.true_texts_[0][0].get_va() == "bottom"
    unnamed = [{"boxes": [[2, 2, 10, 16]]}] * 2
    assert DetectionDisplay.from_predictions(IMAGES, unnamed, FOUND).true_texts_ == [
        [],
        [],
    ]


def test_tensors_as_models_of_torchvision_give_them(pyplot):
    found = [
        {
            "boxes": torch.tensor([[2.0, 3, 10, 12], [1, 1, 6, 6]], requires_grad=True),
            "labels": torch.tensor([1, 2]),
            "scores": torch.tensor([0.9, 0.5], dtype=torch.bfloat16),
        },
        {
            "boxes": torch.zeros(0, 4),
            "labels": torch.zeros(0, dtype=torch.int64),
            "scores": torch.zeros(0),
        },
    ]
    display = DetectionDisplay.from_predictions(
        IMAGES, found, found, class_names=["ground", "cell"]
    )
    assert [text.get_text() for text in display.texts_[0]] == ["2 0.50", "cell 0.90"]
    assert_allclose(corners(display.boxes_[0][1]), [2, 3, 10, 12])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"labels": ["cat"]}, "y_pred with 3 boxes, but 1 labels, for image 0"),
        ({"scores": [0.5, 0.6]}, "3 boxes, but 2 scores, for image 0. Each box needs"),
        ({"levels": [0]}, "3 boxes, but 1 levels, for image 0"),
        ({"boxes": [[1, 2, 3]] * 3}, r"boxes of shape \(3, 3\) for image 0.*\(m, 4\)"),
        ({"boxes": [[1, 2, 3], [1]]}, "boxes for image 0 that are no array of numbers"),
        ({"scores": ["high"] * 3}, "scores for image 0 that are no array of numbers"),
    ],
)
def test_refuses_what_does_not_belong_to_each_box(pyplot, change, match):
    with pytest.raises(ValueError, match=match):
        DetectionDisplay.from_predictions(IMAGES, None, [FOUND[0] | change, FOUND[1]])


@pytest.mark.parametrize(
    ("true", "found", "match"),
    [
        (None, ["cat", "dog"], r"y_pred has 'cat' for image 0"),
        (["cat", "dog"], FOUND, r"y_true has 'cat' for image 0"),
        (None, [FOUND[0], {"boxes": []}], r"y_pred has \{'boxes': \[\]\} for image 1"),
    ],
)
def test_refuses_answers_that_are_no_boxes(pyplot, true, found, match):
    with pytest.raises(ValueError, match=match):
        DetectionDisplay.from_predictions(IMAGES, true, found)


def test_refuses_other_numbers_of_answers_and_axes(pyplot):
    with pytest.raises(ValueError, match="got 2 images, but y_pred has 1"):
        DetectionDisplay.from_predictions(IMAGES, None, FOUND[:1])
    _, axes = pyplot.subplots(1, 3)
    with pytest.raises(ValueError, match="got 3 axes, but it draws 1 rows of 2"):
        DetectionDisplay.from_predictions(IMAGES, None, FOUND, ax=axes)
