import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmultigran.inspection import GranularityMapDisplay, granularity_maps


def test_a_row_per_image_from_local_to_global(fitted, digits, pyplot):
    model, X = fitted("concat"), digits[0][:2]
    display = GranularityMapDisplay.from_estimator(model, X)
    found = granularity_maps(model, X)
    assert display.axes_.shape == (2, 4)
    for row in range(2):
        shown = [image.get_array() for image in display.images_[row]]
        assert_allclose(shown, [*found.maps[row], found.fused[row]], atol=1e-6)
    titles = [ax.get_title() for ax in display.axes_[0]]
    assert titles == ["image", *model.granularities_, "all together"]
    labels = [ax.get_ylabel() for ax in display.axes_[:, 0]]
    assert labels == [f"for {label}" for label in model.predict(X)]


def test_one_scale_per_image_whose_middle_is_nothing(fitted, digits, pyplot):
    display = GranularityMapDisplay.from_estimator(fitted("concat"), digits[0][:2])
    for row in display.images_:
        assert len({image.norm.vmax for image in row}) == 1
        assert row[0].norm(0.0) == pytest.approx(0.5)


def test_colour_images_are_shown_in_colour(pyplot):
    images = np.random.default_rng(0).uniform(size=(1, 8, 8, 3))
    display = GranularityMapDisplay(images, np.zeros((1, 1, 8, 8)), ["s1.00_l0"])
    (shown,) = display.plot().axes_[0, 0].get_images()
    assert_array_equal(shown.get_array(), images[0])
