"""Estimators in files that hold no code, through skops."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skmultigran._support import import_optional
from skmultigran.persistence._known_types import is_known
from skmultigran.persistence._whole_files import whole_file


def save_model(model: Any, path: str | os.PathLike) -> None:
    """Write an estimator to a file that holds no code.

    A pickle can run arbitrary code when it is loaded. This file contains parameters,
    plain types and arrays, and `load_model` only creates arrays and those objects of
    this package and of scikit-learn whose constructors only store. It is written by
    skops [1]_.

    Parameters
    ----------
    model : estimator
        An estimator of this package, or one of scikit-learn that contains it, such as a
        `Pipeline` or a search; fitted or not.
    path : str or PathLike
        The file, usually named `.skops`. It is written completely or not at all; an
        existing file is replaced.

    Raises
    ------
    TypeError
        If `model` is not an estimator.
    FileNotFoundError
        If the folder of the file does not exist.
    ImportError
        If skops is missing: `pip install 'skmultigran[persistence]'`.

    See Also
    --------
    load_model : Reads the file.
    export_onnx : Writes a file that runs without Python.

    References
    ----------
    .. [1] https://skops.readthedocs.io

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityTransformer, load_model, save_model
    >>> X, _ = load_digits(return_X_y=True)
    >>> features = MultiGranularityTransformer().fit(X[:10])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(features, Path(folder) / "features.skops")
    ...     loaded = load_model(Path(folder) / "features.skops")
    >>> bool((loaded.transform(X[:10]) == features.transform(X[:10])).all())
    True
    """
    if not hasattr(model, "get_params") or isinstance(model, type):
        raise TypeError(
            f"save_model got {model!r}, which is no estimator. Pass an object such as "
            "MultiGranularityClassifier(), fitted or not."
        )
    skops_io = import_optional("skops.io", caller="save_model", extra="persistence")
    with whole_file(path) as file:
        skops_io.dump(model, file, compression=zipfile.ZIP_DEFLATED, compresslevel=1)


def load_model(path: str | os.PathLike, *, trusted: Sequence[str] = ()) -> Any:
    """Return the estimator that `save_model` wrote.

    Parameters
    ----------
    path : str or PathLike
        The file.
    trusted : sequence of str, default=()
        Full names of types and functions that may be used in addition to the
        estimators, recipes and metrics of this package and of scikit-learn, its
        splitters, and paths: those of your own backbones, for example. Their modules
        are imported, and their code may run.

    Returns
    -------
    estimator
        The estimator, on its original device if available, else on the best one here.

    Raises
    ------
    ValueError
        If the file contains other types, which the message names, or has another
        format.
    FileNotFoundError
        If there is no such file.
    ImportError
        If skops is missing: `pip install 'skmultigran[persistence]'`.

    Warns
    -----
    sklearn.exceptions.InconsistentVersionWarning
        If another version of this package or of scikit-learn wrote the file.

    See Also
    --------
    save_model : Writes the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmultigran import MultiGranularityClassifier, load_model, save_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(MultiGranularityClassifier(), Path(folder) / "model.skops")
    ...     load_model(Path(folder) / "model.skops")
    MultiGranularityClassifier()
    """
    skops_io = import_optional("skops.io", caller="load_model", extra="persistence")
    path = Path(path).resolve(strict=True)
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is not a file of save_model. Load pickles by pickle or joblib, if "
            "you trust who made them."
        )
    found = skops_io.get_untrusted_types(file=path)
    known = [name for name in found if is_known(name)]
    refused = sorted({*found} - {*known} - {*trusted})
    if refused:
        raise ValueError(
            f"{path} holds the types {refused}, which load_model does not know. If you "
            "trust who made the file, and these types, pass them: "
            f"load_model(..., trusted={refused})."
        )
    return skops_io.load(path, trusted=[*known, *trusted])
