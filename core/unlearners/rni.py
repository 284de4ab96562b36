"""RNI: epoch by epoch, add noise to a few tensors drawn at random and train only those; at last train all.

Source: NeurIPS 2023 Machine Unlearning challenge, discussion 459095; methods §4.7.
Departs from it: batch norm is told by its type, not by names, so that all of it is always trained and never
noised; the lengths of the phases are shares of the epochs; the last phase has one learning rate, not a list.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.catalog.challenge import RNIHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.optimisers import Rates, sgd
from core.training import fit
from core.unlearners.pieces import add_noise, only_trainable, reset
from core.unlearners.task import Task

TENSORS_PER_EPOCH = 9


def unlearn(model: nn.Module, task: Task, hp: RNIHyperparameters) -> None:
    """Draw the classifier anew, then minimise CE(retain), noising as it goes, changing `model` in place."""
    reset(task.parts_of(model).classifier, task.generator)
    batch_norm, others = parameters_by_kind(model)
    noised_rates = Rates(hp.learning_rate, hp.weight_decay)
    fine_rates = Rates(hp.fine_learning_rate, hp.fine_weight_decay)
    retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)

    def loss(batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.images), batch.labels)

    drawn_before: set[int] = set()
    for epoch in range(hp.num_epochs):
        if epoch >= hp.num_epochs - hp.num_fine_epochs:
            trained, rates = batch_norm + others, fine_rates
        else:
            drawn = _draw(len(others), task.generator)
            if epoch >= hp.num_reset_epochs:
                noised = drawn[: int(TENSORS_PER_EPOCH * hp.noise_ratio)]
                spared = drawn_before if hp.variant == "official" else set()
                add_noise((others[i] for i in noised if i not in spared), hp.noise_sd, task.generator)
            drawn_before.update(drawn)
            trained, rates = batch_norm + [others[i] for i in drawn], noised_rates
        with only_trainable(model, trained) as parameters:
            report = fit(model, retain, loss, sgd(parameters, rates), 1)
        if report.has_diverged:
            return


def parameters_by_kind(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The parameters of batch norm, and all others, from which the noised ones are drawn."""
    norms = (module for module in model.modules() if isinstance(module, _BatchNorm))
    batch_norm = [parameter for norm in norms for parameter in norm.parameters()]
    of_batch_norm = {id(parameter) for parameter in batch_norm}
    return batch_norm, [parameter for parameter in model.parameters() if id(parameter) not in of_batch_norm]


def _draw(count: int, generator: torch.Generator) -> list[int]:
    """Nine of the first `count` integers, all where there are fewer, in random order."""
    order: list[int] = torch.randperm(count, generator=generator, device=generator.device).tolist()
    return order[:TENSORS_PER_EPOCH]
