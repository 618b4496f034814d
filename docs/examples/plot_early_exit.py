"""
Early exit
==========

With deep supervision a classifier can predict after each granularity: coarsest scale
first; within a scale, shallow levels first. For an image whose prediction is confident
enough, later stages are not computed.
"""

# %%
# Digits for training, for choosing the confidence threshold, and for testing.

from sklearn.datasets import load_digits

from skmultigran import MultiGranularityClassifier
from skmultigran.inspection import StagedAccuracyDisplay

X, y = load_digits(return_X_y=True)
X_val, y_val, X_test, y_test = X[800:1200], y[800:1200], X[1200:], y[1200:]
model = MultiGranularityClassifier(
    scales=(1.0, 0.5), deep_supervision=True, max_epochs=8, random_state=0
)
model.fit(X[:800], y[:800])
model.tune_exit_threshold(X_val, y_val, tolerance=0.005)

# %%
# Accuracy against the amount of computation: when all images end at the same stage, and
# when each image ends as soon as its prediction reaches a threshold.

StagedAccuracyDisplay.from_estimator(model, X_test, y_test)

# %%
# The stage at which each test image ends.

ends = list(model.exit_granularities(X_test))
for stage in model.stages_:
    print(f"{stage}: {ends.count(stage)} images")

# %%
# Most digits end at the very first stage, so that early exit reaches nearly the
# accuracy of the full prediction for about a quarter of the computation.
