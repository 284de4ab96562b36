"""Compact convolutions: the padded ones, without the taps that only meet padding."""

from itertools import product

import pytest
import torch
from torch import nn

from core.models.convolution import CompactConv2d, layout_of

CASES = [
    case
    for case in product((1, 2, 3, 4, 5), (1, 2, 3, 5), (1, 2), (0, 1, 2))
    if case[0] + 2 * case[3] >= case[1]
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), CASES)
def test_outputs_and_gradients_are_those_of_the_padded_convolution(size, kernel, stride, padding, dtype):
    torch.manual_seed(0)
    padded = nn.Conv2d(2, 3, kernel, stride=stride, padding=padding).to(dtype)
    results = []
    for convolution in (padded, CompactConv2d.sharing(padded)):
        images = torch.linspace(-1, 1, 4 * 2 * size * size, dtype=dtype).view(4, 2, size, size)
        output = convolution(images.requires_grad_())
        results.append([output, *torch.autograd.grad(output.square().sum(), [images, *padded.parameters()])])

    for compact, plain in zip(*reversed(results), strict=True):
        torch.testing.assert_close(compact, plain)


@pytest.mark.parametrize(
    ("size", "stride", "num_pieces", "taps_across"),
    [
        (1, 1, 1, [(1, 2)]),  # a single pixel meets the centre of the kernel alone
        (2, 1, 1, [(1, 3), (0, 2)]),  # both meet both
        (2, 2, 1, [(1, 3)]),
        (4, 2, 4, [(1, 3), (0, 3)]),  # few enough that each has its own
    ],
)
def test_a_3x3_kernel_is_compact_down_to_two_pixels_across(size, stride, num_pieces, taps_across):
    layout = layout_of((size, size), (3, 3), (stride, stride), (1, 1))

    assert len(layout.pixels) == num_pieces
    spans = [(slice(*rows), slice(*columns)) for rows, columns in product(taps_across, taps_across)]
    assert list(layout.taps) == spans


@pytest.mark.parametrize(("size", "stride"), [(4, 1), (8, 2)])
def test_more_pixels_are_left_to_the_padded_convolution(size, stride):
    assert layout_of((size, size), (3, 3), (stride, stride), (1, 1)) is None


def test_a_kernel_larger_than_the_padded_image_is_refused_as_torch_does():
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        CompactConv2d.sharing(nn.Conv2d(2, 3, 5))(torch.zeros(1, 2, 3, 3))
