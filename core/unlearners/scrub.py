"""SCRUB with rewinding: away from a frozen teacher on the forget set, towards it on the retain set; then back
to the epoch that errs on the forget set as the last one does on unseen samples.

Source: Kurmanji et al. 2023, arXiv 2302.09880; methods §5.4.
Departs from it: the untouched original is no candidate of the rewinding (methods §8 row 5).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.published import SCRUBHyperparameters
from core.datasets.resident import Batch, ResidentSet
from core.datasets.streams import InOrder, Shuffled
from core.losses import kl
from core.optimisers import sgd, step_decay
from core.training import fit
from core.unlearners.pieces import error_rate, state_copy, teacher
from core.unlearners.task import Task

DECAY = 0.1  # of the learning rate, at each milestone


def unlearn(model: nn.Module, task: Task, hp: SCRUBHyperparameters) -> None:
    """Alternate max steps (−D on forget) and min steps (γ·CE + α·D on retain), then rewind, in place."""
    teacher_logits = teacher(model)

    def divergence(images: Tensor, logits: Tensor) -> Tensor:
        return hp.temperature**2 * kl(teacher_logits(images), logits, hp.temperature)

    def max_loss(batch: Batch) -> Tensor:
        return -divergence(batch.images, model(batch.images))

    def min_loss(batch: Batch) -> Tensor:
        logits = model(batch.images)
        cross_entropy = F.cross_entropy(logits, batch.labels)
        return hp.ce_weight * cross_entropy + hp.distillation_weight * divergence(batch.images, logits)

    forget = InOrder(task.forget, hp.forget_batch_size, task.generator, hp.augment)
    retain = Shuffled(task.retain, hp.retain_batch_size, task.generator, hp.augment)
    optimiser = sgd(model, hp)  # of both steps: the momentum of one carries over into the other
    rate = step_decay(hp.num_epochs, DECAY, first_epoch=1)
    checkpoints, forget_errors = [], []
    for epoch in range(hp.num_epochs):
        optimiser.param_groups[0]["lr"] = hp.learning_rate * rate(epoch)
        if epoch < hp.max_epochs and fit(model, forget, max_loss, optimiser, 1).has_diverged:
            return
        if fit(model, retain, min_loss, optimiser, 1).has_diverged:
            return
        checkpoints.append(state_copy(model))
        forget_errors.append(error_rate(model, task.forget))
    if checkpoints:
        chosen = closest(forget_errors, error_rate(model, _of_classes(task.validation, task.forget)))
        model.load_state_dict(checkpoints[chosen])


def _of_classes(validation: ResidentSet, forget: ResidentSet) -> ResidentSet:
    """The validation samples whose class occurs in the forget set; all of them where none does."""
    is_alike = torch.isin(validation.labels, forget.labels)
    return validation.subset(is_alike.nonzero()[:, 0]) if bool(is_alike.any()) else validation


def closest(errors: list[float], reference: float) -> int:
    """The position of the error next to the reference, the first of several."""
    return min(range(len(errors)), key=lambda position: abs(errors[position] - reference))
