"""The moving average of the weights."""

import pytest
import torch
from torch import nn

from skmultigran.training import EarlyStopping, Validation, train
from skmultigran.training._averaging import WeightAverage


def filled(module, value):
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.fill_(value)
    return module


def test_known_answer_and_the_module_stays_its_own():
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(module, decay=0.75)
    for value in (1.0, 2.0, 4.0):
        average.update(filled(module, value))
    # The first counts in full: 1, then 1 + 0.25, then 1.25 + 0.25 * 2.75.
    expected = 1.9375
    assert average.module[0].weight[0, 0].item() == pytest.approx(expected)
    assert average.module[1].running_mean[0].item() == pytest.approx(expected)
    assert module[0].weight[0, 0].item() == 4
    average.give(module)
    assert module[0].weight[0, 0].item() == pytest.approx(expected)


@pytest.fixture
def averaging_net(net_of):
    def make(decay):
        net = net_of(lr=0.05)
        net.averaging = decay
        return net

    return make


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.module_.parameters()])


def test_training_ends_with_the_average(problem, batches_of, averaging_net, net_of):
    plain = net_of(lr=0.05)
    train(plain, batches_of(*problem), max_epochs=2)
    nets = [averaging_net(1e-9), averaging_net(0.9)]
    for net in nets:
        train(net, batches_of(*problem), max_epochs=2)
    # Nearly nothing stays of earlier weights, then most.
    torch.testing.assert_close(weights(nets[0]), weights(plain))
    assert not torch.allclose(weights(nets[1]), weights(plain), atol=1e-3)
    assert nets[0].average_ is None


def test_what_is_validated_is_what_is_kept(problem, batches_of, averaging_net):
    net = averaging_net(0.9)
    source, targets = problem
    task_weights = torch.ones(len(targets)).numpy()

    def losses(outputs, answers):
        return nn.functional.cross_entropy(outputs, answers, reduction="none")

    validation = Validation(source, targets, task_weights, losses, losses)
    history = train(
        net,
        batches_of(*problem),
        max_epochs=3,
        validation=validation,
        early_stopping=EarlyStopping(n_iter_no_change=3, tol=0.0),
    )
    best = min(epoch["valid_loss"] for epoch in history)
    assert validation.evaluate(net)["valid_loss"] == pytest.approx(best, rel=1e-5)
