"""The parts of the benchmark on photographs of clothing that need no weights."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import clothing
from benchmarks.clothing import bare_timm, peak
from benchmarks.clothing.memory import KINDS, write_copies
from skmultigran import ImageReader, ImageResizer
from skmultigran.feature_cache import file_key

# The package has a function of this name.
progressive = importlib.import_module("benchmarks.clothing.progressive")

GENERATOR = np.random.default_rng(0)


@pytest.fixture
def packed(tmp_path):
    """A file of six photographs, of which the author's split leaves out two."""
    image = pytest.importorskip("PIL.Image")
    contents = []
    for number in range(6):
        pixels = GENERATOR.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        picture = image.fromarray(pixels).resize((60 + 30 * number, 100))
        picture.save(tmp_path / "one.jpg", quality=90)
        contents.append((tmp_path / "one.jpg").read_bytes())
    np.savez(
        tmp_path / "packed.npz",
        buf=np.frombuffer(b"".join(contents), dtype=np.uint8),
        off=np.cumsum([0, *map(len, contents)]),
        y10=np.array([0, 1, 2, 0, 1, 2], dtype=np.int8),
        split10=np.array([0, -1, 0, 1, 2, -1], dtype=np.int8),
    )
    return clothing.Clothing(tmp_path / "packed.npz")


def test_the_split_of_ten_classes_is_cut_out_of_the_packed_files(packed, tmp_path):
    assert packed.y.tolist() == [0, 2, 0, 1]
    assert packed.split.tolist() == [0, 0, 1, 2]
    images = ImageReader().fit_transform(packed.write(tmp_path))
    assert [image.shape[1] for image in images] == [60, 120, 150, 180]


def test_the_bare_loop_sees_what_our_own_pass_sees(packed, tmp_path):
    paths = packed.write(tmp_path)
    ours = ImageResizer(size=bare_timm.SIZE).fit_transform(paths)
    theirs = np.stack([bare_timm.letterboxed(path) for path in paths])
    assert theirs.shape == ours.shape == (4, 160, 160, 3)
    # Rounding, and filters of the same kind in other hands.
    assert np.abs(theirs.astype(float) - ours).mean() < 1


def test_copies_have_the_same_pixels_and_keys_of_their_own(packed, tmp_path):
    paths = packed.write(tmp_path)
    folder = tmp_path / "copies"
    folder.mkdir()
    write_copies(paths, folder, 9)
    copies = sorted(folder.iterdir())
    assert len({file_key(copy) for copy in copies}) == 9
    images = ImageReader().fit_transform(copies)
    for image, original in zip(images, [*images[:4], *images[:4]], strict=False):
        np.testing.assert_array_equal(image, original)


def test_every_kind_of_fit_has_a_program():
    assert set(KINDS) == set(peak.FITS)


def test_every_part_is_a_choice(capsys):
    with pytest.raises(SystemExit):
        clothing.main(["-h"])
    said = capsys.readouterr().out
    assert "{frozen,finetuned,progressive,search,throughput,memory}" in said


@pytest.mark.parametrize("runs", [1, 2])
def test_progressive_training_has_its_plain_peer(monkeypatch, capsys, runs):
    """The budget is divided by what an epoch was seen to cost."""
    fitted = []

    class Classifier:
        def __init__(self, *, training, max_epochs, random_state, **parameters):
            self.name = training, max_epochs, random_state

        def fit(self, X, y):
            fitted.append((*self.name, len(X)))
            return self

        def predict(self, X):
            return np.zeros(len(X), dtype=int)

    monkeypatch.setattr(progressive, "MultiGranularityClassifier", Classifier)
    monkeypatch.setattr(progressive, "_price", lambda *_: 2.6)
    options = SimpleNamespace(epochs=8, runs=runs, image_size=None, augment=None)
    paths, y = np.arange(6).astype(str), np.array([0, 1, 0, 0, 1, 0])
    split = np.array([0, 0, 0, 1, 2, 2])
    records = list(progressive.progressive(paths, y, split, options))
    assert fitted == [
        (training, epochs, seed, 3)
        for seed in range(runs)
        for training, epochs in (("standard", 8), ("pmg", 3))
    ]
    assert [record["accuracy"] for record in records] == [2 / 3] * 2 * runs
    spread = "nan" if runs == 1 else "0.0000"
    assert f"pmg - standard: +0.0000 ± {spread}" in capsys.readouterr().out
