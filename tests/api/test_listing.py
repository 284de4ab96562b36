"""Jobs, listed and asked for: which they are, and what a page and a long poll cost the store."""

from datetime import UTC, datetime

import pytest
from httpx import URL
from sqlalchemy import select, update

from core.store import keys, units
from core.store.keys import Scope
from core.store.tables import JobRow, UnitRow
from tests.api.steps import JOBS, SPEC, problem, work


def submit(client, number: int) -> list[str]:
    """Jobs that wait, none like another; their ids, newest first."""
    specs = [{**SPEC, "model_seeds": [seed, seed + 1]} for seed in range(number)]
    return [client.post(JOBS, json=spec).json()["id"] for spec in specs][::-1]


def test_a_page_of_jobs_takes_as_many_statements_as_one_job(client, statements):
    submit(client, 1)
    statements.clear()
    client.get(JOBS)
    of_one = len(statements)
    submit(client, 19)
    statements.clear()
    items = client.get(JOBS).json()["items"]
    assert (len(items), len(statements)) == (20, of_one)


def test_a_page_says_of_every_job_what_it_says_by_itself(client):
    submit(client, 4)
    listed = client.get(JOBS).json()["items"]
    assert [job["waiting"]["units_ahead"] > 0 for job in listed] == [True, True, True, False]
    assert listed == [client.get(f"{JOBS}/{job['id']}").json() for job in listed]


def test_a_cancellation_of_many_answers_all_of_them_at_once(client, statements):
    ids = submit(client, 8)
    taken = []
    for few_or_many in (ids[:2], ids[2:]):
        statements.clear()
        answer = client.post(f"{JOBS}/cancel", json={"ids": few_or_many}).json()
        assert {job["id"]: job["state"] for job in answer["cancelled"]} == dict.fromkeys(
            few_or_many, "cancelled"
        )
        taken.append(since_the_last_change(statements))
    assert taken[0] == taken[1]


def test_a_cancellation_of_many_takes_a_few_statements_a_job_however_many_share_their_units(
    client, statements
):
    taken = []
    for number in (3, 6, 12):
        ids = submit(client, number)  # each shares units with the next
        statements.clear()
        client.post(f"{JOBS}/cancel", json={"ids": ids})
        taken.append(len(statements))
    by_three, by_six = taken[1] - taken[0], taken[2] - taken[1]
    assert by_six == 2 * by_three < 6 * 10


def since_the_last_change(statements) -> int:
    """How many read only, at the end: the jobs are cancelled together, and then all are answered."""
    changes = [statement.startswith(("INSERT", "UPDATE")) for statement in reversed(statements)]
    return changes.index(True)


def test_a_long_poll_that_nothing_happens_to_only_looks_at_the_state(client, statements):
    (job_id,) = submit(client, 1)
    statements.clear()
    client.get(f"{JOBS}/{job_id}")
    once = len(statements)
    statements.clear()
    client.get(f"{JOBS}/{job_id}", params={"wait": 0.6})
    looks = [statement for statement in statements if statement.startswith("SELECT job.state")]
    assert looks
    assert len(statements) == once + len(looks)


def found(client, **asked) -> list[str]:
    return [job["id"] for job in client.get(JOBS, params=asked).json()["items"]]


def test_jobs_are_found_by_state(client):
    waiting, ended, cancelled = submit(client, 3)
    client.post(f"{JOBS}/cancel", json={"ids": [ended, cancelled]})
    assert found(client, state="cancelled") == [ended, cancelled]
    assert found(client, state="queued") == [waiting]
    assert found(client, state=["queued", "cancelled"]) == [waiting, ended, cancelled]
    assert found(client, state="failed") == []


def test_jobs_are_found_by_owner(client, store):
    headers = {}
    with store.write() as session:
        for name in ("ana", "bo"):
            text = keys.create_key(session, name=name, owner=name, scope=Scope.SUBMIT, days=1)
            headers[name] = {"Authorization": f"Bearer {text}"}
    of_ana = client.post(JOBS, json=SPEC, headers=headers["ana"]).json()["id"]
    client.post(JOBS, json={**SPEC, "visibility": "private"}, headers=headers["bo"])
    assert found(client, owner="ana") == [of_ana]
    assert found(client, owner="bo") == []
    assert len(client.get(JOBS, params={"owner": "bo"}, headers=headers["bo"]).json()["items"]) == 1


def test_jobs_are_found_by_protocol(client, store):
    quick, other = submit(client, 2)
    with store.write() as session:
        session.execute(update(JobRow).where(JobRow.id == other).values(protocol="deep-unlearn/1.0"))
    assert found(client, protocol="deep-unlearn/1.0") == [other]
    assert found(client, protocol="quick/1.0") == [quick]


@pytest.mark.parametrize(
    ("asked", "code"),
    [({"state": "sleeping"}, "invalid_request"), ({"protocol": "quick/1"}, "invalid_spec")],
)
def test_a_filter_that_names_nothing_is_refused(client, asked, code):
    problem(client.get(JOBS, params=asked), 422, code)


def test_a_link_leads_through_all_pages_of_what_was_asked(client):
    ids = submit(client, 5)
    client.post(f"{JOBS}/cancel", json={"ids": ids[::2]})
    page = client.get(JOBS, params={"state": "cancelled", "limit": 2})
    link = page.links["next"]["url"]
    assert URL(link).params["cursor"] == page.json()["next_cursor"]
    rest = client.get(link)
    assert [job["id"] for job in page.json()["items"] + rest.json()["items"]] == ids[::2]
    assert "link" not in rest.headers


def test_what_a_job_has_is_linked_page_by_page(client):
    (job_id,) = submit(client, 1)
    page = client.get(f"{JOBS}/{job_id}/units", params={"limit": 1})
    first, second = page.json()["items"][0], client.get(page.links["next"]["url"]).json()["items"][0]
    assert first != second
    assert "next" not in client.get(f"{JOBS}/{job_id}/results").links


def test_a_jobs_units_are_found_by_state(client, store):
    job = client.post(JOBS, json=SPEC).json()
    with store.write() as session:
        running = units.claim(session, "gpu", "worker", 60).unit_id
    states = {unit["id"]: unit["state"] for unit in client.get(job["links"]["units"]).json()["items"]}

    def found_units(*wanted: str) -> list[str]:
        page = client.get(job["links"]["units"], params={"state": wanted}).json()
        return [unit["id"] for unit in page["items"]]

    assert found_units("running") == [running]
    assert found_units("running", "ready") == [unit for unit, state in states.items() if state != "waiting"]
    assert found_units("failed") == []
    problem(client.get(job["links"]["units"], params={"state": "lost"}), 422, "invalid_request")


def test_a_job_says_of_each_kind_of_unit_what_those_that_are_done_took_on_average(client, store):
    job = client.post(JOBS, json={**SPEC, "model_seeds": [0]}).json()
    work(store)
    with store.write() as session:
        for kind, ends in (("unlearn", (20.0, 50.0)), ("train", (100.0, 104.0))):
            ids = session.scalars(select(UnitRow.id).where(UnitRow.kind == kind)).all()
            for unit, end in zip(ids, ends, strict=True):
                start, finish = datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(end, UTC)
                times = {"started_at": start, "finished_at": finish}
                session.execute(update(UnitRow).where(UnitRow.id == unit).values(times))

    stages = client.get(job["links"]["self"]).json()["stages"]

    assert (stages["unlearn"]["mean_seconds"], stages["train"]["mean_seconds"]) == (35.0, 102.0)
    other = client.post(JOBS, json={**SPEC, "model_seeds": [9]}).json()
    assert {stage["mean_seconds"] for stage in other["stages"].values()} == {None}
