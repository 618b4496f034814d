"""Training: the only place that knows skorch."""

from skmultigran.training._auto import (
    auto_augment,
    auto_batch_size,
    auto_lr,
    auto_max_epochs,
)
from skmultigran.training._batches import TrainingBatches, batch_bounds
from skmultigran.training._closed_form import (
    ClosedFormTraining,
    check_closed_form,
    solve_head,
)
from skmultigran.training._compiling import compiled
from skmultigran.training._crop_batches import CropBatches
from skmultigran.training._deep_supervision import deeply_supervised
from skmultigran.training._dense_prediction import (
    MapTile,
    answer_tiles,
    extract_tiles,
    predict_tiles,
)
from skmultigran.training._dense_validation import DenseValidation
from skmultigran.training._device import resolve_device
from skmultigran.training._early_exit import predict_until_sure
from skmultigran.training._early_stopping import EarlyStopping
from skmultigran.training._folding import folded
from skmultigran.training._freezing import (
    backbone_frozen_for,
    check_trainable,
    freeze,
)
from skmultigran.training._jigsaw import jigsaw
from skmultigran.training._mixup import Mixture, mixed
from skmultigran.training._net import TrainingNet, build_net
from skmultigran.training._norm_statistics import estimate_norm_statistics
from skmultigran.training._plain_state import (
    from_plain,
    load_module_state,
    module_state,
    to_plain,
)
from skmultigran.training._precision import PRECISIONS, resolve_precision
from skmultigran.training._prediction import predict_outputs
from skmultigran.training._progressive import ProgressiveStep, ProgressiveTraining
from skmultigran.training._random import seeded
from skmultigran.training._recipe import Training
from skmultigran.training._row_file import computed_rows
from skmultigran.training._rows import RowSource
from skmultigran.training._sample_weights import (
    positive_rows,
    scaled_to_mean_one,
)
from skmultigran.training._task_batches import MaskLayers, TaskBatches
from skmultigran.training._tiles import Tile, Tiling, tiles
from skmultigran.training._trainer import Validation, train

__all__ = [
    "PRECISIONS",
    "ClosedFormTraining",
    "CropBatches",
    "DenseValidation",
    "EarlyStopping",
    "MapTile",
    "MaskLayers",
    "Mixture",
    "ProgressiveStep",
    "ProgressiveTraining",
    "RowSource",
    "TaskBatches",
    "Tile",
    "Tiling",
    "Training",
    "TrainingBatches",
    "TrainingNet",
    "Validation",
    "answer_tiles",
    "auto_augment",
    "auto_batch_size",
    "auto_lr",
    "auto_max_epochs",
    "backbone_frozen_for",
    "batch_bounds",
    "build_net",
    "check_closed_form",
    "check_trainable",
    "compiled",
    "computed_rows",
    "deeply_supervised",
    "estimate_norm_statistics",
    "extract_tiles",
    "folded",
    "freeze",
    "from_plain",
    "jigsaw",
    "load_module_state",
    "mixed",
    "module_state",
    "positive_rows",
    "predict_outputs",
    "predict_tiles",
    "predict_until_sure",
    "resolve_device",
    "resolve_precision",
    "scaled_to_mean_one",
    "seeded",
    "solve_head",
    "tiles",
    "to_plain",
    "train",
]
