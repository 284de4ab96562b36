"""One pass over the four sets: per-sample logits, and every metric that comes from them (protocol §5)."""

import gc
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from core.attacks.noise import indiscernibility_floor
from core.attacks.rank_statistic import forget_auc, two_sided_p_value
from core.attacks.u_mia import attack_accuracy, ten_fold_accuracy
from core.datasets.load import Sets
from core.datasets.resident import ResidentSet
from core.outcome import Metrics

log = logging.getLogger(__name__)

BATCH_SIZE = 1024
EXACT_BATCH_SIZE = 256  # numbers of double size
SET_NAMES = ("retain", "forget", "validation", "test")
COMPARED = ("retain", "forget", "test")  # retention is a ratio to the retrained model on these


@dataclass(frozen=True)
class Evaluation:
    """A model's outputs on the four sets, on the CPU.

    Attributes:
        logits: by set, `(N, C)` float32.
        labels: by set, `(N,)` int64.
        batch_size: how many samples went through at once, fewer than `BATCH_SIZE` where memory ran out.
    """

    logits: Mapping[str, Tensor]
    labels: Mapping[str, Tensor]
    batch_size: int = BATCH_SIZE

    @property
    def is_finite(self) -> bool:
        """Whether every logit is finite; else the model is not usable (protocol §6.6)."""
        return all(bool(logits.isfinite().all()) for logits in self.logits.values())

    def accuracy(self, name: str) -> float:
        """Share of the set that is classified correctly, in [0, 1]."""
        return (self.logits[name].argmax(dim=1) == self.labels[name]).double().mean().item()

    @property
    def accuracies(self) -> Metrics:
        """The accuracies on all sets that were evaluated."""
        return {f"{name}_accuracy": self.accuracy(name) for name in self.logits}

    def losses(self, name: str) -> Tensor:
        """`(N,)` float64 cross-entropies of the set."""
        return F.cross_entropy(self.logits[name].double(), self.labels[name], reduction="none")


def evaluate(model: nn.Module, sets: Sets, names: Sequence[str] = SET_NAMES) -> Evaluation:
    """The model's outputs on the named sets in evaluation mode, with the evaluation transform.

    Where memory runs out, it is done again with half the samples at once: in evaluation mode none sees the
    others, so that its logits are the same but for their last digits.

    Raises:
        torch.OutOfMemoryError: there is none for a single sample.
    """
    model.eval()
    data: dict[str, ResidentSet] = {name: getattr(sets, name) for name in names}
    labels = {name: data[name].labels.cpu() for name in names}
    batch_size = BATCH_SIZE
    while True:
        try:
            logits = {name: _logits(model, data[name], batch_size) for name in names}
        except torch.OutOfMemoryError:
            if batch_size == 1:
                raise
        else:
            return Evaluation(logits, labels, batch_size)
        batch_size //= 2
        log.warning("Memory ran out; %d samples at once from here on.", batch_size)
        gc.collect()  # here, where the error and the tensors of its frames are gone
        torch.cuda.empty_cache()


@torch.no_grad()
def exact_losses(model: nn.Module, data: ResidentSet) -> NDArray[np.float64]:
    """`(N,)` cross-entropies by a model of double precision, in evaluation mode."""
    model.eval()
    losses = [
        F.cross_entropy(model(batch.images.double()), batch.labels, reduction="none").cpu()
        for batch in data.in_order(EXACT_BATCH_SIZE)
    ]
    return torch.cat(losses).numpy()


def own_metrics(evaluation: Evaluation, *, same_classes: bool = False) -> Metrics:
    """The metrics that need no other model: accuracies and U-MIA, with indiscernibility `1 − |2·MIA − 1|`.

    A set that was left out of the evaluation has none. With `same_classes` the attack compares the forget set
    with held-out samples of its own classes, or it would tell classes apart (protocol §10, Notes).
    """
    metrics = evaluation.accuracies
    forget = evaluation.losses("forget").numpy()
    for name in (name for name in ("validation", "test") if name in evaluation.logits):
        mia = attack_accuracy(forget, _heldout_losses(evaluation, name, same_classes=same_classes))
        metrics[f"mia_{name}"] = mia
        metrics[f"indiscernibility_{name}"] = 1 - abs(2 * mia - 1)
    return metrics


def noise_metrics(evaluation: Evaluation, *, same_classes: bool = False) -> Metrics:
    """What is read beside the U-MIA of `own_metrics`: how much of it chance explains, and which way it lies.

    `indiscernibility_floor_validation` and `_test`: one in twenty models without a trace falls below
    (`core.attacks.noise`). `forget_auc_test`: the chance that a forget sample has a lower loss than a test
    sample; `forget_auc_p_value_test`: that it is as far from 0.5 by noise (`core.attacks.rank_statistic`).
    Floors and p-value are those of forget sets that are random draws of their classes (`core.spec.draws`).
    `mia_ten_fold_test`: U-MIA as the paper's text has it.
    """
    forget = evaluation.losses("forget").numpy()
    heldout = {
        name: _heldout_losses(evaluation, name, same_classes=same_classes) for name in ("validation", "test")
    }
    floors: Metrics = {
        f"indiscernibility_floor_{name}": indiscernibility_floor(len(forget), len(losses))
        for name, losses in heldout.items()
    }
    return {
        **floors,
        "forget_auc_test": forget_auc(forget, heldout["test"]),
        "forget_auc_p_value_test": two_sided_p_value(forget, heldout["test"]),
        "mia_ten_fold_test": ten_fold_accuracy(forget, heldout["test"]),
    }


def _heldout_losses(evaluation: Evaluation, name: str, *, same_classes: bool) -> NDArray[np.float64]:
    """`(E,)` losses of a held-out set, or of those of its samples that are of the forget set's classes."""
    losses = evaluation.losses(name)
    if same_classes:
        losses = losses[torch.isin(evaluation.labels[name], evaluation.labels["forget"])]
    return losses.numpy()


def retention(metrics: Metrics, reference: Metrics) -> Metrics:
    """Ratios of accuracies to the retrained model's, and their deviation from 1 summed over R, F and T
    (protocol §5.2).

    Where the retrained model gets nothing right on a set, the ratio does not exist, nor does the sum: they
    are None.
    """
    ratios: Metrics = {}
    deviation: float | None = 0.0
    for name in COMPARED:
        own, other = metrics[f"{name}_accuracy"], reference[f"{name}_accuracy"]
        assert own is not None and other is not None  # noqa: PT018 - both models are usable
        ratio = own / other if other else None
        ratios[f"{name}_retention"] = ratio
        deviation = None if ratio is None or deviation is None else deviation + abs(ratio - 1)
    return {**ratios, "retention_deviation": deviation}


def differences(metrics: Metrics, reference: Metrics) -> Metrics:
    """What exists where ratios do not: `forget_gap` = |FA − FA(retrained)| in [0, 1], and SAPE of R, F and T
    in [0, 100] (protocol §5.6, §10).
    """
    pairs = {name: (metrics[f"{name}_accuracy"], reference[f"{name}_accuracy"]) for name in COMPARED}
    found: Metrics = {}
    for name, (own, other) in pairs.items():
        assert own is not None and other is not None  # noqa: PT018 - both models are usable
        found[f"{name}_sape"] = 100 * abs(own - other) / (own + other) if own + other else 0.0
        if name == "forget":
            found["forget_gap"] = abs(own - other)
    return found


def distances(model: nn.Module, reference: Mapping[str, Tensor]) -> Metrics:
    """Distances over trainable parameters θ to the retrained model's θ' (protocol §5.5).

    Plain `‖θ − θ'‖`, relative `‖θ − θ'‖ / ‖θ‖`, and of direction `‖θ/‖θ‖ − θ'/‖θ'‖‖`, in [0, 2].
    """
    own = torch.cat([value.detach().flatten() for _, value in model.named_parameters()]).double().cpu()
    other = torch.cat([reference[name].flatten() for name, _ in model.named_parameters()]).double()
    plain, own_norm, other_norm = (own - other).norm().item(), own.norm().item(), other.norm().item()
    if not own_norm or not other_norm:  # a model of zeros has no direction
        return {"l2_distance": plain, "relative_distance": None, "direction_distance": None}
    cosine = torch.dot(own, other).item() / (own_norm * other_norm)
    return {
        "l2_distance": plain,
        "relative_distance": plain / own_norm,
        "direction_distance": math.sqrt(max(2 - 2 * cosine, 0.0)),
    }


@torch.no_grad()
def _logits(model: nn.Module, data: ResidentSet, batch_size: int) -> Tensor:
    return torch.cat([model(batch.images).float() for batch in data.in_order(batch_size)]).cpu()
