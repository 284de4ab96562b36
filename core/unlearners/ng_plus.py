"""NG+: descend on the retain set and ascend on the forget set, in the same step.

Source: Kurmanji et al. 2023, arXiv 2302.09880 (the NegGrad+ baseline); methods §5.8.
Departs from it: the penalty towards the original weights, whose factor is 0 there, is left out.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.published import NGPlusHyperparameters
from core.optimisers import sgd
from core.training import fit
from core.unlearners.batches import Pair, Paired
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: NGPlusHyperparameters) -> None:
    """Minimise α·CE(retain) − (1 − α)·CE(forget) over paired batches, changing `model` in place."""

    def loss(pair: Pair) -> Tensor:
        retain, forget = pair.retain, pair.forget
        retain_loss = F.cross_entropy(model(retain.images), retain.labels)
        if hp.alpha == 1:  # the forget loss may be infinite, and 0 · inf is NaN
            return retain_loss
        forget_loss = F.cross_entropy(model(forget.images), forget.labels)
        return hp.alpha * retain_loss - (1 - hp.alpha) * forget_loss

    # The paper's code trains with batch norm frozen; its authors' larger experiments do not.
    mode: Literal["train", "eval"] = "eval" if hp.variant == "official" else "train"
    pairs = Paired(
        task.retain, task.forget, hp.batch_size, task.generator, hp.augment, drop_single=mode == "train"
    )
    fit(model, pairs, loss, sgd(model, hp), hp.num_epochs, mode=mode)
