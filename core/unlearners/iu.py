"""IU: one Newton-like step that takes the forget set's influence back out of the weights.

Source: Koh & Liang 2017, arXiv 1703.04730; Izzo et al. 2021, arXiv 2002.10077; in the form of Jia et
al. 2023, arXiv 2304.04934; methods §5.7.
Departs from it: the number of epochs and the batch size, on which no result depends, are left out.
"""

from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.published import IU_SAMPLES, IUHyperparameters
from core.catalog.work import GRADIENT_BLOCK
from core.datasets.resident import Batch, ResidentSet
from core.unlearners.per_sample import per_sample_gradients
from core.unlearners.pieces import accumulate_gradients, draw_subset
from core.unlearners.task import Task

Vector = list[Tensor]  # a direction in weight space: one tensor per parameter

BATCH = 256  # decides speed alone, as gradients are summed over samples
DAMPING = 1.0  # λ


def unlearn(model: nn.Module, task: Task, hp: IUHyperparameters) -> None:
    """Move the weights by α·H⁻¹(g_F − g_R), H standing for the curvature of the retain loss, in place."""
    model.eval()
    step = influence(model, task.retain, task.forget)
    if hp.variant == "official":
        step = one_direction(model, task.retain, step)
    else:
        step = damped_inverse(model, draw_subset(task.retain, IU_SAMPLES, task.generator), step)
    with torch.no_grad():
        for parameter, change in zip(model.parameters(), step, strict=True):
            parameter.add_(change, alpha=hp.alpha)


def influence(model: nn.Module, retain: ResidentSet, forget: ResidentSet) -> Vector:
    """`g_F − g_R`: what the forget set adds to the gradient of the mean loss."""
    total = len(retain) + len(forget)
    model.zero_grad(set_to_none=True)
    for data, weight in ((forget, 1 / total), (retain, -len(forget) / (len(retain) * total))):
        accumulate_gradients(model, data.in_order(BATCH), weight=weight, per_sample=True)
    difference = [
        torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for parameter in model.parameters()
    ]
    model.zero_grad(set_to_none=True)
    return difference


def one_direction(model: nn.Module, retain: ResidentSet, vector: Vector) -> Vector:
    """The recursion of the paper's code over the first samples of the retain set.

    A real one would apply the inverse so far to each new gradient; this one only rescales the first sample's,
    so that the answer is `vector` plus a multiple of that.
    """
    samples = islice(retain.in_order(1), IU_SAMPLES + 2)
    direction = _gradient(model, next(samples))
    answer = [tensor.clone() for tensor in vector]
    for sample in samples:
        gradient = _gradient(model, sample)
        divisor = IU_SAMPLES + _dot(direction, gradient)
        share = _dot(answer, gradient) / divisor
        for tensor, part in zip(answer, direction, strict=True):
            tensor -= share * part
            part *= IU_SAMPLES / divisor
    return answer


def damped_inverse(model: nn.Module, samples: ResidentSet, vector: Vector) -> Vector:
    """`(λI + GᵀG/M)⁻¹ v`, G the `(M, P)` gradients of the samples, as `(v − Gᵀ(MλI + GGᵀ)⁻¹Gv) / λ`.

    G as a whole would take M times the memory of the weights. It is computed in blocks, two of which are held
    at a time; the earlier ones are computed anew for each row of blocks of GGᵀ.
    """
    blocks = list(samples.in_order(GRADIENT_BLOCK))
    gram = vector[0].new_zeros(len(samples), len(samples), dtype=torch.float64)
    products = []
    for number, block in enumerate(blocks):
        own = _gradients(model, block)
        products.append(_inner(own, [tensor.unsqueeze(0) for tensor in vector]))
        earlier = [_inner(own, _gradients(model, other)) for other in blocks[:number]]
        row = torch.cat([*earlier, _inner(own, own)], dim=1)
        start, end = number * GRADIENT_BLOCK, row.shape[1]
        gram[start:end, :end], gram[:end, start:end] = row, row.T
    gram.diagonal().add_(len(samples) * DAMPING)
    weights = torch.linalg.solve_ex(gram, torch.cat(products)).result[:, 0].float()
    answer = [tensor.clone() for tensor in vector]
    for block, weight in zip(blocks, weights.split(GRADIENT_BLOCK), strict=True):
        for tensor, part in zip(answer, _gradient(model, block, weight), strict=True):
            tensor -= part
    return [tensor / DAMPING for tensor in answer]


def _gradient(model: nn.Module, batch: Batch, weights: Tensor | None = None) -> Vector:
    """Of the sum of the samples' losses, weighted if so asked."""
    losses = F.cross_entropy(model(batch.images), batch.labels, reduction="none")
    loss = (losses if weights is None else weights * losses).sum()
    return list(torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True))


def _gradients(model: nn.Module, batch: Batch) -> Vector:
    """Of each sample's loss, `(B, *shape)`."""

    def loss(logits: Tensor, label: Tensor) -> Tensor:
        return F.cross_entropy(logits, label.unsqueeze(0))

    return list(per_sample_gradients(model, loss, batch.images, batch.labels))


def _inner(one: Vector, other: Vector) -> Tensor:
    """All inner products of two blocks of vectors, `(B, B')` float64."""
    pairs = zip(one, other, strict=True)
    with torch.autocast(one[0].device.type, enabled=False):  # the system that they make is solved exactly
        return torch.stack([(a.flatten(1) @ b.flatten(1).T).double() for a, b in pairs]).sum(dim=0)


def _dot(one: Vector, other: Vector) -> Tensor:
    return torch.stack([(a * b).sum() for a, b in zip(one, other, strict=True)]).sum()
