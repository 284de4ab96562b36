"""Keys: who may do what, and what an address that others reach asks for."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

import lethe
from api.main import create_app
from core.errors import Conflict, DeploymentInvalid, KeyRefused
from core.store import keys
from core.store.keys import Scope
from core.store.tables import ApiKeyRow
from tests.api.steps import JOBS, SPEC, problem, work

MakeKey = Callable[..., dict[str, str]]
PRIVATE = {**SPEC, "visibility": "private"}


@pytest.fixture
def make_key(store) -> MakeKey:
    """The headers of a new key."""

    def make(owner: str, scope: str = "submit", days: float | None = 1.0) -> dict[str, str]:
        with store.write() as session:
            text = keys.create_key(session, name=f"of {owner}", owner=owner, scope=Scope(scope), days=days)
        return {"Authorization": f"Bearer {text}"}

    return make


@pytest.fixture
def ana(make_key) -> dict[str, str]:
    return make_key("ana")


@pytest.fixture
def eve(make_key) -> dict[str, str]:
    return make_key("eve")


def ids(client: TestClient, path: str, headers: dict[str, str] | None = None) -> list[str]:
    return [item["id"] for item in client.get(path, headers=headers).json()["items"]]


def test_without_any_key_a_loopback_service_is_its_users_own(client):
    job = client.post(JOBS, json=SPEC).json()
    assert job["owner"] == "local"
    assert client.get("/api/v1/keys").json() == {"items": []}


def test_a_loopback_service_without_keys_answers_to_no_other_name(client):
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "192.168.1.5"):
        for path in ("/", JOBS, "/api/v1/leaderboard"):
            problem(client.get(path, headers={"Host": host}), 421, "host_refused")
        problem(client.post(JOBS, json=SPEC, headers={"Host": host}), 421, "host_refused")


def test_it_answers_to_every_name_of_its_machine(client):
    for host in ("localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"):
        assert client.get(JOBS, headers={"Host": host}).status_code == 200


def test_with_a_key_it_answers_to_any_name_as_behind_a_proxy(client, ana):
    assert client.get(JOBS, headers={"Host": "lethe.example"}).status_code == 200


def test_a_page_of_another_site_may_not_act_for_the_user_of_a_loopback_service(client):
    problem(client.post(JOBS, json=SPEC, headers={"Sec-Fetch-Site": "cross-site"}), 401, "key_refused")


def test_from_the_first_key_on_submitting_needs_one_and_reading_does_not(client, ana):
    refused = client.post(JOBS, json=SPEC)
    problem(refused, 401, "key_refused")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert client.post(JOBS, json=SPEC, headers=ana).json()["owner"] == "ana"
    for path in (JOBS, "/api/v1/leaderboard", "/api/v1/results", "/api/v1/catalog"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["Bearer nonsense", "Bearer lethe_00000000_" + "x" * 43, "Basic YTpi", "lethe_00000000_" + "x" * 43],
)
def test_a_key_that_is_not_one_of_ours_is_refused_even_for_reading(client, authorization):
    problem(client.get(JOBS, headers={"Authorization": authorization}), 401, "key_refused")


def test_a_wrong_secret_of_a_known_key_is_refused(client, ana):
    forged = {"Authorization": ana["Authorization"][:-1] + ("A" if ana["Authorization"][-1] != "A" else "B")}
    problem(client.get(JOBS, headers=forged), 401, "key_refused")


def test_a_reading_key_may_not_submit(client, make_key):
    problem(client.post(JOBS, json=SPEC, headers=make_key("rob", "read")), 403, "forbidden")


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_another_owners_job_may_not_be_steered(client, ana, eve, action):
    job_id = client.post(JOBS, json=SPEC, headers=ana).json()["id"]
    answer = client.post(f"{JOBS}/{job_id}/{action}", headers=eve)
    assert "ana" in problem(answer, 403, "forbidden")["detail"]
    assert client.get(f"{JOBS}/{job_id}").json()["state"] == "queued"


def test_owners_and_administrators_cancel_a_job(client, ana, make_key):
    first, second = (client.post(JOBS, json=SPEC, headers=ana).json()["id"] for _ in range(2))
    assert client.post(f"{JOBS}/{first}/cancel", headers=ana).status_code == 202
    assert client.post(f"{JOBS}/{second}/cancel", headers=make_key("root", "admin")).status_code == 202


def test_a_job_repeats_only_its_owners_jobs_and_a_key_only_its_owners_submissions(client, ana, eve):
    twice = {"Idempotency-Key": "same"}
    first = client.post(JOBS, json=SPEC, headers={**ana, **twice}).json()
    second = client.post(JOBS, json=SPEC, headers={**eve, **twice}).json()
    assert second["id"] != first["id"]
    assert second["duplicate_of"] is None


def test_a_private_job_is_there_for_its_owner_and_administrators_only(client, ana, eve, make_key):
    job_id = client.post(JOBS, json=PRIVATE, headers=ana).json()["id"]
    for headers in (eve, None):
        assert ids(client, JOBS, headers) == []
        for path in ("", "/units", "/results", "/events"):
            problem(client.get(f"{JOBS}/{job_id}{path}", headers=headers), 404, "not_found")
    problem(client.post(f"{JOBS}/{job_id}/cancel", headers=eve), 404, "not_found")
    for headers in (ana, make_key("root", "admin")):
        assert ids(client, JOBS, headers) == [job_id]


def test_private_results_reach_neither_the_board_nor_others_until_a_public_job_shares_them(
    client, store, ana, eve
):
    client.post(JOBS, json=PRIVATE, headers=ana)
    work(store)
    mine = ids(client, "/api/v1/results", ana)
    assert len(mine) == 3 * 4
    assert ids(client, "/api/v1/results", eve) == []
    problem(client.get(f"/api/v1/results/{mine[0]}"), 404, "not_found")
    assert client.get("/api/v1/leaderboard").json()["rows"] == []
    assert client.get("/api/v1/leaderboard/settings").json()["items"] == []

    client.post(JOBS, json=SPEC, headers=eve)
    assert ids(client, "/api/v1/results") == mine
    assert client.get("/api/v1/leaderboard").json()["rows"] != []


def test_administrators_list_the_keys_without_their_secrets(client, ana, make_key):
    root = make_key("root", "admin")
    client.get(JOBS, headers=ana)
    answer = client.get("/api/v1/keys", headers=root)
    listed = {key["owner"]: key for key in answer.json()["items"]}
    assert listed["ana"]["scopes"] == ["read", "submit"]
    assert listed["ana"]["last_used_at"]
    assert ana["Authorization"].split("_", 2)[2] not in answer.text
    problem(client.get("/api/v1/keys", headers=ana), 403, "forbidden")


KEYS = "/api/v1/keys"


@pytest.fixture
def root(make_key) -> dict[str, str]:
    return make_key("root", "admin")


def key_id(headers: dict[str, str]) -> str:
    return headers["Authorization"].split("_")[1]


def bearer(answer) -> dict[str, str]:
    """The headers of the key that an answer shows."""
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    return {"Authorization": f"Bearer {answer.json()['key']}"}


def test_administrators_make_a_key_that_is_shown_once(client, root):
    wanted = {"name": "bo's laptop", "owner": "bo", "days": 2, "device_seconds": 3600}
    answer = client.post(KEYS, json=wanted, headers=root)
    bo = bearer(answer)
    assert answer.json()["scopes"] == ["read", "submit"]
    assert answer.json()["allowance"]["granted"] == 3600
    assert client.post(JOBS, json=SPEC, headers=bo).json()["owner"] == "bo"
    assert answer.json()["key"] not in client.get(KEYS, headers=root).text


def test_a_key_is_its_names_own_and_holds_ninety_days_unless_told_otherwise(client, root):
    made = client.post(KEYS, json={"name": "bo"}, headers=root).json()
    assert made["owner"] == "bo"
    lifetime = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert round(lifetime.total_seconds()) == 90 * 86400
    assert client.post(KEYS, json={"name": "bo", "days": None}, headers=root).json()["expires_at"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"name": ""},
        {"name": "x" * 65},
        {"name": "bo", "scope": "root"},
        {"name": "bo", "days": 0},
        {"name": "bo", "device_seconds": -1},
        {"name": "bo", "secret": "mine"},
    ],
)
def test_a_key_that_makes_no_sense_is_refused_and_not_stored(client, store, root, wrong):
    problem(client.post(KEYS, json=wrong, headers=root), 422, "invalid_request")
    assert len(ids(client, KEYS, root)) == 1


def test_only_administrators_make_replace_and_end_keys(client, ana):
    mine = f"{KEYS}/{key_id(ana)}"
    problem(client.post(KEYS, json={"name": "x", "scope": "admin"}, headers=ana), 403, "forbidden")
    problem(client.post(f"{mine}/rotate", json={}, headers=ana), 403, "forbidden")
    problem(client.delete(mine, headers=ana), 403, "forbidden")
    problem(client.delete(mine), 401, "key_refused")


def test_a_rotated_key_holds_beside_the_new_one_as_long_as_was_asked(client, root, ana):
    path = f"{KEYS}/{key_id(ana)}/rotate"
    newer = bearer(client.post(path, json={"overlap_hours": 1}, headers=root))
    for headers in (ana, newer):
        assert client.post(JOBS, json=SPEC, headers=headers).json()["owner"] == "ana"
    client.delete(f"{KEYS}/{key_id(ana)}", headers=root)
    problem(client.get(JOBS, headers=ana), 401, "key_refused")
    assert client.get(JOBS, headers=newer).status_code == 200


def test_a_key_is_replaced_once_and_then_names_the_one_in_its_place(client, root, ana):
    path = f"{KEYS}/{key_id(ana)}/rotate"
    newer = client.post(path, json={}, headers=root).json()
    detail = problem(client.post(path, json={}, headers=root), 409, "conflict")["detail"]
    assert f"replaced by {newer['id']}" in detail
    newest = client.post(f"{KEYS}/{newer['id']}/rotate", json={}, headers=root).json()
    begins, ends = (datetime.fromisoformat(newest[at]) for at in ("created_at", "expires_at"))
    assert round((ends - begins).total_seconds()) == 86400


def test_a_key_that_has_ended_is_not_replaced(client, root, ana):
    client.delete(f"{KEYS}/{key_id(ana)}", headers=root)
    refused = client.post(f"{KEYS}/{key_id(ana)}/rotate", json={}, headers=root)
    assert "lethe keys create" in problem(refused, 409, "conflict")["detail"]


def test_a_revoked_key_ends_at_once_and_with_an_owners_last_one_their_webhooks(client, root, ana, make_key):
    client.post("/api/v1/webhooks", json={"url": "https://hooks.example/"}, headers=ana)
    other = make_key("ana")
    assert client.delete(f"{KEYS}/{key_id(ana)}", headers=root).json()["webhooks_deleted"] == 0
    problem(client.get(JOBS, headers=ana), 401, "key_refused")
    ended = client.delete(f"{KEYS}/{key_id(other)}", headers=root).json()
    assert ended["webhooks_deleted"] == 1
    assert ended["revoked_at"] is not None
    problem(client.delete(f"{KEYS}/{key_id(other)}", headers=root), 409, "conflict")
    problem(client.delete(f"{KEYS}/00000000", headers=root), 404, "not_found")


def test_the_last_administrators_key_cannot_be_ended_over_the_api(client, root, make_key):
    make_key("old", "admin", days=1e-9)
    mine = f"{KEYS}/{key_id(root)}"
    refused = problem(client.delete(mine, headers=root), 409, "conflict")
    assert "lethe keys" in refused["detail"]
    heir = bearer(client.post(KEYS, json={"name": "heir", "scope": "admin"}, headers=root))
    assert client.delete(mine, headers=root).status_code == 200
    assert client.get(KEYS, headers=heir).status_code == 200


def test_an_administrators_key_in_its_overlap_is_not_one_that_remains(client, root):
    heir = client.post(f"{KEYS}/{key_id(root)}/rotate", json={}, headers=root)
    problem(client.delete(f"{KEYS}/{heir.json()['id']}", headers=root), 409, "conflict")
    assert client.delete(f"{KEYS}/{key_id(root)}", headers=bearer(heir)).status_code == 200


def test_who_asked_for_the_first_key_is_refused_once_another_was_first(client, make_key, monkeypatch):
    write = client.app.state.store.write

    def write_second(**named):
        make_key("root", "admin")
        return write(**named)

    monkeypatch.setattr(client.app.state.store, "write", write_second)
    problem(client.post(KEYS, json={"name": "eve", "scope": "admin"}), 401, "key_refused")


def test_a_services_first_key_is_an_administrators(client):
    refused = problem(client.post(KEYS, json={"name": "ana"}), 409, "conflict")
    assert "scope admin" in refused["detail"]
    assert client.get(KEYS).json() == {"items": []}
    first = bearer(client.post(KEYS, json={"name": "root", "scope": "admin"}))
    problem(client.get(KEYS), 401, "key_refused")
    assert len(ids(client, KEYS, first)) == 1


def test_an_expired_key_is_refused_and_the_service_does_not_fall_open(client, make_key):
    brief = make_key("ana", days=1e-9)
    problem(client.get(JOBS, headers=brief), 401, "key_refused")
    problem(client.post(JOBS, json=SPEC), 401, "key_refused")


def test_the_store_never_holds_a_secret(store, ana):
    secret = ana["Authorization"].split("_", 2)[2]  # which may have more of them
    with store.read() as session:
        row = session.query(ApiKeyRow).one()
        assert secret not in str(vars(row))


def command_line(monkeypatch, settings, *arguments: str) -> int:
    monkeypatch.setenv("LETHE_VAR_DIR", str(settings.var_dir))
    monkeypatch.setenv("LETHE_DATABASE_URL", settings.database_url)
    return lethe.main(["keys", *arguments])


def test_the_command_line_makes_a_key_that_works_and_revokes_it(client, settings, monkeypatch, capsys):
    assert command_line(monkeypatch, settings, "create", "ana", "--scope", "admin") == 0
    text = capsys.readouterr().out.strip()
    headers = {"Authorization": f"Bearer {text}"}
    assert client.post(JOBS, json=SPEC, headers=headers).json()["owner"] == "ana"
    key_id = re.fullmatch(r"lethe_(\w{8})_.{43}", text)[1]
    assert command_line(monkeypatch, settings, "revoke", key_id) == 0
    problem(client.get(JOBS, headers=headers), 401, "key_refused")
    assert command_line(monkeypatch, settings, "revoke", key_id) == 2
    capsys.readouterr()
    command_line(monkeypatch, settings, "list")
    assert re.search(rf"{key_id} .*ana .*admin .*revoked", capsys.readouterr().out)


def test_a_rotated_key_goes_on_for_the_overlap_only(store):
    with store.write() as session:
        old = keys.create_key(session, name="ana", owner="ana", scope=Scope.SUBMIT, days=None)
        key_id = keys.authenticate(session, old).id
        new = keys.rotate_key(session, key_id, overlap_seconds=60)
        assert keys.authenticate(session, old).expires_at is not None
        newer = keys.rotate_key(session, keys.authenticate(session, new).id, overlap_seconds=0)
        with pytest.raises(KeyRefused):
            keys.authenticate(session, new)
        with pytest.raises(Conflict, match=f"replaced by {newer.split('_')[1]}"):
            keys.rotate_key(session, new.split("_")[1], overlap_seconds=0)
        assert keys.authenticate(session, newer).scopes == {"read", "submit"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "lethe.example"])
def test_an_address_that_others_reach_needs_a_key_first(store, ana_later, host):
    with pytest.raises(DeploymentInvalid, match="lethe keys create"):
        keys.require_key_beyond_loopback(store, host)
    ana_later()
    keys.require_key_beyond_loopback(store, host)


@pytest.fixture
def ana_later(make_key) -> Callable[[], dict[str, str]]:
    return lambda: make_key("ana")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_none(store, host):
    keys.require_key_beyond_loopback(store, host)


@pytest.fixture
def exposed_client(settings, store) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update={"host": "0.0.0.0"}))) as client:
        yield client


def test_an_application_behind_another_server_never_takes_everyone_for_its_user(exposed_client):
    problem(exposed_client.post(JOBS, json=SPEC), 401, "key_refused")


def test_a_key_that_could_not_be_stored_is_never_shown(store, settings, monkeypatch, capsys):
    @event.listens_for(Session, "before_commit")
    def lose_the_database(_session: Session) -> None:
        raise KeyboardInterrupt

    try:
        assert command_line(monkeypatch, settings, "create", "ana") == 130
    finally:
        event.remove(Session, "before_commit", lose_the_database)
    told = capsys.readouterr()
    assert "lethe_" not in told.out
    assert told.err == "Stopped.\n"
    with store.read() as session:
        assert keys.list_keys(session) == []
