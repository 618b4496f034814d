"""Several answers from the same maps: a head per task, and how sure each task is."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._recipe import Recipe
from skmultigran._support import Interval
from skmultigran.heads._dense import DenseHead
from skmultigran.heads._pooled import GridPooling, PooledFeatures, PooledHead

_BRANCHES = Interval(Integral, 1, None, closed="left")


class Uncertainties(nn.Module):
    """Logarithms of the tasks' noise variances, learned with everything else.

    A loss is a function of outputs and targets, so they come as columns behind the
    answers; the task weighs its losses by them.

    Parameters
    ----------
    n_tasks : int
        How many there are; 0 for none.
    """

    def __init__(self, n_tasks: int) -> None:
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(n_tasks))

    def forward(self, answers: Sequence[Tensor]) -> Tensor:
        """Return all answers side by side, and behind them the logarithms.

        Parameters
        ----------
        answers : sequence of Tensor of shape (B, n_outputs)
            The raw numbers of each task.

        Returns
        -------
        Tensor of shape (B, sum of n_outputs + n_tasks)
            All of it.
        """
        rows = self.log_variances.expand(answers[0].shape[0], -1)
        return torch.cat([*answers, rows.to(answers[0])], dim=1)


class SeveralPooled(PooledFeatures):
    """Module of `SeveralPooledHeads`.

    Parameters
    ----------
    pooling : GridPooling
        How maps are pooled.
    levels : sequence of Level
        Levels of the pooled and fused maps.
    heads : sequence of torch.nn.Module
        One per task.
    branches : int
        Number of fusions, whose maps take turns; 1: all tasks share one.
    uncertainty : bool
        Whether the tasks learn how sure they are.
    """

    def __init__(
        self,
        pooling: GridPooling,
        levels: Sequence[Level],
        heads: Sequence[nn.Module],
        *,
        branches: int,
        uncertainty: bool,
    ) -> None:
        super().__init__(pooling, levels)
        self.heads = nn.ModuleList(heads)
        self.branches = branches
        self.uncertainties = Uncertainties(len(heads) if uncertainty else 0)

    def forward(self, grids: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return the raw numbers of all tasks.

        Parameters
        ----------
        grids : sequence of sequences of Tensor of shape (B, C_l, g, g)
            For each grid the pooled and fused maps.

        Returns
        -------
        Tensor of shape (B, n_outputs)
            Task by task.
        """
        answers = [
            head([_branch(maps, task, self.branches) for maps in grids])
            for task, head in enumerate(self.heads)
        ]
        return self.uncertainties(answers)


class SeveralPooledHeads(PooledHead):
    """One head per task, all about whole images.

    Parameters
    ----------
    head : PooledHead
        The recipe of each.
    outputs : sequence of int, default=(1,)
        Raw numbers of each task.
    branches : int, default=1
        Number of fusions, whose maps take turns; 1: all tasks share one.
    uncertainty : bool, default=True
        Whether the tasks learn how sure they are.

    Examples
    --------
    >>> import torch
    >>> from skmultigran import Level, PooledHead
    >>> from skmultigran.heads import SeveralPooledHeads
    >>> recipe = SeveralPooledHeads(head=PooledHead(grid=(1,)), outputs=(17, 2))
    >>> head = recipe.build([Level(8, 1)], 19)
    >>> head([[torch.zeros(4, 8, 1, 1)]]).shape  # and one uncertainty per task
    torch.Size([4, 21])
    """

    _parameter_constraints = {
        "head": [PooledHead, None],
        "outputs": ["array-like"],
        "branches": [_BRANCHES],
        "uncertainty": ["boolean"],
    }

    def __init__(
        self,
        *,
        head: PooledHead | None = None,
        outputs: Sequence[int] = (1,),
        branches: int = 1,
        uncertainty: bool = True,
    ) -> None:
        self.head = head
        self.outputs = outputs
        self.branches = branches
        self.uncertainty = uncertainty

    def build_pooling(self) -> GridPooling:
        """Return the pooling of the heads; see `PooledHead.build_pooling`."""
        self.check_parameters()
        return (self.head or PooledHead()).build_pooling()

    def build(self, levels: Sequence[Level], n_outputs: int | None) -> PooledFeatures:
        """Return fresh heads of all tasks; see `PooledHead.build`."""
        head = self.head or PooledHead()
        heads = [
            head.build(_branch(levels, task, self.branches), count)
            for task, count in enumerate(self.outputs)
        ]
        return SeveralPooled(
            self.build_pooling(),
            levels,
            heads,
            branches=self.branches,
            uncertainty=self.uncertainty,
        )


class SeveralOnMaps(nn.Module):
    """Module of `SeveralMapHeads`.

    Parameters
    ----------
    pooling : GridPooling
        How maps are pooled for the tasks about whole images.
    heads : sequence of torch.nn.Module
        One per task: pooled ones, and ones that answer for pixels.
    branches : int
        Number of fusions, whose maps take turns; 1: all tasks share one.
    uncertainty : bool
        Whether the tasks learn how sure they are.
    """

    def __init__(
        self,
        pooling: GridPooling,
        heads: Sequence[nn.Module],
        *,
        branches: int,
        uncertainty: bool,
    ) -> None:
        super().__init__()
        self.pool = pooling
        self.heads = nn.ModuleList(heads)
        self.branches = branches
        self.uncertainties = Uncertainties(len(heads) if uncertainty else 0)

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Return the raw numbers of all tasks.

        Parameters
        ----------
        maps : sequence of Tensor of shape (B, C_l, H_l, W_l)
            The fused maps, fine to coarse.
        size : tuple of int
            `(height, width)` of the images.

        Returns
        -------
        Tensor of shape (B, n_outputs)
            Task by task; answers for pixels class by class, row by row.
        """
        answers = []
        for task, head in enumerate(self.heads):
            own = _branch(maps, task, self.branches)
            if isinstance(head, PooledFeatures):
                answers.append(head(self.pool(own)))
            else:
                answers.append(head(own, size).flatten(1))
        return self.uncertainties(answers)


class SeveralMapHeads(Recipe):
    """One head per task, some of them for every pixel, which need whole maps.

    Parameters
    ----------
    head : PooledHead
        The recipe of the heads about whole images.
    dense : DenseHead
        The recipe of the heads for every pixel.
    outputs : sequence of int, default=(1,)
        Raw numbers of each task, per image or per pixel.
    pixels : sequence of bool, default=(False,)
        Whether a task answers for every pixel.
    branches : int, default=1
        Number of fusions, whose maps take turns; 1: all tasks share one.
    uncertainty : bool, default=True
        Whether the tasks learn how sure they are.

    Examples
    --------
    >>> import torch
    >>> from skmultigran import Level
    >>> from skmultigran.heads import SeveralMapHeads
    >>> recipe = SeveralMapHeads(outputs=(3, 2), pixels=(False, True))
    >>> head = recipe.build([Level(8, 2)], 5)
    >>> head([torch.zeros(4, 8, 5, 5)], (10, 10)).shape  # 3 + 2 x 10 x 10 + 2
    torch.Size([4, 205])
    """

    _parameter_constraints = {
        "head": [PooledHead, None],
        "dense": [DenseHead, None],
        "outputs": ["array-like"],
        "pixels": ["array-like"],
        "branches": [_BRANCHES],
        "uncertainty": ["boolean"],
    }

    def __init__(
        self,
        *,
        head: PooledHead | None = None,
        dense: DenseHead | None = None,
        outputs: Sequence[int] = (1,),
        pixels: Sequence[bool] = (False,),
        branches: int = 1,
        uncertainty: bool = True,
    ) -> None:
        self.head = head
        self.dense = dense
        self.outputs = outputs
        self.pixels = pixels
        self.branches = branches
        self.uncertainty = uncertainty

    def build(self, levels: Sequence[Level], n_outputs: int | None) -> SeveralOnMaps:
        """Return fresh heads of all tasks.

        Parameters
        ----------
        levels : sequence of Level
            Levels of the fused maps.
        n_outputs : int or None
            Raw numbers of all tasks together.

        Returns
        -------
        SeveralOnMaps
            The module, called with maps and the size of the images.
        """
        self.check_parameters()
        head, dense = self.head or PooledHead(), self.dense or DenseHead()
        pooling = head.build_pooling()
        heads: list[nn.Module] = []
        for task, (count, dense_task) in enumerate(
            zip(self.outputs, self.pixels, strict=True)
        ):
            own = _branch(levels, task, self.branches)
            if dense_task:
                heads.append(dense.build(own, count))
            else:
                heads.append(head.build(pooling.levels(own), count))
        return SeveralOnMaps(
            pooling, heads, branches=self.branches, uncertainty=self.uncertainty
        )


def _branch(items: Sequence, task: int, branches: int) -> Sequence:
    """Return what belongs to a task of maps, or levels, that take turns."""
    return items if branches == 1 else items[task::branches]
