"""
What do shallow granularities learn from shuffled patches?
==========================================================

Progressive multi-granularity training shows the shallow granularities images cut into
small patches in a random order, so that they have to find what small parts tell. Deep
supervision trains the same heads on whole images. Which of them still knows a digit
whose parts are shuffled?
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
# How often each granularity is right, from shallow to deep, and the fused answer.

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
# Eight by eight pixels leave little to shuffle. The training is meant for classes that
# differ in details, such as species of birds.
