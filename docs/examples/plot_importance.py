"""
Which granularities does a model of digits need?
================================================

A classifier looks at three levels of a network at two scales. What does it lose without
each of them, and how far would each get by itself?
"""

# %%
# The digits of scikit-learn, and a small network.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmultigran import MultiGranularityClassifier
from skmultigran.inspection import GranularityImportanceDisplay, granularity_importance

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=600, random_state=0
)
model = MultiGranularityClassifier(scales=(1.0, 0.5), max_epochs=5, random_state=0)
model.fit(X_train, y_train)
print(f"accuracy {model.score(X_test, y_test):.3f}")

# %%
# What is lost when a granularity is that of another image. Several know the same, so
# that each may be lost without much harm.

lost = granularity_importance(model, X_test, y_test, random_state=0)
GranularityImportanceDisplay.from_importance(lost, score_name="accuracy")

# %%
# What each gains by itself, over means that know nothing of the image.

alone = granularity_importance(model, X_test, y_test, method="only")
GranularityImportanceDisplay.from_importance(
    alone, method="only", score_name="accuracy"
)
