"""What operators watch."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from starlette.testclient import TestClient

from api.main import create_app
from core.store import artifacts, keys, units, workers
from core.store.keys import Scope
from core.store.session import changed, database_now
from core.store.states import UnitState, WorkerState
from core.store.tables import EventRow, UnitRow, WorkerRow
from tests.api.steps import JOBS, SPEC, problem
from tests.services import HERE


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels."""
    text = client.get("/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_queue_is_counted_by_state_and_its_age_is_told(client, store):
    client.post(JOBS, json=SPEC)
    with store.write() as session:
        changed(session, update(UnitRow).values(not_before=database_now(-100)))
    found = figures(client)
    assert found["lethe_units", "ready"] + found["lethe_units", "waiting"] == 18
    assert 100 <= found["lethe_queue_oldest_seconds", "gpu"] < 200
    assert found["lethe_lease_expiries_total",] == 0


def test_a_lease_that_expired_is_counted(client, store):
    client.post(JOBS, json=SPEC)
    with store.write() as session:
        units.claim(session, "gpu", "worker", -1)
        units.reap(session)
    assert figures(client)["lethe_lease_expiries_total",] == 1


def test_workers_are_counted_by_state_and_those_long_silent_as_that(client, store):
    with store.write() as session:
        for name, state in (("w1", "busy"), ("w2", "busy"), ("w3", "disk_full"), ("w4", "idle")):
            workers.register(session, name, host="h", pid=7, queues=[], device="", version="")
            workers.worker_beat(session, name, state=WorkerState(state), unit_id=None)
        workers.set_drained(session, "w2", is_drained=True)
        silent = update(WorkerRow).where(WorkerRow.id == "w4")
        changed(session, silent.values(beat_at=database_now(-1000)))

    found = figures(client)

    counts = {labels[1]: count for labels, count in found.items() if labels[0] == "lethe_workers" and count}
    assert counts == {"busy": 1, "drained": 1, "disk_full": 1, "silent": 1}


def test_the_size_of_artifacts_and_of_what_was_evicted_is_told(client, store):
    client.post(JOBS, json=SPEC)
    with store.write() as session:
        for size in (30, 70):
            lease = units.claim(session, "gpu", "worker", 60)
            artifact = {"sha256": "", "size_bytes": size}
            units.finish(session, lease, owner="w", runtime_seconds=1.0, artifact=artifact, text="Done.")
        changed(session, update(UnitRow).values(state=UnitState.DONE))  # nothing is needed any more
        artifacts.record_evicted(session, artifacts.choose_evicted(session, 99))

    found = figures(client)

    assert found["lethe_artifact_bytes",] + found["lethe_artifact_evicted_bytes_total",] == 100
    assert found["lethe_artifact_evicted_bytes_total",] in (30, 70)


def test_run_times_are_told_by_kind_and_units_that_a_new_job_finds_done_are_counted(client, store):
    client.post(JOBS, json=SPEC)
    with store.write() as session:
        for seconds in (2.0, 3.0):
            lease = units.claim(session, "gpu", "worker", 60)
            artifact = {"sha256": "", "size_bytes": 1}
            units.finish(session, lease, owner="w", runtime_seconds=seconds, artifact=artifact, text="Done.")
    before = figures(client)

    client.post(JOBS, json={**SPEC, "label": "again"})

    assert before["lethe_unit_seconds_count", "train"] == 2
    assert before["lethe_unit_seconds_sum", "train"] == 5
    assert before["lethe_cache_hits_total",] == 0
    assert figures(client)["lethe_cache_hits_total",] == 2


def test_requests_are_counted_by_route_and_never_by_id(client):
    for number in range(3):
        client.get(f"{JOBS}/job_{number}")
        client.get(f"/nothing-{number}.js")
    client.request("BREW", JOBS)
    found = figures(client)
    assert found["lethe_http_requests_total", "GET", "/jobs/{job_id}", "404"] == 3
    assert found["lethe_http_request_seconds_count", "GET", "/jobs/{job_id}"] == 3
    assert not [labels for labels in found if "job_0" in str(labels) or "nothing" in str(labels)]
    assert not [labels for labels in found if "BREW" in labels]


def test_from_the_first_key_on_metrics_need_one(client, store):
    with store.write() as session:
        text = keys.create_key(session, name="scraper", owner="ops", scope=Scope.READ, days=None)
    problem(client.get("/metrics"), 401, "key_refused")
    assert client.get("/metrics", headers={"Authorization": f"Bearer {text}"}).status_code == 200


def test_a_service_that_cannot_write_artifacts_is_not_ready(settings, store, tmp_path):
    (tmp_path / "file").touch()
    broken = settings.model_copy(update={"artifacts_url": str(tmp_path / "file" / "artifacts")})
    with TestClient(create_app(broken), base_url=HERE) as client:
        assert "LETHE_ARTIFACTS_URL" in problem(client.get("/readyz"), 503, "deployment_invalid")["detail"]


@pytest.mark.parametrize("state", UnitState)
def test_every_state_is_there_even_when_it_is_empty(client, state):
    assert figures(client)["lethe_units", state] == 0


def test_a_cancelled_units_device_is_told_to_be_free_after_some_seconds(client, store):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    with store.write() as session:
        lease = units.claim(session, "gpu", "worker", 60)
    client.post(f"{JOBS}/{job_id}/cancel")
    with store.write() as session:
        asked = update(EventRow).where(EventRow.reason == "cancel_requested")
        changed(session, asked.values(created_at=database_now(-4)))
        changed(session, update(UnitRow).values(started_at=database_now(-60)))
        units.stop_cancelled(session, lease, owner="worker")
    found = figures(client)
    assert found["lethe_cancel_release_seconds_count",] == 1
    assert found["lethe_cancel_release_seconds_sum",] == pytest.approx(4, abs=2)
    assert found["lethe_cancel_release_seconds_bucket", "2.0"] == 0
    assert found["lethe_cancel_release_seconds_bucket", "10.0"] == 1
    assert found["lethe_device_seconds_total", "cancelled"] == pytest.approx(60, abs=5)
