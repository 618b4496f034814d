"""The code of docs/inspection.md runs, and says what the page says of it."""

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "inspection.md"


def test_the_page_runs():
    mpl = pytest.importorskip("matplotlib")
    mpl.use("Agg")
    from matplotlib import pyplot

    names = {}
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.S | re.M):
        exec(compile(block, PAGE.name, "exec"), names)
    pyplot.close("all")
    assert names["lost"].baseline > 0.9
    assert (names["lost"].importances_mean > 0).all()
    assert names["alone"].baseline < 0.3
    outputs = names["found"].outputs
    assert np.abs(names["total"] - outputs).max() < 0.1 * np.abs(outputs).max()
    assert 1 <= len(names["enough"].order) <= 6
    assert set(names["smaller"]["scales"]) <= {1.0, 0.5}
    assert set(names["ends"]) <= set(names["early"].stages_)
    for picture in re.findall(r"\]\((images/.*?)\)", text):
        assert (PAGE.parent / picture).exists()
