"""Repeated deletion: what the steps of a sequence have cost so far, and how far they have drifted
(protocol §10).
"""

from collections.abc import Mapping
from typing import Any

from core.measurement import Measured

CUMULATIVE = {"cumulative_runtime_seconds": "runtime_seconds", "cumulative_work": "work"}
DRIFTS = {
    "retention_deviation_drift": "retention_deviation",
    "indiscernibility_drift": "indiscernibility_test",
    "forget_gap_drift": "forget_gap",  # exists where a class-wise step has no retention deviation
}


def add_sequence(result: Measured, previous: Mapping[str, Any] | None) -> dict[str, float | None]:
    """Add to a step's metrics the sums over it and all steps before, and its differences from the first step.

    Args:
        result: the step's metrics and reasons, which are extended.
        previous: the record of the step before; None for the first.

    Returns:
        The first step's metrics that drifts are measured from, which belong in this step's record.
    """
    metrics, reasons = result.metrics, result.reasons
    first: dict[str, float | None] = (
        {name: metrics[name] for name in DRIFTS.values()} if previous is None else previous["first_step"]
    )
    for name, own in CUMULATIVE.items():
        before = 0.0 if previous is None else previous["metrics"][name]
        metrics[name] = _combined(metrics[own], before, 1)
    for name, own in DRIFTS.items():
        metrics[name] = _combined(metrics[own], first[own], -1)
    for name in (*CUMULATIVE, *DRIFTS):
        if metrics[name] is None:
            reasons[name] = f"{(CUMULATIVE | DRIFTS)[name]} does not exist in every step that this compares"
    return first


def _combined(own: float | None, other: float | None, sign: int) -> float | None:
    return None if own is None or other is None else own + sign * other
