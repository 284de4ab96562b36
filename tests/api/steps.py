"""What the API's tests say and check, in their own words."""

from collections.abc import Callable

from core.catalog.work import Work
from core.spec.units import AttackUnit, EvaluateUnit, TrialUnit, Unit, UnlearnUnit
from core.store import attacks, results, trials, units
from core.store.session import Store
from core.sweep import Attempt

JOBS = "/api/v1/jobs"
SPEC = {"settings": [{"dataset": "digits", "model": "resnet18"}], "unlearners": ["ft", "ga"]}
METRICS = {"retention_deviation": 0.1, "indiscernibility_test": 0.9, "runtime_efficiency": 4.0}


def reached_by_all(unit: Unit) -> dict[str, float]:
    """The metrics of one model: the references' and every unlearner's alike."""
    return {**METRICS, "retention_deviation": 0.1 if unit.kind == "evaluate" else 0.3}


def attacked(unit: AttackUnit) -> dict:
    """What an attack found: 0.61 of every method; the one on CT could not be run."""
    if unit.subject == "ct":
        return {"hyperparameters": {}, "reason": "1 of 70 models (ct) have no scores"}
    figure = {"value": 0.61, "low": 0.58, "high": 0.64, "reason": None}
    return {
        "hyperparameters": unit.hyperparameters,
        "reason": None,
        "num_attacked": 20,
        "left_out": {"never seen in fewer than 5 splits": 3},
        "figures": {"mean": figure, "p95": figure, "tpr_at_fpr_1pct": figure},
        "roc": {"fpr": [0.0, 1.0], "tpr": [0.0, 1.0]},
        "histogram": {"edges": [0.0, 0.5, 1.0], "counts": [1, 19]},
        "samples": {"index": [7, 3], "accuracy": [0.5, 0.75]},
    }


def work(
    store: Store,
    reached: Callable[[Unit], dict[str, float]] = reached_by_all,
    provenance: dict[str, str] | None = None,
) -> None:
    """Finish every unit that can start, as a worker would."""
    while True:
        with store.write() as session:
            lease = units.claim(session, "gpu", "worker", 60)
            if lease is None:
                return
            units.finish(session, lease, owner="worker", runtime_seconds=1.0, artifact={}, text="Done.")
            if isinstance(lease.unit, TrialUnit):
                raised = Attempt({"learning_rate": 0.5}, "failed", reason="it raised").as_json()
                scored = Attempt(
                    {"learning_rate": 0.1}, "completed", (0.1, 0.2, 0.2, 0.0), 1.5, {}, work=Work(40, 30)
                ).as_json()
                trials.record_trial(
                    session, lease.unit_id, lease.unit, [raised, scored], provenance or {"device": "here"}
                )
            if isinstance(lease.unit, AttackUnit):
                attacks.record_attack(session, lease.unit_id, lease.unit, attacked(lease.unit), {})
            if isinstance(lease.unit, EvaluateUnit | UnlearnUnit):
                results.record_result(
                    session,
                    lease.unit_id,
                    lease.unit,
                    is_usable=True,
                    metrics=dict(reached(lease.unit)),
                    reasons={},
                    provenance=provenance or {},
                )


def problem(answer, status: int, code: str) -> dict:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["code"] == code
    assert document["request_id"].startswith("req_")
    return document
