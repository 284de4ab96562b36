"""A service's store as it is after some jobs, without the hours that they take."""

import random
from pathlib import Path

from starlette.testclient import TestClient

from api.main import create_app
from core.settings import Settings
from core.spec.units import EvaluateUnit, TrialUnit, UnlearnUnit
from core.store import results, trials, units
from core.store.session import Store
from core.sweep import Attempt

SPEC = {
    "label": "Everything on digits",
    "settings": [{"dataset": "digits", "model": "resnet18"}, {"dataset": "digits", "model": "tiny_vit"}],
    "unlearners": "all",
}
SWEEP = {
    "label": "A sweep of FT",
    "settings": [{"dataset": "digits", "model": "resnet18"}],
    "unlearners": ["ft"],
    "model_seeds": [0],
    "sweep": {"seeds": [0], "trials": 3},
}


def populate(var_dir: Path) -> tuple[str, str]:
    """Finish a job over two settings, and a sweep, with made-up metrics; their ids."""
    settings = Settings(var_dir=var_dir, page_dir=var_dir / "no-page")
    store = Store(settings.database)
    store.migrate()
    with TestClient(create_app(settings)) as client:
        first, second = (str(client.post("/api/v1/jobs", json=spec).json()["id"]) for spec in (SPEC, SWEEP))
    while _finish_one(store):
        pass
    store.engine.dispose()
    return first, second


def _finish_one(store: Store) -> bool:
    with store.write() as session:
        lease = units.claim(session, "gpu", "worker", 60)
        if lease is None:
            return False
        units.finish(session, lease, owner="worker", runtime_seconds=1.0, artifact={}, text="Done.")
        if isinstance(lease.unit, TrialUnit):
            raised = Attempt({"learning_rate": 0.5}, "failed", reason="it raised").as_json()
            scored = Attempt({"learning_rate": 0.1}, "completed", (0.1, 0.2, 0.2, 0.0), 1.5, {}).as_json()
            trials.record_trial(session, lease.unit_id, lease.unit, [raised, scored])
        if isinstance(lease.unit, EvaluateUnit | UnlearnUnit):
            metrics, reasons = _metrics(lease.unit)
            results.record_result(
                session,
                lease.unit_id,
                lease.unit,
                is_usable=True,
                metrics=metrics,
                reasons=reasons,
                provenance={"device": {"type": "cpu"}, "versions": {"torch": "2.0"}},
            )
    return True


def _metrics(unit: EvaluateUnit | UnlearnUnit) -> tuple[dict[str, float | None], dict[str, str]]:
    """Metrics that depend on the method and the model seed alone, so that every run shows the same page."""
    name = unit.role if isinstance(unit, EvaluateUnit) else unit.unlearner
    draw = random.Random(name)
    deviation = 0.02 if name == "retrained" else draw.uniform(0.05, 1.2)
    deviation += random.Random(f"{name} {unit.model_seed}").uniform(0, 0.05)
    is_reference = isinstance(unit, EvaluateUnit)
    metrics = {
        "retention_deviation": deviation,
        "indiscernibility_test": 1 - deviation / 2,
        "runtime_efficiency": None if is_reference else draw.uniform(1, 40),
        "forget_accuracy": 0.9,
    }
    reasons = {"runtime_efficiency": "A reference has no run time to compare."} if is_reference else {}
    return metrics, reasons
