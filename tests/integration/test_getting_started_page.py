"""The code of docs/getting_started.md runs, from a folder of files to a saved model."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "getting_started.md"


def test_the_page_runs(tmp_path, monkeypatch, capsys):
    mpl = pytest.importorskip("matplotlib")
    mpl.use("Agg")
    pytest.importorskip("timm")
    pytest.importorskip("skops")
    from matplotlib import pyplot

    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.S | re.M):
        exec(compile(block, PAGE.name, "exec"), names)
    pyplot.close("all")
    accuracies = re.findall(r"test accuracy ([0-9.]+)", capsys.readouterr().out)
    assert len(accuracies) == 2
    assert min(map(float, accuracies)) > 0.9
    assert len(names["alone"].granularities) in (6, 12)
    assert set(names["labels"]) <= {"china", "flower"}
    assert {entry.name for entry in tmp_path.iterdir()} == {
        "photos",
        "features",
        "photos.skops",
    }
