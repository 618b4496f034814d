"""The program that measures several tasks and numbers, on a few images."""

import io
import json

import numpy as np
import pytest

from benchmarks import tasks

FEW = ["--images", "24", "--test-images", "12", "--epochs", "1", "--seeds", "1"]


def records(part, folder, *more):
    output = folder / "records.json"
    tasks.main([part, *FEW, "--output", str(output), *more])
    return json.loads(output.read_text())["records"]


@pytest.mark.parametrize("part", ["together", "partly"])
def test_tasks_are_scored_one_by_one(part, tmp_path):
    found = records(part, tmp_path)
    names = {"together": {"digit", "size", "mask"}, "partly": {"digit", "size"}}[part]
    assert len(found) == {"together": 2, "partly": 3}[part]
    for record in found:
        assert names <= set(record)
        assert record["seed"] == 0


def test_numbers_beside_the_peers(tmp_path):
    found = records("sizes", tmp_path)
    assert [record["model"] for record in found][-1] == "HOG + SVR"
    assert all(record["r2"] <= 1 for record in found)


def test_nuclei_are_counted_in_files(tmp_path):
    image = pytest.importorskip("PIL.Image")
    generator, files = np.random.default_rng(0), []
    for number in range(6):
        pixels = generator.integers(0, 256, (20, 24 + number, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        image.fromarray(pixels).save(buffer, format="png")
        files.append(buffer.getvalue())
    path = tmp_path / "packed.npz"
    np.savez(
        path,
        buf=np.frombuffer(b"".join(files), dtype=np.uint8),
        off=np.cumsum([0, *map(len, files)]),
        box_off=np.cumsum([0, 1, 2, 3, 1, 2, 3]),
        split=np.array([0, 0, 0, 0, 2, 2], dtype=np.int8),
    )
    data = tasks.Packed(path)
    counts, images = tasks.nuclei_of(data, data.rows(tasks.TRAIN))
    np.testing.assert_allclose(counts, np.log([1, 2, 3, 1]))
    assert [image.shape[1] for image in images] == [24, 25, 26, 27]


def test_nuclei_need_their_file():
    with pytest.raises(SystemExit):
        tasks.main(["nuclei"])
