"""The API's answers about attacks on single samples (protocol §8)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from api.schemas import Answer, PlacedAnswer


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


def attack_answer(row: Mapping[str, Any], samples: Mapping[str, Any] | None = None) -> AttackAnswer:
    """A stored attack with its place, as the API shows it, and the accuracy on each sample where it is asked
    for.
    """
    fields = {name: value for name, value in row.items() if name != "findings"}
    names = ("num_attacked", "left_out", "figures", "roc", "histogram")
    return AttackAnswer.model_validate(
        {**fields, **{name: row["findings"].get(name) for name in names}, "samples": samples}
    )
