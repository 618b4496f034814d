"""The loop over epochs: what it tells, when it ends, and that it learns."""

import numpy as np
import pytest
import torch
from torch import nn

from skmultigran.tasks import ClassificationTask
from skmultigran.training import EarlyStopping, Validation, train

TASK = ClassificationTask(np.arange(2))
ENTRIES = {"epoch", "train_loss", "lr", "seconds"}


def validation_of(problem, weights=None):
    source, targets = problem
    if weights is None:
        weights = np.ones(len(targets), dtype=np.float32)
    return Validation(source, targets, weights, TASK.loss, TASK.score)


def test_history_has_an_entry_per_epoch(problem, batches_of, net_of):
    history = train(net_of(), batches_of(*problem), max_epochs=3)
    assert [set(epoch) for epoch in history] == [ENTRIES] * 3
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3]
    assert {type(epoch["train_loss"]) for epoch in history} == {float}
    assert min(epoch["seconds"] for epoch in history) >= 0


def test_validation_adds_loss_and_score(problem, batches_of, net_of):
    history = train(
        net_of(), batches_of(*problem), max_epochs=2, validation=validation_of(problem)
    )
    assert [set(e) for e in history] == [ENTRIES | {"valid_loss", "valid_score"}] * 2


def test_loss_falls_and_the_answer_is_learned(problem, batches_of, net_of):
    history = train(
        net_of(lr=0.05),
        batches_of(*problem),
        max_epochs=15,
        validation=validation_of(problem),
    )
    assert history[-1]["train_loss"] < 0.5 * history[0]["train_loss"]
    assert history[-1]["valid_loss"] < 0.5 * history[0]["valid_loss"]
    assert history[-1]["valid_score"] == 1


def hand_made_losses(net, problem):
    source, targets = problem
    with torch.no_grad():
        outputs = net.module_.eval()(source.gather(np.arange(len(targets))))
    return TASK.loss(outputs, torch.from_numpy(targets)).numpy()


def test_losses_told_are_weighted_means(problem, batches_of, net_of):
    weights = np.linspace(0.2, 1.8, 24).astype(np.float32)
    net = net_of(lr=0.0)
    (epoch,) = train(
        net,
        batches_of(*problem, weights, batch_size=5),
        max_epochs=1,
        validation=validation_of(problem, 3 * weights),
    )
    expected = np.average(hand_made_losses(net, problem), weights=weights)
    assert epoch["train_loss"] == pytest.approx(expected, rel=1e-5)
    assert epoch["valid_loss"] == pytest.approx(expected, rel=1e-5)


def test_gradient_is_that_of_weight_times_loss(problem, net_of):
    source, targets = problem
    net = net_of()
    images, targets = source.gather(np.arange(6)), torch.from_numpy(targets[:6])
    weights = torch.tensor([0.0, 1, 2, 3, 0.5, 0.1])
    net.train_step_single((images, (targets, weights)))
    found = net.module_[1].weight.grad.clone()
    net.module_.zero_grad()
    (TASK.loss(net.module_(images), targets) * weights).sum().div(6).backward()
    torch.testing.assert_close(found, net.module_[1].weight.grad)


def test_learning_rate_follows_the_schedule_step_by_step(problem, batches_of, net_of):
    batches = batches_of(*problem, batch_size=6)
    net = net_of(lr=0.01, total_steps=12, schedule="one_cycle")
    history = train(net, batches, max_epochs=3)
    last_steps = [net.lr_factor(step / 12) * 0.01 for step in (3, 7, 11)]
    assert [epoch["lr"] for epoch in history] == pytest.approx(last_steps)


def test_steps_beyond_the_schedule_have_a_rate_of_zero(problem, batches_of, net_of):
    net = net_of(total_steps=3, schedule="one_cycle")
    history = train(net, batches_of(*problem), max_epochs=2)
    assert history[-1]["lr"] == 0


@pytest.mark.parametrize("stage", ["begin_epoch", "end_epoch"])
def test_keyboard_interrupt_is_not_caught(stage, problem, batches_of, net_of):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(net_of(), batches_of(*problem), max_epochs=3, **{stage: interrupt})


class Interrupting(nn.Module):
    """A network that Ctrl-C hits in the middle of an epoch."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 2)
        self.calls = 0

    def forward(self, images):
        self.calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt
        return self.linear(images.flatten(1))


def test_keyboard_interrupt_within_an_epoch_is_not_caught(problem, batches_of, net_of):
    net = net_of(Interrupting())
    with pytest.raises(KeyboardInterrupt):
        train(net, batches_of(*problem), max_epochs=3)
    assert net.module_.calls == 2


def test_callback_ends_the_training(problem, batches_of, net_of):
    begun = []
    history = train(
        net_of(),
        batches_of(*problem),
        max_epochs=9,
        begin_epoch=begun.append,
        end_epoch=lambda epoch: epoch["epoch"] == 2,
    )
    assert begun == [1, 2]
    assert len(history) == 2


def test_early_stop_is_an_ordinary_end_with_the_best_weights(
    problem, batches_of, net_of
):
    source, targets = problem
    states, validation = [], validation_of((source, 1 - targets))  # gets ever worse
    net = net_of(lr=0.05)
    history = train(
        net,
        batches_of(source, targets),
        max_epochs=50,
        validation=validation,
        early_stopping=EarlyStopping(3, 0.0),
        end_epoch=lambda _: states.append(net.module_[1].weight.detach().clone()),
    )
    losses = [epoch["valid_loss"] for epoch in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 4 < 50
    assert torch.equal(net.module_[1].weight, states[best])
    assert validation.evaluate(net)["valid_loss"] == losses[best]


def test_epochs_of_smaller_images_are_not_judged(problem, batches_of, net_of):
    net = net_of(nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16, 2)))
    net.total_steps = 9
    net.image_scale = lambda progress: 0.5 if progress < 0.5 else 1.0
    stopping = EarlyStopping(1, np.inf)
    history = train(
        net,
        batches_of(*problem),
        max_epochs=9,
        validation=validation_of(problem),
        early_stopping=stopping,
    )
    # Nothing is an improvement by infinity: the first epoch that counts is the last.
    assert [len(history), stopping.best_epoch] == [2, 2]


@pytest.mark.parametrize("max_epochs", [0, 1])
def test_network_is_in_evaluation_mode_afterwards(
    max_epochs, problem, batches_of, net_of
):
    net = net_of()
    net.module_.train()
    train(net, batches_of(*problem), max_epochs=max_epochs)
    assert not net.module_.training


def test_training_is_in_training_mode_after_a_validation(problem, batches_of, net_of):
    modes = []
    net = net_of()
    net.module_.register_forward_hook(lambda m, *_: modes.append(m.training))
    train(
        net,
        batches_of(*problem, batch_size=12),
        max_epochs=2,
        validation=validation_of(problem),
    )
    assert modes == [True, True, False, True, True, False]


def test_single_image_leaves_norm_statistics_and_is_learned_from(
    source_of, batches_of, net_of
):
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 2))
    net = net_of(module)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    train(net, batches_of(source_of(np.ones((1, 2, 2))), np.array([1])), max_epochs=1)
    after = net.module_.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"1.weight", "1.bias", "2.weight", "2.bias"}


def test_frozen_parameters_stay(problem, batches_of, net_of):
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.Linear(4, 2))
    module[1].requires_grad_(False)
    before = module[1].weight.clone()
    net = net_of(module)
    train(net, batches_of(*problem), max_epochs=2)
    assert torch.equal(net.module_[1].weight, before)


def test_nothing_is_printed_or_held_out(problem, batches_of, net_of, capsys):
    seen = []
    net = net_of()
    net.module_.register_forward_pre_hook(lambda m, x: seen.append(len(x[0])))
    train(net, batches_of(*problem), max_epochs=1)
    assert sum(seen) == 24
    assert capsys.readouterr().out == ""


def test_images_are_shown_as_large_as_the_schedule_says(problem, batches_of, net_of):
    seen = []
    module = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16, 2))
    module.register_forward_pre_hook(lambda _m, x: seen.append(tuple(x[0].shape[2:])))
    net = net_of(module, total_steps=6)
    net.image_scale = lambda progress: 0.5 if progress < 0.5 else 1.0
    train(net, batches_of(*problem), max_epochs=2)
    assert seen == [(2, 2)] * 3 + [(4, 4)] * 3
