"""A service's store as it is after some jobs, without the hours that they take."""

import random
from pathlib import Path

import numpy as np
from sqlalchemy import select
from starlette.testclient import TestClient

from api.main import create_app
from core.attacks.lira_splits import lira_membership
from core.attacks.observations import FORGET, observations
from core.attacks.sample_attack import attack_samples
from core.attacks.u_lira import u_lira
from core.catalog.attacks import U_LIRA
from core.settings import Settings
from core.spec.units import AttackUnit, EvaluateUnit, TrialUnit, UnitId, UnlearnUnit, unit_from_json
from core.store import attacks, results, trials, units
from core.store.session import Store
from core.store.tables import UnitRow
from core.sweep import Attempt
from tests.services import HERE

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
STUDY = {
    "label": "What is left of single samples",
    "settings": [{"dataset": "digits", "model": "resnet18"}],
    "unlearners": ["ft", "ct", "msg"],
    "model_seeds": [0],
    "attacks": [{"id": "u_lira", "splits": 10, "forget_sets": 7, "out": "retrain", "originals": "per_split"}],
}
NUM_TRAIN, GRID = 200, (20, 10)  # samples, splits and forget sets that are enough for curves
PROVENANCE = {"device": {"type": "cpu"}, "versions": {"torch": "2.0"}}
TRACES = {"original": 1.5, "retrained": 0.0, "ft": 1.1, "msg": 0.35}  # left in the scores; CT has no scores


def populate(var_dir: Path) -> tuple[str, str]:
    """Finish a job over two settings, and a sweep, with made-up metrics; their ids.

    Beside the first setting is what a study of single samples found.
    """
    settings = Settings(var_dir=var_dir, page_dir=var_dir / "no-page")
    store = Store(settings.database)
    store.migrate()
    with TestClient(create_app(settings), base_url=HERE) as client:
        first, second = (_submit(client, spec) for spec in (SPEC, SWEEP))
        while _finish_one(store):
            pass
        study = _submit(client, STUDY)
        with store.write() as session:
            for row in session.scalars(select(UnitRow).where(UnitRow.kind == "attack")):
                unit = unit_from_json(row.payload)
                assert isinstance(unit, AttackUnit)
                attacks.record_attack(session, UnitId(row.id), unit, _attacked(unit), {})
        client.post(f"/api/v1/jobs/{study}/cancel")  # its hundreds of models need not be
    store.engine.dispose()
    return first, second


def _submit(client: TestClient, spec: dict[str, object]) -> str:
    return str(client.post("/api/v1/jobs", json=spec).json()["id"])


def _finish_one(store: Store) -> bool:
    with store.write() as session:
        lease = units.claim(session, "gpu", "worker", 60)
        if lease is None:
            return False
        units.finish(session, lease, owner="worker", runtime_seconds=1.0, artifact={}, text="Done.")
        if isinstance(lease.unit, TrialUnit):
            raised = Attempt({"learning_rate": 0.5}, "failed", reason="it raised").as_json()
            scored = Attempt({"learning_rate": 0.1}, "completed", (0.1, 0.2, 0.2, 0.0), 1.5, {}).as_json()
            trials.record_trial(session, lease.unit_id, lease.unit, [raised, scored], PROVENANCE)
        if isinstance(lease.unit, EvaluateUnit | UnlearnUnit):
            metrics, reasons = _metrics(lease.unit)
            results.record_result(
                session,
                lease.unit_id,
                lease.unit,
                is_usable=True,
                metrics=metrics,
                reasons=reasons,
                provenance=PROVENANCE,
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
        "forget_accuracy": 0.6 if name == "ga" else 0.9 + deviation / 100,
        "mia_test": 0.5 + deviation / 4,
        "relative_distance": deviation / 2,
    }
    reasons = {"runtime_efficiency": "A reference has no run time to compare."} if is_reference else {}
    return metrics, reasons


def _attacked(unit: AttackUnit) -> dict[str, object]:
    """What U-LiRA finds of scores that are normal, and higher where a trace is left."""
    if unit.subject not in TRACES:
        return {"hyperparameters": {}, "reason": f"1 of 70 models ({unit.subject}) have no scores"}
    membership, models = lira_membership(NUM_TRAIN, *GRID)
    noise = np.random.default_rng(0)
    retrained = noise.normal(size=membership.shape)
    scores = noise.normal(size=membership.shape) + TRACES[unit.subject] * (membership == FORGET)
    observed = observations(scores, membership, models, retrained=retrained)
    found = attack_samples(u_lira, observed, min_splits=U_LIRA.min_splits, replicates=20)
    counts, edges = np.histogram(found.accuracies, bins=50, range=(0, 1))
    histogram = {"edges": edges.tolist(), "counts": counts.tolist()}
    return {"hyperparameters": {}, "reason": None, **found.as_dict(), "histogram": histogram}
