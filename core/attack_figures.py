"""What stands on a board and beside a result of an attack on single samples. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

ALWAYS_TOLD = "u_lira"  # the protocol's (protocol §8): where it was not run, that is said


@dataclass(frozen=True)
class AttackFigures:
    """An attack on one method beside one setting.

    Attributes:
        mean_accuracy: over samples, in [0, 1]; 0.5 is no trace. None where the attack was not run.
        low, high: ends of its 95 % interval, None where there is none.
        tpr_at_fpr_1pct: observations that it recognises at a hundredth of false alarms, in [0, 1].
        out: whose models never saw a sample, `same_method` or `retrain` (protocol §8.3).
        splits, forget_sets: the grid of models.
        reason: why a figure is missing, for a person.
    """

    mean_accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    tpr_at_fpr_1pct: float | None = None
    out: str | None = None
    splits: int | None = None
    forget_sets: int | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


NOT_RUN = AttackFigures(reason="not run")
FIELDS = ("mean_accuracy", "low", "high", "tpr_at_fpr_1pct", "reason")  # that an export has columns for


def attack_names(found: Iterable[Mapping[str, AttackFigures]]) -> list[str]:
    """The attacks of some places, in alphabetical order, and the protocol's own."""
    return sorted({ALWAYS_TOLD, *(name for figures in found for name in figures)})


def told(figures: Mapping[str, AttackFigures], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The attacks of one place as plain JSON, by name, with those that were not run."""
    return {name: figures.get(name, NOT_RUN).as_dict() for name in names}


def attack_text(figures: Mapping[str, Any]) -> str:
    """An attack of a board document in words: accuracy, interval, and recognised at 1 % of false alarms."""
    if figures["mean_accuracy"] is None:
        return "-"
    interval = "" if figures["low"] is None else f" ({figures['low']:.3f} to {figures['high']:.3f})"
    rare = figures["tpr_at_fpr_1pct"]
    return f"{figures['mean_accuracy']:.3f}{interval}" + ("" if rare is None else f", {rare:.3f}")
