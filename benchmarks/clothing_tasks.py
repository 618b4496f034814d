"""Photographs of clothing: what it is and whether it is for children, from one look.

17 types and a rare yes (one in eleven), on a split of which no sender of photographs is
on two sides. One model of both tasks beside one model per task, in the same run. The
data is a packed copy of the Clothing dataset (CC0). Run it with `python -m benchmarks
clothing_tasks --data clothing_160.npz`; it needs
`pip install 'skmultigran[pretrained,images]'`.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from benchmarks.ablation import machine
from benchmarks.clothing import timed
from skmultigran import MultiGranularityClassifier, MultiGranularityMultiTask

TASKS = {
    "type": "classification",
    "kids": {"type": "classification", "class_weight": "balanced"},
}
PARAMETERS = {
    "frozen": {"trainable": "head", "image_size": 160},
    "finetuned": {"image_size": 160},
}


def load(path, folder):
    """Write the photographs as files; return their paths, the answers and the split."""
    with np.load(path) as data:
        buffer, offsets = data["buf"], data["off"]
        answers = np.empty(len(offsets) - 1, dtype=[("type", int), ("kids", bool)])
        answers["type"], answers["kids"] = data["y_type"], data["y_kids"]
        split = data["split"]
        paths = []
        for row in range(len(answers)):
            paths.append(Path(folder) / f"{row:05d}.jpg")
            paths[-1].write_bytes(buffer[offsets[row] : offsets[row + 1]].tobytes())
    return np.array(paths, dtype=object), answers, split


def joint(paths, y, train, test, parameters):
    """Return types, kids and probabilities of kids by one model of both."""
    model = MultiGranularityMultiTask(tasks=TASKS, **parameters)
    model.fit(paths[train], y[train])
    print("weights of the tasks", model.task_weights_, flush=True)
    probabilities = model.predict_proba(paths[test])
    classes = model.classes_
    return (
        classes["type"][probabilities["type"].argmax(axis=1)],
        classes["kids"][probabilities["kids"].argmax(axis=1)],
        probabilities["kids"][:, 1],
    )


def separate(paths, y, train, test, parameters):
    """Return the same by one model per task."""
    kind = MultiGranularityClassifier(**parameters)
    kind.fit(paths[train], y["type"][train])
    kids = MultiGranularityClassifier(class_weight="balanced", **parameters)
    kids.fit(paths[train], y["kids"][train])
    probabilities = kids.predict_proba(paths[test])
    return (
        kind.predict(paths[test]),
        kids.classes_[probabilities.argmax(axis=1)],
        probabilities[:, 1],
    )


def judged(name, answers, y, times):
    kinds, kids, probabilities = answers
    record = {
        "name": name,
        "type_accuracy": accuracy_score(y["type"], kinds),
        "kids_balanced_accuracy": balanced_accuracy_score(y["kids"], kids),
        "kids_auc": roc_auc_score(y["kids"], probabilities),
        **times,
    }
    print(
        *(f"{k} {v:.4f}" if k != "name" else v for k, v in record.items()), flush=True
    )
    return record


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks clothing_tasks",
        description=__doc__.partition("\n")[0],
    )
    parser.add_argument("--data", type=Path, required=True, help="clothing_160.npz")
    parser.add_argument("--output", type=Path, default=Path("demo/clothing_tasks.json"))
    parser.add_argument("--part", choices=PARAMETERS, default="frozen")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--memory", help="a folder of features: then times say nothing")
    options = parser.parse_args(arguments)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    records = []
    with tempfile.TemporaryDirectory() as folder:
        paths, y, split = load(options.data, folder)
        train, test = split == 0, split == 2
        for seed in range(options.seeds):
            parameters = {
                "backbone": "efficientnet_lite0",
                "memory": options.memory,
                "random_state": seed,
                **PARAMETERS[options.part],
            }
            for way in (joint, separate):
                times = {}
                with timed(times):
                    answers = way(paths, y, train, test, parameters)
                name = f"{way.__name__}, {options.part}, seed {seed}"
                records.append(judged(name, answers, y[test], times))
            cost = records[-2]["cpu_seconds"] / records[-1]["cpu_seconds"]
            print(f"CPU seconds of one over two: {cost:.2f}", flush=True)
    result = {"machine": machine(), "records": records}
    options.output.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(f"Records: {options.output}")
