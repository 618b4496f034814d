"""
Gated fusion weights
====================

A gated fusion weights the granularities anew for each image. Do these weights agree
with what the model loses without each granularity?
"""

# %%
# A classifier of digits with a gated fusion.

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
# The mean weight of each granularity for each digit.

FusionWeightsDisplay.from_estimator(model, X_test, y_test)

# %%
# Weights tell how much of each granularity goes into the sum, but not how large its
# maps are or whether the head uses them. The importance measures the effect on the
# score.

shares = granularity_weights(model, X_test).mean(axis=0)
lost = granularity_importance(model, X_test, y_test, random_state=0)
for name, share, loss in zip(
    lost.granularities, shares, lost.importances_mean, strict=True
):
    print(f"{name}: weight {share:.2f}, accuracy lost without it {loss:.3f}")
print(f"correlation {np.corrcoef(shares, lost.importances_mean)[0, 1]:.2f}")

# %%
# The weights are nearly equal for all granularities and digits while the importances
# differ several times: look at importances to learn what the model relies on.
