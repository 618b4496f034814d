"""
Where in a digit does each granularity see its evidence?
========================================================

The answer of a classifier is divided among the places of all granularities: orange
speaks for the predicted digit, purple against it.
"""

# %%
# Two linear steps after the backbone, so that the maps add up to the answer exactly.

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
# What the maps add up to, beside what the model says.

found = granularity_maps(model, images, n_steps=1)
total = found.baseline + found.maps.sum(axis=(1, 2, 3))
print("largest difference", np.abs(total - found.outputs).max())

# %%
# Why not another digit? The same images, and the evidence for an 8.

GranularityMapDisplay.from_estimator(model, images, target=8)
