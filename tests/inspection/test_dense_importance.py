"""Importances for pixels, boxes and several tasks, whose answers are known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmultigran import (
    ConcatFusion,
    ConvNetBackbone,
    DenseHead,
    MultiGranularityDetector,
    MultiGranularityMultiTask,
    MultiGranularitySegmenter,
    ScatteringBackbone,
)
from skmultigran.datasets import make_digit_scenes
from skmultigran.inspection import granularity_importance

FINE, COARSE = 0, 1


@pytest.fixture(scope="module")
def patches():
    """Images 16 x 16, masks of what is textured, and masks of what is bright.

    Texture has no mean in any block of 4 x 4, and brightness is even in each.
    """
    generator = np.random.default_rng(0)
    textured, bright = generator.integers(0, 2, size=(2, 24, 4, 4))
    textured, bright = (
        np.kron(part, np.ones((1, 4, 4))) for part in (textured, bright)
    )
    checks = np.indices((16, 16)).sum(axis=0) % 2 - 0.5
    images = 0.3 + 0.4 * bright + 0.2 * checks * textured
    return images.astype(np.float32), textured.astype(int), bright.astype(int)


def of_pixels(backbone, **parameters):
    return MultiGranularitySegmenter(
        backbone=backbone,
        fusion="concat",
        head=DenseHead(channels=16, depth=1),
        value_range=(0, 1),
        trainable="head",
        augment=None,
        batch_size=8,
        lr=0.02,
        random_state=0,
        **{"max_epochs": 15, **parameters},
    )


@pytest.mark.parametrize(("answer", "needed"), [(1, FINE), (2, COARSE)])
def test_of_a_segmenter_only_the_granularity_that_knows_matters(
    patches, separate, answer, needed, network_calls
):
    X, y = patches[0], patches[answer]
    model = of_pixels(separate).fit(X, y)
    model.predict(X)  # folds the network, which runs it
    network_calls.clear()
    score = model.score(X, y)
    assert score > 0.8
    once = len(network_calls)
    for method in ("permute", "mean", "only"):
        network_calls.clear()
        result = granularity_importance(
            model, X, y, method=method, n_repeats=2, random_state=0
        )
        assert len(network_calls) == once
        if method != "only":
            assert result.baseline == pytest.approx(score)
        assert result.granularities == ["s1.00_l0", "s1.00_l1"]
        assert result.importances_mean[needed] > 0.25
        assert abs(result.importances_mean[1 - needed]) < 0.1


@pytest.fixture(scope="module")
def scenes():
    return make_digit_scenes(8, size=32, n_objects=1, random_state=0)


@pytest.fixture(scope="module")
def detector(scenes):
    """Return a detector that is blind to its coarse granularity."""
    model = MultiGranularityDetector(
        backbone=ConvNetBackbone(widths=(8, 8), stem_stride=2),
        fusion=ConcatFusion(channels=8),
        score_threshold=0.0,
        max_detections=5,
        max_epochs=1,
        random_state=0,
    ).fit(scenes.images, scenes.y)
    projections = model.network_.fusion.project
    for parameter in list(projections.modules())[-1].parameters():
        parameter.data.zero_()
    return model


def highest(model, X, y):
    return float(np.mean([found["scores"].max() for found in model.predict(X)]))


def test_a_detector_loses_nothing_with_what_it_does_not_look_at(detector, scenes):
    result = granularity_importance(
        detector, scenes.images, scenes.y, scoring=highest, n_repeats=2, random_state=0
    )
    assert result.baseline == pytest.approx(highest(detector, scenes.images, None))
    assert_array_equal(result.importances[COARSE], 0)
    means = granularity_importance(
        detector, scenes.images, scenes.y, scoring=highest, method="mean"
    )
    assert means.importances[FINE, 0] != 0
    assert means.importances[COARSE, 0] == 0


def test_permuted_is_the_answer_for_the_other_image(detector, scenes):
    def first_boxes(model, X, y):
        return {str(i): f["boxes"][0, 0] for i, f in enumerate(model.predict(X))}

    result = granularity_importance(
        detector,
        scenes.images,
        scenes.y,
        scoring=first_boxes,
        n_repeats=1,
        random_state=4,
    )
    order = np.random.RandomState(4).permutation(8)
    expected = first_boxes(detector, scenes.images[order], None)
    found = {k: r.baseline - r.importances[FINE, 0] for k, r in result.items()}
    assert_allclose(list(found.values()), list(expected.values()), rtol=1e-4)


def test_images_of_several_sizes_and_in_tiles(patches, separate):
    X, _, y = patches
    model = of_pixels(separate, crop_size=16).fit(X, y)
    large = np.tile(X[0], (3, 2))  # 48 x 32
    images = [*X[:4], large, X[5][:12]]
    masks = [*y[:4], np.tile(y[0], (3, 2)), y[5][:12]]
    model.set_params(tile_size=24, tile_overlap=8)
    result = granularity_importance(model, images, masks, method="mean")
    assert result.baseline == pytest.approx(model.score(images, masks))
    assert result.importances_mean[COARSE] > 0.25
    permuted = granularity_importance(model, images, masks, n_repeats=2, random_state=0)
    assert permuted.importances_mean[COARSE] > 0.05
    assert abs(permuted.importances_mean[FINE]) < 0.1


def test_a_segmenter_behind_other_steps_and_its_state(patches, separate):
    X, _, y = patches
    model = of_pixels(separate, max_epochs=2).fit(X, y)
    state = set(vars(model))
    inside = granularity_importance(model, X, y, method="mean")
    assert set(vars(model)) == state
    pipeline = make_pipeline(FunctionTransformer(), model)
    assert_array_equal(
        granularity_importance(pipeline, X, y, method="mean").importances,
        inside.importances,
    )


def several(separate, **tasks):
    return MultiGranularityMultiTask(
        tasks=tasks,
        backbone=separate,
        trainable="head",
        value_range=(0, 1),
        max_epochs=60,
        batch_size=16,
        lr=0.05,
        random_state=0,
    )


@pytest.mark.parametrize("method", ["permute", "mean"])
def test_of_each_task_the_granularity_that_it_needs(textured, separate, method):
    X, rough, lit = textured
    y = {"rough": rough, "lit": lit}
    model = several(separate, rough="classification", lit="classification").fit(X, y)
    result = granularity_importance(model, X, y, method=method, random_state=0)
    for task, needed in (("rough", FINE), ("lit", COARSE)):
        assert result[task].baseline == 1
        assert result[task].importances_mean[needed] > 0.3
        assert abs(result[task].importances_mean[1 - needed]) < 0.1


def test_several_tasks_with_masks_of_any_size():
    # 18 is no whole number of the coarsest strides: maps are those of padded images.
    scenes = make_digit_scenes(6, size=18, n_objects=1, scales=8, random_state=0)
    y = {"digit": [each["labels"][0] for each in scenes.y], "mask": scenes.masks > 0}
    model = MultiGranularityMultiTask(
        tasks={"digit": "classification", "mask": "segmentation"},
        backbone=ScatteringBackbone(n_scales=2),
        trainable="head",
        max_epochs=2,
        random_state=0,
    )
    y["mask"] = y["mask"].astype(int)
    model.fit(scenes.images, y)
    result = granularity_importance(model, scenes.images, y, method="mean")
    scores = model.scores(scenes.images, y)
    assert {task: found.baseline for task, found in result.items()} == pytest.approx(
        scores
    )
