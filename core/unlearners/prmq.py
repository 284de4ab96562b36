"""PRMQ: prune nearly all weights, draw them anew, match the original's confidence on the retain set, round to
half precision.

Source: NeurIPS 2023 Machine Unlearning challenge, discussion 459148; methods §4.4.
Departs from it: what is re-drawn are the pruned weights, not all that equal 0; the model stays in single
precision, holding values that half precision has.
"""

import math
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.challenge import PRMQHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import InTotal, Shuffled
from core.losses import entropy
from core.optimisers import sgd
from core.training import fit
from core.unlearners.pieces import class_counts, fan_in, smallest, teacher
from core.unlearners.task import Task

RARITY = 0.1  # class c weighs n_c^−RARITY


def unlearn(model: nn.Module, task: Task, hp: PRMQHyperparameters) -> None:
    """Prune and re-draw, minimise CE(retain) + (H − H_original)², quantise, changing `model` in place."""
    original = teacher(model)
    prune_and_redraw(model, hp.prune_amount, task.generator)
    class_weights = weights_by_rarity(task.retain.labels, task.num_classes)

    def loss(batch: Batch) -> Tensor:
        logits = model(batch.images)
        confidence_gap = F.mse_loss(entropy(logits), entropy(original(batch.images)))
        return F.cross_entropy(logits, batch.labels, weight=class_weights) + confidence_gap

    retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)
    steps = InTotal(retain, hp.num_steps(len(task.retain)))
    # One pass more, as the official step too many begins one; without steps left, a pass is empty.
    report = fit(model, steps, loss, sgd(model, hp), math.ceil(hp.num_epochs) + 1)
    if not report.has_diverged:
        round_to_half(model)


@torch.no_grad()
def prune_and_redraw(model: nn.Module, amount: float, generator: torch.Generator) -> None:
    """Draw the smallest weights from `U(−1/√fan_in, 1/√fan_in)` and set the smallest biases to 0.

    The smallest, by absolute value, are `round(amount · N)` of all N entries that are pooled.
    """
    weights, biases = pooled(model)
    replacements = chain((_drawn(weight, generator) for weight in weights), map(torch.zeros_like, biases))
    tensors = weights + biases
    pool = torch.cat([tensor.abs().flatten() for tensor in tensors])
    is_pruned = smallest(pool, round(amount * len(pool))).split([tensor.numel() for tensor in tensors])
    for tensor, mask, replacement in zip(tensors, is_pruned, replacements, strict=True):
        tensor.copy_(torch.where(mask.view_as(tensor), replacement, tensor))


def pooled(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and biases of all convolutions and linear layers; normalisation and attention biases are not
    among them.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    return [layer.weight for layer in layers], [layer.bias for layer in layers if layer.bias is not None]


def _drawn(weight: Tensor, generator: torch.Generator) -> Tensor:
    uniform = torch.rand(weight.shape, generator=generator, device=weight.device)
    return (2 * uniform - 1) / math.sqrt(fan_in(weight))


def weights_by_rarity(labels: Tensor, num_classes: int) -> Tensor:
    """`(C,)` float32: `n_c^−0.1` for the `n_c` samples of each class, 0 for a class without any."""
    counts = class_counts(labels, num_classes)
    return torch.where(counts > 0, counts**-RARITY, 0.0)


@torch.no_grad()
def round_to_half(model: nn.Module) -> None:
    """Round parameters and buffers to half precision, in eval mode; beyond ±65 504 they become infinite."""
    model.eval()
    for tensor in chain(model.parameters(), model.buffers()):
        if tensor.is_floating_point():
            tensor.copy_(tensor.half())
