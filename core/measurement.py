"""The metrics record of one model (protocol §5.7): a number, or None with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from core.catalog.work import Work
from core.evaluation import Evaluation, differences, distances, noise_metrics, own_metrics, retention
from core.outcome import Metrics

OWN = tuple(
    [f"{name}_accuracy" for name in ("retain", "forget", "validation", "test")]
    + [f"{kind}_{name}" for kind in ("mia", "indiscernibility") for name in ("validation", "test")]
)
FLOORS = ("indiscernibility_floor_validation", "indiscernibility_floor_test")
NOISE = (*FLOORS, "forget_auc_test", "forget_auc_p_value_test", "mia_ten_fold_test")
OF_RANDOM_DRAWS = (*FLOORS, "forget_auc_p_value_test")  # what chance does to a random draw
ON_VALIDATION = tuple(name for name in (*OWN, *NOISE) if "validation" in name)
COMPARISONS = ("retain_retention", "forget_retention", "test_retention", "retention_deviation")
DISTANCES = ("l2_distance", "relative_distance", "direction_distance")
DIFFERENCES = ("forget_gap", "retain_sape", "forget_sape", "test_sape")
COSTS = ("runtime_seconds", "runtime_efficiency", "work", "work_efficiency")
AGAINST_RETRAINED = (*COMPARISONS, *DIFFERENCES, *DISTANCES)
ALL = (*OWN, *NOISE, *AGAINST_RETRAINED, *COSTS)

NOT_AT_RANDOM = "{}; this number is for random draws"
DIVERGED = "the model diverged: its weights or logits are not finite"


@dataclass(frozen=True)
class Cost:
    """What a model took: seconds on a device, and forward units of work where they are known."""

    seconds: float
    device: str
    work: Work | None


@dataclass(frozen=True)
class Measured:
    """The metrics of a model, and why those that are None do not exist."""

    is_usable: bool
    metrics: Metrics
    reasons: dict[str, str]

    def record(self, cost: Cost) -> dict[str, Any]:
        """What later measurements compare themselves with."""
        return {
            "metrics": self.metrics,
            "is_usable": self.is_usable,
            "device": cost.device,
            "runtime_seconds": cost.seconds,
        }


def measured(
    model: nn.Module,
    evaluation: Evaluation,
    cost: Cost,
    *,
    is_usable: bool,
    reference: Mapping[str, Any] | None,
    retrained: Mapping[str, Tensor],
    same_classes: bool = False,
    selection_bias: str | None = None,
    is_validation_biased: bool = False,
) -> Measured:
    """Every metric of a model.

    Args:
        model: evaluated, on any device.
        evaluation: its outputs on the four sets.
        cost: of training or unlearning it.
        is_usable: its weights and outputs are finite (protocol §6.6).
        reference: the record of the retrained model; None where this is that model.
        retrained: the retrained model's weights by name, on the CPU.
        same_classes: the forget set is some classes only, and is attacked among their held-out samples.
        selection_bias: why the forget set is told from held-out samples even by models without a trace of it,
            so that it has neither noise floors nor a p-value.
        is_validation_biased: the method trained on the validation set, so nothing measured there counts.
    """
    metrics: Metrics = dict.fromkeys(ALL)
    reasons: dict[str, str] = {}
    if is_usable:
        metrics |= own_metrics(evaluation, same_classes=same_classes)
        metrics |= noise_metrics(evaluation, same_classes=same_classes)
    else:
        reasons |= dict.fromkeys((*OWN, *NOISE, *AGAINST_RETRAINED), DIVERGED)
    if is_usable and selection_bias is not None:
        metrics |= dict.fromkeys(OF_RANDOM_DRAWS)
        reasons |= dict.fromkeys(OF_RANDOM_DRAWS, NOT_AT_RANDOM.format(selection_bias))
    if is_usable and is_validation_biased:
        metrics |= dict.fromkeys(ON_VALIDATION)
        reasons |= dict.fromkeys(ON_VALIDATION, "the method trained on the validation set")
    metrics["runtime_seconds"] = cost.seconds
    metrics["work"] = None if cost.work is None else cost.work.forward_units
    result = Measured(is_usable, metrics, reasons)
    compared_with = result.record(cost) if reference is None else reference
    if is_usable:
        _compare(result, model, compared_with, retrained)
    _add_runtime_efficiency(result, cost, compared_with)
    _add_work_efficiency(result, compared_with)
    return result


def without_model(reason: str) -> Measured:
    """The record of a run that has no model."""
    return Measured(is_usable=False, metrics=dict.fromkeys(ALL), reasons=dict.fromkeys(ALL, reason))


def _compare(
    result: Measured, model: nn.Module, reference: Mapping[str, Any], retrained: Mapping[str, Tensor]
) -> None:
    """Add retention and distances to the retrained model, or why there are none."""
    metrics, reasons = result.metrics, result.reasons
    if not reference["is_usable"]:
        reasons |= dict.fromkeys(AGAINST_RETRAINED, "the retrained model of this seed diverged")
        return
    ratios = retention(metrics, reference["metrics"])
    metrics |= ratios
    why = "the retrained model gets nothing right on one of the sets"
    reasons |= {name: why for name, ratio in ratios.items() if ratio is None}
    metrics |= differences(metrics, reference["metrics"])
    lengths = distances(model, retrained)
    metrics |= lengths
    reasons |= {name: "a model of zeros has no direction" for name, value in lengths.items() if value is None}


def _add_runtime_efficiency(result: Measured, cost: Cost, reference: Mapping[str, Any]) -> None:
    """Add `RT(retrained) / RT(this)`, larger is faster, where both ran on one device type (protocol §5.4)."""
    if reference["device"] != cost.device:
        result.reasons["runtime_efficiency"] = (
            f"the retrained model was timed on another device ({reference['device']})"
        )
    elif not cost.seconds:
        result.reasons["runtime_efficiency"] = "the run took no measurable time"
    else:
        result.metrics["runtime_efficiency"] = reference["runtime_seconds"] / cost.seconds


def _add_work_efficiency(result: Measured, reference: Mapping[str, Any]) -> None:
    """Add the retrained model's work over this one's: efficiency that no device decides (protocol §5.4)."""
    own, other = result.metrics["work"], reference["metrics"]["work"]
    if own is None:
        why = "the method does not declare its work"
        result.reasons.update(dict.fromkeys(("work", "work_efficiency"), why))
    elif not own or other is None:
        result.reasons["work_efficiency"] = "the run sent no image through a model"
    else:
        result.metrics["work_efficiency"] = other / own
