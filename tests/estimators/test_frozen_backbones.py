"""What is frozen stays, and is looked at once per image where memory is given."""

import pickle

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skmultigran import (
    FeatureCache,
    MultiGranularityClassifier,
    MultiGranularityTransformer,
    TorchvisionBackbone,
    Training,
)
from skmultigran._pyramid import ImagePyramid
from skmultigran.backbones import BackboneRecipe, ConvNetBackbone
from skmultigran.images import _listed

RNG = np.random.default_rng(0)
X = RNG.integers(0, 120, (16, 12, 12, 3), dtype=np.uint8)
Y = np.arange(16) % 2
X[Y == 1, :6] += 100


class Learned(BackboneRecipe):
    """A small net whose weights were learned elsewhere, or so it says."""

    pretrained = True
    _parameter_constraints = {"width": [int]}

    def __init__(self, *, width=4):
        self.width = width

    def build(self, in_channels, image_size):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = ConvNetBackbone(widths=(self.width, 6, 8)).build(
                in_channels, image_size
            )
        net.normalisation = ((0.5,), (0.5,))
        return net


def classifier(**params):
    defaults = {"backbone": Learned(), "max_epochs": 2, "random_state": 0}
    return MultiGranularityClassifier(**defaults | params)


def state(model):
    return {k: v.clone() for k, v in model.network_.state_dict().items()}


def fresh(model):
    return model.network_recipe_.build().state_dict()


def changed(model):
    """Return the names of weights and buffers that differ from the learned ones."""
    before = fresh(model)
    return {
        name for name, value in state(model).items() if not value.equal(before[name])
    }


@pytest.fixture
def looks(monkeypatch):
    """List of how many images the pyramid has looked at, batch by batch."""
    seen = []
    forward = ImagePyramid.forward

    def counting(self, images):
        if len(images) > 1:  # on a single image the folding of norms is tried
            seen.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(ImagePyramid, "forward", counting)
    return seen


@pytest.mark.parametrize("fusion", ["concat", "attention", "fpn"])
@pytest.mark.parametrize("augment", ["auto", "flip"])
def test_a_frozen_backbone_stays_bit_for_bit(fusion, augment):
    model = classifier(trainable="head", fusion=fusion, augment=augment).fit(X, Y)
    assert not [name for name in changed(model) if name.startswith("pyramid.")]
    assert not [p for p in model.network_.pyramid.parameters() if p.requires_grad]


def test_the_last_part_alone_is_trained_and_norms_keep_their_statistics():
    model = classifier(trainable="last:1").fit(X, Y)
    names = {name for name in changed(model) if name.startswith("pyramid.")}
    assert names
    assert all(name.startswith("pyramid.backbones.0.stages.2.") for name in names)
    assert not [name for name in names if "running" in name]


def test_norms_of_frozen_parts_keep_their_statistics_without_pretrained_weights():
    backbone = ConvNetBackbone(widths=(4, 6, 8))
    model = classifier(backbone=backbone, warm_start=True).fit(X, Y)
    before = state(model)
    model.set_params(trainable="last:1").fit(X // 2, Y)
    moved = {
        name for name, value in state(model).items() if not value.equal(before[name])
    }
    moved = {name for name in moved if name.startswith("pyramid.")}
    assert any("running" in name for name in moved)
    assert all(name.startswith("pyramid.backbones.0.stages.2.") for name in moved)


def test_fine_tuning_moves_weights_and_holds_norm_statistics():
    names = changed(classifier().fit(X, Y))
    assert "pyramid.backbones.0.stem.0.weight" in names
    assert not [name for name in names if "pyramid" in name and "running" in name]


def test_first_epochs_can_freeze_the_backbone():
    model = classifier(training=Training(freeze_epochs=2)).fit(X, Y)
    assert not [name for name in changed(model) if name.startswith("pyramid.")]
    model = classifier(training=Training(freeze_epochs=1)).fit(X, Y)
    assert "pyramid.backbones.0.stem.0.weight" in changed(model)


def test_partial_fit_and_warm_starts_count_the_frozen_epochs():
    def moved(model):
        return any(name.startswith("pyramid.") for name in changed(model))

    training = Training(freeze_epochs=2)
    partial = classifier(training=training)
    warm = classifier(training=training, max_epochs=1, warm_start=True)
    for moves in (False, False, True):
        partial.partial_fit(X, Y, classes=[0, 1])
        warm.fit(X, Y)
        assert moved(partial) == moved(warm) == moves
        assert all(p.requires_grad for p in partial.network_.pyramid.parameters())


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"trainable": "tail"}, "trainable='tail' must be"),
        ({"trainable": "last:0"}, "positive k"),
        ({"trainable": "last:9"}, "has 3 parts"),
        ({"trainable": "head", "backbone": "convnet"}, "random weights"),
        ({"trainable": "head", "memory": 3}, "memory"),
    ],
)
def test_messages_and_the_estimator_stays_unfitted(params, match):
    model = classifier(**params)
    with pytest.raises(ValueError, match=match):
        model.fit(X, Y)
    assert not hasattr(model, "net_")


def test_pretrained_weights_need_a_known_range():
    with pytest.raises(ValueError, match=r"value_range=\(0, 255\)"):
        classifier().fit(X.astype(np.float32), Y)


def test_memory_changes_no_bit_and_looks_once(tmp_path, looks):
    plain = classifier(trainable="head", scales=(1.0, 0.5)).fit(X, Y)
    expected = plain.predict_proba(X)
    looks.clear()
    kept = clone(plain).set_params(memory=tmp_path)
    np.testing.assert_array_equal(kept.fit(X, Y).predict_proba(X), expected)
    first = len(looks)
    order = RNG.permutation(16)
    again = clone(kept).set_params(fusion="gated").fit(X[order], Y[order])
    again.predict(X[3:7])
    assert first > 0
    assert len(looks) == first
    info = FeatureCache(tmp_path).info()
    assert info.hits > 0
    assert info.entries == 16 * 6


def test_a_search_with_memory_equals_one_without(tmp_path, looks):
    features = MultiGranularityTransformer(backbone=Learned())
    grid = {"logisticregression__C": [0.01, 1.0]}

    def scores(memory):
        model = make_pipeline(clone(features).set_params(memory=memory))
        model.steps.append(("logisticregression", LogisticRegression()))
        found = GridSearchCV(model, grid, cv=2).fit(X, Y)
        return found.cv_results_["mean_test_score"]

    expected = scores(None)
    looks.clear()
    np.testing.assert_array_equal(scores(tmp_path), expected)
    assert len(looks) <= 2


@pytest.mark.parametrize(
    "other",
    [
        {"image_size": 10},
        {"backbone__width": 5},
        {"value_range": (0, 100)},
        {"scales": (0.504,)},
        {"head__pooling": ("max",)},
    ],
    ids=str,
)
def test_different_features_do_not_mix(other, tmp_path):
    model = MultiGranularityTransformer(
        backbone=Learned(), head="pooled", scales=(0.5,), memory=tmp_path
    )
    model.fit_transform(X)
    model.set_params(**other)
    expected = clone(model).set_params(memory=None).fit_transform(X)
    np.testing.assert_array_equal(model.fit_transform(X), expected)


def test_files_are_known_by_their_content(tmp_path, looks):
    def write(name, value):
        Image.fromarray(value).save(tmp_path / name)
        return tmp_path / name

    model = MultiGranularityTransformer(backbone=Learned(), memory=tmp_path / "kept")
    rows = model.fit_transform([write("a.png", X[0]), write("b.png", X[1])])
    looks.clear()
    np.testing.assert_array_equal(model.transform([write("c.png", X[1])]), rows[1:])
    assert not looks
    changed_rows = model.transform([write("a.png", X[1][::-1].copy())])
    assert looks
    assert (changed_rows != rows[:1]).any()


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5)])
def test_fused_columns_without_a_task_are_kept_too(scales, tmp_path, looks):
    model = MultiGranularityTransformer(
        output="fused", backbone=Learned(), scales=scales, head="pooled"
    )
    expected = model.fit_transform(X)
    kept = clone(model).set_params(memory=tmp_path)
    np.testing.assert_array_equal(kept.fit_transform(X), expected)
    looks.clear()
    np.testing.assert_array_equal(kept.fit(X[:9]).transform(X), expected)
    assert not looks
    assert FeatureCache(tmp_path).info().entries == 16 * 3 * len(scales)


@pytest.mark.parametrize("output", ["granularities", "fused"])
def test_nothing_is_decoded_where_nothing_is_learned(output, tmp_path, monkeypatch):
    paths = [tmp_path / f"{row}.png" for row in range(4)]
    for path, image in zip(paths, X, strict=False):
        Image.fromarray(image).save(path)
    original, read = _listed.read_file, []
    monkeypatch.setattr(
        _listed, "read_file", lambda path: read.append(path) or original(path)
    )
    model = MultiGranularityTransformer(backbone=Learned(), output=output)
    model.fit(paths)
    assert not read
    model.transform(paths)
    assert len(read) == 4


def test_fused_columns_of_a_frozen_backbone():
    model = MultiGranularityTransformer(
        task="classification",
        output="fused",
        backbone=Learned(),
        trainable="head",
        max_epochs=1,
        random_state=0,
    )
    columns = model.fit(X, Y).transform(X)
    assert columns.shape == (16, len(model.get_feature_names_out()))


def test_a_pretrained_model_is_carried_without_its_weights_file(tmp_path):
    path = tmp_path / "weights.pth"
    network = torchvision.models.get_model("shufflenet_v2_x0_5", weights=None)
    torch.save(network.state_dict(), path)
    backbone = TorchvisionBackbone(name="shufflenet_v2_x0_5", weights=str(path))
    model = classifier(backbone=backbone, trainable="head", max_epochs=1).fit(X, Y)
    content = pickle.dumps(model)
    expected = model.predict_proba(X)
    path.unlink()
    np.testing.assert_array_equal(pickle.loads(content).predict_proba(X), expected)


@pytest.mark.parametrize("trainable", ["all", "last:1"])
def test_held_norms_are_validated_as_they_predict(trainable):
    model = classifier(trainable=trainable, max_epochs=3)
    model.fit(X, Y, X_val=X[::2], y_val=Y[::2])
    told = model.history_[model.best_epoch_ - 1]["valid_score"]
    assert model.score(X[::2], Y[::2]) == pytest.approx(told)
