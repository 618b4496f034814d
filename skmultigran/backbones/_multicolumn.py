"""Columns of convolutions side by side, each with its own receptive field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral

from torch import Tensor, nn

from skmultigran._levels import Level
from skmultigran._registry import register_backbone
from skmultigran._support import Options, StrOptions
from skmultigran.backbones._base import Backbone, BackboneRecipe

_STRIDES = (4, 2, 1)
_SHORTEST_MAP = 8


def receptive_field(kernel_sizes: Sequence[int], stride: int) -> int:
    """Return the side of the square of pixels that one output of a column sees.

    Parameters
    ----------
    kernel_sizes : sequence of int
        Sizes of the column's convolutions, in their order.
    stride : int
        Stride of the column: each of the first `log2(stride)` convolutions is followed
        by a 2 x 2 max pooling.

    Returns
    -------
    int
        `1 + sum (kernel - 1) * step` over convolutions and poolings, where `step` is
        the distance of neighbours before each of them.

    Examples
    --------
    >>> from skmultigran.backbones._multicolumn import receptive_field
    >>> receptive_field((5, 3, 3, 3), stride=4)
    28
    """
    field, step = 1, 1
    for kernel_size in kernel_sizes:
        field += (kernel_size - 1) * step
        if step < stride:
            field += step
            step *= 2
    return field


def _auto_stride(image_size: tuple[int, int]) -> int:
    """Return the largest stride that leaves maps of at least 8 pixels, or 1."""
    fitting = (s for s in _STRIDES if max(image_size) / s >= _SHORTEST_MAP)
    return next(fitting, 1)


def _column(
    in_channels: int, kernel_sizes: Sequence[int], widths: Sequence[int], stride: int
) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels, step = in_channels, 1
    for kernel_size, width in zip(kernel_sizes, widths, strict=True):
        layers += [
            nn.Conv2d(
                channels, width, kernel_size, padding=kernel_size // 2, bias=False
            ),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        channels = width
        if step < stride:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            step *= 2
    return nn.Sequential(*layers)


class _MultiColumn(Backbone):
    def __init__(
        self,
        in_channels: int,
        kernel_sizes: Sequence[Sequence[int]],
        widths: Sequence[Sequence[int]],
        stride: int,
    ) -> None:
        super().__init__()
        self.columns = nn.ModuleList(
            _column(in_channels, kernels, channels, stride)
            for kernels, channels in zip(kernel_sizes, widths, strict=True)
        )
        self.levels = tuple(Level(channels[-1], stride) for channels in widths)
        self.receptive_fields = tuple(
            receptive_field(kernels, stride) for kernels in kernel_sizes
        )
        self.apply(_initialise)

    def forward(self, images: Tensor) -> list[Tensor]:
        return [column(images) for column in self.columns]

    def next_level(
        self, position: int, carried: tuple[Tensor, ...], size: tuple[int, int]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the map of one column; see `Backbone.next_level`."""
        return self.columns[position](carried[0]), carried

    def parts(self) -> list[nn.Module]:
        """Raise an error: columns do not follow each other; see `Backbone.parts`."""
        raise ValueError(
            "The columns of MultiColumnBackbone stand side by side, so none of them is "
            "the last part, which could be trained alone. Train all of it or nothing "
            "of it."
        )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _is_positive(value: object) -> bool:
    return isinstance(value, Integral) and int(value) > 0


def _is_odd(value: object) -> bool:
    return isinstance(value, Integral) and int(value) > 0 and int(value) % 2 == 1


def _all_nested(columns: Iterable[object], rule: Callable[[object], bool]) -> bool:
    """Return whether `columns` holds sequences of numbers that all obey `rule`."""
    return all(
        isinstance(column, Iterable) and all(rule(number) for number in column)
        for column in columns
    )


@register_backbone("multicolumn")
class MultiColumnBackbone(BackboneRecipe):
    """Parallel columns of convolutions with different receptive fields.

    Registered as "multicolumn".

    The multi-column network for crowd counting [1]_: every column filters the image
    with kernels of its own sizes, so that near and far, large and small objects each
    have a suitable column. All columns have the same stride and each is one level, the
    smallest receptive field first.

    Parameters
    ----------
    kernel_sizes : sequence of sequences of int, \
            default=((5, 3, 3, 3), (7, 5, 5, 5), (9, 7, 7, 7))
        Kernel sizes (pixels, odd) of each column's convolutions, for at least three
        columns whose receptive fields grow from column to column.
    widths : sequence of sequences of int, \
            default=((24, 48, 48, 48), (20, 40, 40, 40), (16, 32, 32, 32))
        Channels of each convolution, in the same shape as `kernel_sizes`. The last
        number of a column is the number of channels of its level.
    stride : {1, 2, 4} or "auto", default="auto"
        Stride of the levels (pixels). A 2 x 2 max pooling follows each of the first
        `log2(stride)` convolutions. "auto": the largest that leaves maps of at least 8
        pixels along the longer side of the image.

    Notes
    -----
    The kernel sizes, the two poolings and the first two widths of each column are those
    of the paper. There, the last two widths, (24, 12), (20, 10) and (16, 8), narrow to
    a density map; here they stay wide, since the levels are features. The paper uses no
    batch norm; here one follows each convolution, for training from scratch.

    At stride 4 the default receptive fields are 28, 50 and 72 pixels. They are
    available as `receptive_fields` of the module.

    References
    ----------
    .. [1] Y. Zhang et al., "Single-Image Crowd Counting via Multi-Column Convolutional
       Neural Network", CVPR 2016.

    Examples
    --------
    >>> from skmultigran import MultiColumnBackbone
    >>> backbone = MultiColumnBackbone().build(in_channels=1, image_size=(28, 28))
    >>> [(level.channels, level.stride) for level in backbone.levels]
    [(48, 2), (40, 2), (32, 2)]
    >>> backbone.receptive_fields
    (18, 32, 46)
    """

    _parameter_constraints = {
        "kernel_sizes": ["array-like"],
        "widths": ["array-like"],
        "stride": [Options(Integral, set(_STRIDES)), StrOptions({"auto"})],
    }

    def __init__(
        self,
        *,
        kernel_sizes: Sequence[Sequence[int]] = (
            (5, 3, 3, 3),
            (7, 5, 5, 5),
            (9, 7, 7, 7),
        ),
        widths: Sequence[Sequence[int]] = (
            (24, 48, 48, 48),
            (20, 40, 40, 40),
            (16, 32, 32, 32),
        ),
        stride: int | str = "auto",
    ) -> None:
        self.kernel_sizes = kernel_sizes
        self.widths = widths
        self.stride = stride

    def build(self, in_channels: int, image_size: tuple[int, int]) -> Backbone:
        """Return a fresh network; see `BackboneRecipe.build`."""
        self.check_parameters()
        stride = (
            _auto_stride(image_size) if isinstance(self.stride, str) else self.stride
        )
        self._check_columns(stride)
        return _MultiColumn(in_channels, self.kernel_sizes, self.widths, stride)

    def _check_columns(self, stride: int) -> None:
        kernel_sizes, widths = self.kernel_sizes, self.widths
        if not _all_nested(kernel_sizes, _is_odd):
            raise ValueError(
                f"MultiColumnBackbone got kernel_sizes={kernel_sizes!r}; it must be "
                "a sequence of odd positive integers per column; odd kernels keep the "
                "size of the maps."
            )
        if not _all_nested(widths, _is_positive):
            raise ValueError(
                f"MultiColumnBackbone got widths={widths!r}; it must be a sequence "
                "of positive integers per column."
            )
        if [len(column) for column in kernel_sizes] != [
            len(column) for column in widths
        ]:
            raise ValueError(
                f"MultiColumnBackbone got kernel_sizes={kernel_sizes!r} and "
                f"widths={widths!r}; both must have one number per convolution of each "
                "column."
            )
        self._check_receptive_fields(stride)

    def _check_receptive_fields(self, stride: int) -> None:
        poolings = stride.bit_length() - 1
        shortest = min((len(column) for column in self.kernel_sizes), default=0)
        if len(self.kernel_sizes) < 3 or shortest < max(poolings, 1):
            raise ValueError(
                f"MultiColumnBackbone got kernel_sizes={self.kernel_sizes!r}; it needs "
                f"at least three columns, of at least {max(poolings, 1)} convolutions "
                f"each for stride {stride}."
            )
        fields = [receptive_field(column, stride) for column in self.kernel_sizes]
        if fields != sorted(set(fields)):
            raise ValueError(
                f"MultiColumnBackbone got kernel_sizes={self.kernel_sizes!r}, columns "
                f"of receptive fields {fields} pixels; they must grow from column to "
                "column. Change the kernel sizes or the order of the columns."
            )
