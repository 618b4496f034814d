"""The examples of docs/examples run, and each draws something."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "docs" / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path):
    mpl = pytest.importorskip("matplotlib")
    mpl.use("Agg")
    if "EfficientNet" in path.read_text(encoding="utf-8"):
        pytest.importorskip("timm")
    from matplotlib import pyplot

    runpy.run_path(str(path))
    assert pyplot.get_fignums()
    pyplot.close("all")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_a_title_and_a_conclusion(path):
    quotes, title, line, *rest = path.read_text(encoding="utf-8").splitlines()
    assert quotes == '"""'
    assert len(title) <= 40
    assert line == "=" * len(title)
    assert rest[-1].startswith("# ")
    assert rest[-1].endswith(".")
