"""What finished units took, as estimates read it."""

from core.estimate import Conditions, Measurement
from core.store import results
from core.store.measurements import recent_measurements


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

    assert measured == [Measurement(Conditions("digits", "resnet18", "bf16"), "here", work=10.0, seconds=2.0)]
