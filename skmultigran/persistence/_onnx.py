"""Fitted estimators as ONNX files, which run without Python."""

from __future__ import annotations

import json
import os
from typing import cast

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skmultigran._support import StrOptions, import_optional, validate_params
from skmultigran.estimators import BaseMultiGranularity, HypercolumnTransformer
from skmultigran.persistence._answering_network import AnsweringNetwork
from skmultigran.persistence._decompositions import DECOMPOSITIONS
from skmultigran.persistence._whole_files import whole_file
from skmultigran.training import folded

# Traced with two images: a size of one is taken for one that never changes.
_TRACED_IMAGES = 2


@validate_params(
    {
        "path": [str, os.PathLike],
        "dtype": [StrOptions({"float32", "uint8", "uint16"})],
        "image_size": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def export_onnx(estimator, path, *, dtype="float32", image_size=None):
    """Write the network of a fitted estimator to an ONNX file.

    The file runs in ONNX Runtime and other software that reads ONNX [1]_, in many
    languages and on many devices, without Python, PyTorch and this package. It contains
    all steps from pixel values to predictions: scaling, the image pyramid, backbone,
    fusion, head, and the decoding of raw outputs. Its predictions equal those of the
    estimator up to rounding.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier, regressor, transformer, segmenter, detector or multi-task
        estimator. For a pipeline or a search pass the fitted step, such as
        `search.best_estimator_[-1]`.
    path : str or PathLike
        The file, usually named `.onnx`. It is written completely or not at all; an
        existing file is replaced.
    dtype : {"float32", "uint8", "uint16"}, default="float32"
        Type of the input pixel values. They have the same units as in prediction: after
        fit on 8-bit integers, floats range from 0 to 255.
    image_size : tuple of int or None, default=None
        `(height, width)` of the input images. None: `image_size_`, which cannot be
        changed, or, for segmenters and detectors, `crop_size_`.

    Raises
    ------
    TypeError
        If `estimator` is not an estimator of this package with a network to export.
    NotFittedError
        If it is not fitted.
    ValueError
        If `image_size` is not two positive integers, or not the size the network
        requires.
    RuntimeError
        If a part of the network, such as your own backbone, cannot be expressed in
        ONNX. The message gives the reason.
    ImportError
        If ONNX is missing: `pip install 'skmultigran[onnx]'`.

    See Also
    --------
    save_model : Writes a file that Python loads again, for further fitting.

    Notes
    -----
    The file has one input, `images` of shape (n, height, width, channels), also for
    grey images, and any number n of them. The model does not read, rotate or resize
    images: resize them first, as `ImageResizer` does. The outputs, float32 except for
    predicted numbers, which have the type of `predict`:

    - classifier: `probabilities` (n, n_classes), or (n, n_labels); for several targets
      `probabilities_0`, `probabilities_1`, ... With early exit, those of the last
      stage;
    - regressor: `predictions` (n,) or (n, n_outputs), in the units of y;
    - transformer: `columns` (n, n_columns);
    - segmenter: `probabilities` (n, height, width, n_classes);
    - detector: `boxes` (n, n_places, 4), x and y of two corners in pixels, and `scores`
      (n, n_places, n_classes), for all positions: low scores and duplicates are
      included; remove them by non-maximum suppression;
    - several tasks: each as above, prefixed with its name, such as `age_predictions`.
      Masks have the size of the input images.

    The file's metadata has `classes`, as JSON, if there are any, `granularities`, and
    `estimator`, the name of its class.

    References
    ----------
    .. [1] https://onnx.ai

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sklearn.datasets import load_digits
    >>> from skmultigran import MultiGranularityClassifier, export_onnx
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MultiGranularityClassifier(max_epochs=1, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_onnx(clf, Path(folder) / "digits.onnx")
    ...     session = onnxruntime.InferenceSession(Path(folder) / "digits.onnx")
    >>> images = X[:3].reshape(-1, 8, 8, 1).astype("float32")
    >>> (probabilities,) = session.run(None, {"images": images})
    >>> bool(np.allclose(probabilities, clf.predict_proba(X[:3]), atol=1e-5))
    True
    """
    if isinstance(estimator, HypercolumnTransformer):
        raise TypeError(
            "export_onnx got a HypercolumnTransformer, whose columns are of pixels and "
            "answer nothing without the model behind it. Keep both by save_model, or "
            "train a MultiGranularitySegmenter, whose masks ONNX can give."
        )
    if not isinstance(estimator, BaseMultiGranularity):
        raise TypeError(
            f"export_onnx got a {type(estimator).__name__}, which has no network of "
            "its own to write. Pass a fitted classifier, regressor, transformer, "
            "segmenter, detector or estimator of several tasks: of a pipeline or a "
            "search the step, such as pipeline[-1] or search.best_estimator_."
        )
    check_is_fitted(estimator)
    for module in ("onnx", "onnxscript"):
        import_optional(module, caller="export_onnx", extra="onnx")
    size = _checked_size(estimator, image_size)
    network = AnsweringNetwork(
        folded(estimator.network_),
        estimator._named_answers,
        estimator.value_range_.limits(np.dtype(dtype)),
    )
    channels = estimator.image_shape_[2]
    images = torch.zeros((_TRACED_IMAGES, *size, channels), dtype=getattr(torch, dtype))
    try:
        program = _program(network, images)
    except Exception as error:
        raise RuntimeError(
            f"{type(estimator).__name__} cannot be written as ONNX, with backbone="
            f"{estimator.backbone!r}, fusion={estimator.fusion!r} and head="
            f"{estimator.head!r}: {_reason(error)} Of a part of your own, say the same "
            "with other operations; the part may ask torch.compiler.is_exporting()."
        ) from error
    program.model.metadata_props.update(_metadata(estimator))
    with whole_file(path) as file:
        program.save(file, external_data=False)


def _checked_size(estimator, image_size):
    """Return the `(height, width)` of images that the file takes."""
    seen = estimator.network_recipe_.image_size
    if image_size is None:
        return seen
    size = tuple(np.atleast_1d(image_size).tolist())
    if len(size) != 2 or not all(isinstance(v, int) and v > 0 for v in size):
        raise ValueError(
            f"export_onnx got image_size={image_size!r}, which must be (height, "
            "width), two positive integers."
        )
    if estimator._size_parameter == "image_size" and size != seen:
        raise ValueError(
            f"export_onnx got image_size={image_size!r}, but the network of "
            f"{type(estimator).__name__} sees images of {seen}. Omit image_size and "
            "resize the images beforehand."
        )
    return size


def _program(network: AnsweringNetwork, images: torch.Tensor) -> torch.onnx.ONNXProgram:
    count = {0: torch.export.Dim("n")}
    with torch.no_grad():
        names = list(network.named(images))
        exported = torch.export.export(
            network, (images,), dynamic_shapes={"images": count}
        ).run_decompositions(DECOMPOSITIONS)
        written = torch.onnx.export(
            exported,
            (),
            dynamo=True,
            input_names=["images"],
            output_names=names,
            verbose=False,
        )
    program = cast(torch.onnx.ONNXProgram, written)
    for value in (*program.model.graph.inputs, *program.model.graph.outputs):
        if value.shape is not None:
            value.shape[0] = "n"
    return program


def _reason(error: BaseException) -> str:
    """Return the first line of the innermost message: the exporter wraps errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."


def _metadata(estimator) -> dict[str, str]:
    found = {
        "estimator": type(estimator).__name__,
        "granularities": json.dumps(estimator.granularities_),
    }
    classes = getattr(estimator, "classes_", None)
    if classes is not None:
        found["classes"] = json.dumps(_plain(classes), default=str)
    return found


def _plain(classes):
    """Return arrays, or lists and dictionaries of them, as JSON has them."""
    if isinstance(classes, dict):
        return {name: _plain(each) for name, each in classes.items()}
    if isinstance(classes, list):
        return [_plain(each) for each in classes]
    return classes.tolist()
