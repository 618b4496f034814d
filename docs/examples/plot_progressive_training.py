"""
Progressive training
====================

Progressive multi-granularity training shows images cut into small, shuffled patches to
the shallow granularities, so that they have to rely on small parts. Deep supervision
trains the same heads on whole images. Which of them still recognises a digit when its
patches are shuffled?
"""

# %%
# The same network, trained for about the same time: a batch of progressive training
# takes four steps here.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

from skmultigran import MultiGranularityClassifier
from skmultigran.training import jigsaw

X, y = load_digits(return_X_y=True)
X_train, y_train, X_test, y_test = X[:600], y[:600], X[1000:], y[1000:]
models = {
    "deep supervision": MultiGranularityClassifier(
        deep_supervision=True, max_epochs=8, random_state=0
    ),
    "progressive": MultiGranularityClassifier(
        training="pmg", max_epochs=4, random_state=0
    ),
}
for model in models.values():
    model.fit(X_train, y_train)

# %%
# The test digits, whole and cut into 4 x 4 patches of two pixels a side.

torch.manual_seed(0)
whole = torch.from_numpy(X_test.reshape(-1, 1, 8, 8))
tests = {"whole": X_test, "shuffled": jigsaw(whole, 4, 4).numpy().reshape(-1, 64)}

# %%
# The accuracy of each stage, from shallow to deep, and of the fused prediction.

figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
for ax, (images, X_shown) in zip(axes, tests.items(), strict=True):
    for marker, (name, model) in zip("os", models.items(), strict=True):
        found = [accuracy_score(y_test, f) for f in model.staged_predict(X_shown)]
        ax.plot(model.stages_, found, marker=marker, label=name)
        print(f"{images}, {name}: {np.round(found, 2)}")
    ax.set_title(f"{images} digits", loc="left", fontsize="medium")
axes[0].set_ylabel("accuracy")
axes[0].legend(frameon=False)

# %%
# On shuffled digits the shallow stages of progressive training are above chance where
# those of deep supervision are not, but on whole digits they are far less accurate, and
# the fused predictions are about equally good: on images as small as these, progressive
# training does not pay. It is meant for classes that differ in details, such as species
# of birds.
