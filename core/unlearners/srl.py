"""SRL: train on the retain set and on the forget set with labels drawn at random, anew each epoch.

Source: Golatkar et al. 2020, arXiv 1911.04933; Graves et al. 2021, arXiv 2010.10981; methods §3.3.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.classical import SRLHyperparameters
from core.catalog.published import SalUNHyperparameters
from core.datasets.resident import Batch
from core.optimisers import sgd
from core.training import fit
from core.unlearners.batches import RandomlyRelabelled
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: SRLHyperparameters) -> None:
    """Minimise CE over mixed batches of true retain and random forget labels, changing `model` in place."""
    train_on_random_labels(model, task, hp, sgd(model, hp))


def train_on_random_labels(
    model: nn.Module,
    task: Task,
    hp: SRLHyperparameters | SalUNHyperparameters,
    optimiser: torch.optim.Optimizer,
) -> None:
    """The loop of SRL and SalUN, at the optimiser's constant rate."""

    def loss(batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.images), batch.labels)

    mixed = RandomlyRelabelled(
        task.retain, task.forget, task.num_classes, hp.batch_size, task.generator, hp.augment
    )
    fit(model, mixed, loss, optimiser, hp.num_epochs)
