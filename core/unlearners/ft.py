"""FT: go on training on the retain set alone, and count on catastrophic forgetting.

Source: Golatkar et al. 2020, arXiv 1911.04933; methods §3.1.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.classical import FTHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.optimisers import cosine, sgd
from core.training import fit
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: FTHyperparameters) -> None:
    """Minimise CE(retain) under a cosine schedule, changing `model` in place."""

    def loss(batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.images), batch.labels)

    retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)
    fit(model, retain, loss, sgd(model, hp), hp.num_epochs, schedule=cosine(hp.num_epochs))
