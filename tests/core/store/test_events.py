"""The event log: no state of a job or a unit without who, why, and a sentence."""

import pytest
from sqlalchemy import select

from core.store import jobs, units
from core.store.states import FailureClass, JobState, UnitState
from core.store.tables import EventRow, JobRow, UnitRow
from core.store.units import Lease


def cancelled(bench, job_id: str) -> None:
    bench.do(jobs.cancel, job_id, actor="ana")


def failed_and_retried(bench, job_id: str) -> None:
    bench.fail(bench.claim())
    bench.finish_all()
    bench.do(jobs.retry, job_id, actor="ana")


def lost_three_times_and_submitted_again(bench, job_id: str) -> None:
    for _ in range(3):
        bench.fail(bench.claim(), FailureClass.INFRA_LOST, "the runner is gone")
        bench.skip_back_off()
    bench.finish_all()
    bench.submit("ft")


def cancelled_while_it_runs_and_wanted_again(bench, job_id: str) -> None:
    running = bench.claim()
    cancelled(bench, job_id)
    bench.do(units.stop_cancelled, running, owner="w1")
    bench.submit("ft")


def an_artifact_is_made_again(bench, job_id: str) -> None:
    first = bench.claim()
    bench.finish(first)
    needing = bench.claim_unit("evaluate the retrained model")
    broken = bench.unit("train the retrained model").id
    bench.do(units.redo, needing, broken=broken, owner="w1", text="The artifact is gone.")


def worked_off(bench, job_id: str) -> None:
    bench.finish_all()


@pytest.mark.parametrize(
    "happens",
    [
        worked_off,
        cancelled,
        failed_and_retried,
        lost_three_times_and_submitted_again,
        cancelled_while_it_runs_and_wanted_again,
        an_artifact_is_made_again,
    ],
)
def test_the_last_state_that_was_told_is_the_state_that_is(bench, happens):
    happens(bench, bench.submit("ft", "ga"))

    with bench.store.read() as session:
        events = session.scalars(select(EventRow).order_by(EventRow.id)).all()
        job_states = {row.id: row.state for row in session.scalars(select(JobRow))}
        unit_states = {row.id: row.state for row in session.scalars(select(UnitRow))}
    assert all(event.actor and event.reason and len(event.text.split()) > 2 for event in events)
    told = {event.job_id or event.unit_id: event.data["state"] for event in events if "state" in event.data}
    assert {job: told.get(job) for job in job_states} == job_states
    # `ready` follows from the units that it needs; before anything is told, it is that or `waiting`.
    unsaid = (UnitState.READY, UnitState.WAITING)
    assert {unit for unit, state in unit_states.items() if told.get(unit, unsaid[0]) != state} <= {
        unit
        for unit, state in unit_states.items()
        if state in unsaid and told.get(unit, UnitState.WAITING) in unsaid
    }


def test_the_events_of_a_request_name_it(bench):
    job_id = bench.submit("ft")
    with bench.store.write(request_id="req_7") as session:
        jobs.cancel(session, job_id, actor="ana")

    caused = [event for event in bench.events(job_id) if event.data.get("request_id") == "req_7"]
    assert {event.reason for event in caused} == {"cancel_requested", "cancelled"}
    assert sum(event.unit_id is not None for event in caused) == 5
    assert caused[-1].data["state"] == JobState.CANCELLED
    assert "request_id" not in bench.events(job_id)[0].data


def test_a_unit_that_never_began_says_that_it_was_cancelled_and_its_job_says_by_whom(bench):
    job_id = bench.submit("ft")
    cancelled(bench, job_id)
    unit = bench.unit("unlearn with ft").id
    events = bench.events(job_id)
    (event,) = [event for event in events if event.unit_id == unit]
    (asked,) = [event for event in events if event.reason == "cancel_requested"]
    # The unit may be shared with others, to whom a private job's owner is nobody's business.
    assert (event.actor, event.text) == ("store", "Cancelled before it began: unlearn with ft.")
    assert asked.actor == "ana"


def test_a_dependency_that_is_already_made_again_is_not_told_twice(bench):
    job_id = bench.submit("ft")
    first = bench.claim_unit("evaluate the retrained model")
    broken = bench.unit("train the retrained model").id

    def redo(lease: Lease) -> None:
        bench.do(units.redo, lease, broken=broken, owner="w1", text="The artifact is gone.")

    redo(first)
    told = [event for event in bench.events(job_id) if event.unit_id == broken]
    assert [event.reason for event in told].count("artifact_broken") == 1
