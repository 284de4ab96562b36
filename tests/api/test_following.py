"""Following jobs without hammering the service, and steering many at once."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.store import keys, units
from core.store.keys import Scope
from tests.api.steps import JOBS, SPEC, problem, work

OTHER = {**SPEC, "model_seeds": [7]}


def test_an_unchanged_job_answers_304_and_a_changed_one_does_not(client):
    path = f"{JOBS}/{client.post(JOBS, json=SPEC).json()['id']}"
    etag = {"If-None-Match": client.get(path).headers["etag"]}
    unchanged = client.get(path, headers=etag)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    client.post(f"{path}/cancel")
    assert client.get(path, headers=etag).json()["state"] == "cancelled"


def test_a_result_answers_304_to_any_of_several_etags(client, store):
    client.post(JOBS, json=SPEC)
    work(store)
    path = f"/api/v1/results/{client.get('/api/v1/results').json()['items'][0]['id']}"
    etag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": f'"other", {etag}'}).status_code == 304


def test_a_long_poll_answers_when_the_state_changes(client):
    path = f"{JOBS}/{client.post(JOBS, json=SPEC).json()['id']}"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, path, params={"wait": 60})
        time.sleep(0.3)
        assert not waiting.done()
        client.post(f"{path}/cancel")
        assert waiting.result(30).json()["state"] == "cancelled"


def test_a_long_poll_of_an_unchanged_job_ends_with_its_time_and_of_an_ended_one_at_once(client):
    path = f"{JOBS}/{client.post(JOBS, json=SPEC).json()['id']}"
    assert client.get(path, params={"wait": 0.1}).json()["state"] == "queued"
    client.post(f"{path}/cancel")
    assert client.get(path, params={"wait": 60}).json()["state"] == "cancelled"


@pytest.mark.parametrize("wait", [-1, 61, "nan", "long"])
def test_a_wait_out_of_bounds_is_refused(client, wait):
    path = f"{JOBS}/{client.post(JOBS, json=SPEC).json()['id']}"
    problem(client.get(path, params={"wait": wait}), 422, "invalid_request")


def test_a_waiting_job_says_how_many_units_are_ahead_of_it(client):
    first = client.post(JOBS, json=SPEC).json()
    second = client.post(JOBS, json=OTHER).json()
    assert first["waiting"]["units_ahead"] == 0
    assert second["waiting"]["units_ahead"] == first["units"]["total"]


def test_a_higher_priority_comes_first_and_brings_shared_units_forward(client, store):
    client.post(JOBS, json=SPEC)
    urgent = client.post(JOBS, json={**OTHER, "priority": 5}).json()
    assert (urgent["priority"], urgent["waiting"]["units_ahead"]) == (5, 0)
    with store.write() as session:
        assert units.claim(session, "gpu", "worker", 60).unit.model_seed == 7
    shared = client.post(JOBS, json={**SPEC, "model_seeds": [2], "priority": 9}).json()
    assert shared["waiting"]["units_ahead"] == 0


def test_only_administrators_go_before_others(client, store):
    with store.write() as session:
        text = keys.create_key(session, name="ana", owner="ana", scope=Scope.SUBMIT, days=1)
    headers = {"Authorization": f"Bearer {text}"}
    problem(client.post(JOBS, json={**SPEC, "priority": 1}, headers=headers), 403, "forbidden")
    assert client.post(JOBS, json={**SPEC, "priority": -1}, headers=headers).status_code == 202


def test_many_jobs_are_cancelled_at_once_and_each_refusal_says_why(client):
    ids = [client.post(JOBS, json=spec).json()["id"] for spec in (SPEC, OTHER, SPEC)]
    client.post(f"{JOBS}/{ids[0]}/cancel")
    answer = client.post(f"{JOBS}/cancel", json={"ids": [*ids, ids[1], "job_none"]})
    assert answer.status_code == 202
    assert [(job["id"], job["state"]) for job in answer.json()["cancelled"]] == [
        (ids[1], "cancelled"),
        (ids[2], "cancelled"),
    ]
    refused = {job["id"]: job["detail"] for job in answer.json()["refused"]}
    assert "already ended" in refused[ids[0]]
    assert "There is no job" in refused["job_none"]


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["x"] * 101}, {"ids": [1]}, {"jobs": ["x"]}])
def test_a_cancellation_of_nothing_or_too_much_is_refused(client, body):
    problem(client.post(f"{JOBS}/cancel", json=body), 422, "invalid_request")
