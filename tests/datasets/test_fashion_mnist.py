"""Fashion-MNIST from files, from Debian's package and from a stub of OpenML."""

import gzip
import struct
from urllib.error import URLError

import numpy as np
import pytest
from sklearn.utils import Bunch

from skmultigran.datasets import _fashion_mnist, fetch_fashion_mnist

SIZES = {"train": 6, "t10k": 4}


def write_idx(path, array):
    """Write bytes in the IDX format, by its definition."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def write_files(folder, seed=0):
    """Write small files of the original names; return the images and labels."""
    rng = np.random.default_rng(seed)
    parts = {}
    for part, n in SIZES.items():
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
        parts[part] = images, labels
    return parts


@pytest.fixture(autouse=True)
def debian(tmp_path, monkeypatch):
    """Put an empty folder in place of Debian's."""
    folder = tmp_path / "debian"
    folder.mkdir()
    monkeypatch.setattr(_fashion_mnist, "DEBIAN", folder)
    return folder


@pytest.fixture
def openml(monkeypatch):
    """Stand in for scikit-learn's `fetch_openml`; return what it was asked for."""
    asked = []
    rng = np.random.default_rng(1)

    def fetch_openml(**parameters):
        asked.append(parameters)
        data = rng.integers(0, 256, (10, 784))
        return Bunch(data=data, target=np.array([str(i) for i in range(10)], object))

    monkeypatch.setattr(_fashion_mnist, "fetch_openml", fetch_openml)
    monkeypatch.setattr(_fashion_mnist, "OPENML_TRAIN", 6)
    return asked


@pytest.mark.parametrize("where", ["data_home", "debian"])
def test_reads_files(tmp_path, debian, openml, where):
    parts = write_files(tmp_path if where == "data_home" else debian)
    for subset, part in {"train": "train", "test": "t10k"}.items():
        found = fetch_fashion_mnist(subset=subset, data_home=tmp_path)
        images, labels = parts[part]
        assert (found.images == images).all()
        assert (found.data == images.reshape(-1, 784)).all()
        assert found.target.tolist() == labels.tolist()
        assert found.data.dtype == np.uint8
        assert found.target.dtype == np.int64
    assert not openml


def test_all_is_training_then_test_images(debian):
    parts = write_files(debian)
    X, y = fetch_fashion_mnist(subset="all", return_X_y=True)
    assert (X[:6] == parts["train"][0].reshape(6, -1)).all()
    assert (X[6:] == parts["t10k"][0].reshape(4, -1)).all()
    assert y.tolist() == [*parts["train"][1], *parts["t10k"][1]]


def test_training_images_are_the_default(debian):
    write_files(debian)
    assert len(fetch_fashion_mnist().target) == SIZES["train"]


def test_files_in_data_home_come_first(tmp_path, debian):
    write_files(debian, seed=0)
    parts = write_files(tmp_path, seed=1)
    found = fetch_fashion_mnist(data_home=str(tmp_path))
    assert (found.images == parts["train"][0]).all()


def test_what_a_bunch_has(debian):
    write_files(debian)
    found = fetch_fashion_mnist()
    assert np.shares_memory(found.data, found.images)
    assert found.data.flags.writeable
    assert len(found.target_names) == 10
    assert found.target_names[9] == "Ankle boot"
    assert found.feature_names[0] == "pixel1"
    assert found.feature_names[-1] == "pixel784"
    assert "Zalando" in found.DESCR


@pytest.mark.parametrize(
    ("subset", "expected"),
    [("train", range(6)), ("test", range(6, 10)), ("all", range(10))],
)
def test_asks_openml_where_there_are_no_files(tmp_path, openml, subset, expected):
    found = fetch_fashion_mnist(subset=subset, data_home=tmp_path)
    assert found.target.tolist() == list(expected)
    assert found.target.dtype == np.int64
    assert found.images.shape == (len(expected), 28, 28)
    assert found.data.dtype == np.uint8
    (asked,) = openml
    assert asked["data_home"] == tmp_path
    assert asked["data_id"] == 40996


def test_files_that_are_not_complete_are_not_taken(tmp_path, openml):
    write_files(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    fetch_fashion_mnist(data_home=tmp_path)
    assert len(openml) == 1


def test_without_network_it_says_what_to_install(monkeypatch):
    def fetch_openml(**parameters):
        raise URLError("no route")

    monkeypatch.setattr(_fashion_mnist, "fetch_openml", fetch_openml)
    message = "no route.*apt-get install dataset-fashion-mnist.*data_home"
    with pytest.raises(OSError, match=message):
        fetch_fashion_mnist()


def damaged(kind, images):
    if kind == "cut":
        return images.read_bytes()[:-30]
    if kind == "plain":
        return b"not compressed"
    if kind == "short":
        return gzip.compress(gzip.decompress(images.read_bytes())[:-1])
    return gzip.compress(b"\x00\x00\x0d\x01" + bytes(8))  # of floats


@pytest.mark.parametrize("kind", ["cut", "plain", "short", "floats"])
def test_damaged_files(tmp_path, kind):
    write_files(tmp_path)
    images = tmp_path / "train-images-idx3-ubyte.gz"
    images.write_bytes(damaged(kind, images))
    with pytest.raises(ValueError, match=r"train-images-idx3.*download it again"):
        fetch_fashion_mnist(data_home=tmp_path)


def test_files_that_do_not_fit_together(tmp_path):
    write_files(tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match=r"labels of shape \(3,\).*files of 't10k'"):
        fetch_fashion_mnist(subset="test", data_home=tmp_path)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [({"subset": "t10k"}, "subset"), ({"data_home": 3}, "data_home")],
)
def test_bad_parameters(parameters, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of fetch_fashion_mnist"):
        fetch_fashion_mnist(**parameters)
