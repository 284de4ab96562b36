"""CFW: add noise to the first convolution, fine-tune on the retain set with balanced classes, and add a
little noise once more before the last epoch.

Source: NeurIPS 2023 Machine Unlearning challenge, discussion 459334; methods §4.3.
Departs from it: noise goes to the first convolution of every architecture, whatever its name.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.challenge import CFWHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.optimisers import cosine, sgd
from core.training import fit
from core.unlearners.pieces import add_noise, class_counts, convolutions
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: CFWHyperparameters) -> None:
    """Add noise, minimise class-weighted CE(retain) with noise before the last epoch, in place."""
    is_stem = hp.scope == "stem"
    noised = [task.parts_of(model).first_convolution] if is_stem else convolutions(model)
    kernels = [convolution.weight for convolution in noised]
    class_weights = balanced_weights(task.retain.labels, task.num_classes)
    weighted = weighted_by_batch if hp.variant == "official" else weighted_by_sample

    def loss(batch: Batch) -> Tensor:
        return weighted(model(batch.images), batch.labels, class_weights)

    def weaken(num_done: int) -> None:
        if num_done == hp.num_epochs - 1:
            add_noise(kernels, hp.final_sd, task.generator)

    add_noise(kernels, hp.start_sd, task.generator)
    retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)
    schedule = cosine(hp.num_epochs)
    fit(model, retain, loss, sgd(model, hp), hp.num_epochs, schedule=schedule, on_epoch=weaken)


def balanced_weights(labels: Tensor, num_classes: int) -> Tensor:
    """`(C,)` float32: `R / (K · n_c)` for the `n_c` of R samples in each of K classes; absent ones 0."""
    counts = class_counts(labels, num_classes)
    is_present = counts > 0
    return torch.where(is_present, len(labels) / (is_present.sum() * counts), 0.0)


def weighted_by_batch(logits: Tensor, labels: Tensor, class_weights: Tensor) -> Tensor:
    """`mean_i CE_i · mean_i w_i`, as the official code has it: a factor on the step, not on classes."""
    return F.cross_entropy(logits, labels) * class_weights[labels].mean()


def weighted_by_sample(logits: Tensor, labels: Tensor, class_weights: Tensor) -> Tensor:
    """`mean_i w_i · CE_i`."""
    return (class_weights[labels] * F.cross_entropy(logits, labels, reduction="none")).mean()
