"""Accuracy on photographs: pretrained features frozen, and fine-tuned."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.clothing.records import judged
from benchmarks.measuring import timed
from skmultigran import (
    EfficientNetLite0Backbone,
    MultiGranularityClassifier,
    MultiGranularityTransformer,
)

PYRAMID = (1.4, 1.0, 0.6)  # 224, 160 and 96 pixels
LAST = (-1,)
C = 0.01


def frozen(paths, y, split, options):
    """Frozen features, one granularity against all, one scale against the pyramid."""
    train, rest = split == 0, split > 0
    cases = {
        "penultimate, one scale": (LAST, (1.0,)),
        "penultimate, pyramid": (LAST, PYRAMID),
        "all levels, one scale": (None, (1.0,)),
        "all levels, pyramid": (None, PYRAMID),
    }
    for name, (out_indices, scales) in cases.items():
        transformer = MultiGranularityTransformer(
            backbone=EfficientNetLite0Backbone(out_indices=out_indices),
            scales=scales,
            image_size=160,
            power=options.power,
        )
        times = {}
        with timed(times):
            columns = transformer.fit_transform(paths[train])
            others = transformer.transform(paths[rest])
        model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
        model.fit(columns, y[train])
        yield judged(name, model.predict(others), y[rest], split[rest], **times)
    for training in ("standard", "closed_form"):
        classifier = MultiGranularityClassifier(
            backbone="efficientnet_lite0",
            scales=PYRAMID,
            image_size=160,
            trainable="head",
            training=training,
            random_state=0,
        )
        times = {}
        with timed(times):
            predicted = classifier.fit(paths[train], y[train]).predict(paths[rest])
        name = f"classifier, frozen, pyramid, {training}"
        yield judged(name, predicted, y[rest], split[rest], **times)


def finetuned(paths, y, split, options):
    """Fine-tuned with default training, all levels against the last map alone."""
    train, rest = split == 0, split > 0
    cases = {"all levels": "efficientnet_lite0"}
    if options.baseline:
        cases["last map alone"] = EfficientNetLite0Backbone(out_indices=LAST)
    for name, backbone in cases.items():
        classifier = MultiGranularityClassifier(
            backbone=backbone,
            image_size=options.image_size,
            augment=options.augment or "auto",
            random_state=0,
            verbose=1,
        )
        times = {}
        with timed(times):
            classifier.fit(paths[train], y[train])
        predicted = classifier.predict(paths[rest])
        name = f"fine-tuned at {classifier.image_size_[0]} px, {name}"
        yield judged(name, predicted, y[rest], split[rest], **times)
