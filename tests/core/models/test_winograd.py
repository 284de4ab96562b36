"""3×3 convolutions on 4×4 pixels by 36 products: those of the padded convolution."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.models.convolution import CompactConv2d
from core.models.linear import BY_ONE_DNN
from core.models.winograd import FEW_CHANNELS, FEW_IMAGES, convolve, is_for_winograd

ROUNDING = 3e-6  # of fp32, relative to the norm; the padded convolution's is an eighth


def results(convolution, images, *parameters):
    """Output, and gradients of images and parameters."""
    output = convolution(images)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).to(output.dtype)
    return [output, *torch.autograd.grad((output * weights).sum(), [images, *parameters])]


@pytest.mark.parametrize("has_bias", [True, False])
def test_outputs_and_gradients_are_those_of_the_padded_convolution(has_bias):
    torch.manual_seed(0)
    images = torch.randn(5, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(6, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = (torch.randn(6, dtype=torch.float64, requires_grad=True),) * has_bias

    found = results(lambda images: convolve(images, weight, *bias), images, weight, *bias)

    expected = results(lambda images: F.conv2d(images, weight, *bias, padding=1), images, weight, *bias)
    for mine, padded in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, padded)


def test_many_small_images_are_convolved_to_the_rounding_of_fp32():
    torch.manual_seed(0)
    padded = nn.Conv2d(FEW_CHANNELS, FEW_CHANNELS, 3, padding=1)
    images = torch.randn(FEW_IMAGES, FEW_CHANNELS, 4, 4, requires_grad=True)
    compact = CompactConv2d.sharing(padded)
    assert is_for_winograd(images, compact.weight) == (BY_ONE_DNN is not None)

    found = results(compact, images, *compact.parameters())

    exact = deepcopy(padded).double()
    inputs = images.detach().double().requires_grad_()
    for mine, expected in zip(found, results(exact, inputs, *exact.parameters()), strict=True):
        assert (mine - expected).norm() < ROUNDING * expected.norm()


@pytest.mark.parametrize(
    ("images", "weight"),
    [
        (torch.zeros(FEW_IMAGES - 1, FEW_CHANNELS, 4, 4), torch.zeros(FEW_CHANNELS, FEW_CHANNELS, 3, 3)),
        (torch.zeros(FEW_IMAGES, FEW_CHANNELS, 4, 5), torch.zeros(FEW_CHANNELS, FEW_CHANNELS, 3, 3)),
        (torch.zeros(FEW_IMAGES, FEW_CHANNELS, 4, 4), torch.zeros(FEW_CHANNELS, FEW_CHANNELS, 1, 1)),
        (torch.zeros(FEW_IMAGES, 64, 4, 4), torch.zeros(FEW_CHANNELS, 64, 3, 3)),
        (
            torch.zeros(FEW_IMAGES, FEW_CHANNELS, 4, 4).double(),
            torch.zeros(FEW_CHANNELS, FEW_CHANNELS, 3, 3).double(),
        ),
    ],
    ids=["few images", "other sizes", "other kernels", "few channels", "double precision"],
)
def test_what_is_not_faster_so_is_left_to_the_padded_convolution(images, weight):
    assert not is_for_winograd(images, weight)


def test_bf16_is_left_to_the_padded_convolution():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not is_for_winograd(
            torch.zeros(FEW_IMAGES, FEW_CHANNELS, 4, 4), torch.zeros(FEW_CHANNELS, FEW_CHANNELS, 3, 3)
        )
