import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmultigran import MultiGranularityDetector
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
    from matplotlib.colors import to_rgb

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
