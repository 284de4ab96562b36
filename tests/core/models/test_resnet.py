"""ResNet18 as the paper trains it: torchvision's, with the stem for large images (protocol §3.1)."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from core.models.resnet import parts, resnet18
from core.torchvision_operators import declare_missing_operators


def torchvision_resnet18(num_classes: int) -> nn.Module:
    declare_missing_operators()
    from torchvision.models import resnet18 as build

    return build(num_classes=num_classes)


def seeded(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return resnet18(10)


@pytest.mark.parametrize(("classes", "count"), [(10, 11_181_642), (100, 11_227_812), (5, 11_179_077)])
def test_the_number_of_parameters_is_the_papers(classes, count):
    model = resnet18(classes)

    assert sum(parameter.numel() for parameter in model.parameters()) == count


@pytest.mark.parametrize("size", [16, 32, 64])
def test_any_image_size_gives_one_logit_per_class(size):
    with torch.no_grad():
        logits = seeded(0).eval()(torch.zeros(2, 3, size, size))

    assert logits.shape == (2, 10)


@pytest.mark.parametrize("size", [16, 32, 40])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("dtype", "is_training", "tolerance"),
    [(torch.float64, True, 1e-9), (torch.float32, False, 1e-5)],  # in training four samples magnify rounding
)
def test_outputs_and_gradients_are_torchvisions(size, layout, dtype, is_training, tolerance):
    ours = seeded(0).to(dtype, memory_format=layout).train(is_training)
    theirs = torchvision_resnet18(10).to(dtype).train(is_training)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(4, 3, size, size, dtype=dtype, generator=torch.Generator().manual_seed(1))

    outputs = [model(images.clone()) for model in (ours, theirs)]
    for output in outputs:
        output.square().sum().backward()

    torch.testing.assert_close(outputs[0], outputs[1], rtol=tolerance, atol=tolerance)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert (mine.grad - other.grad).abs().max() <= tolerance * other.grad.abs().max()


def test_the_seed_gives_torchvisions_initial_weights():
    ours = seeded(3).state_dict()
    torch.manual_seed(3)
    theirs = torchvision_resnet18(10).state_dict()

    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_seed_decides_the_weights():
    first, again, other = (seeded(seed).state_dict() for seed in (0, 0, 1))

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_parts_are_four_stages_a_stem_and_a_classifier():
    model = resnet18(10)

    found = parts(model)

    assert found.classifier is model.fc
    assert found.first_convolution is model.conv1
    assert found.stages == ((model.layer1,), (model.layer2,), (model.layer3,), (model.layer4,))


@pytest.mark.slow
@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_a_fresh_interpreter_can_import_what_models_come_from(package):
    """Also where the compiled operators are of another torch's build, at which the plain import fails."""
    code = (
        "from core.torchvision_operators import declare_missing_operators as declare\n"
        f"declare(); declare()\nimport {package}, torchvision.models as models\nmodels.resnet18()"
    )

    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
