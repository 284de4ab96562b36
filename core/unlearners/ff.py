"""FF: add noise to each weight, the more the less the retain set's Fisher information constrains it.

Source: Golatkar et al. 2020, arXiv 1911.04933, in the form of Jia et al. 2023, arXiv 2304.04934;
methods §5.6.
Departs from it: the classifier is told by its place in the model, not by a first dimension of C.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.published import FFHyperparameters
from core.catalog.work import GRADIENT_BLOCK
from core.datasets.resident import ResidentSet
from core.unlearners.per_sample import per_sample_gradients
from core.unlearners.task import Task

DAMPING = 1e-8  # on the Fisher information, before it is inverted
MAX_VARIANCE = 1000.0
MAX_CLASSIFIER_VARIANCE = 100.0
BOOST = 10.0  # of the variance of the classifier, of normalisation parameters and of biases


def unlearn(model: nn.Module, task: Task, hp: FFHyperparameters) -> None:
    """Add N(0, v) to every parameter, v falling with the diagonal of the Fisher matrix, in place."""
    model.eval()
    if hp.variant == "official":
        fisher = fisher_of_batch_means(model, task.retain, hp.batch_size)
    else:
        fisher = fisher_of_samples(model, task.retain, task.generator)
    classifier = {id(parameter) for parameter in task.parts_of(model).classifier.parameters()}
    with torch.no_grad():
        for parameter, information in zip(model.parameters(), fisher, strict=True):
            variance = noise_variance(information, hp.alpha, is_classifier=id(parameter) in classifier)
            noise = torch.randn(parameter.shape, generator=task.generator, device=task.device)
            parameter.add_(variance.sqrt() * noise)


def fisher_of_batch_means(model: nn.Module, data: ResidentSet, batch_size: int) -> list[Tensor]:
    """`Σ_y mean_i(p_iy) · (mean_i ∇ℓ_iy)²` of each batch, averaged over batches, per parameter.

    The form of the paper's code: it pairs the probabilities of some samples with the gradients of others.
    """
    parameters = list(model.parameters())
    fisher = [torch.zeros_like(parameter) for parameter in parameters]
    num_batches = 0
    for batch in data.in_order(batch_size):
        log_probabilities = F.log_softmax(model(batch.images), dim=1)
        shares = log_probabilities.detach().exp().mean(dim=0)
        losses = -log_probabilities.mean(dim=0) * shares.sqrt()  # as their gradients are squared
        for loss in losses:
            gradients = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
            for total, gradient in zip(fisher, gradients, strict=True):
                total.addcmul_(gradient, gradient)
        num_batches += 1
    return [total / num_batches for total in fisher]


def fisher_of_samples(model: nn.Module, data: ResidentSet, generator: torch.Generator) -> list[Tensor]:
    """`mean_i (∇ℓ_i)²` with one label per sample drawn from the model's own p(x), per parameter.

    An unbiased estimate of the diagonal of the Fisher matrix.
    """
    fisher = [torch.zeros_like(parameter) for parameter in model.parameters()]
    uniforms = torch.rand(len(data), generator=generator, device=generator.device)
    for batch, uniform in zip(data.in_order(GRADIENT_BLOCK), uniforms.split(GRADIENT_BLOCK), strict=True):
        gradients = per_sample_gradients(model, _loss_of_drawn_label, batch.images, uniform)
        for total, gradient in zip(fisher, gradients, strict=True):
            total += gradient.square().sum(dim=0)
    return [total / len(data) for total in fisher]


def noise_variance(fisher: Tensor, alpha: float, *, is_classifier: bool) -> Tensor:
    """The variance of a parameter's noise: its shape, with 1 in dimension 1, over which it is averaged."""
    variance = (1 / (fisher + DAMPING)).clamp(max=MAX_CLASSIFIER_VARIANCE if is_classifier else MAX_VARIANCE)
    variance = alpha * variance
    if variance.ndim > 1:
        variance = variance.mean(dim=1, keepdim=True)
    return BOOST * variance if is_classifier or variance.ndim == 1 else variance


def draw_label(logits: Tensor, uniform: Tensor) -> Tensor:
    """The class, `(1,)` int64, at which `(1, C)` logits' cumulative probability passes a number in [0, 1)."""
    passed = F.softmax(logits, dim=1).cumsum(dim=1) <= uniform
    return passed.sum(dim=1).clamp(max=logits.shape[1] - 1)


def _loss_of_drawn_label(logits: Tensor, uniform: Tensor) -> Tensor:
    return F.cross_entropy(logits, draw_label(logits, uniform))
