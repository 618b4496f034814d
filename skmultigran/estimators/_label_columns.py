"""Several columns of labels per image, checked and learned from."""

from __future__ import annotations

import numpy as np
from sklearn.utils import assert_all_finite, check_array, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from skmultigran._answers import check_class_weight, holds_sequences
from skmultigran.tasks import ClassificationTask, MultiLabelTask, MultiOutputTask

_INDICATOR = (0, 1)


def labels_of_each(y):
    """Return `y` as an array, if images have one label, or as many each.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, n_columns)
        Labels as the user gave them.

    Returns
    -------
    ndarray of shape (n,) or (n, n_columns)
        The same.

    Raises
    ------
    ValueError
        If rows are sequences of any number of labels.
    """
    try:
        labels = np.asarray(y)
    except ValueError:  # sequences of different lengths
        labels = None
    if labels is None or holds_sequences(labels):
        raise ValueError(
            "y has sequences of labels, but must have one label per image, or columns. "
            "For any number of labels per image pass columns of zeros and ones: "
            "sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y)."
        )
    return labels


def checked_columns(y):
    """Return `y` of two axes as an array of labels.

    Parameters
    ----------
    y : ndarray or sparse matrix of shape (n, n_columns)
        Labels as the user gave them.

    Returns
    -------
    ndarray of shape (n, n_columns)
        The labels.

    Raises
    ------
    ValueError
        If a column has missing or continuous values.
    """
    y = check_array(
        y, accept_sparse=True, dtype=None, ensure_all_finite=False, input_name="y"
    )
    y = y.toarray() if hasattr(y, "toarray") else y
    for column in y.T:
        check_labels(typed_labels(column))
    return y


def typed_labels(labels):
    """Return labels as an array of the type that they have themselves.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Labels; a column of a mixed table is an array of objects.

    Returns
    -------
    ndarray of shape (n,)
        The same.

    Raises
    ------
    ValueError
        If labels are of types that cannot be sorted together.
    """
    if labels.dtype != object:
        return labels
    _check_sortable(labels)
    return np.array(labels.tolist())


def check_labels(labels):
    """Check that labels are there, can be sorted and may be classes.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        The labels, or a column of them.

    Raises
    ------
    ValueError
        If labels are missing, of types that cannot be sorted together, or continuous.
    """
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    _check_sortable(labels)
    check_classification_targets(labels)


def _check_sortable(labels):
    try:
        np.unique(labels)
    except TypeError:
        types = sorted({type(label).__name__ for label in labels.tolist()})
        raise ValueError(
            f"y has labels of the types {types}, which cannot be sorted together. Make "
            "all labels of one type, and leave out images without one."
        ) from None


def checked_classes(classes, y):
    """Return the classes given to the first call of partial_fit.

    Parameters
    ----------
    classes : array-like, list of array-like, or None
        All labels that will ever come, of one column or of each.
    y : ndarray of shape (n,) or (n, n_columns)
        The first labels.

    Returns
    -------
    ndarray of shape (n_classes,), list of ndarray, or None
        The same, sorted; None for columns of zeros and ones, which tell by themselves.

    Raises
    ------
    ValueError
        If they are missing, or do not fit `y`.
    """
    indicator = y.ndim == 2 and is_indicator(y)
    if classes is None:
        if indicator:
            return None
        raise ValueError(
            "classes must be passed on the first call to partial_fit: an array of all "
            "labels that will ever come, or a list of such arrays, one per column of y."
        )
    if y.ndim == 1:
        return np.unique(classes)
    if indicator and np.array_equal(classes, np.arange(y.shape[1])):
        return None  # what `classes_` is for zeros and ones
    if np.ndim(classes[0]) == 0 or len(classes) != y.shape[1]:
        raise ValueError(
            f"classes={classes!r} must be a list of {y.shape[1]} arrays, one per "
            "column of y."
        )
    return [np.unique(labels) for labels in classes]


def is_indicator(y):
    """Whether labels are columns of zeros and ones.

    Parameters
    ----------
    y : ndarray of shape (n, n_columns)
        Labels.

    Returns
    -------
    bool
        True: a column says whether an image has a label.
    """
    return y.dtype.kind in "biuf" and bool(np.isin(y, _INDICATOR).all())


def learn_columns(y, weights, class_weight, owner, classes=None):
    """Return the task with the classes of each column.

    Parameters
    ----------
    y : ndarray of shape (n, n_columns)
        Labels of the training images.
    weights : ndarray of shape (n,)
        Their weights.
    class_weight : list, dict, "balanced" or None
        Weights of the classes: for all columns, or a list with one entry for each.
    owner : str
        Name of the estimator, for the messages.
    classes : list of array-like, or None, default=None
        All labels that will ever come, per column; None: those of `y`.

    Returns
    -------
    MultiLabelTask or MultiOutputTask
        The first if all are zeros and ones.

    Raises
    ------
    ValueError
        If no column has more than one class, or class weights do not fit the columns.
    """
    known = [np.unique(column) for column in (y.T if classes is None else classes)]
    indicator = is_indicator(y) and all(np.isin(k, _INDICATOR).all() for k in known)
    if indicator:
        known = [np.array(_INDICATOR)] * y.shape[1]
    elif max(map(len, known)) < 2:
        raise ValueError(
            f"{owner} needs at least two classes, but every column of y has only 1 "
            "class."
        )
    tables = _tables(y, weights, class_weight, known, owner)
    if indicator:
        return MultiLabelTask(len(known), tables and np.array(tables), dtype=y.dtype)
    tables = tables or [None] * len(known)
    columns = [ClassificationTask(*pair) for pair in zip(known, tables, strict=True)]
    return MultiOutputTask(columns, y.dtype)


def _tables(y, weights, class_weight, known, owner):
    """Return the weight of each class of each column, or None where all are one."""
    if class_weight is None:
        return None
    shared = not isinstance(class_weight, list)
    per_column = [class_weight] * len(known) if shared else class_weight
    if len(per_column) != len(known):
        raise ValueError(
            f"{owner} got a class_weight for {len(per_column)} columns, but y has "
            f"{len(known)}. Give one entry per column, or one for all."
        )
    for number, wanted in enumerate(per_column):
        labels = np.concatenate(known) if shared else known[number]
        check_class_weight_names(wanted, labels.tolist(), owner)
    return [
        class_weight_table(column, weights, labels, wanted)
        for column, labels, wanted in zip(y.T, known, per_column, strict=True)
    ]


def check_class_weight_names(class_weight, labels, owner):
    """Raise if class weights name labels that are not there, and leave others out.

    A dict that names all labels may name more, as scikit-learn allows it: a fold may
    lack a rare class.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        Weights of the classes.
    labels : list
        The labels that are.
    owner : str
        Who got the weights, for the message.

    Raises
    ------
    ValueError
        If a name is unknown, and a label has no weight.
    """
    if not isinstance(class_weight, dict):
        return
    unknown = [label for label in class_weight if label not in labels]
    if unknown and any(label not in class_weight for label in labels):
        raise ValueError(
            f"{owner} got a class_weight for {unknown}, but y has the classes {labels}."
        )


def class_weight_table(column, weights, labels, class_weight):
    """Return the weight of each class, of mean one over the images.

    Parameters
    ----------
    column : ndarray of shape (n,)
        Labels of the images.
    weights : ndarray of shape (n,)
        Weights of the images.
    labels : ndarray of shape (n_classes,)
        The distinct labels, sorted; some may be of no image.
    class_weight : dict, "balanced" or None
        Weights of the classes; "balanced" counts images by their weight.

    Returns
    -------
    ndarray of shape (n_classes,)
        The weights.

    Raises
    ------
    ValueError
        If a weight is no finite number of zero or more, all images weigh nothing, or
        a label is not among those that there are.
    """
    if class_weight is None:
        return np.ones(len(labels))
    check_class_weight(class_weight)
    codes = ClassificationTask(labels).encode(column)
    if isinstance(class_weight, dict):
        table = np.array([class_weight.get(label, 1.0) for label in labels.tolist()])
    else:
        present = np.unique(codes)
        table = np.ones(len(labels))
        table[present] = compute_class_weight(
            class_weight, classes=present, y=codes, sample_weight=weights
        )
    mean = np.average(table[codes], weights=weights)
    if not mean:
        raise ValueError(
            f"class_weight={class_weight!r} makes the weights of all images zero, so "
            "there is nothing to learn from. Give a class that y has a positive weight."
        )
    return table / mean
