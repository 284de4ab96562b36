"""Gradients of single samples."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from core.models.resnet import resnet18
from core.models.tiny_vit import tiny_vit
from core.unlearners.per_sample import per_sample_gradients
from tests.toys import original, toy_set


def loss(logits, label):
    return cross_entropy(logits, label.unsqueeze(0))


def test_each_row_is_the_gradient_of_its_sample_alone():
    model, data = original(), toy_set(5)
    batch = data.batch(torch.arange(5))

    rows = per_sample_gradients(model, loss, batch.images, batch.labels)

    for number in range(5):
        alone = slice(number, number + 1)
        expected = torch.autograd.grad(
            cross_entropy(model(batch.images[alone]), batch.labels[alone]), list(model.parameters())
        )
        for row, gradient in zip(rows, expected, strict=True):
            torch.testing.assert_close(row[number], gradient)


@pytest.mark.parametrize("build", [resnet18, tiny_vit])
def test_their_mean_is_the_gradient_of_the_batch_on_the_real_architectures(build):
    torch.manual_seed(0)
    model, images, labels = build(10).eval(), torch.randn(3, 3, 32, 32), torch.arange(3)

    rows = per_sample_gradients(model, loss, images, labels)

    expected = torch.autograd.grad(cross_entropy(model(images), labels), list(model.parameters()))
    for row, gradient in zip(rows, expected, strict=True):
        torch.testing.assert_close(row.mean(dim=0), gradient, atol=1e-4, rtol=1e-3)


def test_the_model_is_left_without_gradients():
    model, batch = original(), toy_set(2).batch(torch.arange(2))

    per_sample_gradients(model, loss, batch.images, batch.labels)

    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
