"""y of several tasks: a data frame, a structured array or a dict of columns."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import numpy as np

from skmultigran.tasks import Answers, SeveralTasks

FRAME, RECORDS, COLUMNS = "frame", "records", "columns"


def form_of(y, owner):
    """Return in which form y has its columns.

    Parameters
    ----------
    y : DataFrame, structured array or dict
        The answers.
    owner : str
        Name of the estimator, for the message.

    Returns
    -------
    {"frame", "records", "columns"}
        The form.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if hasattr(y, "columns") and hasattr(y, "iloc"):
        return FRAME
    if isinstance(y, np.ndarray) and y.dtype.names and y.ndim == 1:
        return RECORDS
    if isinstance(y, Mapping):
        return COLUMNS
    hint = ""
    if hasattr(y, "to_pandas"):
        library = type(y).__module__.partition(".")[0]
        hint = f" That is one of {library}: pass y.to_pandas()."
    raise ValueError(
        f"{owner} needs a y with one column per task: a data frame, a structured array "
        f"or a dict of columns. It got {type(y).__name__}.{hint}"
    )


def column_names(y, owner):
    """Return the names of the columns of y.

    Parameters
    ----------
    y : DataFrame, structured array or dict
        The answers.
    owner : str
        Name of the estimator, for the message.

    Returns
    -------
    list
        The names.
    """
    names = {
        FRAME: lambda: list(y.columns),
        RECORDS: lambda: list(y.dtype.names),
        COLUMNS: lambda: list(y),
    }
    return names[form_of(y, owner)]()


@contextlib.contextmanager
def _named(name):
    """Put the name of a task before the message of a ValueError."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Task {name!r}: {error}") from error


class TaskTargets:
    """Targets of several tasks; see `LabelTargets`.

    Parameters
    ----------
    owner : str
        Name of the estimator, for messages.
    specs : dict of str to spec
        The tasks.
    task_weight : "uncertainty", dict or None
        Weights of the tasks' losses.
    image_size : tuple of int or None
        `(height, width)` that masks are resized to; None while it is not known.
    resize : str
        How they are.
    """

    def __init__(self, owner, specs, task_weight, *, image_size, resize):
        self.owner = owner
        self.specs = specs
        self.task_weight = task_weight
        self.image_size = image_size
        self.resize = resize

    @property
    def stay_when_moved(self):
        """Whether an image that is a little moved keeps all of its answers."""
        return all(spec.stay_when_moved for spec in self.specs.values())

    def checked(self, y):
        """Return `y` as `Answers`.

        Parameters
        ----------
        y : DataFrame, structured array or dict
            One column per task, and perhaps others.

        Returns
        -------
        Answers
            The columns of the tasks.

        Raises
        ------
        ValueError
            If a task is missing from y, or a column does not fit its task.
        """
        present = column_names(y, self.owner)
        columns, known = {}, {}
        for name, spec in self.specs.items():
            if name not in present:
                raise ValueError(
                    f"Task {name!r} is missing from y, which has the columns {present}."
                )
            with _named(name):
                columns[name], known[name] = spec.read(y[name])
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"The tasks' answers have different lengths: {lengths}. Give one "
                "answer per image to each; None where it is missing."
            )
        return Answers(columns, known)

    def learn_task(self, y, weights):
        """Return the `SeveralTasks` of learning `y`.

        Parameters
        ----------
        y : Answers
            Answers of the training images.
        weights : ndarray of shape (n,)
            Their weights.

        Returns
        -------
        SeveralTasks
            The tasks, in their order.

        Raises
        ------
        ValueError
            If all answers of a task are missing, or are alike.
        """
        tasks = {}
        for name, spec in self.specs.items():
            self.check_some_known(name, y)
            known = y.known[name]
            with _named(name):
                tasks[name] = spec.learn(y.given(name), weights[known])
        return SeveralTasks(
            tasks,
            self._task_weight(),
            image_size=self.image_size,
            resize=self.resize,
        )

    @staticmethod
    def check_some_known(name, y):
        """Raise if all answers of a task are missing.

        Parameters
        ----------
        name : str
            The task.
        y : Answers
            The answers.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not y.known[name].any():
            raise ValueError(
                f"Task {name!r}: all answers are missing. Give at least some, or leave "
                "the task out."
            )

    def _task_weight(self):
        if not isinstance(self.task_weight, Mapping):
            return self.task_weight
        unknown = [name for name in self.task_weight if name not in self.specs]
        if unknown:
            raise ValueError(
                f"task_weight names {unknown}, but the tasks are {list(self.specs)}."
            )
        weights = {name: float(self.task_weight.get(name, 1)) for name in self.specs}
        if min(weights.values()) < 0 or not np.isfinite(list(weights.values())).all():
            raise ValueError(f"task_weight={weights} must be finite and not negative.")
        return weights

    def continued(self, task):
        """Return the tasks as they were learned before, with the weights of now."""
        return SeveralTasks(
            task.tasks,
            self._task_weight(),
            image_size=task.image_size,
            resize=task.resize,
        )

    def balanced(self, weights, y, task):
        """Return the weights of images as they are: classes are those of a task."""
        return weights

    def strata(self, targets):
        """Return None: a hold-out is drawn at random."""
        return None
