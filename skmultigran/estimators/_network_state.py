"""Nets built from recipes, and carried in pickles as plain types and arrays."""

from __future__ import annotations

from skmultigran._network import NetworkRecipe
from skmultigran.training import (
    Training,
    TrainingNet,
    build_net,
    deeply_supervised,
    freeze,
    from_plain,
    load_module_state,
    module_state,
    to_plain,
)


def fresh_net(
    network_recipe: NetworkRecipe,
    task,
    training: Training,
    *,
    lr: float,
    total_steps: int,
    device: str,
    trainable: str = "all",
    precision: str = "float32",
    load_weights: bool = True,
) -> TrainingNet:
    """Return a net with fresh weights.

    Parameters
    ----------
    network_recipe : NetworkRecipe
        How the network is built.
    task : task
        Gives the loss.
    training : Training
        Gives optimizer and schedule.
    lr : float
        Largest learning rate.
    total_steps : int
        Steps of the whole training; 0: the learning rate stays as it is, for training
        without a known end.
    device : str
        Where the network lives.
    trainable : str, default="all"
        What of the backbone is trained.
    precision : {"float32", "bfloat16"}, default="float32"
        What the steps compute in.
    load_weights : bool, default=True
        Whether a pretrained backbone reads its weights; not needed where a state dict
        will give them.

    Returns
    -------
    TrainingNet
        The net.
    """
    network = network_recipe.build(load_weights=load_weights)
    pretrained = network_recipe.backbone.pretrained
    freeze(network, trainable, hold_statistics=pretrained)

    def optimizer(parameters, lr):
        return training.build_optimizer(
            parameters,
            lr=lr,
            backbone=network.pyramid.parameters(),
            pretrained=pretrained,
        )

    def losses(outputs, targets):
        return task.loss(outputs, targets, training.label_smoothing)

    deep = network_recipe.deep_supervision and not training.progressive
    return build_net(
        network,
        deeply_supervised(losses, task.n_outputs) if deep else losses,
        optimizer=optimizer,
        lr=lr,
        lr_factor=training.lr_factor if total_steps else lambda progress: 1.0,
        total_steps=total_steps,
        device=device,
        precision=precision,
        averaging=training.averaging,
        image_scale=training.image_scale if total_steps else lambda progress: 1.0,
        mixup=training.mixup,
        stage_steps=training.steps(network) if training.progressive else (),
    )


def net_state(net: TrainingNet) -> dict:
    """Return what a net has learned, as plain types and arrays.

    Parameters
    ----------
    net : TrainingNet
        The net.

    Returns
    -------
    dict
        State of the module and of the optimizer.
    """
    return {
        "module": module_state(net.module_),
        "optimizer": to_plain(net.optimizer_.state_dict()),
    }


def load_net_state(net: TrainingNet, state: dict, *, optimizer: bool) -> TrainingNet:
    """Give a net what another one of the same recipe has learned.

    Parameters
    ----------
    net : TrainingNet
        The net; it is in evaluation mode afterwards.
    state : dict
        What `net_state` returned.
    optimizer : bool
        Whether the optimizer goes on where it was.

    Returns
    -------
    TrainingNet
        The same net.
    """
    load_module_state(net.module_, state["module"])
    if optimizer:
        net.optimizer_.load_state_dict(from_plain(state["optimizer"]))
    net.module_.eval()
    return net
