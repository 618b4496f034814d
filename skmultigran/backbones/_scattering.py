"""The scattering transform: a fixed pyramid of wavelets, nothing to train."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skmultigran._levels import Level
from skmultigran._registry import register_backbone
from skmultigran._support import Interval, Options, StrOptions
from skmultigran.backbones._autocast import no_autocast
from skmultigran.backbones._base import Backbone, BackboneRecipe
from skmultigran.backbones._n_scales import resolve_n_scales
from skmultigran.backbones._wavelets import (
    gaussian_average,
    morlet_bank,
    padded_length,
    symmetric_indices,
)

# The number of paths grows with the square of the number of scales.
_MOST_AUTO_SCALES = 4
# Image sizes whose filters are kept: images of native size come in any number of sizes.
_MOST_CACHED_SIZES = 8
# Complex numbers of the largest intermediate result of one pass. On a CPU it should
# stay in the second-level cache; elsewhere it only bounds the memory (512 MiB).
_CPU_PASS = 2**17
_DEVICE_PASS = 2**26
# Numbers in the longest vector of a CPU.
_ALIGNMENT = 16
# Below the square root of this a modulus counts as zero, where it has no gradient.
_SMALLEST_SQUARE = 1e-30


def _blocks(spectrum: Tensor, height: int, width: int) -> list[Tensor]:
    """Return the parts of a spectrum that fall on each other in a coarser sampling.

    `spectrum` is (..., M, N, 2). One part when it has the size `(height, width)`, else
    the four corners of that size: the frequencies below `pi / 2**(j - 1)`.
    """
    if spectrum.shape[-3:-1] == (height, width):
        return [spectrum]
    return [
        spectrum[..., rows, columns, :]
        for rows in (slice(height), slice(-height, None))
        for columns in (slice(width), slice(-width, None))
    ]


class _Averaging:
    """Averages of maps by Gaussians, one product of matrices per axis.

    Rows are filled up with zeros to whole vectors. Where a map starts at another
    alignment, a product of matrices adds up in another order: the last digits of the
    maps of an image would depend on its place in the batch.

    Parameters
    ----------
    rows : Tensor of shape (h, M)
        Weights of the rows' axis.
    columns : Tensor of shape (w, N)
        Weights of the columns' axis.
    """

    def __init__(self, rows: Tensor, columns: Tensor) -> None:
        width, length = columns.shape
        self.fill = -length % _ALIGNMENT
        self.rows = rows
        self.columns = functional.pad(columns, (0, self.fill, 0, -width % _ALIGNMENT))
        self.width = width

    def __call__(self, maps: Tensor) -> Tensor:
        flat = functional.pad(maps.flatten(0, 1), (0, self.fill))
        rows = self.rows.expand(flat.shape[0], -1, -1)
        columns = self.columns.expand(flat.shape[0], -1, -1)
        averages = rows.bmm(flat).bmm(columns.mT)[..., : self.width]
        return averages.unflatten(0, maps.shape[:2])  # (B, K, h, w)


@dataclass(frozen=True)
class _Filters:
    """What one image size needs.

    Attributes
    ----------
    rows, columns : Tensor of int
        Which pixel stands at each position of the padded image.
    wavelets : list of list of Tensor of shape (L, h, w, 2)
        Per scale, the wavelets' transforms in the parts of `_blocks`; the last axis
        holds each value twice, for the real and the imaginary part of a spectrum.
    averages : list of callable
        Per scale, what averages the moduli.
    image_average : callable
        What averages the image, to the map of the coarsest scale.
    """

    rows: Tensor
    columns: Tensor
    wavelets: list[list[Tensor]]
    averages: list[_Averaging]
    image_average: _Averaging


def _build_filters(
    image_size: tuple[int, int],
    n_scales: int,
    n_orientations: int,
    dtype: torch.dtype,
    device: torch.device,
) -> _Filters:
    padded = [padded_length(length, n_scales) for length in image_size]

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device=device, dtype=dtype)

    def averaging(spacing: int, stride: int) -> _Averaging:
        rows, columns = (
            tensor(gaussian_average(length, extended, spacing, stride))
            for length, extended in zip(image_size, padded, strict=True)
        )
        return _Averaging(rows, columns)

    rows, columns = (
        torch.from_numpy(symmetric_indices(length, extended)).to(device)
        for length, extended in zip(image_size, padded, strict=True)
    )
    bank = morlet_bank((padded[0], padded[1]), n_scales, n_orientations)
    return _Filters(
        rows=rows,
        columns=columns,
        wavelets=[
            [
                # Multiplication by a broadcast last axis is ten times as slow.
                block.contiguous()
                for block in _blocks(
                    tensor(wavelets)[..., None].expand(-1, -1, -1, 2),
                    padded[0] >> scale,
                    padded[1] >> scale,
                )
            ]
            for scale, wavelets in enumerate(bank)
        ],
        averages=[averaging(2**scale, 2 ** (scale + 1)) for scale in range(n_scales)],
        image_average=averaging(1, 2**n_scales),
    )


def _spectrum(maps: Tensor) -> Tensor:
    """Return the spectrum of real maps as real numbers, (..., M, N, 2)."""
    return torch.view_as_real(torch.fft.fft2(maps, norm="forward"))


def _moduli(spectra: Tensor, wavelets: list[Tensor]) -> Tensor:
    """Return the sampled moduli of maps filtered by the wavelets of one scale.

    Parameters
    ----------
    spectra : Tensor of shape (B, K, M, N, 2)
        Spectra of real maps.
    wavelets : list of Tensor of shape (L, h, w, 2)
        The wavelets of one scale.

    Returns
    -------
    Tensor of shape (B, K * L, h, w)
        The moduli.
    """
    height, width = wavelets[0].shape[-3:-1]
    blocks = _blocks(spectra.unsqueeze(2), height, width)
    # Sampling a signal every other pixel adds up the parts of its spectrum.
    filtered = blocks[0] * wavelets[0]
    for block, wavelet in zip(blocks[1:], wavelets[1:], strict=True):
        filtered.addcmul_(block, wavelet)
    signals = torch.fft.ifft2(torch.view_as_complex(filtered), norm="forward")
    real, imaginary = torch.view_as_real(signals).unbind(-1)
    # abs() of a complex tensor takes twice as long.
    squares = torch.addcmul(real * real, imaginary, imaginary)
    return squares.clamp_(min=_SMALLEST_SQUARE).sqrt_().flatten(1, 2)


class _Scattering(Backbone):
    normalisation = ((0.0,), (1.0,))

    def __init__(
        self, in_channels: int, n_scales: int, n_orientations: int, max_order: int
    ) -> None:
        super().__init__()
        self.n_scales = n_scales
        self.n_orientations = n_orientations
        self.max_order = max_order
        self.levels = tuple(
            Level(in_channels * self._n_paths(scale), 2 ** (scale + 1))
            for scale in range(n_scales)
        )
        # A plain dictionary: the filters depend on the images, so they are no buffers.
        self._filters: dict[tuple, _Filters] = {}

    def __getstate__(self) -> dict:
        # The filters are rebuilt where they are needed, in a copy or a process.
        return {**self.__dict__, "_filters": {}}

    def _n_paths(self, scale: int) -> int:
        paths = self.n_orientations
        if self.max_order == 2:
            paths += scale * self.n_orientations**2
        return paths + (scale == self.n_scales - 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        # Averages in bfloat16 would lose the small coefficients of the second order.
        with no_autocast(images.device):
            return self._forward(images)

    def _forward(self, images: Tensor) -> list[Tensor]:
        dtype = torch.promote_types(images.dtype, torch.float32)
        filters = self._filters_for(images, dtype)
        grey = images.to(dtype).flatten(0, 1)  # (B * C, H, W)
        padded = grey[:, filters.rows][..., filters.columns]
        passes = [
            self._coefficients(chunk.unsqueeze(1), filters)
            for chunk in self._passes(padded)
        ]
        return [
            torch.cat(maps).reshape(
                images.shape[0], level.channels, *maps[0].shape[-2:]
            )
            for level, maps in zip(self.levels, zip(*passes, strict=True), strict=True)
        ]

    def _passes(self, padded: Tensor) -> Sequence[Tensor]:
        """Return the images in parts whose intermediate results stay in the cache."""
        if torch.compiler.is_exporting():
            return [padded]  # as many parts as a batch needs, no graph can tell
        budget = _CPU_PASS if padded.device.type == "cpu" else _DEVICE_PASS
        largest = self.n_orientations * padded.shape[-2] * padded.shape[-1]
        if self.max_order == 2 and self.n_scales > 1:
            largest = max(largest, largest * self.n_orientations // 4)
        return padded.split(max(1, budget // largest))

    def _coefficients(self, images: Tensor, filters: _Filters) -> list[Tensor]:
        """Return the paths of each scale, (B, n_paths, h, w), of (B, 1, M, N)."""
        paths: list[list[Tensor]] = [[] for _ in range(self.n_scales)]
        paths[-1].append(filters.image_average(images))
        first_orders = []
        spectrum = _spectrum(images)
        for scale, wavelets in enumerate(filters.wavelets):
            moduli = _moduli(spectrum, wavelets)  # (B, L, M / 2**scale, N / 2**scale)
            paths[scale].append(filters.averages[scale](moduli))
            first_orders.append(moduli)
        for scale, moduli in self._second_orders(first_orders, filters):
            paths[scale].append(filters.averages[scale](moduli))
        return [torch.cat(maps, dim=1) for maps in paths]

    def _second_orders(
        self, first_orders: list[Tensor], filters: _Filters
    ) -> Iterator[tuple[int, Tensor]]:
        if self.max_order < 2:
            return
        for finer, moduli in enumerate(first_orders[:-1]):
            spectra = _spectrum(moduli)
            for scale in range(finer + 1, self.n_scales):
                yield scale, _moduli(spectra, filters.wavelets[scale])

    def _filters_for(self, images: Tensor, dtype: torch.dtype) -> _Filters:
        height, width = images.shape[-2:]
        key = (height, width, dtype, images.device)
        filters = self._filters.get(key)
        if filters is None:
            # Tensors born in inference mode could not be used with gradients later.
            with torch.inference_mode(False):
                filters = _build_filters(
                    (height, width),
                    self.n_scales,
                    self.n_orientations,
                    dtype,
                    images.device,
                )
            while len(self._filters) >= _MOST_CACHED_SIZES:
                self._filters.pop(next(iter(self._filters)), None)
            self._filters[key] = filters
        return filters


@register_backbone("scattering")
class ScatteringBackbone(BackboneRecipe):
    """Wavelet scattering transform, one level per scale; nothing to train.

    Registered as "scattering".

    Images are filtered by Morlet wavelets of several scales and orientations, the
    moduli are filtered again by all coarser wavelets, and both are averaged [1]_ [2]_.
    The coefficients hardly change when the image is shifted or slightly deformed, which
    makes them strong features for few training images.

    Level `j` has stride `2**(j + 1)` and holds, for each channel of the image, the
    averages of

    - order 1: `|x * psi_j|`, one map per orientation;
    - order 2: `||x * psi_i| * psi_j|` for all finer scales `i < j`, one map per scale
      `i`, orientation of `psi_i` and orientation of `psi_j`, in this order;

    and the coarsest level starts with order 0, the average of the image. Averages use a
    Gaussian of standard deviation `0.4 * stride` pixels. So each scale is averaged over
    its own size, whereas the classical transform averages all of them at the coarsest
    scale.

    Parameters
    ----------
    n_scales : int or "auto", default="auto"
        Number of scales, and so of levels. "auto": as many as leave a last map of 2 to
        4 pixels along the shorter side of the image, between 1 and 4.
    n_orientations : int, default=8
        Number of orientations of the wavelets.
    max_order : {1, 2}, default=2
        Highest order. Order 2 distinguishes textures and corners from edges; it has
        `n_orientations**2` maps for each pair of scales.

    Notes
    -----
    Images are used without normalisation, with values in [0, 1], and are extended by
    mirroring. The wavelets are those usual for images: `psi_j` has a frequency of
    `0.75 pi / 2**j`, a Gaussian envelope of standard deviation `0.8 * 2**j` along its
    orientation and `n_orientations / 4` times that across. Maps are sampled every
    `2**j` pixels after each modulus. Multiplying the image by a positive factor
    multiplies all coefficients by it.

    References
    ----------
    .. [1] S. Mallat, "Group Invariant Scattering", Communications on Pure and Applied
       Mathematics, 2012, arXiv 1101.2286.
    .. [2] J. Bruna and S. Mallat, "Invariant Scattering Convolution Networks", IEEE
       Transactions on Pattern Analysis and Machine Intelligence, 2013,
       arXiv 1203.1513.

    Examples
    --------
    >>> from skmultigran import ScatteringBackbone
    >>> ScatteringBackbone(n_scales=2).levels(in_channels=1, image_size=(28, 28))
    (Level(channels=8, stride=2), Level(channels=73, stride=4))
    """

    fixed = True
    _parameter_constraints = {
        "n_scales": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_orientations": [Interval(Integral, 1, None, closed="left")],
        "max_order": [Options(Integral, {1, 2})],
    }

    def __init__(
        self,
        *,
        n_scales: int | str = "auto",
        n_orientations: int = 8,
        max_order: int = 2,
    ) -> None:
        self.n_scales = n_scales
        self.n_orientations = n_orientations
        self.max_order = max_order

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh transform; see `BackboneRecipe.build`."""
        self.check_parameters()
        # The last map then has 2 to 4 pixels along the shorter side, or more.
        n_scales = resolve_n_scales(self.n_scales, image_size, _MOST_AUTO_SCALES)
        return _Scattering(
            in_channels, n_scales, int(self.n_orientations), int(self.max_order)
        )
