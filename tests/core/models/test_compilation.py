"""Torch's compiler takes every model whole: a break would cost a launch, and forbid a CUDA graph."""

import pytest
import torch
from torch._dynamo.utils import counters

from core.catalog.registry import implementation, installed


@pytest.mark.filterwarnings(
    "ignore:.*should not be instantiated:DeprecationWarning"
)  # the compiler's own doing
@pytest.mark.parametrize("name", ["resnet18", "resnet18_cifar", "tiny_vit"])
def test_a_model_is_one_graph(name):
    torch.manual_seed(0)
    model = implementation(installed().models[name].implementation)(10).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    torch.compiler.reset()
    counters.clear()
    compiled = torch.compile(model, backend="eager", fullgraph=True)

    for _ in range(3):
        torch.testing.assert_close(compiled(images), model(images))
    assert counters["stats"]["unique_graphs"] == 1
