import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from skmultigran import ImageDenoiser, MultiGranularitySegmenter
from skmultigran.datasets import make_digit_scenes
from skmultigran.inspection import SegmentationDisplay


@pytest.fixture(scope="module")
def scenes():
    return make_digit_scenes(6, size=32, random_state=0)


def legend(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def test_masks_side_by_side_in_the_colours_of_the_legend(scenes, pyplot):
    names = scenes.mask_names
    true, found = scenes.masks[:2], scenes.masks[::-1][:2]
    display = SegmentationDisplay.from_predictions(
        scenes.images[:2], true, found, class_names=names
    )
    titles = [axes.get_title() for axes in display.axes_[0]]
    assert titles == ["image", "true", "predicted"]
    present = np.unique([true, found])
    assert legend(display) == [names[label] for label in present]
    patches = display.legend_.get_patches()
    for row, masks in enumerate(zip(true, found, strict=True)):
        for drawn, mask in zip(display.masks_[row], masks, strict=True):
            for label, patch in zip(present, patches, strict=True):
                picture = drawn.get_array()[mask == label]
                assert_array_equal(
                    picture, np.broadcast_to(patch.get_facecolor()[:3], picture.shape)
                )


def test_without_true_masks_there_are_two_columns(scenes, pyplot):
    display = SegmentationDisplay.from_predictions(
        scenes.images[:2], None, scenes.masks[:2]
    )
    assert display.axes_.shape == (2, 2)
    assert display.masks_.shape == (2, 1)


def test_pixels_that_nobody_labelled_are_white_and_no_class(pyplot):
    mask = np.array([[0, 1], [255, 255]])
    display = SegmentationDisplay.from_predictions(
        np.zeros((1, 2, 2)), [mask], [np.zeros((2, 2), int)], ignore_label=255
    )
    assert legend(display) == ["0", "1"]
    assert_array_equal(display.masks_[0, 0].get_array()[1], 1)


def test_more_classes_than_colours_are_named_in_the_mask(pyplot):
    mask = np.arange(12).repeat(12 * 12).reshape(48, 36)
    names = {label: f"class {label}" for label in range(12)}
    display = SegmentationDisplay.from_predictions(
        np.zeros((1, 48, 36)), None, [mask], class_names=names
    )
    for text in display.texts_:
        x, y = text.get_position()
        assert text.get_text() == names[mask[int(y), int(x)]]
    assert len(display.texts_) == 12
    colours = {p.get_facecolor() for p in display.legend_.get_patches()}
    assert len(colours) == 12


def test_from_an_estimator_with_its_ignored_label(scenes, pyplot):
    masks = scenes.masks.astype(int)
    masks[:, :4] = 99
    model = MultiGranularitySegmenter(ignore_label=99, max_epochs=1, random_state=0)
    model.fit(scenes.images, masks)
    display = SegmentationDisplay.from_estimator(
        model, scenes.images[:3], masks[:3], class_names=scenes.mask_names
    )
    assert_array_equal(display.y_pred, model.predict(scenes.images[:3]))
    assert_array_equal(display.masks_[0, 0].get_array()[:4], 1)
    assert "99" not in legend(display)
    assert_array_equal(
        display.images[0][..., 0], np.float32(scenes.images[0]) / np.float32(255)
    )


def test_from_a_pipeline_with_the_ignored_label_of_its_last_step(scenes, pyplot):
    masks = scenes.masks.astype(int)
    masks[:, :4] = 255
    model = make_pipeline(
        ImageDenoiser(), MultiGranularitySegmenter(ignore_label=255, max_epochs=1)
    ).fit(scenes.images, masks)
    display = SegmentationDisplay.from_estimator(
        model, scenes.images[:2], masks[:2], class_names=scenes.mask_names
    )
    assert set(legend(display)) <= set(scenes.mask_names)
    assert_array_equal(display.masks_[0, 0].get_array()[:4], 1)


def test_from_a_model_of_others(pyplot):
    class Dark:
        def predict(self, X):
            return (X < 0.5).astype(int)

    images = np.zeros((1, 4, 4))
    display = SegmentationDisplay.from_estimator(Dark(), images)
    assert legend(display) == ["1"]


@pytest.mark.parametrize("names", [["ground", "cell"], {0: "ground", 1: "cell"}])
def test_labels_without_a_name_stand_for_themselves(pyplot, names):
    mask = np.array([[0, 1], [-1, 255]])
    display = SegmentationDisplay.from_predictions(
        np.zeros((1, 2, 2)), None, [mask], class_names=names
    )
    assert legend(display) == ["-1", "ground", "cell", "255"]


def test_images_of_several_sizes_and_in_colour(pyplot):
    images = [np.zeros((8, 6, 3), np.uint8), np.zeros((5, 9, 3), np.uint8)]
    masks = [np.zeros((8, 6), int), np.ones((5, 9), int)]
    display = SegmentationDisplay.from_predictions(images, masks, masks)
    shapes = [drawn.get_array().shape for drawn in display.masks_[:, 1]]
    assert shapes == [(8, 6, 3), (5, 9, 3)]
    assert display.legend_.get_patches()[0].get_facecolor()[:3] == pytest.approx(
        to_rgb("#e0e0e0"), abs=0.01
    )


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.zeros((3, 8, 8), int), "got 2 images, but y_pred has 3"),
        (np.zeros((2, 8, 7), int), "row 0 has 8 x 8 pixels, but its mask in y_pred"),
        (np.zeros((2, 64), int), r"has shape \(64,\). A mask is an array"),
    ],
)
def test_refuses_masks_that_do_not_fit(masks, message):
    with pytest.raises(ValueError, match=message):
        SegmentationDisplay.from_predictions(np.zeros((2, 8, 8)), None, masks)


def test_classes_of_masks_that_are_true_or_false_have_names(pyplot):
    mask = np.zeros((1, 6, 6), dtype=bool)
    mask[0, :3] = True
    display = SegmentationDisplay.from_predictions(
        np.zeros((1, 6, 6)), mask, mask, class_names=["ground", "digit"]
    )
    assert legend(display) == ["ground", "digit"]
