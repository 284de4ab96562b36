"""How the terminal weighs a job's units."""

from types import SimpleNamespace

import pytest

from api.commands.following import mean_weights
from api.schemas import EstimateAnswer

UNITS = [
    SimpleNamespace(id=name, kind=kind)
    for name, kind in (("a", "train"), ("b", "unlearn"), ("c", "unlearn"), ("d", "unlearn"))
]


def estimate(**seconds: float | None) -> EstimateAnswer:
    """Of a job with one unit to train, and three to unlearn of which one is done."""
    stages = {
        kind: {
            "units": units,
            "cached": cached,
            "work": work,
            "seconds": seconds[kind] and {"p50": seconds[kind], "p90": 2 * seconds[kind]},
        }
        for kind, units, cached, work in (("train", 1, 0, 900.0), ("unlearn", 3, 1, 300.0))
    }
    return EstimateAnswer(
        units=4, cached=1, stages=stages, work=1200.0, flop=1.0, seconds=None, rests_on=["nothing"]
    )


@pytest.mark.parametrize(
    ("seconds", "train", "unlearn"),
    [({"train": 60.0, "unlearn": 20.0}, 60.0, 10.0), ({"train": 60.0, "unlearn": None}, 900.0, 150.0)],
    ids=["in seconds", "in images, where a kind was never measured"],
)
def test_a_unit_weighs_what_those_of_its_kind_take_that_are_not_done(seconds, train, unlearn):
    assert mean_weights(estimate(**seconds), UNITS) == {"a": train, "b": unlearn, "c": unlearn, "d": unlearn}
