"""MSG: re-draw the weights whose gradient for "keep retain, forget forget" is small, then repair on the
retain set.

Source: NeurIPS 2023 Machine Unlearning challenge, discussion 459200; methods §4.2.
"""

import math
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.challenge import MSGHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.errors import ForgetSetInvalid, ModelUnsuitable
from core.optimisers import sgd, triangular
from core.training import fit
from core.unlearners.pieces import (
    accumulate_gradients,
    convolutions,
    draw_subset,
    restored_buffers,
    scaled_gradients,
    smallest,
)
from core.unlearners.task import Task

OFFICIAL_RETAIN_BATCH = 64  # of the gradient pass, whatever the batch size is
DAMPING = 0.1  # on the gradients of weights that were kept


def unlearn(model: nn.Module, task: Task, hp: MSGHyperparameters) -> None:
    """Re-draw each convolution's share of small-gradient weights, then minimise CE(retain), in place."""
    _contrast_gradients(model, task, hp)
    factors = []
    for convolution in convolutions(model):
        is_redrawn = _redraw_smallest(convolution, hp.redraw_share, task.generator)
        factors.append((convolution.weight, torch.where(is_redrawn, 1.0, DAMPING)))
    model.zero_grad(set_to_none=True)

    def loss(batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.images), batch.labels)

    retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)
    with scaled_gradients(factors):
        fit(model, retain, loss, sgd(model, hp), hp.num_epochs, schedule=triangular(hp.num_epochs))


def _contrast_gradients(model: nn.Module, task: Task, hp: MSGHyperparameters) -> None:
    """Leave ∇CE(retain subset) − ∇CE(forget) in the parameters' `.grad`."""
    if len(task.forget) == 1:
        raise ForgetSetInvalid("MSG needs at least two samples to forget: batch norm cannot normalise one.")
    subset = draw_subset(task.retain, min(len(task.retain), len(task.forget)), task.generator)
    is_fixed = hp.variant == "fixed"
    retain_batch = hp.batch_size if is_fixed else OFFICIAL_RETAIN_BATCH
    model.train()
    model.zero_grad(set_to_none=True)
    # Batch statistics matter for the gradients; that the running ones move is the paper's code's side effect.
    with restored_buffers(model) if is_fixed else nullcontext():
        for data, batch_size, weight in ((subset, retain_batch, 1.0), (task.forget, hp.batch_size, -1.0)):
            batches = (b for b in data.shuffled(batch_size, task.generator) if len(b) > 1)
            accumulate_gradients(model, batches, weight=weight, per_sample=is_fixed)


def _redraw_smallest(convolution: nn.Conv2d, share: float, generator: torch.Generator) -> Tensor:
    """Draw the weights of smallest gradient anew from N(0, 2 / fan_out); the mask of those."""
    weight = convolution.weight
    if weight.grad is None:
        raise ModelUnsuitable(f"MSG needs a gradient for every convolution; {convolution} has none.")
    mask = smallest(weight.grad.abs(), round(share * weight.numel()))
    fan_out = convolution.out_channels * math.prod(convolution.kernel_size)
    drawn = torch.randn(weight.shape, generator=generator, device=weight.device) * math.sqrt(2 / fan_out)
    with torch.no_grad():
        weight.copy_(torch.where(mask, drawn, weight))
    return mask
