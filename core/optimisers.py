"""Optimisers and learning-rate schedules of the benchmark (methods §0.3)."""

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd as sgd_step

from core.catalog.unlearners import MOMENTUM

Schedule: TypeAlias = Callable[[int], float]  # epoch, from 0, to the factor on the learning rate


class OptimiserSettings(Protocol):
    """Any hyperparameters that carry a learning rate and a weight decay."""

    @property
    def learning_rate(self) -> float:
        """Peak learning rate."""

    @property
    def weight_decay(self) -> float:
        """Coupled weight decay, `g ← g + wd·θ`."""


@dataclass(frozen=True)
class Rates:
    """The settings of one optimiser, for methods that have several."""

    learning_rate: float
    weight_decay: float


class SGD(torch.optim.Optimizer):
    """Torch's SGD with momentum and coupled weight decay, each parameter stepped in the order of its memory.

    `torch.optim.SGD(fused=True)` copies gradients that do not lie in the order of their shape, as those of
    channels-last weights, which is half of its time on a CPU, and steps the wrong weights where a gradient
    lies in another order than its parameter.
    """

    # Wrapped, as torch has them, they load what compiles models to keep it out of here: seconds at the start.
    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override] # noqa: ARG002 - torch's signature
        """Step every parameter that has a gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            orders = [memory_order(weight) for weight in weights]
            buffers = [self.state[weight].get("momentum_buffer") for weight in weights]
            sgd_step(
                [weight.permute(order).view(-1) for weight, order in zip(weights, orders, strict=True)],
                [
                    weight.grad.permute(order).reshape(-1)
                    for weight, order in zip(weights, orders, strict=True)
                ],
                buffers,
                fused=True,
                lr=group["lr"],
                momentum=group["momentum"],
                weight_decay=group["weight_decay"],
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )
            for weight, buffer in zip(weights, buffers, strict=True):
                self.state[weight]["momentum_buffer"] = buffer


def memory_order(tensor: Tensor) -> tuple[int, ...]:
    """The axes of a dense tensor from the outermost in memory to the innermost."""
    strides = tensor.stride()
    return tuple(sorted(range(tensor.dim()), key=lambda axis: -strides[axis]))


def sgd(
    model: nn.Module | Iterable[nn.Parameter], settings: OptimiserSettings, *, momentum: float = MOMENTUM
) -> SGD:
    """SGD with momentum over all parameters, normalisation and biases included; weight decay is coupled."""
    parameters = model.parameters() if isinstance(model, nn.Module) else model
    return SGD(parameters, lr=settings.learning_rate, momentum=momentum, weight_decay=settings.weight_decay)


def adam(model: nn.Module, settings: OptimiserSettings) -> torch.optim.Adam:
    """Adam (β 0.9 and 0.999) over all parameters; weight decay is coupled, so scaling the loss changes its
    share.
    """
    return torch.optim.Adam(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )


def constant(_epoch: int) -> float:
    """No schedule."""
    return 1.0


def cosine(num_epochs: int) -> Schedule:
    """`½ (1 + cos(π t / E))` for epoch t: 1 at the start, still above 0 in the last epoch."""
    return lambda epoch: 0.5 * (1 + math.cos(math.pi * epoch / num_epochs))


def triangular(num_epochs: int) -> Schedule:
    """Up to 1 at epoch `⌊(E + 1) / 2⌋`, counted from 1, then down towards 0 at `E + 1` (methods §4.2)."""
    peak, end = (num_epochs + 1) // 2, num_epochs + 1

    def factor(epoch: int) -> float:
        e = epoch + 1
        return e / peak if e <= peak else (end - e) / (end - peak)

    return factor


def anneal_each_step(optimiser: torch.optim.Optimizer, num_steps: int, eta_min: float) -> None:
    """Let every step move the learning rate along the cosine from its own value to `eta_min` after
    `num_steps`; it rises where it starts below (methods §4.1).
    """
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, num_steps), eta_min)
    optimiser.register_step_post_hook(lambda *_: annealing.step())


def step_decay(num_epochs: int, factor: float, *, first_epoch: Literal[0, 1]) -> Schedule:
    """Times `factor` after each of the milestones `⌊0.5 E⌋, ⌊0.8 E⌋, ⌊0.9 E⌋`.

    Epochs count from `first_epoch`: from 1, a single epoch is already past all three (methods §0.3).
    """
    milestones = [int(share * num_epochs) for share in (0.5, 0.8, 0.9)]
    return lambda epoch: factor ** sum(epoch + first_epoch > milestone for milestone in milestones)
