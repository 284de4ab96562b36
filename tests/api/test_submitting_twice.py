"""A submission that is sent twice happens once; one that is meant twice says what it repeats."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from api.main import create_app
from tests.api.steps import JOBS, SPEC, problem, work
from tests.services import HERE

KEY = {"Idempotency-Key": "6f0c1a52"}


def test_a_submission_that_is_sent_again_answers_its_job_and_says_so(client):
    first = client.post(JOBS, json=SPEC, headers=KEY)
    second = client.post(JOBS, json=dict(reversed(SPEC.items())), headers=KEY)
    assert second.json()["id"] == first.json()["id"]
    assert second.headers["location"] == first.headers["location"]
    assert [answer.headers.get("idempotency-replayed") for answer in (first, second)] == [None, "true"]
    assert len(client.get(JOBS).json()["items"]) == 1


def test_a_key_that_comes_with_another_spec_is_refused_and_nothing_is_stored(client):
    job_id = client.post(JOBS, json=SPEC, headers=KEY).json()["id"]
    answer = client.post(JOBS, json={**SPEC, "unlearners": ["ft"]}, headers=KEY)
    assert job_id in problem(answer, 409, "idempotency_key_reused")["detail"]
    assert len(client.get(JOBS).json()["items"]) == 1


def test_a_refused_submission_leaves_its_key_free(client):
    problem(client.post(JOBS, json={**SPEC, "unlearners": ["gaa"]}, headers=KEY), 422, "invalid_spec")
    assert "idempotency-replayed" not in client.post(JOBS, json=SPEC, headers=KEY).headers


def test_the_same_submission_many_times_at_once_makes_one_job(client):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(JOBS, json=SPEC, headers=KEY), range(4)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(client.get(JOBS).json()["items"]) == 1


def test_a_key_is_forgotten_after_its_time(settings, store):
    brief = settings.model_copy(update={"idempotency_seconds": 0.01})
    with TestClient(create_app(brief), base_url=HERE) as client:
        first = client.post(JOBS, json=SPEC, headers=KEY).json()["id"]
        time.sleep(0.02)
        assert client.post(JOBS, json=SPEC, headers=KEY).json()["id"] != first


@pytest.mark.parametrize("key", ["", "a key", "x" * 256])
def test_a_key_that_is_none_is_refused(client, key):
    problem(client.post(JOBS, json=SPEC, headers={"Idempotency-Key": key}), 422, "invalid_request")


def test_a_job_that_repeats_one_under_way_or_finished_names_it(client, store):
    first = client.post(JOBS, json=SPEC).json()
    second = client.post(JOBS, json={**SPEC, "label": "once more"}).json()
    work(store)
    third = client.post(JOBS, json=SPEC).json()
    assert [job["duplicate_of"] for job in (first, second, third)] == [None, first["id"], second["id"]]
    assert client.get(f"{JOBS}/{third['id']}").json()["duplicate_of"] == second["id"]


def test_a_job_repeats_neither_another_spec_nor_a_cancelled_job(client):
    first = client.post(JOBS, json=SPEC).json()["id"]
    assert client.post(JOBS, json={**SPEC, "unlearners": ["ft"]}).json()["duplicate_of"] is None
    client.post(f"{JOBS}/{first}/cancel")
    assert client.post(JOBS, json=SPEC).json()["duplicate_of"] is None
