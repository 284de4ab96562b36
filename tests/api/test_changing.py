"""What may change about a job that is there, and why one waits."""

import pytest

from core.store import keys, units, workers
from core.store.keys import Scope
from core.store.slots import claim_slot
from tests.api.steps import JOBS, SPEC, problem, work

SEEDS = {**SPEC, "model_seeds": [0, 1, 2]}
OTHER = {**SPEC, "model_seeds": [7]}


@pytest.fixture
def make_key(store):
    """The headers of a new key."""

    def make(owner, scope="submit"):
        with store.write() as session:
            text = keys.create_key(session, name=owner, owner=owner, scope=Scope(scope), days=1)
        return {"Authorization": f"Bearer {text}"}

    return make


@pytest.fixture
def start_worker(store):
    """A worker that says what it does."""

    def start(state):
        with store.write() as session:
            workers.register(session, "w1", host="h", pid=7, queues=["gpu"], device="CPU", version="1")
            claim_slot(session, "w1", ["host-h"], slots_per_device=1, lease_seconds=60)
            workers.worker_beat(session, "w1", state=state, unit_id=None)

    return start


def claim(store):
    with store.write() as session:
        return units.claim(session, "gpu", "w1", 60)


def waiting(client, job, headers=None):
    return client.get(f"{JOBS}/{job['id']}", headers=headers).json()["waiting"]


# Changing a job


def test_a_job_is_renamed_moved_and_hidden(client, make_key):
    admin = make_key("root", "admin")
    path = f"{JOBS}/{client.post(JOBS, json=SPEC, headers=admin).json()['id']}"
    wanted = {"label": "Later", "priority": 3, "visibility": "private"}
    changed_job = client.patch(path, json=wanted, headers=admin).json()
    assert {name: changed_job[name] for name in wanted} == wanted
    problem(client.get(path), 404, "not_found")
    assert client.patch(path, json={}, headers=admin).json()["label"] == "Later"


def test_a_hidden_jobs_results_leave_the_board_and_come_back(client, store):
    path = f"{JOBS}/{client.post(JOBS, json=SEEDS).json()['id']}"
    work(store)

    def rows():
        return len(client.get("/api/v1/leaderboard").json()["rows"])

    assert rows() == 2
    client.patch(path, json={"visibility": "private"})
    assert rows() == 0
    client.patch(path, json={"visibility": "public"})
    assert rows() == 2


def test_a_job_is_changed_by_its_owner_only_and_put_before_others_by_administrators_only(client, make_key):
    ana = make_key("ana")
    eve = make_key("eve")
    path = f"{JOBS}/{client.post(JOBS, json=SPEC, headers=ana).json()['id']}"
    problem(client.patch(path, json={"priority": -1}, headers=eve), 403, "forbidden")
    problem(client.patch(path, json={"priority": 1}, headers=ana), 403, "forbidden")
    problem(client.patch(path, json={"prio": 1}, headers=ana), 422, "invalid_request")
    assert client.patch(path, json={"priority": -1}, headers=ana).json()["priority"] == -1


# Why a job waits


def test_without_a_worker_a_job_waits_for_one(client):
    assert waiting(client, client.post(JOBS, json=SPEC).json())["code"] == "no_worker"


@pytest.mark.parametrize(("state", "code"), [("idle", "next"), ("busy", "workers_busy")])
def test_the_first_job_waits_for_a_worker_to_take_its_unit(client, start_worker, state, code):
    start_worker(state)
    assert waiting(client, client.post(JOBS, json=SPEC).json())["code"] == code


def test_a_job_behind_others_says_what_comes_first(client, start_worker):
    start_worker("busy")
    client.post(JOBS, json=SPEC)
    found = waiting(client, client.post(JOBS, json=OTHER).json())
    assert (found["code"], found["units_ahead"], found["jobs_ahead"]) == ("fair_share", 18, 1)
    assert found["reason"].startswith("18 unit(s) of 1 job(s) come first")


def test_a_job_behind_one_of_higher_priority_says_so(client, start_worker):
    start_worker("busy")
    later = client.post(JOBS, json=SPEC).json()
    client.post(JOBS, json={**OTHER, "priority": 2})
    assert waiting(client, later)["code"] == "priority"


def test_a_job_whose_unit_was_just_lost_waits_a_moment(client, store, start_worker):
    start_worker("busy")
    client.post(JOBS, json={**SPEC, "unlearners": ["ft"], "model_seeds": [0]})
    while (lease := claim(store)).unit.kind != "unlearn":
        with store.write() as session:
            units.finish(session, lease, owner="w1", runtime_seconds=1.0, artifact={}, text="Done.")
    with store.write() as session:
        units.redo(session, lease, broken=lease.unit.depends_on[0], owner="w1", text="Corrupt.")
    broken = claim(store)
    assert broken.unit.kind != "unlearn"
    with store.write() as session:
        units.fail(session, broken, owner="w1", failure=units.FailureClass.INFRA_LOST, error="gone")
    assert waiting(client, client.get(JOBS).json()["items"][0])["code"] == "back_off"
