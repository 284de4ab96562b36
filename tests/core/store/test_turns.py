"""Turns: owners share the devices fairly, short jobs have a lane, priority comes before both."""

import json

import pytest
from sqlalchemy import update

from core.catalog.registry import installed
from core.errors import AllowanceSpent
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import jobs, keys, ledger, turns, units
from core.store.keys import Scope
from core.store.session import changed, database_now
from core.store.states import RETRIED
from core.store.tables import JobRow, OwnerUseRow, UnitRow

HOUR = 3600.0
MANY = tuple(range(10))


def submit(bench, owner, model_seeds, *, estimated=None, key_id=None, **fields):
    document = {
        "settings": [{"dataset": "digits", "model": "resnet18"}],
        "unlearners": ["ft"],
        "model_seeds": model_seeds,
        **fields,
    }
    spec = parse_job_spec(json.dumps(document))
    resolved = resolve(spec, installed())
    return bench.do(
        jobs.submit,
        spec,
        resolved,
        plan(resolved),
        actor=owner,
        owner=owner,
        key_id=key_id,
        estimated_seconds=estimated,
    )


def run(bench, seconds=60.0, end=None):
    """Claim the next unit and let it end after so many seconds; the owner that it was run for."""
    lease = bench.claim()
    with bench.store.write() as session:
        mine = UnitRow.id == lease.unit_id
        changed(session, update(UnitRow).where(mine).values(started_at=database_now(-seconds)))
        owner = session.get(JobRow, session.get(UnitRow, lease.unit_id).lead_job_id).owner
    assert (end or bench.finish)(lease)
    bench.do(units.reap)  # as it does every few seconds; it puts the jobs in order
    return owner


def note_use(bench, owner, seconds, *, is_short=False):
    bench.do(turns.note_use, owner, seconds, is_short=is_short)
    bench.do(units.reap)


def make_key(bench, device_seconds):
    text = bench.do(
        keys.create_key, name="k", owner="ana", scope=Scope.SUBMIT, days=1, device_seconds=device_seconds
    )
    return text.split("_")[1]


def allowance(bench, key_id):
    with bench.store.read() as session:
        return ledger.allowance(session, key_id)


def ahead(bench, job_id):
    with bench.store.read() as session:
        return turns.places(session, [job_id])[job_id].jobs


# Fair share


def test_an_owner_of_many_units_does_not_starve_another_of_few(bench):
    submit(bench, "ana", MANY)
    submit(bench, "bo", (50,))

    assert [run(bench) for _ in range(10)].count("bo") == 5


def test_who_used_the_devices_less_of_late_comes_first(bench):
    submit(bench, "ana", MANY)
    second = submit(bench, "bo", (50,))
    note_use(bench, "ana", 600.0)

    assert ahead(bench, second) == 0
    assert bench.claim().job_id == second
    assert run(bench) == "bo"


def test_what_was_used_counts_half_after_six_hours(bench):
    submit(bench, "ana", MANY)
    submit(bench, "bo", (50,))
    note_use(bench, "ana", 1000.0)
    note_use(bench, "bo", 700.0)
    a_while_ago = update(OwnerUseRow).where(OwnerUseRow.owner == "ana")
    bench.do(lambda session: changed(session, a_while_ago.values(as_of=database_now(-6 * HOUR))))
    bench.do(units.reap)

    assert run(bench) == "ana"


def test_waiting_makes_up_for_use(bench):
    old = submit(bench, "ana", (1,))
    submit(bench, "bo", (50,))
    note_use(bench, "ana", 1000.0)
    long_ago = update(JobRow).where(JobRow.id == old).values(created_at=database_now(-HOUR))
    bench.do(lambda session: changed(session, long_ago))
    bench.do(units.reap)

    assert run(bench) == "ana"


def test_a_unit_in_hand_counts_before_it_ends(bench):
    submit(bench, "ana", MANY)
    submit(bench, "bo", (50,))
    lease = bench.claim()
    since = update(UnitRow).where(UnitRow.id == lease.unit_id).values(started_at=database_now(-600))
    bench.do(lambda session: changed(session, since))
    bench.do(units.reap)

    assert run(bench) == "bo"


def test_an_owners_jobs_come_in_the_order_of_submission(bench):
    first = submit(bench, "ana", (1,))
    second = submit(bench, "ana", (2,))
    note_use(bench, "ana", 1e5)

    assert (ahead(bench, first), ahead(bench, second)) == (0, 1)


# The lane of short jobs


def test_a_short_job_overtakes(bench):
    submit(bench, "ana", MANY, estimated=5000.0)
    note_use(bench, "bo", 10 * HOUR)
    submit(bench, "bo", (50,), estimated=100.0)

    assert run(bench) == "bo"


def test_a_job_that_nobody_can_estimate_is_not_short(bench):
    submit(bench, "ana", MANY)
    note_use(bench, "bo", HOUR)
    submit(bench, "bo", (50,), estimated=None)

    assert run(bench) == "ana"


def test_who_fills_the_lane_loses_it_for_a_while(bench):
    submit(bench, "ana", MANY, estimated=5000.0)
    note_use(bench, "bo", 700.0, is_short=True)
    submit(bench, "bo", (50,), estimated=100.0)

    assert run(bench) == "ana"


# Priority


def test_priority_comes_before_lane_and_share(bench):
    submit(bench, "ana", (1,), estimated=10.0)
    note_use(bench, "bo", 100 * HOUR)
    submit(bench, "bo", (50,), priority=1)

    assert run(bench) == "bo"


def test_a_changed_priority_moves_a_job(bench):
    submit(bench, "ana", MANY)
    second = submit(bench, "bo", (50,))
    bench.do(jobs.change, second, actor="admin", priority=5)

    assert ahead(bench, second) == 0
    assert bench.job(second).priority == 5
    assert "priority from 0 to 5" in bench.events(second)[-1].text


# Shared units


def test_a_shared_unit_goes_with_the_best_of_its_jobs(bench):
    submit(bench, "ana", MANY)
    submit(bench, "bo", (9,), priority=3)

    assert bench.claim().unit.model_seed == 9


def test_when_the_leading_job_is_cancelled_its_shared_units_go_on_with_another(bench):
    first = submit(bench, "ana", (9,))
    submit(bench, "bo", (9,))
    bench.do(jobs.cancel, first, actor="ana")

    assert run(bench) == "bo"


def test_a_dependency_that_must_run_again_is_claimed_again(bench):
    submit(bench, "ana", (1,))
    lease = bench.claim_unit("unlearn with ft")
    first = submit(bench, "bo", (2,))
    bench.do(jobs.cancel, first, actor="bo")
    broken = lease.unit.depends_on[0]
    bench.do(units.redo, lease, broken=broken, owner="w1", text="The artifact is corrupt.")

    assert bench.claim().unit_id == broken


def test_a_retried_job_gets_its_turn_again(bench):
    first = submit(bench, "ana", (1,))
    bench.do(jobs.cancel, first, actor="ana")
    bench.do(jobs.retry, first, actor="ana")

    assert run(bench) == "ana"


# The ledger


def test_a_key_is_charged_as_its_units_end(bench):
    key_id = make_key(bench, 1000.0)
    submit(bench, "ana", (1,), key_id=key_id, estimated=500.0)
    assert allowance(bench, key_id).left == 500.0
    run(bench, 100.0)

    found = allowance(bench, key_id)
    assert (found.used, found.committed) == (pytest.approx(100, abs=5), pytest.approx(400, abs=5))
    assert found.left == pytest.approx(500, abs=5)


@pytest.mark.parametrize("failure", sorted(RETRIED))
def test_what_the_infrastructure_lost_is_refunded(bench, failure):
    key_id = make_key(bench, 1000.0)
    submit(bench, "ana", (1,), key_id=key_id)
    run(bench, 100.0, end=lambda lease: bench.fail(lease, failure))

    found = allowance(bench, key_id)
    assert (found.used, found.refunded) == (0.0, pytest.approx(100, abs=5))


def test_what_a_drained_worker_gave_back_is_refunded_and_what_failed_by_itself_is_charged(bench):
    key_id = make_key(bench, 1000.0)
    submit(bench, "ana", (1,), key_id=key_id)
    drained = {"owner": "w1", "reason": "drained", "text": "Back in the queue."}
    run(bench, 100.0, end=lambda lease: bench.do(units.give_back, lease, **drained))
    run(bench, 10.0, end=bench.fail)

    with bench.store.read() as session:
        found = ledger.entries(session, key_id, limit=10)
    assert [(entry.reason, entry.is_charged) for entry in found] == [("user_code", True), ("drained", False)]


def test_a_shared_unit_is_charged_to_the_job_that_asked_first(bench):
    first, second = make_key(bench, None), make_key(bench, None)
    submit(bench, "ana", (1,), key_id=first)
    submit(bench, "bo", (1,), key_id=second, priority=5)
    run(bench, 100.0)

    assert allowance(bench, first).used == pytest.approx(100, abs=5)
    assert allowance(bench, second).used == 0.0


@pytest.mark.parametrize(("granted", "estimated"), [(100.0, 200.0), (0.0, None)])
def test_a_job_that_its_key_cannot_pay_is_refused(bench, granted, estimated):
    key_id = make_key(bench, granted)
    with pytest.raises(AllowanceSpent, match="device-seconds left"):
        submit(bench, "ana", (1,), key_id=key_id, estimated=estimated)


def test_open_jobs_count_against_what_is_left(bench):
    key_id = make_key(bench, 300.0)
    submit(bench, "ana", (1,), key_id=key_id, estimated=200.0)
    with pytest.raises(AllowanceSpent, match="100 device-seconds left"):
        submit(bench, "ana", (2,), key_id=key_id, estimated=200.0)


def test_a_new_key_in_place_of_another_has_what_that_one_had_left(bench):
    key_id = make_key(bench, 300.0)
    submit(bench, "ana", (1,), key_id=key_id)
    run(bench, 100.0)
    new = bench.do(keys.rotate_key, key_id, overlap_seconds=60).split("_")[1]

    assert allowance(bench, new).left == pytest.approx(200, abs=5)


def test_a_new_key_and_the_one_before_it_have_no_more_together(bench):
    key_id = make_key(bench, 300.0)
    submit(bench, "ana", (1,), key_id=key_id, estimated=120.0)
    new = bench.do(keys.rotate_key, key_id, overlap_seconds=60).split("_")[1]

    assert (allowance(bench, key_id).left, allowance(bench, new).left) == (0.0, 180.0)


# What a process that died in between has left


@pytest.mark.parametrize(
    ("job_state", "unit_state", "settled"),
    [
        ("queued", "running", "running"),
        ("running", "done", "succeeded"),
        ("queued", "failed", "failed"),
        ("cancelling", "cancelled", "cancelled"),
        ("running", "ready", "running"),
        ("cancelling", "running", "cancelling"),
    ],
)
def test_a_job_that_is_behind_its_units_is_brought_up_to_date(bench, job_state, unit_state, settled):
    job_id = submit(bench, "ana", (1,))
    with bench.store.write() as session:
        is_stopping = job_state == "cancelling" and unit_state == "running"
        until = database_now(60) if unit_state == "running" else None
        changed(
            session,
            update(UnitRow).values(state=unit_state, cancel_requested=is_stopping, lease_until=until),
        )
        changed(session, update(JobRow).values(state=job_state))
    bench.do(units.reap)

    assert bench.job(job_id).state == settled
