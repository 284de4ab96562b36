"""What the API's tests say and check, in their own words."""

from core.spec.units import TrainUnit
from core.store import results, units
from core.store.session import Store

JOBS = "/api/v1/jobs"
SPEC = {"settings": [{"dataset": "digits", "model": "resnet18"}], "unlearners": ["ft", "ga"]}
METRICS = {"retention_deviation": 0.1, "indiscernibility_test": 0.9, "runtime_efficiency": 4.0}


def work(store: Store) -> None:
    """Finish every unit that can start, as a worker would."""
    while True:
        with store.write() as session:
            lease = units.claim(session, "gpu", "worker", 60)
            if lease is None:
                return
            units.finish(session, lease, owner="worker", runtime_seconds=1.0, artifact={}, text="Done.")
            if not isinstance(lease.unit, TrainUnit):
                value = {**METRICS, "retention_deviation": 0.1 if lease.unit.kind == "evaluate" else 0.3}
                results.record_result(
                    session,
                    lease.unit_id,
                    lease.unit,
                    is_usable=True,
                    metrics=value,
                    reasons={},
                    provenance={},
                )


def problem(answer, status: int, code: str) -> dict:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["code"] == code
    assert document["request_id"].startswith("req_")
    return document
