"""What every answer has, whatever is inside: an id, security headers, limits, a problem that has a page."""

import re

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from api.main import create_app
from api.problems import KINDS
from tests.api.steps import JOBS, SPEC, problem
from tests.services import HERE


@pytest.fixture
def breaking(client, monkeypatch):
    """Make every read of the jobs fail with an error."""

    def fail_with(error: Exception) -> None:
        def fail(*_arguments, **_options):
            raise error

        monkeypatch.setattr("core.store.jobs.list_jobs", fail)

    return fail_with


def test_a_request_id_that_was_sent_comes_back_and_is_in_the_problem_and_the_log(client, capsys):
    answer = client.get(f"{JOBS}/job_none", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.json()["request_id"] == "mine-1"
    assert "mine-1" in capsys.readouterr().out


def test_the_log_names_a_submitted_job_beside_the_request(client, capsys):
    answer = client.post(JOBS, json=SPEC)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "job_submitted" in line)
    assert answer.json()["id"] in line
    assert answer.headers["x-request-id"] in line


@pytest.mark.parametrize("given", ["x" * 65, "two words", "level=error"])
def test_a_request_id_that_would_spoil_the_log_is_replaced(client, given):
    assert client.get(JOBS, headers={"X-Request-ID": given}).headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/problems", JOBS, f"{JOBS}/job_none", "/nothing.js"])
def test_every_answer_carries_an_id_and_forbids_what_is_not_from_here(client, path):
    headers = client.get(path).headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_fault_is_a_problem_that_leaks_nothing_and_has_all_headers(client, breaking, capsys):
    breaking(RuntimeError("the secret"))
    answer = client.get(JOBS)
    document = problem(answer, 500, "internal_error")
    assert "the secret" not in answer.text
    assert answer.headers["x-request-id"] == document["request_id"]
    assert "content-security-policy" in answer.headers
    assert document["request_id"] in capsys.readouterr().out


def test_a_database_that_does_not_answer_asks_to_come_back(client, breaking):
    breaking(OperationalError("SELECT 1", {}, Exception("database is locked")))
    answer = client.get(JOBS)
    problem(answer, 503, "store_busy")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", JOBS, "GET, POST"),
        ("GET", f"{JOBS}/job_none/cancel", "POST"),
        ("PUT", f"{JOBS}/job_none", "GET, PATCH"),
        ("POST", "/api/v1/badges/ft.svg", "GET"),
        ("TRACE", JOBS, "GET, POST"),
    ],
)
def test_a_method_that_an_endpoint_has_not_is_refused_with_those_it_has(client, method, path, allowed):
    answer = client.request(method, path)
    assert allowed in problem(answer, 405, "method_not_allowed")["detail"]
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_endpoint_that_is_not_there_is_not_found_by_any_method(client, method):
    problem(client.request(method, "/api/v1/nothing"), 404, "not_found")


@pytest.mark.parametrize("given", ["text/plain", "application/x-www-form-urlencoded", None])
@pytest.mark.parametrize("path", ["/api/v1/keys", "/api/v1/webhooks", f"{JOBS}/cancel"])
def test_a_body_that_does_not_say_it_is_json_is_refused_with_what_to_say(client, path, given):
    headers = {"Content-Type": given} if given else {}
    answer = client.post(path, content=b'{"name": "x"}', headers=headers)
    detail = problem(answer, 415, "unsupported_media_type")["detail"]
    assert "application/json" in detail
    assert (given or "not set") in detail


def test_only_bodies_that_must_say_they_are_json_are_declared_to_be_refused_for_it(client):
    operations = [
        operation
        for methods in client.get("/api/v1/openapi.json").json()["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    ]
    lenient = {found["operationId"] for found in operations if "415" not in found["responses"]}
    assert lenient == {"submitJob", "estimateJob", "importResults"}
    assert all("413" in found["responses"] for found in operations)


def test_every_json_type_is_json(client):
    given = {"Content-Type": "application/merge-patch+json; charset=utf-8"}
    answer = client.post(f"{JOBS}/cancel", content=b'{"ids": 1}', headers=given)
    problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("content", [b'{"url": ', b'{"url": "\xff"}'])
@pytest.mark.parametrize("path", [JOBS, "/api/v1/webhooks"])
def test_a_body_that_is_no_json_is_told_so(client, path, content):
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    (found,) = answer.json()["errors"]
    assert (answer.status_code, found["code"]) == (422, "json_invalid")
    assert found["pointer"] in ("#", "#/body")


def test_a_huge_body_is_a_problem_too(client):
    answer = client.post(JOBS, json={**SPEC, "label": "x" * 2_000_000})
    problem(answer, 413, "body_too_large")
    assert "content-security-policy" in answer.headers


def test_the_limit_is_told_before_it_is_reached_and_when_to_come_back_after(settings, store):
    narrow = settings.model_copy(update={"writes_per_minute": 2})
    with TestClient(create_app(narrow), base_url=HERE) as client:
        answers = [client.post(JOBS, json=SPEC) for _ in range(3)]
        assert client.get(JOBS).status_code == 200  # reading has a limit of its own
        assert client.get("/healthz").headers.get("ratelimit") is None
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    problem(answers[2], 429, "rate_limited")
    assert [re.search(r"r=(\d+)", answer.headers["ratelimit"])[1] for answer in answers] == ["1", "0", "0"]
    assert answers[0].headers["ratelimit-policy"] == '"write";q=2;w=60'
    assert 0 < int(answers[2].headers["retry-after"]) <= 60


def test_the_type_of_every_problem_leads_to_its_place_on_a_page(client):
    page = client.get("/docs/problems")
    assert page.headers["content-type"].startswith("text/html")
    for code in KINDS:
        assert f'id="{code}"' in page.text
    kind = client.get(f"{JOBS}/job_none").json()["type"]
    assert kind == "/docs/problems#not_found"


def test_the_documentation_lists_every_endpoint_and_loads_nothing_from_elsewhere(client):
    page = client.get("/docs").text
    document = client.get("/api/v1/openapi.json").json()
    assert all(path in page for path in document["paths"])
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert "<script" not in page
    assert "<code>ETag</code> of what the caller has" in page
    assert client.get("/docs/style.css").headers["content-type"].startswith("text/css")
