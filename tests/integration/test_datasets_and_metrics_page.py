"""The code of docs/datasets_and_metrics.md runs, and scores what it should."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "datasets_and_metrics.md"


def test_the_page_runs(capsys):
    text = PAGE.read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.S | re.M):
        exec(compile(block, PAGE.name, "exec"), names)
    assert names["train"].images.shape == (40, 96, 128)
    iou, precision = map(float, capsys.readouterr().out.split())
    # Masks moved by a pixel and boxes by one to each side: neither all right nor wrong.
    assert 0.2 < iou < 0.95
    assert 0.2 < precision < 0.95
    assert names["foreground"] == pytest.approx(iou, abs=0.25)
