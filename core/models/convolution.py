"""Convolutions that pay only for the taps that meet the image.

At 32 px ResNet18's last stage works on a single pixel: of its 3×3 kernels eight taps of nine only ever meet
the padding, and their gradient is exactly zero. Where a convolution's output is one pixel, it is one matrix
product of the input with the taps that lie on it; outputs and gradients are those of the padded convolution.
"""

from typing import Self, cast

import torch.nn.functional as F
from torch import Tensor, nn


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
        (height, width), (rows, columns), strides = images.shape[-2:], self.kernel_size, self.stride
        top, left = cast(tuple[int, int], self.padding)
        if (height + 2 * top - rows) // strides[0] or (width + 2 * left - columns) // strides[1]:
            return super().forward(images)
        # Channels last, as the weights and images lie in memory: a single tap is then taken without a copy.
        taps = self.weight.permute(0, 2, 3, 1)[:, top : top + height, left : left + width]
        met = images.permute(0, 2, 3, 1)[:, : rows - top, : columns - left]
        return F.linear(met.flatten(1), taps.flatten(1), self.bias)[:, :, None, None]


def with_compact_convolutions(model: nn.Module) -> nn.Module:
    """The model, its convolutions changed in place for compact ones with the same parameters."""
    for name, module in list(model.named_modules()):
        if type(module) is nn.Conv2d:
            model.set_submodule(name, CompactConv2d.sharing(module))
    return model
