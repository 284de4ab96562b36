"""Our SGD: torch's arithmetic, whatever the order in which weights and gradients lie in memory."""

import pytest
import torch
from torch import nn

from core.optimisers import SGD

LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("of_gradient", LAYOUTS)
@pytest.mark.parametrize("of_weight", LAYOUTS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("shape", [(6, 4, 3, 3), (6, 4, 1, 1)])
def test_a_step_is_torchs_in_every_memory_layout(shape, momentum, of_weight, of_gradient):
    ours = nn.Parameter(torch.linspace(-1, 1, torch.Size(shape).numel()).view(shape))
    theirs = nn.Parameter(ours.detach().clone())
    ours.data = ours.data.contiguous(memory_format=of_weight)
    optimisers = [
        SGD([ours], lr=0.1, momentum=momentum, weight_decay=0.2),
        torch.optim.SGD([theirs], lr=0.1, momentum=momentum, weight_decay=0.2, foreach=False),
    ]

    for power in (1, 2, 3):
        gradient = torch.linspace(-2, 1, ours.numel()).view(shape) ** power
        ours.grad, theirs.grad = gradient.contiguous(memory_format=of_gradient), gradient
        for optimiser in optimisers:
            optimiser.step()

    torch.testing.assert_close(ours.detach().contiguous(), theirs.detach())


def test_a_parameter_without_a_gradient_stays_as_it_is():
    moved, kept, alone = (nn.Parameter(torch.ones(2)) for _ in range(3))
    moved.grad = torch.ones(2)

    SGD([moved, kept], lr=0.5, momentum=0.9, weight_decay=0.1).step()
    SGD([alone], lr=0.5, momentum=0.9, weight_decay=0.1).step()

    assert (moved < 1).all()
    assert torch.equal(kept, torch.ones(2))
    assert torch.equal(alone, torch.ones(2))
