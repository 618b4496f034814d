"""Images per second of the frozen pass, beside a bare loop over timm's network."""

import numpy as np

from benchmarks.clothing.bare_timm import (
    SIZE,
    bare_network,
    features_of_arrays,
    features_of_files,
)
from benchmarks.measuring import timed
from skmultigran import (
    EfficientNetLite0Backbone,
    ImageResizer,
    MultiGranularityTransformer,
)


def throughput(paths, y, split, options):
    """Both from the same decoded images, and each from the files by its own means."""
    paths = paths[: options.images or 1024]
    images = ImageResizer(size=SIZE).fit_transform(paths)
    transformer = MultiGranularityTransformer(
        backbone=EfficientNetLite0Backbone(out_indices=(-1,)),
        image_size=SIZE,
        power=1,
    ).fit(paths)
    network = bare_network()
    cases = {
        ("decoded", "skmultigran"): lambda: transformer.transform(images),
        ("decoded", "timm"): lambda: features_of_arrays(network, images),
        ("files", "skmultigran"): lambda: transformer.transform(paths),
        ("files", "timm"): lambda: features_of_files(network, paths),
    }
    rates, columns = {case: [] for case in cases}, {}
    for run in range(options.runs):
        for (source, name), work in cases.items():
            times = {}
            with timed(times):
                columns[source, name] = work()
            rate = len(paths) / times["wall_seconds"]
            rates[source, name].append(rate)
            print(f"run {run} {source:<8} {name:<12}{rate:7.1f} images/s", flush=True)
            record = {"name": name, "source": source, "run": run}
            yield {**record, "images_per_second": rate, **times}
    difference = np.abs(
        columns["decoded", "skmultigran"] - columns["decoded", "timm"]
    ).max()
    print(f"largest difference of the features of decoded images: {difference:.1e}")
    for source in ("decoded", "files"):
        ratio = max(rates[source, "skmultigran"]) / max(rates[source, "timm"])
        print(f"{source}: {ratio:.2f} times as fast as the bare loop, best runs")
