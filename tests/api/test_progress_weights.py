"""How the terminal weighs a job's units."""

import pytest

from api.commands.following import equal_weights, mean_weights
from api.schemas import EstimateAnswer, StageAnswer

OPEN = {"waiting": 0, "ready": 0, "running": 0, "cancelled": 0, "mean_seconds": None}
STAGES = {
    "train": StageAnswer(**{**OPEN, "total": 1, "ready": 1, "done": 0, "failed": 0}),
    "unlearn": StageAnswer(**{**OPEN, "total": 4, "waiting": 2, "done": 1, "failed": 1}),
}


def estimate(**seconds: float | None) -> EstimateAnswer:
    """Of a job with one unit to train, and four to unlearn of which one is done."""
    stages = {
        kind: {
            "units": units,
            "cached": cached,
            "work": work,
            "seconds": seconds[kind] and {"p50": seconds[kind], "p90": 2 * seconds[kind]},
        }
        for kind, units, cached, work in (("train", 1, 0, 900.0), ("unlearn", 4, 1, 450.0))
    }
    return EstimateAnswer(
        units=5, cached=1, stages=stages, work=1350.0, flop=1.0, seconds=None, rests_on=["nothing"]
    )


@pytest.mark.parametrize(
    ("seconds", "train", "unlearn"),
    [({"train": 60.0, "unlearn": 30.0}, 60.0, 10.0), ({"train": 60.0, "unlearn": None}, 900.0, 150.0)],
    ids=["in seconds", "in images, where a kind was never measured"],
)
def test_a_unit_weighs_what_those_of_its_kind_take_that_are_not_done(seconds, train, unlearn):
    weights = mean_weights(estimate(**seconds), STAGES)

    assert [weights.of("any", kind) for kind in ("train", "unlearn", "unknown")] == [train, unlearn, 0.0]
    assert weights.done == unlearn


def test_what_failed_or_was_cancelled_is_no_work_that_is_left():
    lost = StageAnswer(**{**OPEN, "total": 3, "ready": 1, "done": 0, "failed": 0, "cancelled": 2})
    stages = {**STAGES, "train": lost}

    weights = mean_weights(estimate(train=60.0, unlearn=30.0), stages)
    assert weights.total - weights.done == 60.0 + 2 * 10.0

    weights = equal_weights(stages)
    assert (weights.total, weights.done, weights.of("any", "train")) == (4, 1, 1.0)
