"""
Detection: box size by level
============================

A detector finds digits of 10 to 40 pixels. The colour of each box is the level that
found it: the finer the stride, the smaller the objects.
"""

# %%
# There is one class, "digit", and the network is small, so that a short training is
# enough for a rough detector.

import numpy as np

from skmultigran import BoxHead, ConvNetBackbone, FPNFusion, MultiGranularityDetector
from skmultigran.datasets import make_digit_scenes
from skmultigran.inspection import DetectionDisplay


def digit_scenes(n_samples, **options):
    scenes = make_digit_scenes(n_samples, 48, scales=(10, 40), **options)
    y = [
        {"boxes": o["boxes"], "labels": ["digit"] * len(o["labels"])} for o in scenes.y
    ]
    return scenes.images, y


X_train, y_train = digit_scenes(100, subset="train", random_state=0)
X_test, y_test = digit_scenes(20, subset="test", random_state=1)
model = MultiGranularityDetector(
    backbone=ConvNetBackbone(
        widths=(8, 16, 32, 32), stem_stride=2, out_indices=(1, 2, 3)
    ),
    fusion=FPNFusion(channels=32),
    head=BoxHead(channels=32, depth=1),
    max_epochs=24,
    batch_size=8,
    nms_threshold=0.3,
    random_state=0,
)
model.fit(X_train, y_train)

# %%
# Predicted boxes (solid) and true ones (dashed).

DetectionDisplay.from_estimator(model, X_test[:6], y_test[:6], score_threshold=0.4)

# %%
# The mean longer side of the boxes found by each level.

found = model.predict(X_test)
sides = np.concatenate([np.ptp(f["boxes"].reshape(-1, 2, 2), axis=1) for f in found])
scores = np.concatenate([f["scores"] for f in found])
levels = np.concatenate([f["levels"] for f in found])
for level, stride in enumerate(model.strides_):
    chosen = (levels == level) & (scores > 0.3)
    if chosen.any():
        print(f"stride {stride:g}: {sides[chosen].max(axis=1).mean():.0f} pixels")

# %%
# The boxes found at stride 8 are on average about twice as large as those found at
# stride 4: each level specialises in a range of sizes.
