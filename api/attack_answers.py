"""The API's answers about attacks on single samples (protocol §8)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from api.schemas import Answer, PlacedAnswer
from core.attack_figures import AttackFigures, attack_names, told
from core.attacks.rank_statistic import ForgetReading, forget_reading
from core.store.results import ResultRecord


class FigureAnswer(Answer):
    """A number with the ends of its 95 % interval; what does not exist is null, with the reason."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None


class RocAnswer(Answer):
    """All observations ranked together: false and true positive rates, ascending from (0, 0) to (1, 1)."""

    fpr: list[float]
    tpr: list[float]


class HistogramAnswer(Answer):
    """How many samples the attack classifies how well: `edges` has one number more than `counts`."""

    edges: list[float]
    counts: list[int]


class SamplesAnswer(Answer):
    """The attacked samples, by their place among the official training images, and the accuracy on each."""

    index: list[int]
    accuracy: list[float]


class AttackAnswer(PlacedAnswer):
    """An attack on all models of a method; `original` and `retrained` models calibrate it.

    Where it could not be run, figures, curve and histogram are null, and `reason` says why.
    """

    unit_id: str
    setting_id: str
    attack: str
    subject: str
    variant: str | None
    tuning: str | None
    hyperparameters: dict[str, Any]
    out: Annotated[
        str, Field(description="Whose models never saw a sample: `same_method` or `retrain` (protocol §8.3).")
    ]
    splits: int
    forget_sets: int
    is_calibration: bool
    mean_accuracy: Annotated[float | None, Field(description="Over samples; 0.5 is no trace.")]
    num_attacked: int | None
    left_out: Annotated[
        dict[str, int] | None, Field(description="Why samples were not attacked, and how many.")
    ]
    figures: dict[str, FigureAnswer] | None
    roc: RocAnswer | None
    histogram: HistogramAnswer | None
    samples: Annotated[
        SamplesAnswer | None,
        Field(
            description="With the attacks on one method alone; null in lists, and of attacks from before "
            "they were kept."
        ),
    ] = None
    reason: str | None
    provenance: dict[str, Any]
    created_at: datetime


class AttacksAnswer(Answer):
    """Attacks."""

    items: list[AttackAnswer]


def attack_fields(record: ResultRecord, found: Mapping[str, AttackFigures]) -> dict[str, Any]:
    """The fields of a result's answer that attacks on its model and on its method fill."""
    accuracies = {name: figures.mean_accuracy for name, figures in found.items()}
    return {
        "attack_accuracy": {name: value for name, value in accuracies.items() if value is not None},
        "attacks": told(found, attack_names([found])),
        "forget_reading": _forget_reading(record.metrics),
    }


def _forget_reading(metrics: Mapping[str, float | None]) -> ForgetReading | None:
    auc, p_value = (metrics.get(name) for name in ("forget_auc_test", "forget_auc_p_value_test"))
    return None if auc is None or p_value is None else forget_reading(auc, p_value)


def attack_answer(row: Mapping[str, Any], samples: Mapping[str, Any] | None = None) -> AttackAnswer:
    """A stored attack with its place, as the API shows it, and the accuracy on each sample where it is asked
    for.
    """
    fields = {name: value for name, value in row.items() if name != "findings"}
    names = ("num_attacked", "left_out", "figures", "roc", "histogram")
    return AttackAnswer.model_validate(
        {**fields, **{name: row["findings"].get(name) for name in names}, "samples": samples}
    )
