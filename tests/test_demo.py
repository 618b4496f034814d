import re

import numpy as np
import pytest
from matplotlib import image

from benchmarks import demo, photographs, plain_convnet


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
    pattern = r"^(\w.*?)  +([01]\.\d{4})  +(\d\.\d{4})  +\d"
    rows = re.findall(pattern, printed, re.MULTILINE)
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


@pytest.mark.parametrize("name", ["digits.png", "granularities.png", "scenes.png"])
def test_picture_shows_something(printed, output, name):
    assert str(output / name) in printed
    pixels = image.imread(output / name)
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 1000
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 100


def test_photographs_are_compared_and_looked_at_once(printed, output):
    pytest.importorskip("timm")
    rows = re.findall(r"^(.*, .*?)  +([01]\.\d{4})  +\d\.\d{4}$", printed, re.MULTILINE)
    accuracies = {name: float(accuracy) for name, accuracy in rows[-4:]}
    levels, scales = photographs.LEVELS, photographs.SCALES
    assert list(accuracies) == [f"{a}, {b}" for a in levels for b in scales]
    assert max(accuracies.values()) > 0.25  # five flaws
    # One level or six, at one scale or two: a scale is found again in the pyramid.
    match = re.search(r"8 candidates x 2 folds .* computed (\d+), found (\d+)", printed)
    computed, found = map(int, match.groups())
    assert computed == 80 * (1 + 1 + 6 + 6)
    assert computed + found == 80 * 2 * 2 * (1 + 2 + 6 + 12)
    assert len(image.imread(output / "photographs.png")) > 300


def test_without_the_extra_the_photographs_are_left_out(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(photographs, "NEEDED", ("numpy", "no_such_package"))
    demo.show_photographs(demo.QUICK, tmp_path)
    said = capsys.readouterr().out
    assert "left out: it needs no_such_package. Install with: pip install" in said
    assert not list(tmp_path.iterdir())


def test_pieces_are_files_of_many_sizes_with_flaws_in_turn(tmp_path):
    pieces = photographs.write_pieces(tmp_path, 40)
    assert pieces["flaw"].value_counts().tolist() == [8] * 5
    suffixes = {path.rpartition(".")[2] for path in pieces["path"]}
    assert suffixes == set(photographs.FORMATS)
    sizes = {image.imread(path).shape[:2] for path in pieces["path"]}
    assert len(sizes) > 30


def test_denoise_smooths_each_image_alone():
    rows = np.random.default_rng(0).random((3, 64))
    smooth = demo.denoise(rows, sigma=1.0)
    np.testing.assert_allclose(smooth[1:2], demo.denoise(rows[1:2], sigma=1.0))
    assert (smooth.std(axis=1) < rows.std(axis=1)).all()


def test_plain_convnet_holds_nothing_out():
    assert plain_convnet.plain_convnet().train_split is None
