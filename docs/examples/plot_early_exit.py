"""
When is a coarse look at a digit enough?
========================================

With deep supervision a classifier answers after each granularity, from coarse to fine.
An image whose answer is sure is not looked at any further.
"""

# %%
# Digits: some to learn from, some to choose from when on an answer is sure, some to
# judge by.

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
# Accuracy against the work it takes: of each stage, and where each image ends when it
# is sure.

StagedAccuracyDisplay.from_estimator(model, X_test, y_test)

# %%
# Where the look at the test images ends.

ends = list(model.exit_granularities(X_test))
for stage in model.stages_:
    print(f"{stage}: {ends.count(stage)} images")
