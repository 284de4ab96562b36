"""BT: keep answering as the original does on the retain set, and as an untrained network on the forget set.

Source: Chundawat et al. 2023, arXiv 2205.08096; methods §5.5.
Departs from it: learns from all of the retain set, not from 30 % of it.
"""

import torch
from torch import Tensor, nn

from core.catalog.published import BTHyperparameters
from core.losses import kl
from core.optimisers import adam
from core.training import fit
from core.unlearners.batches import Tagged, TaggedBatch
from core.unlearners.pieces import teacher
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: BTHyperparameters) -> None:
    """Minimise KL(teacher ‖ model), the teacher being each sample's own, changing `model` in place."""
    good, bad = teacher(model), teacher(task.fresh_model())
    divisor = task.num_classes if hp.variant == "official" else 1

    def loss(batch: TaggedBatch) -> Tensor:
        forget, retain = batch.images[: batch.num_forget], batch.images[batch.num_forget :]
        answers = [ask(images) for ask, images in ((bad, forget), (good, retain)) if len(images) > 0]
        return kl(torch.cat(answers), model(batch.images), hp.temperature) / divisor

    union = Tagged(task.retain, task.forget, hp.batch_size, task.generator, hp.augment)
    fit(model, union, loss, adam(model, hp), hp.num_epochs)
