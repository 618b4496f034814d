"""Private scikit-learn and optional packages: the one file that knows of either."""

from __future__ import annotations

import importlib
from types import ModuleType

from sklearn.base import _fit_context as fit_context
from sklearn.metrics._scorer import _Scorer as Scorer
from sklearn.utils._indexing import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils._repr_html.estimator import _VisualBlock as VisualBlock
from sklearn.utils._set_output import _wrap_data_with_container as wrap_output
from sklearn.utils.validation import (
    _check_feature_names as check_feature_names,
)
from sklearn.utils.validation import (
    _check_feature_names_in as check_feature_names_in,
)
from sklearn.utils.validation import (
    _check_n_features as check_n_features,
)
from sklearn.utils.validation import (
    _check_sample_weight as check_sample_weight,
)

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Options",
    "Scorer",
    "StrOptions",
    "VisualBlock",
    "check_feature_names",
    "check_feature_names_in",
    "check_n_features",
    "check_sample_weight",
    "fit_context",
    "import_optional",
    "safe_indexing",
    "validate_parameter_constraints",
    "validate_params",
    "wrap_output",
]


def import_optional(module: str, *, caller: str, extra: str) -> ModuleType:
    """Import an optional package where it is used.

    Parameters
    ----------
    module : str
        Name of the module to import.
    caller : str
        Name of the public object that needs it.
    extra : str
        The extra of skmultigran that installs it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        If the package is missing; the message says what to install.

    Examples
    --------
    >>> from skmultigran._support import import_optional
    >>> import_optional("math", caller="the example", extra="plot").sqrt(4.0)
    2.0
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{caller} needs the package {module.partition('.')[0]!r}, which is not "
            f"installed. Install it with: pip install 'skmultigran[{extra}]'"
        ) from error
