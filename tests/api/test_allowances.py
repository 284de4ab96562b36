"""Device-seconds of keys, and what may change about a job."""

import pytest
from sqlalchemy import update

import lethe
from core.store import keys, units
from core.store.keys import Scope
from core.store.session import changed, database_now
from core.store.tables import UnitRow
from tests.api.steps import JOBS, METRICS, SPEC, problem, work

ME = "/api/v1/me"
SEEDS = {**SPEC, "model_seeds": [0, 1, 2]}


@pytest.fixture
def make_key(store):
    """A new key's headers and id."""

    def make(owner="ana", scope="submit", device_seconds=None):
        with store.write() as session:
            text = keys.create_key(
                session, name=owner, owner=owner, scope=Scope(scope), days=1, device_seconds=device_seconds
            )
        return {"Authorization": f"Bearer {text}"}, text.split("_")[1]

    return make


def measured(unit):
    """What a unit reached, with the work and the time that estimates rest on."""
    return {**METRICS, "work": 1e4, "runtime_seconds": 100.0}


def measure(client, store, headers):
    """Give the installation something to estimate from."""
    client.post(JOBS, json={**SPEC, "model_seeds": [90]}, headers=headers)
    work(store, measured, {"device": "cpu"})


def test_a_job_beyond_the_allowance_is_refused_with_what_is_left_and_what_it_takes(client, store, make_key):
    admin, _ = make_key("root", "admin")
    measure(client, store, admin)
    ana, key_id = make_key(device_seconds=10)
    estimated = client.post(f"{JOBS}/estimate", json=SEEDS).json()["seconds"]["p50"]
    refused = problem(client.post(JOBS, json=SEEDS, headers=ana), 403, "allowance_spent")
    assert "has 10 device-seconds left" in refused["detail"]
    assert f"estimated to take {estimated:,.0f}" in refused["detail"]
    assert client.get(JOBS).json()["items"][0]["owner"] == "root"
    changed_key = client.patch(f"/api/v1/keys/{key_id}", json={"device_seconds": 1e9}, headers=admin)
    assert changed_key.json()["allowance"]["granted"] == 1e9
    assert client.post(JOBS, json=SEEDS, headers=ana).status_code == 202


def test_a_retry_has_to_fit_into_the_allowance_as_well(client, store, make_key):
    admin, _ = make_key("root", "admin")
    measure(client, store, admin)
    estimated = client.post(f"{JOBS}/estimate", json=SEEDS).json()["seconds"]["p50"]
    ana, _ = make_key(device_seconds=1.5 * estimated)
    first = client.post(JOBS, json=SEEDS, headers=ana).json()["id"]
    client.post(f"{JOBS}/{first}/cancel", headers=ana)
    second = client.post(JOBS, json={**SEEDS, "model_seeds": [3, 4, 5]}, headers=ana).json()["id"]

    problem(client.post(f"{JOBS}/{first}/retry", headers=ana), 403, "allowance_spent")

    assert client.get(f"{JOBS}/{first}").json()["state"] == "cancelled"
    client.post(f"{JOBS}/{second}/cancel", headers=ana)
    assert client.post(f"{JOBS}/{first}/retry", headers=ana).status_code == 202


def test_me_tells_the_allowance_and_the_ledger(client, store, make_key):
    ana, key_id = make_key(device_seconds=1000)
    job_id = client.post(JOBS, json=SEEDS, headers=ana).json()["id"]
    with store.write() as session:
        lease = units.claim(session, "gpu", "w1", 60)
        changed(session, update(UnitRow).values(started_at=database_now(-100)))
        units.finish(session, lease, owner="w1", runtime_seconds=1.0, artifact={}, text="Done.")
    me = client.get(ME, headers=ana).json()
    assert (me["owner"], me["key_id"], me["scopes"]) == ("ana", key_id, ["read", "submit"])
    assert me["allowance"]["left"] == pytest.approx(900, abs=5)
    (entry,) = me["ledger"]
    assert (entry["job_id"], entry["reason"], entry["is_charged"]) == (job_id, "done", True)
    admin, _ = make_key("root", "admin")
    found = {key["id"]: key for key in client.get("/api/v1/keys", headers=admin).json()["items"]}
    assert found[key_id]["allowance"]["used"] == pytest.approx(100, abs=5)


def test_without_keys_there_is_no_limit_and_no_ledger(client):
    assert client.get(ME).json() == {
        "owner": "local",
        "scopes": ["admin", "read", "submit"],
        "key_id": None,
        "allowance": None,
        "ledger": [],
    }


def test_a_stranger_is_nobody(client, make_key):
    make_key()
    problem(client.get(ME), 401, "key_refused")


def test_only_administrators_grant_device_seconds(client, make_key):
    ana, key_id = make_key()
    path, wanted = f"/api/v1/keys/{key_id}", {"device_seconds": 5}
    problem(client.patch(path, json=wanted, headers=ana), 403, "forbidden")
    admin, _ = make_key("root", "admin")
    problem(client.patch("/api/v1/keys/none", json=wanted, headers=admin), 404, "not_found")
    problem(client.patch(path, json={"device_seconds": -1}, headers=admin), 422, "invalid_request")


def test_the_command_makes_a_key_with_an_allowance(settings, store, monkeypatch):
    monkeypatch.setenv("LETHE_DATABASE_URL", settings.database)
    assert lethe.main(["keys", "create", "ana", "--device-seconds", "3600"]) == 0
    with store.read() as session:
        (key,) = keys.list_keys(session)
    assert key.device_seconds == 3600


def test_a_submission_tells_its_rate_limit_and_when_to_look(client):
    answer = client.post(JOBS, json=SPEC)
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["ratelimit-policy"] == '"write";q=120;w=60'
    assert answer.headers["ratelimit"].startswith('"write";r=119;')
