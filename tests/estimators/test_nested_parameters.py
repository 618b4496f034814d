"""Recipes as parameters: names, objects, and nested names on both."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skmultigran import (
    AttentionFusion,
    ConcatFusion,
    ConvNetBackbone,
    MultiGranularityClassifier,
)


def test_names_show_their_parameters():
    parameters = MultiGranularityClassifier(fusion="attention").get_params()
    assert parameters["fusion"] == "attention"
    assert parameters["fusion__heads"] == 4
    assert parameters["backbone__depth"] == 1
    assert parameters["head__grid"] == (1, 2)
    assert parameters["training__schedule"] == "one_cycle"
    assert "fusion__heads" not in MultiGranularityClassifier().get_params()
    assert "fusion__heads" not in MultiGranularityClassifier().get_params(deep=False)


def test_setting_a_nested_parameter_replaces_the_name():
    classifier = MultiGranularityClassifier(fusion="attention")
    classifier.set_params(fusion__channels=32)
    assert isinstance(classifier.fusion, AttentionFusion)
    assert classifier.fusion.channels == 32
    assert classifier.get_params()["fusion__channels"] == 32


@pytest.mark.parametrize("order", [1, -1])
def test_name_and_nested_parameter_in_one_call(order):
    given = [("fusion", "concat"), ("fusion__channels", 8)][::order]
    classifier = MultiGranularityClassifier(fusion=AttentionFusion())
    classifier.set_params(**dict(given))
    assert isinstance(classifier.fusion, ConcatFusion)
    assert classifier.fusion.channels == 8


def test_setting_nested_parameters_leaves_other_estimators_alone():
    first = MultiGranularityClassifier(fusion="attention")
    second = clone(first)
    first.set_params(fusion__channels=8)
    assert second.fusion == "attention"
    copied = clone(first)
    copied.set_params(fusion__channels=16)
    assert first.fusion.channels == 8


def test_unknown_nested_parameter():
    with pytest.raises(ValueError, match="Invalid parameter 'width'.*ConcatFusion"):
        MultiGranularityClassifier().set_params(fusion__width=3)


def test_nested_parameter_of_an_unknown_name():
    with pytest.raises(ValueError, match="Did you mean 'concat'"):
        MultiGranularityClassifier(fusion="conkat").set_params(fusion__channels=3)


def test_get_params_of_an_unknown_name_does_not_raise():
    assert MultiGranularityClassifier(fusion="x").get_params()["fusion"] == "x"


def test_repr_shows_what_was_changed():
    classifier = MultiGranularityClassifier(backbone=ConvNetBackbone(depth=2))
    assert repr(classifier) == (
        "MultiGranularityClassifier(backbone=ConvNetBackbone(depth=2))"
    )


def test_grid_over_names_and_nested_parameters(digits):
    X, y = digits
    pipeline = Pipeline(
        [
            ("scale", FunctionTransformer(lambda X: X / 16)),
            (
                "clf",
                MultiGranularityClassifier(
                    backbone=ConvNetBackbone(widths=(8,)), max_epochs=1, random_state=0
                ),
            ),
        ]
    )
    grid = {
        "clf__fusion": ["concat", AttentionFusion(channels=32)],
        "clf__fusion__channels": [16, 32],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    tried = {
        (str(fitted["clf__fusion"]), fitted["clf__fusion__channels"])
        for fitted in search.cv_results_["params"]
    }
    # The recipe in the grid is as it was: the search changed copies only.
    assert tried == {
        (fusion, channels)
        for fusion in ("concat", "AttentionFusion(channels=32)")
        for channels in (16, 32)
    }
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    best = search.best_estimator_.named_steps["clf"]
    assert best.fusion.channels == search.best_params_["clf__fusion__channels"]
    assert best.network_.fusion.project.laterals[0][0].out_channels == (
        best.fusion.channels
    )
