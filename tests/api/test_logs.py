"""What units logged, through HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from core.outcome import LogLine
from core.store import keys, unit_logs, units
from core.store.keys import Scope
from core.store.tables import UnitLogRow
from tests.api.steps import JOBS, SPEC, problem

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def say(store, *texts: str) -> str:
    """Let a worker claim a unit and log these lines; the unit's id."""
    with store.write() as session:
        lease = units.claim(session, "gpu", "worker", 60)
        lines = [LogLine(NOW, "info", text, {"epoch": 1}) for text in texts]
        unit_logs.append_lines(session, lease, lines)
        return lease.unit_id


@pytest.fixture
def job(client) -> str:
    return f"{JOBS}/{client.post(JOBS, json=SPEC).json()['id']}"


def texts(answer) -> list[str]:
    assert answer.status_code == 200
    return [line["text"] for line in answer.json()["items"]]


def test_a_units_lines_come_in_order_with_their_attempt_and_fields(client, store, job):
    unit = say(store, "one", "two")
    answer = client.get(f"{job}/units/{unit}/logs")
    assert texts(answer) == ["one", "two"]
    line = answer.json()["items"][0]
    assert (line["attempt"], line["level"], line["fields"], line["unit_id"]) == (
        1,
        "info",
        {"epoch": 1},
        unit,
    )


def test_the_tail_is_the_end_and_what_comes_later_can_be_asked_for(client, store, job):
    unit = say(store, "one", "two", "three")
    seen = client.get(f"{job}/units/{unit}/logs", params={"tail": 2})
    assert texts(seen) == ["two", "three"]
    say(store, "four")
    last = seen.json()["items"][-1]["id"]
    assert texts(client.get(f"{job}/logs", params={"after": last})) == ["four"]


def test_a_jobs_log_is_that_of_all_its_units_and_of_no_others(client, store, job):
    say(store, "one")
    say(store, "two")
    other = f"{JOBS}/{client.post(JOBS, json={**SPEC, 'model_seeds': [9]}).json()['id']}"
    assert texts(client.get(f"{job}/logs")) == ["one", "two"]
    assert texts(client.get(f"{other}/logs")) == []


def test_a_unit_of_another_job_and_a_private_job_are_not_found(client, store, job):
    unit = say(store, "one")
    other = f"{JOBS}/{client.post(JOBS, json={**SPEC, 'model_seeds': [9]}).json()['id']}"
    problem(client.get(f"{other}/units/{unit}/logs"), 404, "not_found")
    with store.write() as session:
        key = keys.create_key(session, name="ana", owner="ana", scope=Scope.SUBMIT, days=1)
    mine = client.post(
        JOBS, json={**SPEC, "visibility": "private"}, headers={"Authorization": f"Bearer {key}"}
    ).json()
    problem(client.get(f"{JOBS}/{mine['id']}/logs"), 404, "not_found")


def test_old_lines_are_forgotten(client, store, job):
    unit = say(store, "old", "new")
    with store.write() as session:
        long_ago = datetime.now(UTC) - timedelta(days=91)
        session.execute(update(UnitLogRow).values(at=datetime.now(UTC)))
        session.execute(update(UnitLogRow).where(UnitLogRow.text == "old").values(at=long_ago))
        unit_logs.forget_old_lines(session)
    assert texts(client.get(f"{job}/units/{unit}/logs")) == ["new"]
