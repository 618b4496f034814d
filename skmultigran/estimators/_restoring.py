"""What a fit sets: given back if it fails, removed before another kind of fit."""

from __future__ import annotations

import contextlib


@contextlib.contextmanager
def restored_on_failure(estimator):
    """Give the estimator its fitted attributes back if the block raises.

    Parameters
    ----------
    estimator : estimator
        The estimator being fitted. The block must replace attributes, not change the
        objects they hold.

    Yields
    ------
    None
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        # Also for KeyboardInterrupt: a model half trained is no model.
        now = vars(estimator)
        fitted = {name for name in now | before if _is_fitted_attribute(name)}
        for name in fitted:
            now.pop(name, None)
        now.update({name: before[name] for name in fitted & before.keys()})
        raise


def forget_fit(estimator):
    """Remove what an earlier fit has set.

    Parameters
    ----------
    estimator : estimator
        The estimator about to be fitted anew, within `restored_on_failure`.
    """
    for name in [name for name in vars(estimator) if _is_fitted_attribute(name)]:
        delattr(estimator, name)


def _is_fitted_attribute(name: str) -> bool:
    # The callback machinery of scikit-learn cleans up its own attributes.
    return name.endswith("_") and not name.startswith("__")
