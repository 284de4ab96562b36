"""Linear layers by oneDNN: torch's, outputs and gradients."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, vmap

from core.models.linear import BY_ONE_DNN, Linear, linear


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.skipif(
    not (torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability().startswith("AVX")),
    reason="only x86 with oneDNN has it",
)
def test_torch_still_has_the_operator():
    assert BY_ONE_DNN is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("has_bias", [True, False])
def test_outputs_and_gradients_are_torchs(dtype, has_bias):
    rows, weight, bias = (random(*shape).to(dtype) for shape in ((5, 7), (3, 7), (3,)))
    inputs = [rows.requires_grad_(), weight.requires_grad_(), *[bias.requires_grad_()] * has_bias]

    results = [
        [output, *torch.autograd.grad(output.square().sum(), inputs)]
        for output in (linear(*inputs), F.linear(*inputs))
    ]

    for ours, torchs in zip(*results, strict=True):
        torch.testing.assert_close(ours, torchs)


def test_matrices_with_gaps_and_transposed_ones_give_the_same():
    rows, weight = random(4, 5, 2)[:, :, 0], random(5, 3).t()

    torch.testing.assert_close(linear(rows, weight), F.linear(rows, weight))


def test_a_layer_takes_any_number_of_dimensions_and_shares_the_parameters():
    torch.manual_seed(0)
    plain = nn.Linear(7, 3)
    ours = Linear.sharing(plain)

    for shape in ((7,), (1, 7), (0, 7), (5, 7), (2, 4, 7), (2, 2, 3, 7)):
        torch.testing.assert_close(ours(random(*shape)), plain(random(*shape)))
    assert ours.weight is plain.weight
    assert ours.bias is plain.bias


def test_gradients_of_single_samples_are_torchs():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 3, bias=False))
    ours = nn.Sequential(Linear.sharing(plain[0]), nn.ReLU(), Linear.sharing(plain[2]))
    parameters = dict(plain.named_parameters())

    def per_sample(model: nn.Module) -> dict[str, torch.Tensor]:
        def loss(parameters: dict[str, torch.Tensor], row: torch.Tensor) -> torch.Tensor:
            return functional_call(model, parameters, (row.unsqueeze(0),)).square().sum()

        return vmap(grad(loss), in_dims=(None, 0))(parameters, random(6, 7))

    torch.testing.assert_close(per_sample(ours), per_sample(plain))


def test_under_autocast_it_computes_in_the_precision_asked_for():
    rows, weight = random(5, 7), random(3, 7)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(rows, weight).dtype == torch.bfloat16


def test_what_does_not_fit_is_refused_as_torch_does():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        linear(random(5, 6), random(3, 7))


def test_a_layer_has_a_shape_without_values():
    layer = Linear.sharing(nn.Linear(7, 3, device="meta"))

    assert layer(torch.empty(5, 7, device="meta")).shape == (5, 3)
