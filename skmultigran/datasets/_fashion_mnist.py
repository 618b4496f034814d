"""Fashion-MNIST: from files on this machine, or from OpenML."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch

from skmultigran._support import StrOptions, import_optional, validate_params
from skmultigran.datasets._idx import read_idx

# Where Debian's package dataset-fashion-mnist puts its files.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
# OpenML has the training images first, then those for tests.
OPENML_ID, OPENML_TRAIN = 40996, 60_000
_PARTS = {"train": ["train"], "test": ["t10k"], "all": ["train", "t10k"]}
_NAMES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]
_DESCRIPTION = """\
Fashion-MNIST

Photographs of clothes from Zalando, 28 x 28 grey pixels: 60,000 to train on and 10,000
to test on, of ten classes with equally many images each. MIT licence, Zalando SE.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms", arXiv:1708.07747, 2017.
"""


@validate_params(
    {
        "subset": [StrOptions({"train", "test", "all"})],
        "data_home": [str, os.PathLike, None],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_fashion_mnist(*, subset="train", data_home=None, return_X_y=False):
    """Load Fashion-MNIST: 70,000 small photographs of clothes, of ten classes.

    The images [1]_ are loaded from the first of these sources that is available: the
    four original files in `data_home`; Debian's package
    (`apt-get install dataset-fashion-mnist`); OpenML, downloaded once and kept in
    `data_home` by `sklearn.datasets.fetch_openml`, which needs pandas.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The 60,000 training images, the 10,000 test images, or both in that order.
    data_home : str, path-like or None, default=None
        Folder with the original files `train-images-idx3-ubyte.gz` and so on, or for
        the download. None: scikit-learn's folder, "~/scikit_learn_data".
    return_X_y : bool, default=False
        Whether to return `(data, target)` alone.

    Returns
    -------
    sklearn.utils.Bunch or tuple
        `(data, target)` if `return_X_y`, else with the attributes:

        data : ndarray of uint8 of shape (n, 784)
            The images, flattened row by row, as expected by scikit-learn's estimators.
        images : ndarray of uint8 of shape (n, 28, 28)
            The same values as images, which share the memory of `data`.
        target : ndarray of int64 of shape (n,)
            The classes, 0 to 9.
        target_names : list of str
            Their names: "T-shirt/top", ..., "Ankle boot".
        feature_names : list of str
            Names of the columns: "pixel1", ..., "pixel784".
        DESCR : str
            A description.

    Raises
    ------
    OSError
        If the data set is not on this machine and cannot be downloaded.
    ValueError
        If a file is damaged.

    References
    ----------
    .. [1] Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for
       benchmarking machine learning algorithms", arXiv:1708.07747, 2017.

    Examples
    --------
    >>> from skmultigran.datasets import fetch_fashion_mnist
    >>> X, y = fetch_fashion_mnist(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y.shape  # doctest: +SKIP
    ((60000, 784), (60000,))
    """
    folder = _folder_with_files(data_home)
    if folder is None:
        images, target = _from_openml(subset, data_home)
    else:
        images, target = _from_files(folder, _PARTS[subset])
    data = images.reshape(len(images), -1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        images=images,
        target=target,
        target_names=list(_NAMES),
        feature_names=[f"pixel{number + 1}" for number in range(data.shape[1])],
        DESCR=_DESCRIPTION,
    )


def _paths(folder: Path, part: str) -> tuple[Path, Path]:
    stem = folder / part
    return Path(f"{stem}-images-idx3-ubyte.gz"), Path(f"{stem}-labels-idx1-ubyte.gz")


def _folder_with_files(data_home) -> Path | None:
    folders = [DEBIAN] if data_home is None else [Path(data_home).expanduser(), DEBIAN]
    for folder in folders:
        paths = [path for part in _PARTS["all"] for path in _paths(folder, part)]
        if all(path.exists() for path in paths):
            return folder
    return None


def _from_files(folder: Path, parts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [[read_idx(path) for path in _paths(folder, part)] for part in parts]
    for part, (images, labels) in zip(parts, pairs, strict=True):
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"fetch_fashion_mnist found images of shape {images.shape} and labels "
                f"of shape {labels.shape} in {folder}, in the files of {part!r}. "
                "Install or download them again."
            )
    images, labels = (
        np.concatenate(each) if len(parts) > 1 else each[0]
        for each in zip(*pairs, strict=True)
    )
    return images, labels.astype(np.int64)


def _from_openml(subset: str, data_home) -> tuple[np.ndarray, np.ndarray]:
    import_optional("pandas", caller="fetch_fashion_mnist from OpenML", extra="images")
    try:
        found = fetch_openml(
            data_id=OPENML_ID, data_home=data_home, as_frame=False, parser="pandas"
        )
    except OSError as error:
        raise OSError(
            "fetch_fashion_mnist found no files of Fashion-MNIST on this machine, and "
            f"OpenML cannot be reached ({error}). Install Debian's package (apt-get "
            "install dataset-fashion-mnist), or put the four files of "
            "https://github.com/zalandoresearch/fashion-mnist into a folder and pass "
            "it as data_home."
        ) from error
    rows = {
        "train": slice(OPENML_TRAIN),
        "test": slice(OPENML_TRAIN, None),
        "all": slice(None),
    }[subset]
    images = found.data[rows].astype(np.uint8).reshape(-1, 28, 28)
    return images, found.target[rows].astype(np.int64)
