"""FCS: make the forget set's outputs uniform once; then, epoch by epoch, contrast them with retain outputs
and repair on the retain set.

Source: NeurIPS 2023 Machine Unlearning challenge, discussion 458721; methods §4.1.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.challenge import FCSHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.losses import uniform_kl
from core.optimisers import Rates, anneal_each_step, sgd
from core.training import fit
from core.unlearners.batches import Lockstep, Pair
from core.unlearners.task import Task

REFERENCE_BATCH = 64  # for which the retain rounds' learning rate is given


def unlearn(model: nn.Module, task: Task, hp: FCSHyperparameters) -> None:
    """Minimise KL(U ‖ p(forget)) once, then contrast(forget, retain) and CE(retain) in turns, in place."""

    def uniform_loss(batch: Batch) -> Tensor:
        return uniform_kl(model(batch.images))

    def contrast_loss(pair: Pair) -> Tensor:
        forget_logits = model(pair.forget.images)
        with torch.no_grad():  # still in train mode: batch norm sees the retain batch too
            retain_logits = model(pair.retain.images)
        return contrast(forget_logits, retain_logits, hp.temperature)

    def retain_loss(batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.images), batch.labels)

    retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)
    forget = Shuffled(task.forget, hp.batch_size, task.generator, hp.augment)
    pairs = Lockstep(task.retain, task.forget, hp.batch_size, task.generator, hp.augment)
    uniformer = sgd(model, Rates(hp.uniform_learning_rate, hp.uniform_weight_decay))
    contraster = sgd(model, Rates(hp.forget_learning_rate, hp.forget_weight_decay))
    strengthener = sgd(model, Rates(hp.learning_rate * hp.batch_size / REFERENCE_BATCH, hp.weight_decay))
    num_contrasts = hp.num_epochs * math.ceil(len(task.forget) / hp.batch_size)
    anneal_each_step(contraster, num_contrasts, hp.eta_min)

    has_diverged = fit(model, forget, uniform_loss, uniformer, 1).has_diverged
    for _ in range(hp.num_epochs):
        if has_diverged:
            return
        has_diverged = (
            fit(model, pairs, contrast_loss, contraster, 1).has_diverged
            or fit(model, retain, retain_loss, strengthener, 1).has_diverged
        )


def contrast(forget_logits: Tensor, retain_logits: Tensor, temperature: float) -> Tensor:
    """`−mean_ij log softmax_j(Zf Zrᵀ / T)_ij`, at least `log Br`: lowest where every forget sample has the
    same inner product with all retain samples.

    Args:
        forget_logits: `(Bf, C)`.
        retain_logits: `(Br, C)`, without a gradient.
    """
    return -F.log_softmax(forget_logits @ retain_logits.T / temperature, dim=1).mean()
