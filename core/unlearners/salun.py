"""SalUN: SRL, confined to the weights on which the forget loss depends most.

Source: Fan et al. 2024, arXiv 2310.12508; methods §5.1.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from core.catalog.published import SalUNHyperparameters
from core.optimisers import sgd
from core.unlearners.pieces import accumulate_gradients, scaled_gradients, smallest
from core.unlearners.srl import train_on_random_labels
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: SalUNHyperparameters) -> None:
    """Train the τ·P most salient weights on random forget labels, changing `model` in place."""
    masks = most_salient(saliency_of(model, task, hp), hp.kept_share)
    optimiser = sgd(model, hp)
    confined: AbstractContextManager[None] = nullcontext()
    if hp.variant == "fixed":
        optimiser.register_step_post_hook(_restoration(model, masks))
    else:  # weight decay comes after the mask, and moves the other weights too
        confined = scaled_gradients(zip(model.parameters(), masks, strict=True))
    with confined:
        train_on_random_labels(model, task, hp, optimiser)


def saliency_of(model: nn.Module, task: Task, hp: SalUNHyperparameters) -> list[Tensor]:
    """Each parameter's `|Σ_b w_b ∇CE(forget batch b)|` in eval mode.

    The paper's code does not clear the gradients between batches and sums their running sums: batch b of n
    weighs `w_b = n − b + 1`. The fixed variant weighs all batches alike.
    """
    # A copy draws the order, so that the training draws what SRL's would.
    batches = task.forget.shuffled(hp.batch_size, task.generator.clone_state())
    num_batches = math.ceil(len(task.forget) / hp.batch_size)
    model.eval()
    model.zero_grad(set_to_none=True)
    for index, batch in enumerate(batches):
        weight = num_batches - index if hp.variant == "official" else 1
        accumulate_gradients(model, [batch], weight=weight, per_sample=False)
    saliency = [
        torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.abs()
        for parameter in model.parameters()
    ]
    model.zero_grad(set_to_none=True)
    return saliency


def most_salient(saliency: list[Tensor], share: float) -> list[Tensor]:
    """Masks of exactly `⌊share · P⌋` entries of largest saliency over all P weights together."""
    flat = torch.cat([scores.flatten() for scores in saliency])
    mask = ~smallest(flat, len(flat) - int(share * len(flat)))
    parts = mask.split([scores.numel() for scores in saliency])
    return [part.view_as(scores) for part, scores in zip(parts, saliency, strict=True)]


def _restoration(model: nn.Module, masks: list[Tensor]) -> Callable[..., None]:
    """A hook for the optimiser that gives the weights outside the masks their present values back."""
    before = [parameter.detach().clone() for parameter in model.parameters()]

    @torch.no_grad()
    def restore(*_step: object) -> None:
        for parameter, mask, value in zip(model.parameters(), masks, before, strict=True):
            parameter.copy_(torch.where(mask, parameter, value))

    return restore
