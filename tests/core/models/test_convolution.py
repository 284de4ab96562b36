"""Compact convolutions: the padded ones, without the taps that only meet padding."""

from itertools import product

import pytest
import torch
from torch import nn

from core.models.convolution import CompactConv2d, taps_met

CASES = [
    case
    for case in product((1, 2, 3, 4, 5), (1, 2, 3, 5), (1, 2), (0, 1, 2))
    if case[0] + 2 * case[3] >= case[1]
]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), CASES)
def test_outputs_and_gradients_are_those_of_the_padded_convolution(size, kernel, stride, padding):
    torch.manual_seed(0)
    padded = nn.Conv2d(2, 3, kernel, stride=stride, padding=padding).double()
    results = []
    for convolution in (padded, CompactConv2d.sharing(padded)):
        images = torch.linspace(-1, 1, 4 * 2 * size * size, dtype=torch.float64).view(4, 2, size, size)
        output = convolution(images.requires_grad_())
        results.append([output, *torch.autograd.grad(output.square().sum(), [images, *padded.parameters()])])

    for compact, plain in zip(*reversed(results), strict=True):
        torch.testing.assert_close(compact, plain)


@pytest.mark.parametrize(
    ("size", "stride", "num_outputs", "num_met"), [(1, 1, 1, 1), (2, 1, 2, 2), (2, 2, 1, 2), (3, 1, 0, 0)]
)
def test_a_3x3_kernel_is_compact_on_up_to_two_pixels_across(size, stride, num_outputs, num_met):
    taps = taps_met(size, 3, stride, 1)

    assert [span.stop - span.start for span in taps] == [num_met] * num_outputs
