"""When to stop, and what is kept."""

import math

import pytest
import torch
from torch import nn

from skmultigran.training import EarlyStopping


def watch(losses, n_iter_no_change=3, tol=0.0):
    """Return the stopping, the module, and the number of epochs until it stopped."""
    stopping = EarlyStopping(n_iter_no_change, tol)
    module = nn.BatchNorm1d(1)
    for epoch, loss in enumerate(losses, start=1):
        module.weight.data.fill_(epoch)
        module.running_mean.fill_(epoch)
        if stopping.update(loss, epoch, module):
            return stopping, module, epoch
    return stopping, module, None


@pytest.mark.parametrize(
    ("losses", "tol", "stopped", "best"),
    [
        ([5, 4, 3, 2, 1], 0, None, 5),
        ([1, 2, 3, 4, 5], 0, 4, 1),
        ([5, 4, 4, 4, 4], 0, 5, 2),
        ([3, 4, 5, 2, 3, 4, 5, 0], 0, 7, 4),
        ([5, 4.9, 4.8, 4.7, 4.6], 0.5, 4, 4),
        ([5, 4.8, 4.6, 4.4, 4.2, 4.0], 0.5, None, 6),
        ([5, 4, 3, 2], math.inf, 3, 3),
        ([math.inf, 3, 4, 5], 0, None, 2),
        ([math.nan, 3, 4, 5], 0, None, 2),
        ([3, math.nan, math.nan, math.nan], 0, 4, 1),
        ([math.nan, math.nan, math.nan], 0, 3, 1),
    ],
)
def test_known_courses(losses, tol, stopped, best):
    stopping, _, epoch = watch(losses, tol=tol)
    assert epoch == stopped
    assert stopping.best_epoch == best


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_patience_is_counted_from_the_last_improvement(patience):
    _, _, epoch = watch([3, 2, 1, *[9] * 10], n_iter_no_change=patience)
    assert epoch == 3 + patience


@pytest.mark.parametrize("losses", [[3, 1, 2, 2, 2], [3, 1, 2], [2, 1.5, 1.6]])
def test_best_weights_and_statistics_are_restored(losses):
    stopping, module, _ = watch(losses)
    stopping.restore(module)
    assert module.weight.item() == 2
    assert module.running_mean.item() == 2


def test_kept_weights_do_not_follow_the_module():
    stopping, module, _ = watch([3, 1])
    with torch.no_grad():
        module.weight.mul_(100)
    stopping.restore(module)
    assert module.weight.item() == 2


def test_restoring_before_any_epoch_changes_nothing():
    module = nn.Linear(1, 1)
    before = module.weight.item()
    EarlyStopping(3, 0.0).restore(module)
    assert module.weight.item() == before
