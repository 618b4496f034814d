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
