"""A job followed in a terminal: what is asked of the service, and what is told."""

import httpx
import pytest

from api.client import Client, ServiceOutdated
from api.commands.following import follow_to_end
from core.store import units
from core.store.states import FailureClass
from tests.api.steps import JOBS, SPEC, work


@pytest.fixture
def asked(client, monkeypatch) -> list[str]:
    """What the typed client asks of the service under test, from here on."""
    requests: list[str] = []
    client.event_hooks["request"].append(lambda sent: requests.append(f"{sent.method} {sent.url.path}"))
    monkeypatch.setattr(httpx, "Client", lambda **_: client)
    return requests


def submitted(client, seeds: int) -> str:
    """The id of a job of six units for each model seed."""
    return client.post(JOBS, json={**SPEC, "model_seeds": list(range(seeds))}).json()["id"]


@pytest.mark.parametrize("seeds", [1, 40])
def test_following_a_job_takes_as_many_requests_however_many_units_it_has(
    client, store, asked, seeds, capsys
):
    job_id = submitted(client, seeds)
    work(store)
    asked.clear()

    assert follow_to_end(Client(), job_id) == 0

    job = f"GET {JOBS}/{job_id}"
    assert asked == [job, f"{job}/events", f"POST {JOBS}/estimate", job]
    assert f"{6 * seeds} of {6 * seeds} units are done already." in capsys.readouterr().out


def test_what_failed_is_asked_for_and_nothing_else(client, store, asked, capsys):
    job_id = submitted(client, 1)
    with store.write() as session:
        lease = units.claim(session, "gpu", "worker", 60)
        units.fail(session, lease, owner="worker", failure=FailureClass.USER_CODE, error="It broke.")
    work(store)
    asked.clear()

    assert follow_to_end(Client(), job_id) == 1

    assert asked[-1] == f"GET {JOBS}/{job_id}/units"
    told = capsys.readouterr().out
    assert f"{lease.title} (seed 0): It broke." in told
    assert told.count("(seed 0)") == len(failed(client, job_id))


@pytest.mark.parametrize("lacking", ["mean_seconds", "stages"])
def test_a_service_of_an_older_release_is_told_as_such(client, lacking, monkeypatch):
    job_id = submitted(client, 1)
    job = client.get(f"{JOBS}/{job_id}").json()
    if lacking == "mean_seconds":
        for stage in job["stages"].values():
            del stage["mean_seconds"]

    def older(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            events = 'event: progress\ndata: {"units": []}\n\n'
            return httpx.Response(200, text=events, headers={"Content-Type": "text/event-stream"})
        return httpx.Response(200, json=job)

    service = httpx.Client(base_url="http://older", transport=httpx.MockTransport(older))
    monkeypatch.setattr(httpx, "Client", lambda **_: service)

    with pytest.raises(ServiceOutdated, match=f"older than this command.*{lacking}"):
        follow_to_end(Client(), job_id)


def failed(client, job_id: str) -> list[dict]:
    items = client.get(f"{JOBS}/{job_id}/units").json()["items"]
    return [unit for unit in items if unit["state"] == "failed"]
