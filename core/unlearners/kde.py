"""KDE: reset the first convolution and the classifier, then learn from the original what it says, first
about the validation set and then about the retain set.

Source: NeurIPS 2023 Machine Unlearning challenge, discussion 458740; methods §4.6.
Departs from it: the soft cross-entropy, whose gradient is that of the divergence, is written as a second
divergence; the first convolution is reset whatever the architecture calls it.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.challenge import KDEHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import InOrder, Shuffled
from core.losses import kl
from core.optimisers import Rates, cosine, sgd
from core.training import fit
from core.unlearners.pieces import reset, teacher
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: KDEHyperparameters) -> None:
    """Reset both ends, minimise KL_T(validation), then CE + 2·KL_T(retain), changing `model` in place."""
    original = teacher(model)
    parts = task.parts_of(model)
    reset(parts.first_convolution, task.generator)
    reset(parts.classifier, task.generator)

    def warmup_loss(batch: Batch) -> Tensor:
        return kl(original(batch.images), model(batch.images), hp.temperature)

    def retain_loss(batch: Batch) -> Tensor:
        logits = model(batch.images)
        divergence = kl(original(batch.images), logits, hp.temperature)
        return F.cross_entropy(logits, batch.labels) + 2 * divergence

    validation = InOrder(task.validation, hp.batch_size, task.generator, hp.augment)
    warmup = sgd(model, Rates(hp.warmup_learning_rate, hp.warmup_weight_decay))
    if fit(model, validation, warmup_loss, warmup, hp.warmup_num_epochs).has_diverged:
        return
    retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)
    fit(model, retain, retain_loss, sgd(model, hp), hp.num_epochs, schedule=cosine(hp.num_epochs))
