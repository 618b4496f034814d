"""
Evidence maps
=============

Evidence maps attribute the prediction of a classifier to positions in each granularity:
orange supports the predicted digit, purple opposes it.
"""

# %%
# With a linear fusion the maps add up to the model output exactly.

import numpy as np
from sklearn.datasets import load_digits

from skmultigran import MultiGranularityClassifier
from skmultigran.inspection import GranularityMapDisplay, granularity_maps

X, y = load_digits(return_X_y=True)
model = MultiGranularityClassifier(fusion="concat", max_epochs=5, random_state=0)
model.fit(X[:600], y[:600])

# %%
# From local detail, on the left, to global layout.

images = X[1000:1004]
GranularityMapDisplay.from_estimator(model, images)

# %%
# The sum of baseline and maps, compared with the output of the model.

found = granularity_maps(model, images, n_steps=1)
total = found.baseline + found.maps.sum(axis=(1, 2, 3))
print("largest difference", np.abs(total - found.outputs).max())

# %%
# Why not another digit? The evidence for an 8 in the same images.

GranularityMapDisplay.from_estimator(model, images, target=8)

# %%
# The evidence for the predicted digits is mostly orange at every granularity, and that
# for an 8 mostly purple at the two finer ones.
