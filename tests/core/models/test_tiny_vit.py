"""TinyViT: the compact attention is timm's padded one, exactly (protocol §3.2–3.4)."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.models.tiny_vit import TIMM_NAME, parts, tiny_vit
from core.torchvision_operators import declare_missing_operators

SIZES = (16, 32, 64)


def padded(num_classes: int) -> nn.Module:
    """timm's own model."""
    declare_missing_operators()
    import timm

    return timm.create_model(TIMM_NAME, num_classes=num_classes)


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    """timm's model in double precision; nothing in it is zero or one, as much is after initialisation."""
    torch.manual_seed(0)
    model = padded(5).double()
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor), alpha=0.1)
    return model


@pytest.fixture
def compact(reference) -> nn.Module:
    """Ours, with the same weights."""
    model = tiny_vit(5).double()
    model.load_state_dict(reference.state_dict())
    return model


def images(size: int, count: int = 3) -> Tensor:
    return torch.randn(
        count, 3, size, size, generator=torch.Generator().manual_seed(size), dtype=torch.float64
    )


def gradients(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Every parameter's gradient of the loss; the seed decides which blocks stochastic depth skips."""
    torch.manual_seed(7)
    loss = cross_entropy(model(batch), torch.arange(len(batch)))
    return dict(
        zip(dict(model.named_parameters()), torch.autograd.grad(loss, [*model.parameters()]), strict=True)
    )


def test_names_and_shapes_are_timms(reference):
    ours, timms = tiny_vit(5).state_dict(), reference.state_dict()

    assert {name: tensor.shape for name, tensor in ours.items()} == {
        name: t.shape for name, t in timms.items()
    }
    assert list(ours) == list(timms)


def test_initial_weights_are_timms():
    torch.manual_seed(3)
    ours = tiny_vit(10).state_dict()
    torch.manual_seed(3)
    timms = padded(10).state_dict()

    assert all(torch.equal(tensor, timms[name]) for name, tensor in ours.items())


@pytest.mark.parametrize("size", SIZES)
def test_outputs_in_evaluation_are_timms(reference, compact, size):
    with torch.no_grad():
        expected, got = reference.eval()(images(size)), compact.eval()(images(size))

    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("size", SIZES)
def test_outputs_in_training_are_timms(reference, compact, size):
    outputs = []
    for model in (reference, compact):
        torch.manual_seed(7)
        with torch.no_grad():
            outputs.append(model.train()(images(size)))

    torch.testing.assert_close(*outputs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("is_training", [True, False])
def test_gradients_of_every_parameter_are_timms(reference, compact, is_training):
    expected = gradients(reference.train(is_training), images(32))
    got = gradients(compact.train(is_training), images(32))

    scale = max(gradient.abs().max().item() for gradient in expected.values())
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, rtol=0, atol=1e-10 * scale, msg=name)


def test_attention_biases_get_a_gradient_in_eval_mode(compact):
    with torch.no_grad():
        compact.eval()(images(32))  # as an evaluation before the method would

    compact(images(32)).square().sum().backward()

    biases = {name: p for name, p in compact.named_parameters() if name.endswith("attention_biases")}
    assert len(biases) == 10
    assert all(bias.grad.abs().max() > 0 for bias in biases.values())


@torch.no_grad()
def test_changing_attention_biases_in_place_changes_the_output(compact):
    before = compact.eval()(images(32))

    for name, parameter in compact.named_parameters():
        if name.endswith("attention_biases"):
            parameter[:, 0] += 1

    assert not torch.allclose(compact(images(32)), before)


@pytest.mark.parametrize(("classes", "count"), [(10, 10_552_462), (100, 10_592_872), (5, 10_550_217)])
def test_the_number_of_parameters_is_the_papers(classes, count):
    model = tiny_vit(classes)

    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_the_seed_decides_the_weights():
    first, again, other = (seeded(seed) for seed in (0, 0, 1))

    assert all(torch.equal(*pair) for pair in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.head.fc.weight, other.head.fc.weight)


def test_parts_are_three_stages_that_share_nothing_and_leave_out_the_stem():
    model = tiny_vit(10)

    found = parts(model)

    assert found.classifier.out_features == 10
    assert found.first_convolution.in_channels == 3
    ids = [id(p) for stage in found.stages for module in stage for p in module.parameters()]
    assert len(found.stages) == 3
    assert len(set(ids)) == len(ids)
    assert not {id(p) for p in model.patch_embed.parameters()} & set(ids)


def seeded(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return tiny_vit(10)
