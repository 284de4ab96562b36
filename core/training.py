"""`fit`, the only training loop: the references and every unlearner that trains go through it."""

import logging
import math
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.optimisers import Schedule, constant

log = logging.getLogger(__name__)

Item = TypeVar("Item", bound=Sized)


@dataclass(frozen=True)
class FitReport:
    """How a fit went: steps taken, and whether it stopped because the loss was no longer finite."""

    num_steps: int
    has_diverged: bool


def fit(
    model: nn.Module,
    batches: Iterable[Item],
    loss: Callable[[Item], Tensor],
    optimiser: torch.optim.Optimizer,
    num_epochs: int,
    *,
    mode: Literal["train", "eval"] = "train",
    schedule: Schedule = constant,
    on_gradients: Callable[[], None] | None = None,
    on_epoch: Callable[[int], None] | None = None,
) -> FitReport:
    """Train for `num_epochs` passes over `batches`, changing `model` in place.

    Losses accumulate on the device and are read once per epoch; a non-finite one ends the fit, without
    raising (methods §0.5). A batch of a single sample is left out where batch norm is in train mode, as it
    has no variance.

    Args:
        model: what is put into `mode`; where it is a part of what `loss` runs, the rest keeps its own mode.
        batches: iterated once per epoch; an item's length is its number of samples.
        loss: an item to the scalar to be minimised.
        mode: `eval` freezes batch-norm statistics and stochastic depth while weights still train.
        schedule: epoch (from 0) to the factor on the optimiser's learning rates.
        on_gradients: called between the backward pass and the step.
        on_epoch: called with the number of epochs done.
    """
    model.train(mode == "train")
    needs_two = mode == "train" and any(isinstance(module, _BatchNorm) for module in model.modules())
    rates = [group["lr"] for group in optimiser.param_groups]
    num_steps = 0
    for epoch in range(num_epochs):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * schedule(epoch)
        total: Tensor | None = None
        steps_before = num_steps
        for item in batches:
            if needs_two and len(item) == 1:
                continue
            optimiser.zero_grad(set_to_none=True)
            value = loss(item)
            value.backward()
            if on_gradients is not None:
                on_gradients()
            optimiser.step()
            num_steps += 1
            total = value.detach() if total is None else total + value.detach()
        if total is not None:
            mean_loss = float(total) / (num_steps - steps_before)
            if not math.isfinite(mean_loss):
                log.warning("The loss of epoch %d is %s; the fit ends.", epoch + 1, mean_loss)
                return FitReport(num_steps, has_diverged=True)
            said = {"epoch": epoch + 1, "epochs": num_epochs, "mean_loss": mean_loss}
            log.info("Epoch %d of %d: mean loss %.4g.", epoch + 1, num_epochs, mean_loss, extra=said)
        if on_epoch is not None:
            on_epoch(epoch + 1)
    optimiser.zero_grad(set_to_none=True)
    return FitReport(num_steps, has_diverged=False)
