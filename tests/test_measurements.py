"""The programs that measure accuracy and speed, and tables of their records."""

import json

import numpy as np
import pytest
import torch
from matplotlib import image

from benchmarks import __main__ as command
from benchmarks import accuracy, measuring, one_fit, peers, plain_loop, speed
from benchmarks.summaries import accuracy_table, speed_tables


@pytest.fixture
def halves():
    """Images that are dark or bright, as `benchmarks.data.draw` gives them."""
    y = np.arange(40) % 2
    noise = np.random.default_rng(0).integers(0, 60, (40, 8, 8))
    X = (noise + 150 * y[:, None, None]).astype(np.uint8)
    return {"X": X, "y": y, "X_test": X[:10], "y_test": y[:10]}


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "benchmarks.md"
    path.write_text(
        "before\n<!-- begin accuracy-digits -->\nold\n<!-- end accuracy-digits -->\n"
        "<!-- begin speed -->\n<!-- end speed -->\nafter\n"
    )
    return path


def record(model, accuracy, cpu_seconds, seed=0, **more):
    peer = peers.PEERS[model]
    return {
        "data": "digits",
        "model": model,
        "title": peer.title,
        "ours": peer.ours,
        "max_epochs": None,
        "seed": seed,
        "n_train": 1347,
        "n_test": 450,
        "accuracy": accuracy,
        "cpu_seconds": cpu_seconds,
        "wall_seconds": cpu_seconds,
        "peak_MiB": 500.0,
        "predict_images_per_second": 1000.0,
        **more,
    }


def test_accuracy_command_and_its_table(halves, page, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(accuracy, "draw", lambda data, seed: halves)
    output = tmp_path / "accuracy.json"
    options = f"accuracy --data digits --peers svc --seeds 1 --output {output}".split()
    command.main(options)
    saved = json.loads(output.read_text())
    (only,) = saved["records"]
    assert only["accuracy"] == 1.0
    assert only["peak_MiB"] >= only["peak_MiB_before"] > 0
    assert (only["n_train"], only["n_test"]) == (40, 10)
    assert "torch" in saved["machine"]
    capsys.readouterr()

    # What is there already is not fitted again.
    monkeypatch.setattr(accuracy, "fitted_apart", lambda *case: pytest.fail("again"))
    command.main([*options, "--resume"])
    assert "| SVC on pixels | 1 | 1.0000 |" in capsys.readouterr().out

    command.main(["tables", str(output), "--docs", str(page)])
    text = page.read_text()
    assert "| SVC on pixels | 1 | 1.0000 |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert image.imread(tmp_path / "images/accuracy-digits.png").std() > 0


def test_seeds_are_the_outer_loop(halves, monkeypatch):
    monkeypatch.setattr(accuracy, "draw", lambda data, seed: halves)
    monkeypatch.setattr(accuracy, "fitted_apart", lambda *case: {})
    found = accuracy.compare("fashion", ["svc", "ours"], [2], seeds=2)
    assert [(r["seed"], r["model"], r["max_epochs"]) for r in found] == [
        (0, "svc", None),
        (0, "ours", None),
        (0, "ours", 2),
        (1, "ours", None),  # support vectors of the same images would be the same
        (1, "ours", 2),
    ]


def test_a_peer_that_is_not_installed_is_skipped(halves, monkeypatch, tmp_path, capsys):
    def missing(case):
        raise ModuleNotFoundError(name="fastai")

    monkeypatch.setitem(peers.PEERS, "fastai", peers.Peer("fastai", missing))
    file = tmp_path / "draw.npz"
    np.savez(file, **halves)
    asked = {"file": str(file), "model": "fastai", "seed": 0, "flips": False}
    one_fit.main([json.dumps(asked | {"max_epochs": None})])
    assert json.loads(capsys.readouterr().out) == {"skipped": "fastai is not installed"}


def test_a_failure_is_told_and_the_run_goes_on(tmp_path):
    found = accuracy.fitted_apart(tmp_path / "none.npz", "svc", None, 0, False)
    assert list(found) == ["failed"]
    assert "none.npz" in found["failed"]


def test_flips_only_where_they_make_sense():
    assert "ours-flips" in peers.peers_for(True)
    assert "ours-flips" not in peers.peers_for(False)
    assert "ours" in peers.peers_for(False)


def test_accuracy_table_is_sorted_and_tells_the_cost():
    records = [
        record("skorch", 0.90, 100.0),
        record("ours", 0.92, 40.0),
        record("ours", 0.94, 60.0, seed=1),
        record("scattering", 0.80, 1.0),
        {"data": "digits", "model": "fastai", "skipped": "fastai is not installed"},
    ]
    _, _, first, second, third, _, cost = accuracy_table(records).splitlines()
    assert first.startswith("| **MultiGranularityClassifier, default parameters** | 2 ")
    assert "| 0.9300 ± 0.0100 | 50 |" in first
    assert second.startswith("| plain CNN in skorch | 1 | 0.9000 |")
    assert "0.8000" in third
    assert "for 0.50 of its CPU seconds" in cost


def test_page_without_the_marker(tmp_path):
    file = tmp_path / "accuracy.json"
    records = [record("svc", 0.9, 1.0)]
    content = {"program": "accuracy", "machine": measuring.machine()}
    file.write_text(json.dumps(content | {"records": records}))
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="<!-- begin accuracy-digits -->"):
        command.main(["tables", str(file), "--docs", str(page)])
    assert page.read_text() == "nothing"


def test_speed_command(page, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(speed, "GROWTH_IMAGES", (16, 32))
    monkeypatch.setattr(speed, "GROWTH_SIDES", (1, 2))
    monkeypatch.setattr(speed, "PRODUCT_SIDE", {"cpu": 64})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    output = tmp_path / "speed.json"
    options = "--images 32 --side 8 --epochs 1 --batch-size 16 --rounds 1 --calls 2"
    command.main(["speed", *options.split(), "--output", str(output)])
    records = json.loads(output.read_text())["records"]
    assert {r["part"] for r in records} == set(speed.PARTS)
    assert all(r["cpu_seconds"] > 0 for r in records)
    assert "No CUDA device" in capsys.readouterr().out
    command.main(["tables", str(output), "--docs", str(page)])
    assert "| hand-written loop |" in page.read_text()


def test_ratios_are_those_of_medians():
    seconds = {
        "hand-written loop": [2.0, 4.0, 100.0],
        "ours, float32": [2.0, 2.0, 1.0],
    }
    records = [
        {"part": "fit", "device": "cpu", "way": way, "round": i, "images": 40}
        | {"cpu_seconds": s, "wall_seconds": 2 * s}
        for way, values in seconds.items()
        for i, s in enumerate(values)
    ]
    assert "| ours, float32 | 20 | 10 | 2.00 | 2.00 |" in speed_tables(records)


def test_operations_of_a_known_network():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    options = speed.argparse.Namespace(batch_size=5, side=8)
    # Forward, and the gradient of the weights: the images need none.
    found = speed.flops_per_image(network, options, "cpu")
    assert found == 2 * (2 * 64 * 10)


def test_the_loop_learns(halves):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    images, labels = speed.tensors(halves["X"], halves["y"], "cpu")
    optimizer = torch.optim.AdamW(network.parameters(), 0.05)
    plain_loop.train(network, images, labels, optimizer, epochs=20, batch_size=10)
    assert (network(images).argmax(1) == labels).all()


def test_shifted_images_are_moved_whole():
    batch = torch.zeros(50, 1, 9, 9)
    batch[:, :, 4, 4] = torch.arange(1.0, 51)[:, None]
    torch.manual_seed(0)
    moved = plain_loop.shifted(batch)
    torch.testing.assert_close(moved.sum((1, 2, 3)), batch.sum((1, 2, 3)))
    places = {tuple(np.argwhere(each[0].numpy() > 0)[0]) for each in moved}
    assert len(places) > 10
    assert all(2 <= row <= 6 and 2 <= column <= 6 for row, column in places)
