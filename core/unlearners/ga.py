"""GA: climb the loss on the forget set. The objective has no lower bound; divergence is its usual failure.

Source: Graves et al. 2021, arXiv 2010.10981; Thudi et al. 2022, arXiv 2109.13398; methods §3.2.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.classical import GAHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.optimisers import sgd
from core.training import fit
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: GAHyperparameters) -> None:
    """Maximise CE(forget) at a constant rate, changing `model` in place."""

    def loss(batch: Batch) -> Tensor:
        return -F.cross_entropy(model(batch.images), batch.labels)

    forget = Shuffled(task.forget, hp.batch_size, task.generator, hp.augment)
    fit(model, forget, loss, sgd(model, hp), hp.num_epochs)
