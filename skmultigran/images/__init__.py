"""Images as people have them, made batches `(B, C, H, W)` with values in [0, 1]."""

from skmultigran.images._arrays import as_image_array, holds_images
from skmultigran.images._augmentation import Augmentation
from skmultigran.images._finite import check_finite
from skmultigran.images._resizing import RESIZES, resize_images
from skmultigran.images._shape import ImageShape, infer_image_shape
from skmultigran.images._source import ImageSource
from skmultigran.images._statistics import channel_statistics
from skmultigran.images._value_range import ValueRange

__all__ = [
    "RESIZES",
    "Augmentation",
    "ImageShape",
    "ImageSource",
    "ValueRange",
    "as_image_array",
    "channel_statistics",
    "check_finite",
    "holds_images",
    "infer_image_shape",
    "resize_images",
]
