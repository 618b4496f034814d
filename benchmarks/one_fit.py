"""One model on one draw of images, in a process of its own: `python -m
benchmarks.one_fit '{"model": ..., "file": ...}'`, the result on the last line."""

import json
import sys
import warnings

import numpy as np

from benchmarks.measuring import peak_mib, timed
from benchmarks.peers import PEERS, Case


def measure(model, data):
    """Return accuracy, seconds, images per second and memory."""
    before, fit, predict = peak_mib(), {}, {}
    with timed(fit):
        model.fit(data["X"], data["y"])
    with timed(predict):
        predicted = model.predict(data["X_test"])
    return {
        "accuracy": float((predicted == data["y_test"]).mean()),
        **fit,
        "predict_wall_seconds": predict["wall_seconds"],
        "predict_cpu_seconds": predict["cpu_seconds"],
        "fit_images_per_second": len(data["X"]) / fit["wall_seconds"],
        "predict_images_per_second": len(data["X_test"]) / predict["wall_seconds"],
        "peak_MiB": peak_mib(),
        "peak_MiB_before": before,
    }


def main(arguments):
    """Print the record of a model, or why there is none."""
    asked = json.loads(arguments[0])
    with np.load(asked["file"]) as found:
        data = dict(found)
    n, side = data["X"].shape[:2]
    case = Case(n, side, asked["seed"], asked["flips"], asked["max_epochs"])
    try:
        model = PEERS[asked["model"]].make(case)
    except ImportError as error:
        print(json.dumps({"skipped": f"{error.name or error} is not installed"}))
        return
    counts = {"n_train": n, "n_test": len(data["X_test"])}
    print(json.dumps(counts | _device() | measure(model, data)))


def _device():
    torch = sys.modules.get("torch")
    if torch is None:
        return {"device": "cpu"}
    if torch.cuda.is_available():
        return {"device": torch.cuda.get_device_name()}
    return {"device": "cpu", "torch_threads": torch.get_num_threads()}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
