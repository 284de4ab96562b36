"""Torch's compiler takes every model whole: a break would cost a launch, and forbid a CUDA graph."""

import pytest
import torch

from core.catalog.registry import implementation, installed


@pytest.mark.filterwarnings(
    "ignore:.*should not be instantiated:DeprecationWarning"
)  # the compiler's own doing
@pytest.mark.parametrize("name", ["resnet18", "resnet18_cifar", "tiny_vit"])
def test_a_model_is_one_graph(name):
    torch.manual_seed(0)
    model = implementation(installed().models[name].implementation)(10).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    compiled = torch.compile(model, backend="eager", fullgraph=True)

    torch.testing.assert_close(compiled(images), model(images))
