"""Training: the only place that knows skorch."""

from skmultigran.training._auto import auto_batch_size, auto_lr, auto_max_epochs
from skmultigran.training._batches import TrainingBatches
from skmultigran.training._device import resolve_device
from skmultigran.training._early_stopping import EarlyStopping
from skmultigran.training._net import TrainingNet, build_net
from skmultigran.training._norm_statistics import estimate_norm_statistics
from skmultigran.training._plain_state import (
    from_plain,
    load_module_state,
    module_state,
    to_plain,
)
from skmultigran.training._prediction import predict_outputs
from skmultigran.training._random import seeded
from skmultigran.training._recipe import Training
from skmultigran.training._sample_weights import (
    class_balanced,
    positive_rows,
    scaled_to_mean_one,
)
from skmultigran.training._trainer import Validation, train

__all__ = [
    "EarlyStopping",
    "Training",
    "TrainingBatches",
    "TrainingNet",
    "Validation",
    "auto_batch_size",
    "auto_lr",
    "auto_max_epochs",
    "build_net",
    "class_balanced",
    "estimate_norm_statistics",
    "from_plain",
    "load_module_state",
    "module_state",
    "positive_rows",
    "predict_outputs",
    "resolve_device",
    "scaled_to_mean_one",
    "seeded",
    "to_plain",
    "train",
]
