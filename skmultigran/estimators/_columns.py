"""Pooled maps as columns: their values, their order and their names."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import torch

from skmultigran._support import check_feature_names_in


def granularity_grids(network, image_size):
    """Return the grids that each granularity is pooled to.

    Parameters
    ----------
    network : MultiGranularityNetwork
        The network.
    image_size : tuple of int
        `(height, width)` that the network sees.

    Returns
    -------
    list of list of (int, int)
        Per granularity the `(rows, columns)` of the head's grids, none finer than the
        map and none twice: pixels that are repeated would be columns that are repeated.
    """
    grids = []
    for level in network.pyramid.levels:
        height, width = level.map_size(image_size)
        cells = [(min(g, height), min(g, width)) for g in network.head.pool.grid]
        grids.append(list(dict.fromkeys(cells)))
    return grids


def granularity_features(network, image_size, maps):
    """Return the pooled maps of all granularities, side by side.

    Parameters
    ----------
    network : MultiGranularityNetwork
        The network.
    image_size : tuple of int
        `(height, width)` that the network sees.
    maps : sequence of Tensor
        The maps `(B, C_l, H_l, W_l)` that the network extracts from images.

    Returns
    -------
    Tensor of shape (B, n_features)
        In the order of `granularity_names`.
    """
    grids = granularity_grids(network, image_size)
    columns = [
        network.head.pool.pool_map(map_, cells).flatten(1)
        for map_, its_grids in zip(maps, grids, strict=True)
        for cells in its_grids
    ]
    return torch.cat(columns, dim=1)


def columns_of(network, images, image_size, *, fused):
    """Return the columns of images, before any power of them.

    Parameters
    ----------
    network : MultiGranularityNetwork
        The network.
    images : Tensor of shape (B, C, H, W)
        Images with values in [0, 1].
    image_size : tuple of int
        `(height, width)` that the network sees.
    fused : bool
        Whether they are those of the fused maps, not of each granularity.

    Returns
    -------
    Tensor of shape (B, n_columns)
        In the order of `fused_names` or `granularity_names`.
    """
    if fused:
        return network.features(images)
    return granularity_features(network, image_size, network.extract(images))


def powered(rows, power):
    """Return numbers to a power, each with the sign that it had.

    Parameters
    ----------
    rows : Tensor
        The numbers.
    power : float
        The power.

    Returns
    -------
    Tensor
        Of the same shape; the same tensor for the power one.
    """
    return rows if power == 1 else rows.sign() * rows.abs() ** power


def check_given_names(transformer, input_features):
    """Check names of columns that were given against those seen in fit.

    Parameters
    ----------
    transformer : estimator
        A fitted transformer.
    input_features : array-like of str or None
        The names. A column of images has one, however many values an image has.

    Raises
    ------
    ValueError
        If they are other names, or of another number.
    """
    given = [] if input_features is None else np.ravel(input_features)
    known = getattr(transformer, "feature_names_in_", given)
    if len(given) != 1 or not np.array_equal(given, known):
        check_feature_names_in(transformer, input_features, generate_names=False)


def granularity_names(network, image_size):
    """Return the names of the columns of each granularity.

    Parameters
    ----------
    network : MultiGranularityNetwork
        The network.
    image_size : tuple of int
        `(height, width)` that the network sees.

    Returns
    -------
    dict of str to list of str
        Names of granularities, fine to coarse, to the names of their columns.
    """
    pyramid = network.pyramid
    grids = granularity_grids(network, image_size)
    return {
        granularity: [
            name
            for cells in its_grids
            for pooling in network.head.pool.pooling
            for name in _names(f"{granularity}_{pooling}", level.channels, cells)
        ]
        for granularity, level, its_grids in zip(
            pyramid.granularities, pyramid.levels, grids, strict=True
        )
    }


def granularity_slices(network, image_size):
    """Return where the columns of each granularity are.

    Parameters
    ----------
    network : MultiGranularityNetwork
        The network.
    image_size : tuple of int
        `(height, width)` that the network sees.

    Returns
    -------
    dict of str to slice
        Names of granularities, fine to coarse, to slices of the columns.
    """
    names = granularity_names(network, image_size)
    edges = accumulate(map(len, names.values()), initial=0)
    return {
        name: slice(*ends) for name, ends in zip(names, pairwise(edges), strict=True)
    }


def fused_names(network):
    """Return the names of the columns that the head makes its answer of.

    Parameters
    ----------
    network : MultiGranularityNetwork
        The network.

    Returns
    -------
    list of str
        One name per column of `network.features`.
    """
    return [
        name
        for side in network.head.pool.grid
        for number, level in enumerate(network.head.levels)
        for name in _names(f"l{number}_fused", level.channels, (side, side))
    ]


def _names(prefix, channels, cells):
    """Return names such as "s1.00_l2_avg_017" and "s1.00_l2_avg2x2_017_r0c1"."""
    width = max(3, len(str(channels - 1)))
    rows, columns = cells
    if cells == (1, 1):
        return [f"{prefix}_{channel:0{width}d}" for channel in range(channels)]
    return [
        f"{prefix}{rows}x{columns}_{channel:0{width}d}_r{row}c{column}"
        for channel in range(channels)
        for row in range(rows)
        for column in range(columns)
    ]
