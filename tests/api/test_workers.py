"""Workers, as an administrator sees and steers them."""

from importlib.metadata import version

import pytest

from core.store import keys, slots, workers
from core.store.keys import Scope
from core.store.states import WorkerState
from tests.api.steps import JOBS, SPEC, problem

WORKERS = "/api/v1/workers"


@pytest.fixture
def worker(store) -> str:
    """A worker of an older version, at a unit."""
    with store.write() as session:
        workers.register(session, "w1", host="h", pid=7, queues=["gpu"], device="CPU", version="0.0.1")
        slots.claim_slot(session, "w1", ["host-h"], slots_per_device=1, lease_seconds=60)
        workers.worker_beat(session, "w1", state="busy", unit_id="u1", memory_bytes=5_000)
    return "w1"


def test_a_worker_tells_its_unit_its_memory_and_that_its_version_is_not_the_services(client, worker):
    document = client.get(WORKERS).json()

    assert document["version"] == version("lethe")
    (shown,) = document["items"]
    assert (shown["state"], shown["unit_id"], shown["memory_bytes"]) == ("busy", "u1", 5_000)
    assert (shown["version"], shown["is_same_version"]) == ("0.0.1", False)


def test_a_worker_of_this_version_is_known_as_such(client, store):
    with store.write() as session:
        workers.register(session, "w2", host="h", pid=7, queues=[], device="", version=version("lethe"))

    assert client.get(WORKERS).json()["items"][0]["is_same_version"]


def test_a_worker_is_drained_and_resumed(client, worker):
    drained = client.post(f"{WORKERS}/{worker}/drain")
    assert (drained.status_code, drained.json()["state"]) == (202, "draining")

    resumed = client.post(f"{WORKERS}/{worker}/resume")
    assert (resumed.status_code, resumed.json()["state"]) == (202, "busy")


def test_a_job_that_waits_for_drained_workers_says_so(client, worker):
    client.post(f"{WORKERS}/{worker}/drain")

    waiting = client.post(JOBS, json=SPEC).json()["waiting"]

    assert (
        waiting["reason"]
        == "None of the 1 worker(s) takes work: they are drained or wait for a slot or space."
    )


def test_a_job_that_waits_for_a_worker_to_load_says_so(client, store, worker):
    client.post(f"{WORKERS}/{worker}/drain")
    with store.write() as session:
        workers.register(
            session, "w2", host="h", pid=7, queues=[], device="", version="", state=WorkerState.STARTING
        )

    waiting = client.post(JOBS, json=SPEC).json()["waiting"]

    assert waiting["code"] == "workers_start"
    assert waiting["reason"] == "A worker is loading; it takes work in a moment."


@pytest.mark.parametrize("action", ["drain", "resume"])
def test_a_worker_that_is_not_there_is_not_found(client, action):
    problem(client.post(f"{WORKERS}/w9/{action}"), 404, "not_found")


@pytest.mark.parametrize("action", ["drain", "resume"])
def test_only_administrators_steer_workers(client, store, worker, action):
    with store.write() as session:
        key = keys.create_key(session, name="ana", owner="ana", scope=Scope.SUBMIT, days=1)

    problem(client.post(f"{WORKERS}/{worker}/{action}"), 401, "key_refused")
    headers = {"Authorization": f"Bearer {key}"}
    problem(client.post(f"{WORKERS}/{worker}/{action}", headers=headers), 403, "forbidden")
