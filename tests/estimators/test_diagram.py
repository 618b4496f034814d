"""scikit-learn's HTML picture of an estimator shows the network."""

import re
from html import unescape

import pytest
from sklearn import config_context
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

from skmultigran import (
    HypercolumnTransformer,
    MultiGranularityClassifier,
    MultiGranularityMultiTask,
    MultiGranularityTransformer,
)


def words(estimator):
    """Return the text of the picture, without tables, and the tables."""
    html = estimator._repr_html_()
    html = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.S)
    tables = re.findall(r"<table.*?</table>", html, flags=re.S)
    html = re.sub(r"<table.*?</table>", "", html, flags=re.S)
    text = unescape(re.sub(r"<[^>]+>", " ", html))
    return re.sub(r"\s+", " ", text), tables


def in_order(text, *parts):
    places = [text.index(part) for part in parts]
    return places == sorted(places)


def test_a_fitted_estimator_shows_levels_strides_and_fusion(small, digits):
    clf = small(fusion="gated", scales=(1.0, 0.5)).fit(*digits)
    text, tables = words(clf)
    text = text[text.index("Fitted attributes") :]
    levels = [
        f"{name} stride {level.stride:g}, {level.channels} channels"
        for name, level in zip(clf.granularities_, clf.levels_, strict=True)
    ]
    assert in_order(
        text,
        "image 8 x 8, 1 channel, scales 1, 0.5",
        "ConvNetBackbone",
        *levels,
        "GatedFusion",
        "PooledHead",
    )
    # The parameters stay as scikit-learn shows them; recipes have tables of their own.
    assert "exit_threshold" in tables[0]
    assert any("widths" in table for table in tables[1:])
    assert 'data-param-prefix="fusion__"' in clf._repr_html_()


def test_before_fit_the_parts():
    text, _ = words(MultiGranularityClassifier(backbone="multicolumn", fusion="fpn"))
    assert in_order(
        text, "Not fitted", "MultiColumnBackbone", "FPNFusion", "PooledHead"
    )
    assert "stride" not in text


def test_in_a_pipeline(digits):
    model = make_pipeline(
        MultiGranularityTransformer(value_range=(0, 16)), RidgeClassifier()
    ).fit(*digits)
    text, _ = words(model)
    text = text[text.index("Fitted attributes") :]
    assert in_order(
        text, "ScatteringBackbone", "s1.00_l0 stride 2", "s1.00_l1", "RidgeClassifier"
    )


def test_parts_of_pixels_and_of_columns():
    text, _ = words(MultiGranularityMultiTask(tasks={"mask": "segmentation"}))
    assert in_order(text, "FPNFusion", "PooledHead", "DenseHead")
    text, _ = words(MultiGranularityMultiTask(tasks={"kind": "classification"}))
    assert "DenseHead" not in text
    text, _ = words(HypercolumnTransformer())
    assert "ScaleSpaceBackbone" in text
    assert "Fusion" not in text


def test_wrong_parameters_are_shown_too():
    text, _ = words(MultiGranularityClassifier(fusion="nonsense"))
    assert "MultiGranularityClassifier" in text


def test_text_where_that_is_asked_for(small):
    with config_context(display="text"), pytest.raises(AttributeError):
        _ = small()._repr_html_


def test_all_that_dir_lists_can_be_looked_at(small, digits):
    clf = small().fit(*digits)
    assert "stages_" not in dir(clf)
    assert "granularities_" in dir(clf)
