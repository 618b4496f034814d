import re

import numpy as np
import pytest
from matplotlib import image

from benchmarks import demo, plain_convnet


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def printed(output):
    """What the demo says at its small setting."""
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr("builtins.print", lambda *parts: lines.append(" ".join(parts)))
        demo.main(["--quick", "--output", str(output)])
    return "\n".join(lines)


def test_table_has_a_row_per_classifier(printed):
    rows = re.findall(r"^(\w.*?)  +([01]\.\d{4})  +(\d\.\d{4})", printed, re.MULTILINE)
    accuracies = {name: float(accuracy) for name, accuracy, _ in rows}
    assert list(accuracies) == [
        "MultiGranularityClassifier",
        "scattering, LogisticRegression",
        "SVC",
        "RandomForestClassifier",
        "plain convnet in skorch",
    ]
    assert min(accuracies.values()) > 0.5  # ten classes


def test_search_reports_the_best(printed):
    assert re.search(r"Best of 4: clf__fusion = '\w+', clf__scales = \(1\.0", printed)


def test_picture_shows_something(printed, output):
    assert str(output / "digits.png") in printed
    pixels = image.imread(output / "digits.png")
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 1000
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 100


def test_denoise_smooths_each_image_alone():
    rows = np.random.default_rng(0).random((3, 64))
    smooth = demo.denoise(rows, sigma=1.0)
    np.testing.assert_allclose(smooth[1:2], demo.denoise(rows[1:2], sigma=1.0))
    assert (smooth.std(axis=1) < rows.std(axis=1)).all()


def test_plain_convnet_holds_nothing_out():
    assert plain_convnet.plain_convnet().train_split is None
