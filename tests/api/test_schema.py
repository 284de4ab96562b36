"""The whole API, fuzzed from its own OpenAPI document: no fault, nothing that the document does not say."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from api.envelope import Service
from api.main import create_app, openapi_document
from core.store import keys
from core.store.keys import Scope
from tests.api.steps import JOBS, SPEC, problem, work

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


OPERATIONS = [
    pytest.param(path, method, id=operation["operationId"])
    for path, methods in openapi_document()["paths"].items()
    for method, operation in methods.items()
]


@dataclass(frozen=True)
class Fuzzed:
    """An application with a finished and a waiting job, an administrator's headers, and ids that exist."""

    app: Service
    headers: dict[str, str]
    ids: dict[str, str]


@pytest.fixture
def fuzzed(settings, store) -> Iterator[Fuzzed]:
    limits = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000}
    app = create_app(settings.model_copy(update=limits))
    with store.write() as session:
        key = keys.create_key(session, name="fuzzer", owner="fuzzer", scope=Scope.ADMIN, days=1)
    headers = {"Authorization": f"Bearer {key}"}
    with TestClient(app, headers=headers) as client:
        ids = {"job_id": client.post(JOBS, json=SPEC).json()["id"], "snapshot_id": "paper"}
        work(store)
        ids["result_id"] = client.get("/api/v1/results").json()["items"][0]["id"]
        client.post(JOBS, json={**SPEC, "model_seeds": [5]})
        hook = {"url": "https://hooks.example/"}
        ids["webhook_id"] = client.post("/api/v1/webhooks", json=hook).json()["id"]
        yield Fuzzed(app, headers, ids)


@pytest.fixture(scope="module")
def document() -> schemathesis.BaseSchema:
    """What the application says of itself: read once, as that takes longer than to fuzz an operation."""
    return schemathesis.openapi.from_dict(openapi_document())


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_that_the_document_declares(document, fuzzed, path, method):
    statuses = set()

    @seed(0)
    @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=document[path][method].as_strategy(), is_real=strategies.booleans())
    def check(case: schemathesis.Case, is_real: bool) -> None:
        known = {name: fuzzed.ids[name] for name in case.path_parameters if is_real and name in fuzzed.ids}
        case.path_parameters.update(known)
        answer = case.call_and_validate(checks=CHECKS, headers=fuzzed.headers, app=fuzzed.app)
        statuses.add(answer.status_code)

    check()
    assert statuses - {401, 403}


@pytest.mark.parametrize("path", ["", "/units", "/results", "/events"])
def test_an_id_with_a_nul_character_is_refused_or_not_found(client, path):
    assert client.get(f"{JOBS}/job%00{path}").status_code in (404, 422)


def test_a_nul_character_in_a_body_is_refused_or_not_found(client):
    problem(client.post(JOBS, json={**SPEC, "label": "a\0b"}), 422, "invalid_spec")
    assert client.post(f"{JOBS}/cancel", json={"ids": ["a\0b"]}).status_code in (202, 422)


@pytest.mark.parametrize("path", ["/api/v1/results?setting=%00", "/api/v1/leaderboard?setting=%00"])
def test_a_nul_character_in_a_filter_finds_nothing(client, path):
    assert client.get(path).status_code in (200, 404, 422)


@pytest.mark.parametrize("event_id", ["-1", "9" * 30])
def test_an_event_id_beyond_all_events_is_refused_before_the_stream_begins(client, event_id):
    job_id = client.post(JOBS, json=SPEC).json()["id"]
    answer = client.get(f"{JOBS}/{job_id}/events", headers={"Last-Event-ID": event_id})
    problem(answer, 422, "invalid_request")
