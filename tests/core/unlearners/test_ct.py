"""CT's own identities (methods §4.5)."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from core.catalog.challenge import CT
from core.errors import ModelUnsuitable
from core.models.resnet import resnet18
from core.unlearners.ct import transpose_kernels
from tests.toys import original, run, same_weights


def test_applied_twice_it_is_the_identity():
    once = run(CT, num_epochs=0)

    assert not same_weights(once, original())
    assert same_weights(run(CT, model=once, num_epochs=0), original())


def test_zero_epochs_swap_height_and_width_of_every_kernel_and_nothing_else():
    kernels = {
        f"{name}.weight" for name, module in original().named_modules() if isinstance(module, nn.Conv2d)
    }

    unlearned = run(CT, num_epochs=0).state_dict()

    for name, before in original().state_dict().items():
        expected = before.transpose(-2, -1) if name in kernels else before
        assert torch.equal(unlearned[name], expected), name


def test_before_any_training_it_is_the_original_looking_at_transposed_images():
    torch.manual_seed(0)
    model, images = resnet18(10).eval(), torch.randn(4, 3, 32, 32)

    unlearned = run(CT, model=model, num_epochs=0)

    with torch.no_grad():
        torch.testing.assert_close(unlearned(images.transpose(-2, -1)), model(images), atol=1e-5, rtol=1e-5)


def test_kernels_change_in_place_and_stay_contiguous():
    model = deepcopy(original())
    before = list(model.parameters())

    transpose_kernels(model)

    assert all(old is new for old, new in zip(before, model.parameters(), strict=True))
    assert all(parameter.is_contiguous() for parameter in model.parameters())


def test_kernels_keep_the_memory_format_that_the_harness_gives_them():
    model = deepcopy(original()).to(memory_format=torch.channels_last)

    transpose_kernels(model)

    assert model.stem[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(model.stem[0].weight, original().stem[0].weight.transpose(-2, -1))


def test_other_kinds_of_convolution_are_left_alone():
    model = nn.Sequential(
        nn.Conv1d(2, 2, 3), nn.ConvTranspose2d(2, 2, 3), nn.Conv2d(2, 2, 1), nn.Conv3d(2, 2, 3)
    )
    before = deepcopy(model)

    transpose_kernels(model)

    assert same_weights(model, before)


def test_a_kernel_that_is_not_square_is_refused_by_name():
    model = nn.Sequential(nn.Conv2d(3, 4, (3, 5)))

    with pytest.raises(ModelUnsuitable, match=r"kernel_size=\(3, 5\)"):
        transpose_kernels(model)
