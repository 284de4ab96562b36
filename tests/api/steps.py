"""What the API's tests say and check, in their own words."""

from collections.abc import Callable

from core.spec.units import EvaluateUnit, TrialUnit, Unit, UnlearnUnit
from core.store import results, trials, units
from core.store.session import Store
from core.sweep import Attempt

JOBS = "/api/v1/jobs"
SPEC = {"settings": [{"dataset": "digits", "model": "resnet18"}], "unlearners": ["ft", "ga"]}
METRICS = {"retention_deviation": 0.1, "indiscernibility_test": 0.9, "runtime_efficiency": 4.0}


def reached_by_all(unit: Unit) -> dict[str, float]:
    """The metrics of one model: the references' and every unlearner's alike."""
    return {**METRICS, "retention_deviation": 0.1 if unit.kind == "evaluate" else 0.3}


def work(store: Store, reached: Callable[[Unit], dict[str, float]] = reached_by_all) -> None:
    """Finish every unit that can start, as a worker would."""
    while True:
        with store.write() as session:
            lease = units.claim(session, "gpu", "worker", 60)
            if lease is None:
                return
            units.finish(session, lease, owner="worker", runtime_seconds=1.0, artifact={}, text="Done.")
            if isinstance(lease.unit, TrialUnit):
                raised = Attempt({"learning_rate": 0.5}, "failed", reason="it raised").as_json()
                scored = Attempt({"learning_rate": 0.1}, "completed", (0.1, 0.2, 0.2, 0.0), 1.5, {}).as_json()
                trials.record_trial(session, lease.unit_id, lease.unit, [raised, scored])
            if isinstance(lease.unit, EvaluateUnit | UnlearnUnit):
                results.record_result(
                    session,
                    lease.unit_id,
                    lease.unit,
                    is_usable=True,
                    metrics=dict(reached(lease.unit)),
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
