"""
Selecting granularities
=======================

Six granularities of a fixed scattering transform are compared: how similar are they,
and which of them does a linear model need?
"""

# %%
# Each block of columns is one granularity. Nothing is trained.

from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmultigran import MultiGranularityTransformer
from skmultigran.inspection import GranularitySimilarityDisplay, select_granularities

X, y = load_digits(return_X_y=True)
X_train, y_train, X_test, y_test = X[:600], y[:600], X[1000:], y[1000:]
transformer = MultiGranularityTransformer(scales=(2.0, 1.0, 0.5))
model = make_pipeline(transformer, StandardScaler(), RidgeClassifier(alpha=100))
model.fit(X_train, y_train)

# %%
# Linear CKA: values near 1 mean that two granularities carry similar information.

GranularitySimilarityDisplay.from_estimator(model, X_train)

# %%
# Forward selection: each step adds the granularity that improves the score most.

found = select_granularities(model, X_train, y_train, cv=3, tol=0.002)
for name, score in zip(found.order, found.scores, strict=True):
    print(f"with {name}: {score:.3f}")
print(f"with all: {found.full_score:.3f}")

# %%
# A smaller model that uses only the selected scales.

smaller = clone(model).set_params(multigranularitytransformer__scales=found.scales)
smaller.fit(X_train, y_train)
for name, each in (("all", model), ("smaller", smaller)):
    print(f"{name}: scales {each[0].scales}, {each.score(X_test, y_test):.3f}")

# %%
# Two of the six granularities, both of the enlarged image, are as accurate as all of
# them.
