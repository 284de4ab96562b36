"""CT: swap the two spatial axes of every convolution kernel, then repair on the retain set.

Source: NeurIPS 2023 Machine Unlearning challenge, discussion 458531; methods §4.5.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.challenge import CTHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.errors import ModelUnsuitable
from core.optimisers import cosine, sgd
from core.training import fit
from core.unlearners.pieces import convolutions
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: CTHyperparameters) -> None:
    """Transpose all kernels, then minimise CE(retain) under a cosine schedule, changing `model` in place."""
    transpose_kernels(model)

    def loss(batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.images), batch.labels)

    retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)
    fit(model, retain, loss, sgd(model, hp), hp.num_epochs, schedule=cosine(hp.num_epochs))


def transpose_kernels(model: nn.Module) -> None:
    """Swap height and width of every 2-d convolution's kernels; twice is the identity.

    Raises:
        ModelUnsuitable: a kernel is not square, so its transpose would not fit its stride and padding.
    """
    for convolution in convolutions(model):
        height, width = convolution.kernel_size
        if height != width:
            raise ModelUnsuitable(f"CT needs square kernels; {convolution} has {height}×{width}.")
        with torch.no_grad():
            convolution.weight.copy_(convolution.weight.transpose(-2, -1).clone())
