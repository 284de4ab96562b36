"""The contract of the API, through HTTP: what is answered, and what is then in the store."""

import json

import pytest
from httpx_sse import EventSource
from starlette.testclient import TestClient

from api.main import create_app
from tests.api.steps import JOBS, SPEC, problem, work
from tests.services import HERE


def test_a_submitted_job_is_accepted_with_its_place(client):
    answer = client.post(JOBS, json=SPEC)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"{JOBS}/{job['id']}"
    assert job["state"] == "queued"
    assert job["units"]["total"] == 3 * (4 + 2)
    assert job["waiting"] == {
        "code": "no_worker",
        "reason": "No worker is online.",
        "units_ahead": 0,
        "jobs_ahead": 0,
    }


def test_a_finished_job_has_its_results_and_a_board(client, store):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    work(store)
    assert client.get(f"{JOBS}/{job_id}").json()["state"] == "succeeded"
    found = client.get(f"{JOBS}/{job_id}/results").json()["items"]
    assert {result["unlearner"] for result in found} == {"retrained", "original", "ft", "ga"}
    board = client.get("/api/v1/leaderboard", params={"metric": "indiscernibility"}).json()
    assert [(row["rank"], row["label"], row["g1"]) for row in board["rows"]] == [(1, "ft", 1), (1, "ga", 1)]
    assert {row["label"] for row in board["references"]} == {"retrained", "original"}


def test_two_jobs_share_the_units_that_both_need(client, store):
    client.post(JOBS, json=SPEC)
    work(store)
    again = client.post(JOBS, json={**SPEC, "label": "again"}).json()
    assert again["state"] == "succeeded"
    assert again["units"]["done"] == again["units"]["total"]


@pytest.mark.parametrize(
    ("change", "pointer", "suggestion"),
    [
        ({"unlearners": ["gaa"]}, "#/unlearners/0/id", "ga"),
        ({"protocol": "quik/1.0"}, "#/protocol", "quick/1.0"),
        ({"unlerners": ["ft"]}, "#/unlerners", "unlearners"),
        ({"model_seeds": ["one"]}, "#/model_seeds/0", None),
        ({"settings": []}, "#/settings", None),
        ({"attacks": ["u_mai"]}, "#/attacks/0/id", "u_mia"),
    ],
)
def test_a_wrong_spec_is_refused_whole_with_a_pointer(client, change, pointer, suggestion):
    document = problem(client.post(JOBS, json={**SPEC, **change}), 422, "invalid_spec")
    assert (pointer, suggestion) in [(error["pointer"], error["suggestion"]) for error in document["errors"]]
    assert client.get(JOBS).json()["items"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b'"all"'])
def test_a_body_that_is_no_spec_is_refused(client, body):
    problem(client.post(JOBS, content=body), 422, "invalid_spec")


def test_a_huge_body_is_refused(client):
    assert client.post(JOBS, json={**SPEC, "label": "x" * 2_000_000}).status_code == 413


@pytest.mark.parametrize("path", [f"{JOBS}/job_none", f"{JOBS}/job_none/units", f"{JOBS}/job_none/events"])
def test_an_unknown_job_is_not_found(client, path):
    assert "job_none" in problem(client.get(path), 404, "not_found")["detail"]


def test_an_unknown_endpoint_and_a_wrong_method_are_problems_too(client):
    problem(client.get("/api/v1/nothing"), 404, "not_found")
    problem(client.delete(JOBS), 405, "method_not_allowed")


@pytest.mark.parametrize("cursor", ["nonsense", "YWZ0ZXI6", "YWZ0ZXI6LTE="])
def test_a_cursor_that_we_did_not_give_out_is_refused(client, cursor):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    problem(client.get(f"{JOBS}/{job_id}/units", params={"cursor": cursor}), 422, "invalid_spec")


def test_pages_cover_everything_once(client):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    first = client.get(f"{JOBS}/{job_id}/units", params={"limit": 10}).json()
    second = client.get(f"{JOBS}/{job_id}/units", params={"limit": 10, "cursor": first["next_cursor"]}).json()
    assert len({unit["id"] for unit in first["items"] + second["items"]}) == 18
    assert second["next_cursor"] is None


def test_a_job_is_cancelled_once(client):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    assert client.post(f"{JOBS}/{job_id}/cancel").json()["state"] == "cancelled"
    problem(client.post(f"{JOBS}/{job_id}/cancel"), 409, "conflict")


def test_a_cancelled_job_can_be_run_again(client, store):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    client.post(f"{JOBS}/{job_id}/cancel")
    assert client.post(f"{JOBS}/{job_id}/retry").json()["state"] == "queued"
    work(store)
    problem(client.post(f"{JOBS}/{job_id}/retry"), 409, "conflict")


def followed(client: TestClient, job_id: str, *, new_only: bool = False, **headers: str) -> list:
    path = f"{JOBS}/{job_id}/events"
    with client.stream("GET", path, params={"new_only": new_only}, headers=headers) as answer:
        return [event for event in EventSource(answer).iter_sse() if event.data]


def test_events_replay_from_the_start_and_end_with_the_job(client, store):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    work(store)
    events = followed(client, job_id)
    reasons = [event.json()["reason"] for event in events if event.event in ("state", "unit")]
    assert reasons[0] == "submitted"
    assert reasons[-1] == "succeeded"
    assert reasons.count("done") == 18
    kinds = [event.json()["kind"] for event in events if event.event == "unit"]
    assert {kind: kinds.count(kind) for kind in kinds} == {"train": 12, "evaluate": 12, "unlearn": 12}
    assert events[-1].event == "end"


def test_new_events_alone_come_after_what_runs_now_whose_id_resumes_the_stream(client, store):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    work(store)

    progress, end = followed(client, job_id, new_only=True)

    assert (progress.event, end.event) == ("progress", "end")
    assert progress.json() == {"units": [], "stages": client.get(f"{JOBS}/{job_id}").json()["stages"]}
    everything = [event.id for event in followed(client, job_id) if event.event in ("state", "unit")]
    assert progress.id == everything[-1]
    before_last = {"Last-Event-ID": everything[-2]}
    (resumed, _) = followed(client, job_id, new_only=True, **before_last)
    assert resumed.id == everything[-1]


def test_events_name_the_request_that_caused_them(client):
    submitted = client.post(JOBS, json=SPEC, headers={"X-Request-ID": "mine-1"})
    job_id = submitted.json()["id"]
    client.post(f"{JOBS}/{job_id}/cancel", headers={"X-Request-ID": "mine-2"})
    events = [event.json() for event in followed(client, job_id) if event.event in ("state", "unit")]
    assert [event["request_id"] for event in events] == ["mine-1"] + ["mine-2"] * (len(events) - 1)
    assert {event["actor"] for event in events if event["reason"] != "cancelled"} == {"local"}


def test_events_resume_behind_the_last_one_seen(client, store):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    work(store)
    ids = [event.id for event in followed(client, job_id) if event.event in ("state", "unit")]
    resumed = followed(client, job_id, **{"Last-Event-ID": ids[-3]})
    assert [event.id for event in resumed if event.event in ("state", "unit")] == ids[-2:]


def test_an_unchanged_board_answers_304(client, store):
    client.post(JOBS, json=SPEC)
    work(store)
    etag = client.get("/api/v1/leaderboard").headers["etag"]
    assert client.get("/api/v1/leaderboard", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    ("given", "kind"), [("csv", "text/csv"), ("markdown", "text/markdown"), ("latex", "application/x-tex")]
)
def test_the_board_comes_in_the_formats_that_people_paste(client, store, given, kind):
    client.post(JOBS, json=SPEC)
    work(store)
    answer = client.get("/api/v1/leaderboard", params={"format": given})
    assert answer.headers["content-type"].startswith(kind)
    assert "ft" in answer.text


def test_the_board_says_whose_results_fixed_its_groups(client, store):
    client.post(JOBS, json=SPEC)
    work(store)
    frozen = client.get("/api/v1/leaderboard").json()
    everyone = client.get("/api/v1/leaderboard", params={"cohort": "all"}).json()
    assert (frozen["cohort"], everyone["cohort"], everyone["moved"]) == ("reference", "all", [])
    assert everyone["rows"] == frozen["rows"]
    problem(client.get("/api/v1/leaderboard", params={"cohort": "mine"}), 422, "invalid_request")


def test_an_unknown_protocol_is_refused_with_a_suggestion(client):
    document = problem(client.get("/api/v1/leaderboard", params={"protocol": "quick"}), 422, "invalid_spec")
    assert document["errors"][0]["suggestion"] == "quick/1.0"


def test_the_catalogue_tells_what_a_form_needs(client):
    catalog = client.get("/api/v1/catalog").json()
    ft = next(info for info in catalog["unlearners"] if info["id"] == "ft")
    assert ft["uses"] == ["retain"]
    rate = ft["hyperparameters"]["properties"]["learning_rate"]
    assert rate["search"] == {"distribution": "LogUniform", "low": 1e-5, "high": 0.1}


def test_the_service_is_ready_only_on_a_migrated_database(unmigrated):
    app = create_app(unmigrated)
    client = TestClient(app, base_url=HERE)  # not entered: the application would refuse to start
    assert "lethe migrate" in problem(client.get("/readyz"), 503, "store_not_ready")["detail"]
    app.state.store.engine.dispose()


def test_without_a_built_page_the_root_says_how_to_build_it(client):
    assert "make page" in client.get("/").text
    assert client.get("/healthz").json() == {"status": "ok"}


def test_the_openapi_document_describes_the_job_spec(client):
    document = client.get("/api/v1/openapi.json").json()
    assert "unlearners" in document["components"]["schemas"]["JobSpec"]["properties"]
    assert "NaN" not in json.dumps(document)
