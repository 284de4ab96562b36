"""Convolutions that pay only for the taps that meet the image.

At 32 px ResNet18's last two stages work on 2×2 pixels and on a single one: of their 3×3 kernels five taps of
nine, and eight of nine, only ever meet the padding. Where a convolution has only a few output pixels, or each
of them meets the whole image, it is a matrix product of the pixels that each one meets with the taps that
meet them; outputs and gradients are those of the padded convolution. On two CPU cores, 2×2 pixels of 256
channels then take 0.4 of the time, forward and backward, and a step of stride 2 down to them a half.
"""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, Self, TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from core.models.linear import linear
from core.models.winograd import convolve, is_for_winograd

FEW_PIXELS = 4  # of which each may have a matrix of its own; with 16 that took longer than the padding

Size: TypeAlias = tuple[int, ...]  # height and width
Piece: TypeAlias = tuple[slice, slice]  # rows and columns of an image or of a kernel


class CompactConv2d(nn.Conv2d):
    """`nn.Conv2d` without dilation or groups; parameters, their names and the function are the same."""

    @classmethod
    def sharing(cls, convolution: nn.Conv2d) -> Self:
        """The compact form of a convolution, with its very parameters.

        Raises:
            ValueError: it is dilated, grouped, padded by a word or with other values than zeros.
        """
        plain = convolution.dilation == (1, 1) and convolution.groups == 1
        if not plain or isinstance(convolution.padding, str) or convolution.padding_mode != "zeros":
            raise ValueError(f"no compact form of {convolution}")
        compact = cls(
            convolution.in_channels,
            convolution.out_channels,
            cast(tuple[int, int], convolution.kernel_size),
            cast(tuple[int, int], convolution.stride),
            cast(tuple[int, int], convolution.padding),
            bias=convolution.bias is not None,
            device="meta",
        )
        compact.weight, compact.bias = convolution.weight, convolution.bias
        return compact

    def forward(self, images: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, C', H', W')`."""
        padding = cast(Size, self.padding)
        layout = layout_of(tuple(images.shape[-2:]), self.kernel_size, self.stride, padding)
        if layout is None:
            return self._padded(images)
        is_in_pieces = len(layout.pixels) > 1
        if is_in_pieces and images.device.type != "cpu":  # several small products were measured there alone
            return super().forward(images)
        # Channels last, as the weights and images lie in memory: a single tap is then taken without a copy.
        image, kernel = images.permute(0, 2, 3, 1), self.weight.permute(0, 2, 3, 1)
        taps = pieces(kernel, layout.taps)
        if is_in_pieces:
            pixels = pieces(image, layout.pixels)
            output = torch.cat([linear(*pair, self.bias) for pair in zip(pixels, taps, strict=True)], dim=1)
        else:
            bias = None if self.bias is None else self.bias.repeat(len(taps))
            output = linear(image[:, *layout.pixels[0]].flatten(1), torch.cat(taps), bias)
        if len(taps) == 1:
            # Strides of a single pixel say nothing, but batch norm takes 20 times as long where those of its
            # input and its gradient differ: these are the ones that its gradient has.
            return output[:, :, None, None]
        return output.view(-1, *layout.output_size, self.out_channels).permute(0, 3, 1, 2)

    def _padded(self, images: Tensor) -> Tensor:
        if self.stride == self.padding == (1, 1) and is_for_winograd(images, self.weight):
            return convolve(images, self.weight, self.bias)
        return super().forward(images)


@dataclass(frozen=True)
class Layout:
    """What the output pixels of a compact convolution meet, row by row."""

    output_size: Size
    pixels: tuple[Piece, ...]  # a single one where all meet the same
    taps: tuple[Piece, ...]


def layout_of(image: Size, kernel: Size, stride: Size, padding: Size) -> Layout | None:
    """How a convolution is compact on images of a size; None where it is not."""
    down, across = (
        range(-p, size + p - k + 1, s) for size, k, s, p in zip(image, kernel, stride, padding, strict=True)
    )
    # Most have many pixels, and every forward pass asks: that is told without looking at each.
    if len(down) * len(across) > FEW_PIXELS and (down[-1] > 0 or across[-1] > 0):
        return None
    rows = [overlap(start, image[0], kernel[0]) for start in down]
    columns = [overlap(start, image[1], kernel[1]) for start in across]
    pixels = tuple((row.pixels, column.pixels) for row, column in product(rows, columns))
    taps = tuple((row.taps, column.taps) for row, column in product(rows, columns))
    meet_the_same = all(met == pixels[0] for met in pixels)
    if not pixels or any(span.start == span.stop for met in pixels for span in met):
        return None
    if not meet_the_same and len(pixels) > FEW_PIXELS:
        return None
    return Layout((len(rows), len(columns)), pixels[:1] if meet_the_same else pixels, taps)


class Overlap(NamedTuple):
    """Along one axis, which pixels of the image an output pixel meets, and with which taps of the kernel."""

    pixels: slice
    taps: slice


def overlap(start: int, size: int, kernel: int) -> Overlap:
    """Of a kernel that lies on an axis from `start` on; empty where it meets padding alone."""
    first, end = (min(max(edge, 0), size) for edge in (start, start + kernel))
    return Overlap(slice(first, end), slice(first - start, end - start))


def pieces(whole: Tensor, where: tuple[Piece, ...]) -> tuple[Tensor, ...]:
    """`(N, rows · columns · C)` matrices of pieces of an `(N, H, W, C)` tensor."""
    return cast(tuple[Tensor, ...], _Pieces.apply(whole, where))  # type: ignore[no-untyped-call]


class _Known(FunctionCtx):
    """What the way back must know."""

    where: tuple[Piece, ...]
    shape: torch.Size


class _Pieces(torch.autograd.Function):
    """Autograd's own way back through the slices fills the whole with zeros for every one of them."""

    generate_vmap_rule = True

    @staticmethod
    def forward(whole: Tensor, where: tuple[Piece, ...]) -> tuple[Tensor, ...]:
        return tuple(whole[:, rows, columns].flatten(1) for rows, columns in where)

    @staticmethod
    def setup_context(
        ctx: _Known, inputs: tuple[Tensor, tuple[Piece, ...]], _pieces: tuple[Tensor, ...]
    ) -> None:
        whole, ctx.where = inputs
        ctx.shape = whole.shape

    @staticmethod
    def backward(ctx: _Known, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0].new_zeros(ctx.shape)
        for (rows, columns), of_piece in zip(ctx.where, gradients, strict=True):
            piece = gradient[:, rows, columns]
            piece += of_piece.view(piece.shape)
        return gradient, None


def with_compact_convolutions(model: nn.Module) -> nn.Module:
    """The model, its convolutions changed in place for compact ones with the same parameters."""
    for name, module in list(model.named_modules()):
        if type(module) is nn.Conv2d:
            model.set_submodule(name, CompactConv2d.sharing(module))
    return model
