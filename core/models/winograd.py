"""3×3 convolutions on 4×4 pixels with a quarter of the products.

At 32 px ResNet18's second stage works on 4×4 pixels, where a padded convolution multiplies 9 taps by 16
pixels for each pair of channels. Sixteen sums of three terms are the middle of a product of polynomials in
two variables, which 36 of its values determine (Winograd's minimal filtering, F(4×4, 3×3) of Lavin and Gray
2016, arXiv 1509.09308): pixels and taps are mapped to their values at 36 points, multiplied there, and mapped
back. On two idle cores of an AMD EPYC (Zen 4) 256 images of 128 channels take 0.65 of the time so, forward
and backward, and the model's training step 0.935 of it; on busy cores, as there are more products to wait
for, the step takes 1.05 to 1.1 of it.

The 8×8 pixels of the first stage keep their padded convolution: their values at the points are 2.25 times as
many as they, and with 64 channels to multiply, moving these takes as long as the products that it saves, also
where the maps are loops of a compiler.

Rounding errors are eight times those of the padded convolution: 1e-6 of the output's norm in fp32.
"""

from functools import cache
from typing import cast

import numpy as np
import torch
from torch import Tensor

from core.models.linear import BY_ONE_DNN

WIDTH, TAPS = 4, 3  # pixels and taps along one axis
POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)  # and infinity; at 0, ±1 and ±2 the errors are twice as large
FEW_IMAGES = FEW_CHANNELS = 128  # with fewer, the maps take longer than the products that they save


def is_for_winograd(images: Tensor, weight: Tensor) -> bool:
    """Whether a convolution of stride 1 and padding 1 is faster so: many small fp32 images on an x86 CPU."""
    if images.device.type != "cpu" or BY_ONE_DNN is None or torch.is_autocast_enabled("cpu"):
        return False
    are_fp32 = images.dtype == weight.dtype == torch.float32
    are_small = images.shape[2:] == (WIDTH, WIDTH) and weight.shape[2:] == (TAPS, TAPS)
    are_many = len(images) >= FEW_IMAGES and min(weight.shape[:2]) >= FEW_CHANNELS
    return are_fp32 and are_small and are_many


def convolve(images: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d(images, weight, bias, padding=1)` of `(B, C, 4, 4)` images and an `(O, C, 3, 3)` weight:
    `(B, O, 4, 4)`, channels last in memory.
    """
    of_pixels, of_taps, back = maps(images.dtype)
    pixels = of_pixels @ images.permute(0, 2, 3, 1).flatten(1, 2)
    taps = (of_taps @ weight.permute(2, 3, 0, 1).flatten(2).flatten(0, 1)).unflatten(1, weight.shape[:2])
    output: Tensor = back @ (pixels.transpose(0, 1) @ taps.transpose(1, 2)).transpose(0, 1)
    if bias is not None:
        output = output + bias
    return output.view(-1, WIDTH, WIDTH, len(weight)).permute(0, 3, 1, 2)


@cache
def maps(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """What maps 16 pixels to values at 36 points `(36, 16)`, 9 taps to them `(36, 9)`, and products of both
    to 16 pixels `(16, 36)`.

    Along one axis a convolution is the transpose of the product of two polynomials. That product is found
    from its values by inverting the matrix of the points' powers, which so comes to stand before the pixels;
    the pixels of the padding are zeros, so their columns are left out.
    """
    back = powers(WIDTH).T
    of_taps = powers(TAPS)
    of_pixels = np.linalg.inv(powers(WIDTH + TAPS - 1)).T[:, 1:-1]
    # Values of about the same size on both sides; a power of two changes no digit.
    scale = 2.0 ** np.round(np.log2(np.abs(of_pixels).sum(1) / np.abs(of_taps).sum(1)) / 2)
    one_axis = (of_pixels / scale[:, None], of_taps * scale[:, None], back)
    both = (torch.from_numpy(np.kron(matrix, matrix)).to(dtype) for matrix in one_axis)
    return cast(tuple[Tensor, Tensor, Tensor], tuple(both))


def powers(num_coefficients: int) -> np.ndarray:
    """The matrix `(6, num_coefficients)` from coefficients to values at the points; at infinity the value is
    the last coefficient.
    """
    finite = np.vander(POINTS, num_coefficients, increasing=True)
    return np.vstack([finite, np.eye(1, num_coefficients, num_coefficients - 1)])
