"""
Photographs: masks from scribbles
=================================

Labels for all pixels of a photograph, from a few scribbled lines: a frozen, pretrained
EfficientNet-Lite0 describes every pixel at several granularities, and a random forest
learns from the scribbled ones. Only the forest is trained.
"""

# %%
# One of the two photographs that come with scikit-learn, at half its size, and six
# scribbles. Zero means not labelled.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from PIL import Image
from sklearn.datasets import load_sample_image
from sklearn.ensemble import RandomForestClassifier

from skmultigran import EfficientNetLite0Backbone, HypercolumnTransformer

photograph = Image.fromarray(load_sample_image("china.jpg"))
image = np.asarray(photograph.resize((320, 213)))
names = ["sky and water", "building", "trees"]
scribbles = np.zeros(image.shape[:2], dtype=int)
scribbles[5:8, 40:250] = 1
scribbles[130:133, 190:270] = 1
scribbles[118:121, 60:160] = 2
scribbles[40:100, 100:103] = 2
scribbles[195:198, 5:70] = 3
scribbles[180:183, 200:310] = 3

# %%
# The first four levels of the backbone, with the image itself as the finest
# granularity.

hypercolumns = HypercolumnTransformer(
    backbone=EfficientNetLite0Backbone(out_indices=(0, 1, 2, 3))
)
hypercolumns.fit([image])
columns, labels = hypercolumns.labelled_pixels([image], [scribbles])
forest = RandomForestClassifier(100, random_state=0).fit(columns, labels)
print(f"{len(labels)} of {scribbles.size} pixels are labelled")

# %%
# Photograph, scribbles, and the prediction for every pixel.

predicted = hypercolumns.predict_masks(forest, [image])[0]
colours = ListedColormap(["#56b4e9", "#d55e00", "#009e73"])
figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained")
for ax in axes:
    ax.imshow(image)
    ax.set_axis_off()
shown = np.ma.masked_equal(scribbles, 0)
axes[1].imshow(shown, cmap=colours, vmin=1, vmax=3, interpolation="nearest")
axes[2].imshow(predicted, cmap=colours, vmin=1, vmax=3, alpha=0.6)
for ax, title in zip(axes, ("photograph", "scribbles", "prediction"), strict=True):
    ax.set_title(title, loc="left", fontsize="medium")
patches = [Patch(color=colours(k), label=name) for k, name in enumerate(names)]
figure.legend(handles=patches, loc="outside lower center", ncols=3, frameon=False)

# %%
# How much the forest uses each granularity, by its impurity-based importances.

for name, where in hypercolumns.granularity_slices_.items():
    print(f"{name}: {forest.feature_importances_[where].sum():.2f}")

# %%
# A few labelled lines are enough to separate the building from trees, sky and water,
# and the forest relies most on the coarsest level, which also has most of the columns.
