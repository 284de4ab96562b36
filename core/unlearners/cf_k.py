"""CF-k: freeze all but the last k stages and the classifier, and go on training these on the retain set.

Source: Goel et al. 2022, arXiv 2201.06640; methods §5.2.
Departs from it: the classifier is trained beside the k stages, as in the code of methods §5.2.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.catalog.published import CFkHyperparameters
from core.datasets.resident import Batch
from core.datasets.streams import Shuffled
from core.optimisers import SGD, step_decay
from core.training import fit
from core.unlearners.pieces import only_trainable, tail
from core.unlearners.task import Task


def unlearn(model: nn.Module, task: Task, hp: CFkHyperparameters) -> None:
    """Minimise CE(retain) in the tail alone, changing `model` in place."""
    trained = tail(task.parts_of(model), hp.num_stages)
    in_train_mode = [] if hp.variant == "official" else [model]
    train_tail(model, task, hp, trained, in_train_mode=in_train_mode)


def train_tail(
    model: nn.Module,
    task: Task,
    hp: CFkHyperparameters,
    trained: list[nn.Module],
    *,
    in_train_mode: list[nn.Module],
) -> None:
    """The loop of CF-k and EU-k: minimise CE(retain) + λ/2 ‖θ − θ₀‖² over the weights of some modules.

    θ₀ are these weights as the loop finds them. SGD without momentum, with a step decay.

    Args:
        trained: the modules whose parameters are trained; all others are frozen.
        in_train_mode: the modules that use and update batch statistics; all others are in eval mode.
    """
    with only_trainable(model, (weight for module in trained for weight in module.parameters())) as weights:
        start = [weight.detach().clone() for weight in weights]

        def loss(batch: Batch) -> Tensor:
            moved = [(weight - was).square().sum() for weight, was in zip(weights, start, strict=True)]
            cross_entropy = F.cross_entropy(model(batch.images), batch.labels)
            return cross_entropy + hp.penalty / 2 * torch.stack(moved).sum()

        retain = Shuffled(task.retain, hp.batch_size, task.generator, hp.augment)
        optimiser = SGD(weights, lr=hp.learning_rate)
        decay = step_decay(hp.num_epochs, hp.decay_factor, first_epoch=0)
        model.eval()
        fit(nn.ModuleList(in_train_mode), retain, loss, optimiser, hp.num_epochs, schedule=decay)
