"""What all displays promise; each one's own picture is tested beside it."""

import subprocess
import sys

import numpy as np
import pytest

from skmultigran import inspection
from skmultigran.inspection import (
    DetectionDisplay,
    FusionWeightsDisplay,
    GranularityImportanceDisplay,
    GranularityMapDisplay,
    GranularitySimilarityDisplay,
    SegmentationDisplay,
    StagedAccuracyDisplay,
    TrainingHistoryDisplay,
)

DISPLAYS = {
    GranularityImportanceDisplay: lambda: GranularityImportanceDisplay(
        [[0.3, 0.5], [0.1, 0.2]], ["s1.00_l0", "s1.00_l1"], 0.9
    ),
    GranularityMapDisplay: lambda: GranularityMapDisplay(
        np.zeros((2, 8, 8, 1)), np.ones((2, 2, 8, 8)), ["s1.00_l0", "s1.00_l1"]
    ),
    GranularitySimilarityDisplay: lambda: GranularitySimilarityDisplay(
        [[1, 0.4], [0.4, 1]], ["s1.00_l0", "s1.00_l1"]
    ),
    TrainingHistoryDisplay: lambda: TrainingHistoryDisplay(
        [{"epoch": n, "train_loss": 1 / n} for n in (1, 2)]
    ),
    FusionWeightsDisplay: lambda: FusionWeightsDisplay(
        [[0.5, 0.5], [0.25, 0.75]], ["s1.00_l0", "s1.00_l1"]
    ),
    StagedAccuracyDisplay: lambda: StagedAccuracyDisplay(
        [0.2, 1.0], [0.8, 0.9], ["s1.00_l0", "fused"], exits=[(1.0, 0.9), (0.5, 0.89)]
    ),
    SegmentationDisplay: lambda: SegmentationDisplay(
        np.zeros((2, 8, 8, 1)), None, np.arange(128).reshape(2, 8, 8) // 40
    ),
    DetectionDisplay: lambda: DetectionDisplay(
        np.zeros((2, 8, 8, 1)), None, [{"boxes": [[1, 1, 4, 5]], "labels": ["a"]}] * 2
    ),
}
each_display = pytest.mark.parametrize("make", DISPLAYS.values(), ids=lambda _: "")


def test_all_displays_are_tested_here():
    assert {n for n in inspection.__all__ if n.endswith("Display")} == {
        cls.__name__ for cls in DISPLAYS
    }


@each_display
def test_draws_into_a_new_figure_or_where_it_is_told(make, pyplot):
    first = make()
    assert first.plot() is first
    assert pyplot.get_fignums() == [first.figure_.number]
    figure, ax = pyplot.subplots()
    first.plot(ax=ax)
    assert first.figure_ is figure
    assert len(pyplot.get_fignums()) == 2
    figure.canvas.draw()  # nothing warns, as of a layout that does not fit


@each_display
def test_says_what_to_install_where_matplotlib_is_missing(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"Display needs .* 'skmultigran\[plot\]'"):
        make().plot()


def test_matplotlib_is_not_imported_before_a_picture_is_drawn():
    code = "import sys, skmultigran.inspection; print('matplotlib' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


MOSAICS = [GranularityMapDisplay, SegmentationDisplay, DetectionDisplay]
each_mosaic = pytest.mark.parametrize("kind", MOSAICS)


@each_mosaic
@pytest.mark.parametrize("inset", [False, True])
def test_mosaics_take_the_place_of_axes_that_lie_anywhere(kind, inset, pyplot):
    figure = pyplot.figure()
    ax = figure.add_axes((0.1, 0.2, 0.5, 0.6))
    ax = ax.inset_axes((0.2, 0.2, 0.7, 0.7)) if inset else ax
    display = DISPLAYS[kind]().plot(ax=ax)
    figure.canvas.draw()
    assert display.figure_ is figure
    outer = ax.get_window_extent()
    for axes in display.axes_.flat:
        inner = axes.get_window_extent()
        assert outer.x0 - 1 <= inner.x0 < inner.x1 <= outer.x1 + 1
        assert outer.y0 - 1 <= inner.y0 < inner.y1 <= outer.y1 + 1


@each_mosaic
@pytest.mark.parametrize("form", [list, tuple])
def test_mosaics_take_lists_of_axes(kind, form, pyplot):
    shape = DISPLAYS[kind]().plot().axes_.shape
    _, axes = pyplot.subplots(*shape, squeeze=False)
    display = DISPLAYS[kind]().plot(ax=form(axes.flat))
    assert (display.axes_ == axes).all()


@pytest.mark.parametrize("form", [lambda ax: ax, lambda ax: [ax]])
def test_a_single_picture_is_drawn_into_the_axes_themselves(form, pyplot):
    _, ax = pyplot.subplots()
    found = [{"boxes": [[1, 1, 4, 5]], "labels": ["a"]}]
    display = DetectionDisplay(np.zeros((1, 8, 8, 1)), None, found).plot(ax=form(ax))
    assert display.axes_[0, 0] is ax
    assert ax.axison
