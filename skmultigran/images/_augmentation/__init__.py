"""Random changes of training images: vectorised ones, and transforms of others."""

from skmultigran.images._augmentation._joint import JointAugmentation
from skmultigran.images._augmentation._sequence import Augmentation

__all__ = ["Augmentation", "JointAugmentation"]
