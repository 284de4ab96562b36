"""Webhooks through HTTP: who may make them, where they may lead, and what is told of which job."""

import json

import pytest
from starlette.testclient import TestClient

from api.main import create_app
from core.store import deliveries, keys, webhooks
from core.store.keys import Scope
from core.store.viewers import EVERYTHING
from tests.api.steps import JOBS, SPEC, problem, work
from tests.services import HERE

HOOKS = "/api/v1/webhooks"
HOOK = {"url": "https://hooks.example/lethe"}


@pytest.fixture
def make_key(store):
    def make(owner: str, scope: str = "submit") -> dict[str, str]:
        with store.write() as session:
            text = keys.create_key(session, name=owner, owner=owner, scope=Scope(scope), days=1)
        return {"Authorization": f"Bearer {text}"}

    return make


def bodies(client: TestClient, hook_id: str) -> list[dict]:
    """What the webhook is to be sent, oldest first."""
    listed = client.get(f"{HOOKS}/{hook_id}/deliveries").json()["items"]
    return [json.loads(delivery["body"]) for delivery in reversed(listed)]


def test_a_webhooks_secret_is_shown_once(client):
    answer = client.post(HOOKS, json=HOOK)
    assert answer.status_code == 201
    made = answer.json()
    assert made["secret"].startswith("whsec_")
    listed = client.get(HOOKS)
    assert [hook["id"] for hook in listed.json()["items"]] == [made["id"]]
    again = client.get(answer.headers["location"])
    assert again.json()["url"] == HOOK["url"]
    assert made["secret"] not in listed.text + again.text


def test_a_target_that_is_not_public_is_refused(client):
    document = problem(client.post(HOOKS, json={"url": "http://169.254.169.254/"}), 422, "target_refused")
    assert "169.254.169.254 is not a public address" in document["detail"]
    assert client.get(HOOKS).json()["items"] == []


def test_a_request_that_means_nothing_is_refused(client):
    for change in (
        {"url": "ftp://hooks.example"},
        {"url": "file:///etc/passwd"},
        {"url": f"https://hooks.example/{'ü' * 1000}"},  # 6,000 characters as it is sent
        {"events": []},
        {"events": ["job.won"]},
        {"evnts": []},
    ):
        problem(client.post(HOOKS, json={**HOOK, **change}), 422, "invalid_request")


def test_every_change_of_a_jobs_state_is_told_with_its_reason(client, store):
    hook_id = client.post(HOOKS, json=HOOK).json()["id"]
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    work(store)

    told = bodies(client, hook_id)

    assert [body["type"] for body in told] == ["job.queued", "job.running", "job.succeeded"]
    last = told[-1]["data"]
    assert (last["job_id"], last["state"], last["from"]) == (job_id, "succeeded", "running")
    assert last["text"] == "All units are done."


def test_only_the_events_that_were_asked_for_are_told(client):
    hook_id = client.post(HOOKS, json={**HOOK, "events": ["job.cancelled"]}).json()["id"]
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    client.post(f"{JOBS}/{job_id}/cancel")
    assert [body["type"] for body in bodies(client, hook_id)] == ["job.cancelled"]


def test_a_job_that_was_refused_is_told_to_nobody(client):
    hook_id = client.post(HOOKS, json=HOOK).json()["id"]
    client.post(JOBS, json={**SPEC, "unlearners": ["gaa"]})
    assert bodies(client, hook_id) == []


def test_another_owners_webhooks_are_not_there_and_hear_nothing(client, make_key):
    ana, eve, root = make_key("ana"), make_key("eve"), make_key("root", "admin")
    hook = f"{HOOKS}/{client.post(HOOKS, json=HOOK, headers=ana).json()['id']}"
    client.post(JOBS, json=SPEC, headers=eve)
    assert client.get(HOOKS, headers=eve).json()["items"] == []
    for answer in (
        client.get(hook, headers=eve),
        client.delete(hook, headers=eve),
        client.post(f"{hook}/test", headers=eve),
        client.get(f"{hook}/deliveries", headers=eve),
    ):
        problem(answer, 404, "not_found")
    assert client.get(f"{hook}/deliveries", headers=ana).json()["items"] == []
    assert client.get(hook, headers=root).status_code == 200


def test_a_key_that_only_reads_makes_no_webhooks_and_nobody_does_without_one(client, make_key):
    problem(client.post(HOOKS, json=HOOK, headers=make_key("rob", "read")), 403, "forbidden")
    problem(client.post(HOOKS, json=HOOK), 401, "key_refused")
    problem(client.get(HOOKS), 401, "key_refused")


def test_a_test_message_tells_of_nothing_and_waits_to_be_sent(client):
    hook_id = client.post(HOOKS, json=HOOK).json()["id"]
    answer = client.post(f"{HOOKS}/{hook_id}/test")
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["tries"]) == ("pending", [])
    assert [body["type"] for body in bodies(client, hook_id)] == ["webhook.test"]


def test_a_deleted_webhook_is_gone_with_all_that_waited(client):
    hook_id = client.post(HOOKS, json=HOOK).json()["id"]
    client.post(JOBS, json=SPEC)
    assert client.delete(f"{HOOKS}/{hook_id}").status_code == 204
    problem(client.get(f"{HOOKS}/{hook_id}"), 404, "not_found")
    problem(client.delete(f"{HOOKS}/{hook_id}"), 404, "not_found")
    client.post(JOBS, json={**SPEC, "model_seeds": [7]})


def test_the_log_comes_in_pages(client):
    hook_id = client.post(HOOKS, json=HOOK).json()["id"]
    sent = [client.post(f"{HOOKS}/{hook_id}/test").json()["id"] for _ in range(3)]
    first = client.get(f"{HOOKS}/{hook_id}/deliveries", params={"limit": 2}).json()
    second = client.get(f"{HOOKS}/{hook_id}/deliveries", params={"cursor": first["next_cursor"]}).json()
    assert [delivery["id"] for delivery in first["items"] + second["items"]] == sent[::-1]
    assert second["next_cursor"] is None


def test_an_owner_has_no_more_than_ten(client):
    for _ in range(10):
        client.post(HOOKS, json=HOOK)
    assert "delete one" in problem(client.post(HOOKS, json=HOOK), 409, "conflict")["detail"]


def test_a_service_for_development_sends_to_its_own_machine_and_nowhere_else_inside(settings, store):
    app = create_app(settings.model_copy(update={"webhook_loopback": True}))
    with TestClient(app, base_url=HERE) as client:
        assert client.post(HOOKS, json={"url": "http://127.0.0.1:9000/"}).status_code == 201
        problem(client.post(HOOKS, json={"url": "http://10.0.0.1/"}), 422, "target_refused")


def test_an_owner_whose_last_key_is_revoked_is_told_nothing_any_more(client, store, make_key):
    mine, spare, theirs = make_key("ana"), make_key("ana"), make_key("bo")
    for headers in (mine, theirs):
        client.post(HOOKS, json=HOOK, headers=headers)
    client.post(JOBS, json=SPEC, headers=mine)

    with store.write() as session:
        first, last = (key.id for key in keys.list_keys(session) if key.owner == "ana")
        gone = keys.revoke_key(session, first), keys.revoke_key(session, last)

    assert gone == (0, 1)
    problem(client.get(HOOKS, headers=spare), 401, "key_refused")
    with store.read() as session:
        assert [hook.owner for hook in webhooks.list_webhooks(session, EVERYTHING)] == ["bo"]
        assert not deliveries.has_due(session)
