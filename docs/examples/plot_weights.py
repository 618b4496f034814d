"""
Is what a gate mixes in also what counts?
=========================================

A gated fusion weighs the granularities anew for each image. Its shares are compared
with what the model loses without each granularity.
"""

# %%
# A classifier of digits whose fusion has a gate.

import numpy as np
from sklearn.datasets import load_digits

from skmultigran import MultiGranularityClassifier
from skmultigran.inspection import (
    FusionWeightsDisplay,
    granularity_importance,
    granularity_weights,
)

X, y = load_digits(return_X_y=True)
X_test, y_test = X[1000:], y[1000:]
model = MultiGranularityClassifier(
    scales=(1.0, 0.5), fusion="gated", max_epochs=6, random_state=0
)
model.fit(X[:600], y[:600])

# %%
# The mean share of each granularity for each digit.

FusionWeightsDisplay.from_estimator(model, X_test, y_test)

# %%
# Shares say how much of each granularity goes into the sum. How large its maps are, and
# whether the head cares for them, they do not say: that is the importance.

shares = granularity_weights(model, X_test).mean(axis=0)
lost = granularity_importance(model, X_test, y_test, random_state=0)
for name, share, loss in zip(
    lost.granularities, shares, lost.importances_mean, strict=True
):
    print(f"{name}: share {share:.2f}, accuracy lost without it {loss:.3f}")
print(f"correlation {np.corrcoef(shares, lost.importances_mean)[0, 1]:.2f}")
