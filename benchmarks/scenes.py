"""Where and what: masks and boxes on digit scenes, nuclei and blood cells.

Run it with `python -m benchmarks scenes {digits,nuclei,nuclei_boxes,blood,throughput}
[--data FILE]`; it needs `pip install 'skmultigran[pretrained,images,detection,plot]'`.
Each part runs our estimators and their peers, prints a row for each, and writes the
figures and a contact sheet of predictions to `demo/`.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from benchmarks.ablation import machine
from benchmarks.clothing import timed
from benchmarks.contact_sheet import boxes_sheet, masks_sheet
from benchmarks.packed import TEST, TRAIN, Packed
from skmultigran import (
    BoxHead,
    ConvNetBackbone,
    EfficientNetLite0Backbone,
    HypercolumnTransformer,
    MultiGranularityDetector,
    MultiGranularitySegmenter,
    Training,
)
from skmultigran.datasets import make_digit_scenes
from skmultigran.metrics import mean_average_precision_score, mean_iou_score

LITE0 = EfficientNetLite0Backbone
SIZES = {"small": (0, 12), "medium": (12, 24), "large": (24, 1e4)}


def report(name, times, **scores):
    parts = " ".join(f"{key} {value:.4f}" for key, value in scores.items())
    print(f"{name:<46}{parts}  CPU {times['cpu_seconds']:.0f} s", flush=True)
    return {"name": name, **scores, **times}


def average_precisions(true, found, sizes=None, classes=False):
    """Return mAP50, mAP, and AP50 of classes and of sizes of objects."""
    scores = {
        "mAP50": mean_average_precision_score(true, found, iou_threshold=0.5),
        "mAP": mean_average_precision_score(true, found),
    }
    if classes:
        labels = np.unique(np.concatenate([each["labels"] for each in true]))
        values = mean_average_precision_score(
            true, found, iou_threshold=0.5, average=None
        )
        scores |= dict(zip(labels.tolist(), values, strict=True))
    for name, size_range in (sizes or {}).items():
        scores[name] = mean_average_precision_score(
            true, found, iou_threshold=0.5, size_range=size_range
        )
    return scores


def foreground_iou(true, found):
    return mean_iou_score(true, found, labels=[1])


# ------------------------------------------------------------------ the parts


def digits(options):
    """Scenes of real digits, both estimators from scratch."""
    train = make_digit_scenes(options.images or 4000, subset="train", random_state=0)
    test = make_digit_scenes(200, subset="test", random_state=1)
    segmenter, times = (
        MultiGranularitySegmenter(
            loss="dice",
            training=Training(label_smoothing=0.0),
            max_epochs=options.epochs or 24,
            batch_size=16,
            random_state=0,
        ),
        {},
    )
    with timed(times):
        segmenter.fit(train.images, train.masks)
    masks = segmenter.predict(test.images)
    iou = mean_iou_score(test.masks, masks)
    yield report("MultiGranularitySegmenter, from scratch", times, mean_IoU=iou)
    sheet = options.output / "digits_masks.png"
    masks_sheet(sheet, test.images, test.masks, masks, "Digit scenes")
    detector, times = (
        MultiGranularityDetector(
            max_epochs=options.epochs or 12, batch_size=32, random_state=0
        ),
        {},
    )
    with timed(times):
        detector.fit(train.images, train.y)
    found = detector.predict(test.images)
    scores = average_precisions(test.y, found, SIZES)
    yield report("MultiGranularityDetector, from scratch", times, **scores)
    sheet = options.output / "digits_boxes.png"
    boxes_sheet(sheet, test.images, test.y, found, "Digit scenes")


def nuclei(options):
    """Foreground of nuclei: a network, hypercolumns, and the classical peer."""
    data = Packed(options.data)
    train, test = data.rows(TRAIN, options.images), data.rows(TEST)
    X, Y, X_test, Y_test = (
        read(rows) for rows in (train, test) for read in (data.arrays, data.masks)
    )
    for name, fit in NUCLEI.items():
        if options.only and options.only not in name:
            continue
        times = {}
        with timed(times):
            predict = fit(X, Y, options)
        start = time.process_time()
        found = predict(X_test)
        seconds = (time.process_time() - start) / len(X_test)
        iou = foreground_iou(Y_test, found)
        yield report(name, times, IoU=iou, seconds_per_image=seconds)
        sheet = options.output / f"nuclei_{name.split()[0].strip(':')}.png"
        masks_sheet(sheet, X_test, Y_test, found, f"Nuclei, {name}")


def _segmented(X, Y, options, **parameters):
    segmenter = MultiGranularitySegmenter(
        augment=["flip", "affine", "color"],
        training=Training(label_smoothing=0.0),
        max_epochs=options.epochs or "auto",
        random_state=0,
        **parameters,
    )
    return segmenter.fit(X, Y).predict


def _hypercolumns(X, Y, options, backbone="scale_space"):
    transformer = HypercolumnTransformer(backbone=backbone).fit(X)
    columns, labels = transformer.labelled_pixels(
        X, Y, ignore_label=None, max_per_image=1000, random_state=0
    )
    forest = _forest().fit(columns, labels)
    return lambda images: transformer.predict_masks(forest, images)


def _classical(X, Y, options):
    """Multiscale filters of scikit-image, on 1,000 pixels of each image."""
    draws, columns, labels = np.random.default_rng(0), [], []
    for image, mask in zip(X, Y, strict=True):
        chosen = draws.choice(mask.size, min(mask.size, 1000), replace=False)
        columns.append(_filtered(image).reshape(mask.size, -1)[chosen])
        labels.append(mask.reshape(-1)[chosen])
    forest = _forest().fit(np.concatenate(columns), np.concatenate(labels))

    def predict(images):
        return [
            forest.predict(_filtered(image).reshape(-1, columns[0].shape[1])).reshape(
                image.shape[:2]
            )
            for image in images
        ]

    return predict


def _filtered(image):
    from skimage.feature import multiscale_basic_features

    return multiscale_basic_features(
        image, sigma_min=1, sigma_max=16, channel_axis=-1, workers=1
    )


def _forest():
    return RandomForestClassifier(50, max_depth=14, random_state=0, n_jobs=1)


NUCLEI = {
    "classical: scikit-image features, forest": _classical,
    "hypercolumns of scale_space, forest": _hypercolumns,
    "hypercolumns of efficientnet_lite0, forest": lambda X, Y, options: _hypercolumns(
        X, Y, options, backbone=LITE0(out_indices=(0, 1, 2))
    ),
    "scratch: MultiGranularitySegmenter": _segmented,
    "lite0: MultiGranularitySegmenter": lambda X, Y, options: _segmented(
        X, Y, options, backbone="efficientnet_lite0"
    ),
}


def nuclei_boxes(options):
    """Nuclei as boxes: one level against all levels."""
    data = Packed(options.data)
    train, test = data.rows(TRAIN, options.images), data.rows(TEST)
    X, y = data.arrays(train), data.objects(train)
    X_test, y_test = data.arrays(test), data.objects(test)
    cases = {
        "all levels, strides 4 to 32": (1, 2, 3, 4),
        "one level, stride 4": (1,),
        "one level, stride 8": (2,),
    }
    for name, out_indices in cases.items():
        backbone = ConvNetBackbone(
            widths=(16, 32, 64, 128, 128), stem_stride=2, out_indices=out_indices
        )
        detector = MultiGranularityDetector(
            backbone=backbone,
            augment=["flip", "affine", "color"],
            crop_size=192,
            max_epochs=options.epochs or "auto",
            random_state=0,
        )
        times = {}
        with timed(times):
            detector.fit(X, y)
        found = detector.predict(X_test)
        scores = average_precisions(y_test, found, SIZES)
        yield report(f"nuclei, {name}", times, **scores)
    sheet = options.output / "nuclei_boxes.png"
    boxes_sheet(sheet, X_test, y_test, found, f"Nuclei, {name}")


def blood(options):
    """Blood cells at half size, beside a hand-written FCOS of torchvision."""
    data = Packed(options.data)
    train, test = data.rows(TRAIN, options.images), data.rows(TEST)
    X, X_test = ([_halved(i) for i in data.images(rows)] for rows in (train, test))
    y, y_test = ([_half_boxes(o) for o in data.objects(rows)] for rows in (train, test))
    models = {
        "MultiGranularityDetector, efficientnet_lite0": MultiGranularityDetector(
            backbone=LITE0(out_indices=(1, 2, 3, 4)),
            fusion="fpn",
            head=BoxHead(min_stride=8),
            augment=["flip", "crop", "color"],
            crop_size=(240, 320),
            max_epochs=options.epochs or 25,
            batch_size=8,
            random_state=0,
        )
    }
    if options.baseline:
        from benchmarks.plain_fcos import PlainFCOS

        models["hand-written FCOS, efficientnet_lite0"] = PlainFCOS(
            (240, 320), options.epochs or 25
        )
    for name, model in models.items():
        times = {}
        with timed(times):
            model.fit(X, y)
        found = model.predict(X_test)
        sizes = {"small": (0, 32), "medium": (32, 96), "large": (96, 1e4)}
        scores = average_precisions(y_test, found, sizes, classes=True)
        yield report(name, times, **scores)
        sheet = options.output / f"blood_{name.partition(',')[0]}.png"
        boxes_sheet(sheet, X_test, y_test, found, f"Blood cells, {name}", columns=3)


def _halved(image):
    return np.asarray(image.reduce(2))


def _half_boxes(objects):
    return objects | {"boxes": objects["boxes"] / 2}


def throughput(options):
    """Megapixels per second and peak memory of predictions, whole and in tiles."""
    scenes = make_digit_scenes(16, size=96, random_state=0)
    image = np.tile(scenes.images.reshape(4, 384, 96), (1, 4, 4))[:1, :1536, :384]
    image = np.tile(image, (1, 1, 4))
    megapixels = image[0].size / 1e6
    estimators = {
        "segmenter": MultiGranularitySegmenter(max_epochs=1),
        "detector": MultiGranularityDetector(max_epochs=1),
    }
    targets = {"segmenter": scenes.masks, "detector": scenes.y}
    for name, estimator in estimators.items():
        estimator.fit(scenes.images, targets[name])
        for tile_size in (768, 4096):
            times = {}
            with timed(times):
                estimator.set_params(tile_size=tile_size).predict(image)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
            rate = megapixels / times["cpu_seconds"]
            label = f"{name}, {megapixels:.1f} megapixels, tiles of {tile_size}"
            yield report(label, times, megapixels_per_s=rate, peak_MiB=peak)


PARTS = {f.__name__: f for f in (digits, nuclei, nuclei_boxes, blood, throughput)}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks scenes", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, help="nuclei_dsb2018.npz or bccd.npz")
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--images", type=int, default=None, help="of training, at most")
    parser.add_argument("--only", default=None, help="rows whose name has this word")
    parser.add_argument("--baseline", action="store_true", help="slow peers as well")
    options = parser.parse_args(arguments)
    if options.data is None and options.part not in ("digits", "throughput"):
        parser.error(f"{options.part} needs --data")
    options.output.mkdir(parents=True, exist_ok=True)
    records = []
    output = options.output / f"scenes_{options.part}.json"
    for record in PARTS[options.part](options):
        records.append(record)
        result = {"machine": machine(), "records": records}
        output.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(f"Records: {output}")
