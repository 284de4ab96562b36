"""What finished units took, as estimates read it."""

import pytest

from core.catalog.work import Work
from core.estimate import Conditions, Measurement
from core.spec.units import TrialUnit
from core.store import results
from core.store.measurements import TRIALS_EACH, recent_measurements
from core.store.trials import record_trial
from core.sweep import WORST, Attempt


def test_a_measurement_knows_dataset_model_and_precision(bench):
    bench.submit(settings=[{"dataset": "digits", "model": "resnet18", "precision": "bf16"}])
    lease = bench.claim_unit("unlearn with ft")
    bench.do(
        results.record_result,
        lease.unit_id,
        lease.unit,
        is_usable=True,
        metrics={"work": 10.0, "runtime_seconds": 2.0},
        reasons={},
        provenance={"device": "here"},
    )

    with bench.store.read() as session:
        measured = recent_measurements(session)

    conditions = Conditions("digits", "resnet18", "bf16")
    assert measured == [Measurement(conditions, "ft", "here", work=10.0, seconds=2.0)]


@pytest.mark.parametrize("title", ["evaluate the original model", "evaluate the retrained model"])
def test_a_reference_is_no_method(bench, title):
    bench.submit()
    lease = bench.claim_unit(title)
    bench.do(
        results.record_result,
        lease.unit_id,
        lease.unit,
        is_usable=True,
        metrics={"work": 10.0, "runtime_seconds": 2.0},
        reasons={},
        provenance={"device": "here"},
    )

    with bench.store.read() as session:
        assert [each.method for each in recent_measurements(session)] == [None]


def test_completed_trials_are_measurements_of_their_method_the_newest_of_each_sweep(bench):
    bench.submit("ft", "iu", sweep={"seeds": [0], "trials": TRIALS_EACH + 5})
    raised = Attempt({}, "failed", reason="it raised").as_json()
    completed = Attempt({}, "completed", WORST, 6.0, work=Work(forward=4, backward=3)).as_json()
    trials_left = 2 * (TRIALS_EACH + 5)
    while trials_left:
        lease = bench.claim()
        if isinstance(lease.unit, TrialUnit):
            trials_left -= 1
            device = "new" if lease.unit.index >= 5 else "old"
            bench.do(record_trial, lease.unit_id, lease.unit, [raised, completed], {"device": device})
        bench.finish(lease)

    with bench.store.read() as session:
        measured = recent_measurements(session)

    conditions = Conditions("digits", "resnet18", "fp32")
    assert sorted(measured, key=lambda each: each.method) == [
        Measurement(conditions, method, "new", work=10.0, seconds=6.0)
        for method in ("ft", "iu")
        for _ in range(TRIALS_EACH)
    ]
