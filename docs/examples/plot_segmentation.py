"""
Segmentation
============

A segmenter labels each pixel of a scene as background or digit. The scenes show real
digits, lighter or darker than a textured background, from 8 pixels to half the scene.
"""

# %%
# Training scenes and test scenes share no handwriting.

from skmultigran import ConvNetBackbone, DenseHead, MultiGranularitySegmenter
from skmultigran.datasets import make_digit_scenes
from skmultigran.inspection import GranularityImportanceDisplay, SegmentationDisplay

train = make_digit_scenes(100, 48, subset="train", random_state=0)
test = make_digit_scenes(12, 48, subset="test", random_state=1)
model = MultiGranularitySegmenter(
    backbone=ConvNetBackbone(widths=(8, 16, 32), stem_stride=2),
    head=DenseHead(channels=32, depth=1),
    max_epochs=8,
    batch_size=8,
    random_state=0,
)
model.fit(train.images, (train.masks > 0).astype(int))
truth = (test.masks > 0).astype(int)
print(f"mean IoU {model.score(test.images, truth):.3f}")

# %%
# Image, truth and prediction.

SegmentationDisplay.from_estimator(
    model, test.images[:3], truth[:3], class_names=["background", "digit"]
)

# %%
# The mean IoU that is lost when one granularity is permuted among images and positions.

GranularityImportanceDisplay.from_estimator(
    model, test.images, truth, n_repeats=2, random_state=0, score_name="mean IoU"
)

# %%
# The masks follow digits of all sizes roughly after this short training, and they
# depend most on the coarsest granularity.
