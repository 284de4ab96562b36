"""EU-k: draw the last k stages and the classifier anew, and train these on the retain set from scratch.

Source: Goel et al. 2022, arXiv 2201.06640; methods §5.3.
Departs from it: the fresh weights are not those that the original started from.
"""

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.catalog.published import EUkHyperparameters
from core.unlearners.cf_k import train_tail
from core.unlearners.pieces import tail
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: EUkHyperparameters) -> None:
    """Re-initialise the tail, then minimise CE(retain) in it alone, changing `model` in place."""
    trained = tail(task.parts_of(model), hp.num_stages)
    is_fixed = hp.variant == "fixed"
    reinitialise(trained, task.generator, statistics=is_fixed)
    train_tail(model, task, hp, trained, in_train_mode=trained if is_fixed else [])


@torch.no_grad()
def reinitialise(modules: Iterable[nn.Module], generator: torch.Generator, *, statistics: bool) -> None:
    """Draw convolutions from `U(±√(6 / fan_out))` and linear layers from `U(±√(6 / (fan_in + fan_out)))`.

    A convolution's groups do not count in its fan. Biases become 0; batch norm's scale 1, its shift 0 and,
    where `statistics` says so, its running mean 0 and variance 1. Layer norms and attention biases stay.
    """
    for layer in (layer for module in modules for layer in module.modules()):
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
        elif isinstance(layer, _BatchNorm):
            if layer.weight is not None:
                nn.init.ones_(layer.weight)
            if statistics:
                layer.reset_running_stats()
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
