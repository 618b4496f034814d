"""The code of docs/masks_and_boxes.md runs, and gives what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "masks_and_boxes.md"


def test_the_page_runs():
    pytest.importorskip("faster_coco_eval")
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    names = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    test = names["test"]
    assert names["masks"].shape == test.masks.shape
    assert names["everything"].shape == test.masks.shape
    train, paths = names["train"], names["paths"]
    for path, mask, boxes in zip(
        paths, names["masks_of_files"], names["boxes_of_files"], strict=True
    ):
        np.testing.assert_array_equal(mask, train.masks[int(path.stem)])
        expected = train.y[int(path.stem)]
        np.testing.assert_array_equal(boxes["boxes"], expected["boxes"])
        np.testing.assert_array_equal(boxes["labels"], expected["labels"])
    assert len(paths) == len(train.y)
    assert len(names["found"]) == len(test.y)
    assert names["segmenter"].predict_proba(test.images).shape == (
        *test.masks.shape,
        len(names["segmenter"].classes_),
    )
    assert next(iter(names["hypercolumns"].granularity_slices_)) == "image"
