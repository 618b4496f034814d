"""Fit and predict beside a hand-written loop and the bare network, and growth.

The same network, batch and images for all, in interleaved rounds. Run it with
`python -m benchmarks speed [PART ...]`, on a GPU too where there is one.
"""

import argparse
import copy
import importlib.util
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from benchmarks import plain_loop
from benchmarks.measuring import Records, timed
from benchmarks.summaries import CLOCKS, median, speed_tables
from skmultigran import ConvNetBackbone, MultiGranularityClassifier, export_onnx

CLASSES = 10
PREDICTED_TOGETHER = 128
PRODUCT_SIDE = {"cpu": 2048, "cuda": 8192}
PRODUCTS = {"cpu": 4, "cuda": 20}
GROWTH_IMAGES = (1_000, 4_000, 15_000, 60_000)
GROWTH_SIDES = (1, 2, 4, 8)  # times the side


def drawn(n, side):
    """Return noise and labels: what is in the images does not change the time."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (n, side, side), dtype=np.uint8)
    return images, np.arange(n) % CLASSES


def classifier(options, device, **parameters):
    settings = {
        "augment": None,
        "batch_size": options.batch_size,
        "max_epochs": options.epochs,
        "device": device,
        "random_state": 0,
    }
    return MultiGranularityClassifier(**settings | parameters)


def fitted(options, device, **parameters):
    """Return a classifier after one short epoch: what it weighs does not matter."""
    X, y = drawn(2 * options.batch_size, options.side)
    return classifier(options, device, max_epochs=1, **parameters).fit(X, y)


def tensors(X, y, device):
    images = torch.from_numpy(X)[:, None].float().div(255).to(device)
    return images, torch.from_numpy(y).to(device)


def rounds_of(options, part, device, ways):
    """Yield one record per round and way; the rounds are the outer loop."""
    for number in tqdm(range(options.rounds), desc=f"{part}, {device}", unit="round"):
        for way, run in ways.items():
            record = {"part": part, "device": device, "way": way, "round": number}
            times = {}
            with timed(times):
                done = run()
            yield record | times | done


def loop(network, images, labels, options):
    """Return a training of a copy of the network by the hand-written loop."""

    def run():
        copied = copy.deepcopy(network)
        optimizer = torch.optim.AdamW(copied.parameters(), 1e-3, weight_decay=0.05)
        plain_loop.train(
            copied,
            images,
            labels,
            optimizer,
            epochs=options.epochs,
            batch_size=options.batch_size,
        )
        return {"images": options.epochs * len(images)}

    return run


def our_fit(model, X, y, **more):
    def run():
        model.fit(X, y)
        return {"images": model.n_iter_ * len(X)} | more

    return run


def fit(options, device):
    """The same network, batch and images: ours beside loops written by hand."""
    X, y = drawn(options.images, options.side)
    images, labels = tensors(X, y, device)
    # A copy of the network that scikit-learn's way has just built and trained.
    network = fitted(options, device, precision="float32").network_
    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    last = images.contiguous(memory_format=torch.channels_last)
    ours = {
        "ours, float32": {"precision": "float32"},
        "ours, precision='auto'": {"precision": "auto"},
        "ours, precision='auto', default augment": {"augment": "auto"},
    }
    yield from rounds_of(
        options,
        "fit",
        device,
        {
            "hand-written loop": loop(plain, images, labels, options),
            "hand-written loop, channels_last": loop(network, last, labels, options),
        }
        | {
            name: our_fit(classifier(options, device, **parameters), X, y)
            for name, parameters in ours.items()
        },
    )


def flops_per_image(network, options, device):
    """Return the operations of one forward and backward pass, as torch counts them."""
    images, labels = tensors(*drawn(options.batch_size, options.side), device)
    network = copy.deepcopy(network).train()
    with FlopCounterMode(display=False) as counter:
        functional.cross_entropy(network(images), labels).backward()
    return counter.get_total_flops() / len(images)


def product(dtype, device):
    """Return a run of products of square matrices."""
    side, count = PRODUCT_SIDE[device], PRODUCTS[device]
    matrix = torch.rand(side, side, device=device).to(dtype)

    def run():
        for _ in range(count):
            torch.mm(matrix, matrix)
        if device == "cuda":
            torch.cuda.synchronize()
        return {"flops": 2 * side**3 * count, "dtype": _named(dtype)}

    run()  # the first product makes ready what the others use
    return run


def _named(dtype):
    return str(dtype).removeprefix("torch.")


def products(options, device):
    """The share of the measured rate of matrix products that fit achieves."""
    X, y = drawn(options.images, options.side)
    ways = {
        f"matrix products, {_named(dtype)}": product(dtype, device)
        for dtype in (torch.float32, torch.bfloat16)
    }
    for precision in ("float32", "auto"):
        model = fitted(options, device, precision=precision)
        flops = flops_per_image(model.network_, options, device)
        more = {
            "flops": flops * options.epochs * len(X),
            "dtype": model.precision_,
        }
        model.set_params(max_epochs=options.epochs)
        ways[f"fit, precision={precision!r}"] = our_fit(model, X, y, **more)
    yield from rounds_of(options, "products", device, ways)


def predict(options, device):
    """Ours beside `network(x)` in inference mode, on tensors that are there already."""
    X, _ = drawn(options.images, options.side)
    images, _ = tensors(X, np.zeros(len(X), dtype=int), device)
    model = fitted(options, device)
    batches = images.split(PREDICTED_TOGETHER)

    @torch.inference_mode()
    def bare():
        torch.cat([model.network_(batch) for batch in batches]).cpu()
        return {"images": len(X)}

    def ours(compile):
        model.set_params(compile=compile).predict(X)
        return {"images": len(X)}

    ways = {
        "bare network(x)": bare,
        "ours, predict": lambda: ours(compile=False),
        "ours, predict, compile=True": lambda: ours(compile=True),
    }
    if device == "cpu" and importlib.util.find_spec("onnxruntime"):
        session = exported(model)
        ways["export_onnx, ONNX Runtime"] = lambda: predict_exported(session, X)
    for run in ways.values():
        run()  # compiled here, if at all
    yield from rounds_of(options, "predict", device, ways)


def exported(model):
    """Return a session of ONNX Runtime with as many threads as torch has."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        export_onnx(model, file, dtype="uint8")
        return onnxruntime.InferenceSession(file, settings)


def predict_exported(session, X):
    batches = np.split(
        X[..., None], range(PREDICTED_TOGETHER, len(X), PREDICTED_TOGETHER)
    )
    np.concatenate([session.run(None, {"images": batch})[0] for batch in batches])
    return {"images": len(X)}


def latency(options, device):
    """Milliseconds of one image: the median of many, one after the other."""
    model, (X, y) = fitted(options, device), drawn(1, options.side)
    image, _ = tensors(X, y, device)

    @torch.inference_mode()
    def bare():
        model.network_(image).cpu()

    ways = {"ours, predict": lambda: model.predict(X), "bare network(x)": bare}
    for number in tqdm(range(options.rounds), desc=f"latency, {device}", unit="round"):
        times = {way: [] for way in ways}
        for _ in range(options.calls):
            for way, run in ways.items():
                with timed(record := {}):
                    run()
                times[way].append(record)
        for way, records in times.items():
            record = {"part": "latency", "device": device, "way": way, "round": number}
            yield record | {clock: median(records, clock) for clock in CLOCKS}


def growth_images(options, device):
    """CPU seconds per image, for the same number of steps over more images."""
    passes = max(options.images, GROWTH_IMAGES[0])
    sizes = [n for n in GROWTH_IMAGES if n <= passes]
    size = options.batch_size
    cases = [(n, options.side, passes // n, size) for n in sizes]
    yield from _growth(options, "growth_images", device, cases)


def growth_pixels(options, device):
    """CPU seconds per pixel, for the same number of pixels in larger images."""
    size = options.batch_size // 4
    cases = []
    for factor in GROWTH_SIDES:
        n = max(size, options.images // factor**2)
        cases.append((n, factor * options.side, options.epochs, size))
    yield from _growth(options, "growth_pixels", device, cases)


def growth_one_network(options, device):
    """The same with the network of small images, and as many pixels in each step."""
    cases = [
        (
            options.images // factor**2,
            factor * options.side,
            options.epochs,
            options.batch_size // factor**2,
        )
        for factor in GROWTH_SIDES
    ]
    network = ConvNetBackbone(widths=(32, 64, 128), stem_stride=2)
    yield from _growth(options, "growth_one_network", device, cases, backbone=network)


def _growth(options, part, device, cases, **parameters):
    ways = {}
    for n, side, epochs, size in cases:
        model = classifier(
            options,
            device,
            max_epochs=epochs,
            batch_size=size,
            augment="auto",
            **parameters,
        )
        about = {"side": side, "epochs": epochs}
        ways[f"{n:,} images of {side} px"] = our_fit(model, *drawn(n, side), **about)
    for record in rounds_of(options, part, device, ways):
        each = record["cpu_seconds"] / record["images"]
        record["cpu_seconds_per_image"] = each
        record["images"] //= record["epochs"]
        yield record


PARTS = {
    f.__name__: f
    for f in (
        fit,
        products,
        predict,
        latency,
        growth_images,
        growth_pixels,
        growth_one_network,
    )
}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks speed", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--images", type=int, default=6144)
    parser.add_argument("--side", type=int, default=28, help="pixels")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=200, help="of latency, per round")
    parser.add_argument("--output", type=Path, default=Path("demo/speed.json"))
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"{sorted(unknown)} must be of {', '.join(PARTS)}")
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    if "cuda" not in devices:
        print("No CUDA device: the GPU's part is skipped.")
    records = Records(options.output, "speed")
    for device in devices:
        for part in options.parts or PARTS:
            for record in PARTS[part](options, device):
                records.add(record)
    print(speed_tables(records.records))
    print(f"\nRecords: {options.output}")
