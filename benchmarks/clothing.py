"""Photographs of clothing in ten classes: pretrained features, frozen and fine-tuned.

The data is a packed copy of the Clothing dataset (CC0) with its author's split of ten
classes. Run it with `python -m benchmarks clothing {frozen,finetuned,search,throughput}
--data clothing_160.npz`; it needs `pip install 'skmultigran[pretrained,images]'`.
"""

import argparse
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.measuring import machine, timed
from skmultigran import (
    EfficientNetLite0Backbone,
    MultiGranularityClassifier,
    MultiGranularityTransformer,
)

PYRAMID = (1.4, 1.0, 0.6)  # 224, 160 and 96 pixels
LAST = (-1,)
C = 0.01


class Clothing:
    """The ten classes, as encoded files and labels, split by the author."""

    def __init__(self, path):
        with np.load(path) as data:
            chosen = np.flatnonzero(data["split10"] >= 0)
            self.files = self._cut(data["buf"], data["off"], chosen)
            self.y = data["y10"][chosen]
            self.split = data["split10"][chosen]

    @staticmethod
    def _cut(buffer, offsets, chosen):
        return [buffer[offsets[i] : offsets[i + 1]].tobytes() for i in chosen]

    def write(self, folder):
        """Write the files to a folder and return their paths."""
        paths = []
        for i, content in enumerate(self.files):
            path = Path(folder) / f"{i:05d}.jpg"
            path.write_bytes(content)
            paths.append(str(path))
        return np.array(paths, dtype=object)


def interval(accuracy, n):
    """Return the half width of the 95 % interval of an accuracy."""
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / n)


def judged(name, predicted, y, split, **more):
    """Return accuracy on validation + test and on test alone."""
    right = predicted == y
    both, test = right.mean(), right[split == 2].mean()
    record = {"name": name, "accuracy": both, "accuracy_test": test, **more}
    record["interval"] = interval(both, len(y))
    print(
        f"{name:<44}{both:.4f} ± {record['interval']:.4f} (test alone {test:.4f}) "
        f"wall {record['wall_seconds']:.0f} s, CPU {record['cpu_seconds']:.0f} s",
        flush=True,
    )
    return record


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
    classifier = MultiGranularityClassifier(
        backbone="efficientnet_lite0",
        scales=PYRAMID,
        image_size=160,
        trainable="head",
        random_state=0,
    )
    times = {}
    with timed(times):
        predicted = classifier.fit(paths[train], y[train]).predict(paths[rest])
    name = "MultiGranularityClassifier, frozen, pyramid"
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


def search(paths, y, split, options):
    """A grid of 12 candidates and 5 folds, with and without memory."""
    train = split == 0
    paths, y = paths[train], y[train]
    grid = {"logisticregression__C": np.logspace(-4, 0, 12)}
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    transformer = MultiGranularityTransformer(
        backbone="efficientnet_lite0", image_size=160
    )
    times = {}
    with timed(times):
        columns = transformer.fit_transform(paths)
    print(f"one pass over the images: {times['wall_seconds']:.0f} s")
    yield {"name": "one pass", **times}
    heads = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        grid,
        cv=folds,
    )
    times = {}
    with timed(times):
        heads.fit(columns, y)
    print(f"the heads alone: {times['wall_seconds']:.0f} s")
    yield {"name": "heads", **times}
    with tempfile.TemporaryDirectory() as folder:
        memories = {"memory of features": {"memory": folder}}
        if options.baseline:
            memories["joblib memory of the pipeline"] = {"pipeline": folder + "/joblib"}
        for name, where in memories.items():
            model = make_pipeline(
                transformer.set_params(memory=where.get("memory")),
                StandardScaler(),
                LogisticRegression(max_iter=300),
                memory=where.get("pipeline"),
            )
            times = {}
            with timed(times):
                found = GridSearchCV(model, grid, cv=folds, refit=False).fit(paths, y)
            equal = np.array_equal(
                found.cv_results_["mean_test_score"],
                heads.cv_results_["mean_test_score"],
            )
            print(
                f"12 candidates x 5 folds, {name}: {times['wall_seconds']:.0f} s; the "
                f"scores of the heads alone: {'equal' if equal else 'different'}",
                flush=True,
            )
            yield {"name": name, "equal": equal, **times}


def throughput(paths, y, split, options):
    """Images per second of the frozen pass, beside a bare loop over timm's network."""
    import timm

    paths = paths[:1024]
    transformer = MultiGranularityTransformer(
        backbone=EfficientNetLite0Backbone(out_indices=LAST), image_size=160
    ).fit(paths)
    network = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()

    def ours():
        return transformer.transform(paths)

    @torch.inference_mode()
    def bare():
        rows = []
        for start in range(0, len(paths), 64):
            batch = np.stack([_squared(path) for path in paths[start : start + 64]])
            images = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1
            rows.append(network(images))
        return torch.cat(rows).numpy()

    for run in range(options.runs):
        for name, function in {"skmultigran": ours, "timm": bare}.items():
            times = {}
            with timed(times):
                shape = function().shape
            rate = len(paths) / times["wall_seconds"]
            print(f"run {run} {name:<12}{rate:7.1f} images/s, columns {shape[1]}")
            yield {"name": name, "run": run, "images_per_second": rate, **times}


def _squared(path):
    image = Image.open(path).convert("RGB")
    image.thumbnail((160, 160))
    square = Image.new("RGB", (160, 160), (128, 128, 128))
    square.paste(image, ((160 - image.width) // 2, (160 - image.height) // 2))
    return np.asarray(square)


PARTS = {f.__name__: f for f in (frozen, finetuned, search, throughput)}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks clothing", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, required=True, help="clothing_160.npz")
    parser.add_argument("--output", type=Path, default=None, help="a JSON file")
    parser.add_argument("--image-size", type=int, default=None)
    parser.add_argument("--augment", default=None)
    parser.add_argument("--power", type=float, default=0.5)
    parser.add_argument("--baseline", action="store_true", help="peers as well")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    data = Clothing(options.data)
    output = options.output or Path(f"demo/clothing_{options.part}.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        paths, records = data.write(folder), []
        for record in PARTS[options.part](paths, data.y, data.split, options):
            records.append(record)
            result = {"machine": machine(), "records": records}
            output.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(f"Records: {output}")
