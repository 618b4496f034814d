"""Images as people have them, made batches `(B, C, H, W)` with values in [0, 1]."""

from skmultigran.images._arrays import as_image_array
from skmultigran.images._augmentation import Augmentation, JointAugmentation
from skmultigran.images._boxes import Boxes
from skmultigran.images._channels import luminance, with_channels
from skmultigran.images._collection import ArrayImages, Images
from skmultigran.images._crops import CropSource
from skmultigran.images._entries import check_rows, check_several
from skmultigran.images._files import settled_state
from skmultigran.images._finite import check_finite
from skmultigran.images._fitted_masks import fit_mask, unfit_mask
from skmultigran.images._listed import ListedImages
from skmultigran.images._masks import IGNORED, Masks
from skmultigran.images._opening import holds_images, open_images
from skmultigran.images._resizing import RESIZES, resize_images
from skmultigran.images._shape import ImageShape, chosen_image_size, infer_image_shape
from skmultigran.images._source import ImageSource
from skmultigran.images._statistics import channel_statistics
from skmultigran.images._units import (
    typical_high,
    warn_of_other_unit,
    warn_of_thin_range,
)
from skmultigran.images._value_range import ValueRange

__all__ = [
    "IGNORED",
    "RESIZES",
    "ArrayImages",
    "Augmentation",
    "Boxes",
    "CropSource",
    "ImageShape",
    "ImageSource",
    "Images",
    "JointAugmentation",
    "ListedImages",
    "Masks",
    "ValueRange",
    "as_image_array",
    "channel_statistics",
    "check_finite",
    "check_rows",
    "check_several",
    "chosen_image_size",
    "fit_mask",
    "holds_images",
    "infer_image_shape",
    "luminance",
    "open_images",
    "resize_images",
    "settled_state",
    "typical_high",
    "unfit_mask",
    "warn_of_other_unit",
    "warn_of_thin_range",
    "with_channels",
]
